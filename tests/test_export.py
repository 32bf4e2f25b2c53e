"""Exported generators: the same samples as the training's, from a file that is checked whole."""

import json
import shutil
import struct
import subprocess
import sys

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save
from setups import BASE, EXPORTED

import gan_jax
from gan_jax.fields import ConfigError
from gan_jax.studies.cells import cells
from gan_jax.studies.export import export_generators, generator_path
from gan_jax.studies.generators import _hash
from gan_jax.studies.states import read_states


@pytest.fixture
def one(exported):
    """One generator's file, and what it holds."""
    path = generator_path(exported[1], "averaged", 1)
    return path, load_file(path), texts_of(path)


def texts_of(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length])["__metadata__"]


def latents(n=32):
    return np.asarray(jax.random.normal(jax.random.key(7), (n, BASE.latent_dim)))


@pytest.mark.bits
@pytest.mark.parametrize("variant", list(EXPORTED))
def test_an_exported_generator_makes_the_trainings_samples_bit_for_bit(exported, variant):
    study, folder = exported
    cell = next(cell for cell in cells(study) if cell.variant == variant)
    experiment, z = study.experiments()[variant], latents()
    states = read_states(cell, folder, experiment, 30)
    generate = jax.jit(gan_jax.make_gan(experiment).generate)
    for place, seed in enumerate(study.seeds):
        generator = gan_jax.load_generator(folder, variant=variant, seed=seed)
        state = jax.tree.map(lambda x, place=place: x[place], states)
        assert np.array_equal(generator(z), generate(state, z))
        raw = generate(state._replace(generator_ema=None), z)  # the weights of the last step
        assert not np.allclose(generator(z), raw)
        assert (generator.seed, generator.step, generator.variant) == (seed, 30, variant)
        assert (generator.latent_dim, generator.shape, generator.kind) == (5, (2,), "points")
        assert generator.experiment == experiment


def test_another_process_needs_the_file_only(one, tmp_path):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(one[0].read_bytes())
    np.save(tmp_path / "z.npy", latents())
    code = (
        "import numpy as np, gan_jax\n"
        "generator = gan_jax.load_generator('mine.safetensors')\n"
        "np.save('x.npy', generator(np.load('z.npy')))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    # Another number of devices, so not the same bits.
    expected = gan_jax.load_generator(path)(latents())
    np.testing.assert_allclose(np.load(tmp_path / "x.npy"), expected, rtol=1e-5, atol=1e-6)


def test_a_file_of_another_seed_is_not_taken_for_it(one):
    with pytest.raises(ConfigError, match=r"seed: 99 given; .* has"):
        gan_jax.load_generator(one[0], seed=99)
    generator = gan_jax.load_generator(one[0])
    assert gan_jax.load_generator(one[0], seed=generator.seed).seed == generator.seed
    assert len(repr(generator)) < 100


def test_wrong_latents_are_refused(one):
    with pytest.raises(ValueError, match=r"\(3, 2\), expected \(n, 5\)"):
        gan_jax.load_generator(one[0])(np.zeros((3, 2)))


def changed(arrays, texts, **changes):
    """A file whose hash is right, with other texts."""
    texts = {name: x for name, x in texts.items() if name != "sha256"} | changes
    return save(arrays, texts | {"sha256": _hash(arrays, texts)})


def with_field(name, value):
    def make(arrays, texts):
        fields = json.loads(texts["experiment"]) | {name: value}
        return changed(arrays, texts, experiment=json.dumps(fields))

    return make


def facts(**changes):
    return json.dumps(
        {"shape": [2], "kind": "points", "bounds": None, "rows": [900, 600]} | changes
    )


def array_of(text):
    """A file that says it was trained on an array which is not here."""

    def make(arrays, texts):
        fields = json.loads(texts["experiment"]) | {"data": "gone.npy"}
        return changed(arrays, texts, experiment=json.dumps(fields), data=text)

    return make


def flipped(arrays, texts):
    content = bytearray(save(arrays, texts))
    content[-1] ^= 1
    return bytes(content)


def header(**entries):
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text


OURS = {"format": "gan_jax generator", "format_version": "1"}
HOSTILE = {
    "empty": (lambda *_: b"", "not readable"),
    "truncated": (lambda *x: save(*x)[:-3], "not readable"),
    "no header's length": (lambda *_: b"\xff" * 64, "header would be"),
    "header of a gigabyte": (lambda *_: struct.pack("<Q", 2**30), "header would be 1073741824"),
    "a flipped bit": (flipped, "damaged"),
    "another's file": (lambda arrays, _: save(arrays), "not a generator that gan_jax"),
    "no hash": (lambda arrays, _: save(arrays, OURS), "damaged"),
    "a text changed": (lambda arrays, texts: save(arrays, texts | {"seed": "2"}), "damaged"),
    "another format": (lambda a, t: changed(a, t, format_version="9"), "format version '9'"),
    "array too large": (
        lambda *_: header(
            __metadata__=OURS, a={"dtype": "F32", "shape": [2**62, 0], "data_offsets": [0, 0]}
        ),
        "not readable",
    ),
    "a type that NumPy lacks": (
        lambda *_: header(
            __metadata__=OURS, a={"dtype": "BF16", "shape": [0], "data_offsets": [0, 0]}
        ),
        "damaged",  # or "not readable", as NumPy knows the type or not
    ),
    "unknown field": (with_field("batch_sise", 3), "did you mean 'batch_size'"),
    "unknown data": (with_field("data", "mine"), "data: 'mine' given"),
    "no experiment": (lambda a, t: changed(a, t, experiment="[" * 10**5), "not readable as JSON"),
    "a list": (lambda a, t: changed(a, t, experiment="[]"), "no mapping"),
    "no number": (lambda a, t: changed(a, t, step="1e3"), "step: '1e3'"),
    "wrong shape": (with_field("generator_hidden", [16]), "float32 (15,), expected float32 (16,)"),
    "too many layers": (with_field("generator_hidden", [15] * 2), "missing"),
    "far too many layers": (with_field("generator_hidden", [1] * 10**4), "8 arrays are not"),
    "too wide": (with_field("generator_hidden", [2**31 - 1] * 2), "expected"),
    "too deep a latent": (with_field("latent_dim", 2**31 - 1), "expected float32 (15, 2147483647)"),
    "an array's facts that are none": (array_of("["), "what it says of its data"),
    "no facts": (array_of("{}"), "what it says of its data"),
    "a list of facts": (array_of("[]"), "what it says of its data"),
    "a kind there is not": (array_of(facts(kind="cats")), "what it says of its data"),
    "bounds of another shape": (array_of(facts(bounds=[[0, 0, 0], 1])), "what it says of its data"),
    "another shape": (array_of(facts(shape=[3])), "expected float32 (3,)"),
    "one array more": (lambda a, t: changed(a | {"b": np.zeros(1)}, t), "b is float64 (1,)"),
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_broken_or_hostile_file_is_refused_in_one_line(one, tmp_path, name):
    make, words = HOSTILE[name]
    path = tmp_path / "g.safetensors"
    path.write_bytes(make(one[1], one[2]))
    with pytest.raises(ConfigError) as error:
        gan_jax.load_generator(path)
    message = str(error.value)
    assert words in message and message.startswith(f"{path}: ") and "\n" not in message


def test_which_generator_of_a_folder_must_be_said(exported, tmp_path):
    for chosen, words in (
        ({}, "6 generators there fit, expected one; choose variant from averaged, hardly"),
        ({"variant": "averaged"}, "3 generators .* from 0, 1, 2"),
        ({"seed": 9}, "seed: 9 given; .* has 0, 1, 2"),
        ({"variant": "none"}, "variant: 'none' given"),
    ):
        with pytest.raises(ConfigError, match=words):
            gan_jax.load_generator(exported[1], **chosen)
    with pytest.raises(ConfigError, match="no exported generators"):
        gan_jax.load_generator(tmp_path)
    with pytest.raises(ConfigError, match="No such file"):
        gan_jax.load_generator(tmp_path / "none.safetensors")
    with pytest.raises(ConfigError, match="variant: 'x' given"):
        export_generators(exported[1], variant="x")


def test_a_study_without_states_has_nothing_to_export(exported, tmp_path):
    shutil.copytree(exported[1], tmp_path / "run")
    file = tmp_path / "run" / "study.yaml"
    file.write_text(file.read_text().replace("moments: 3", "moments: 0"))
    with pytest.raises(ConfigError, match="kept no states"):
        export_generators(tmp_path / "run")
