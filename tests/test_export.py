"""Exported generators: the same samples as the training's, from a file that is checked whole."""

import json
import shutil
import struct
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save
from setups import BASE, tiny_study

import gan_jax
from gan_jax.analysis.interpolation import INTERPOLATIONS, lerp, slerp
from gan_jax.commands.sample import Sample
from gan_jax.fields import ConfigError
from gan_jax.studies import sampling
from gan_jax.studies.cells import cells
from gan_jax.studies.export import export_generators, generator_path
from gan_jax.studies.generators import _hash, write_generator
from gan_jax.studies.states import read_states

# One program: averaged weights and running statistics, of two decays.
SHARED = {"generator_ema": 0.9, "generator_normalization": "batch"}
VARIANTS = {"averaged": {}, "hardly": {"generator_ema": 0.1}}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished study, its generators exported."""
    folder = tmp_path_factory.mktemp("export") / "run"
    study = tiny_study(variants=VARIANTS, base=BASE.replace(**SHARED))
    gan_jax.run_study(study, folder)
    paths = export_generators(folder)
    assert len(paths) == 6 and all(path.exists() for path in paths)
    return study, folder


@pytest.fixture
def one(run):
    """One generator's file, and what it holds."""
    path = generator_path(run[1], "averaged", 1)
    return path, load_file(path), texts_of(path)


def texts_of(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length])["__metadata__"]


def latents(n=32):
    return np.asarray(jax.random.normal(jax.random.key(7), (n, BASE.latent_dim)))


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_an_exported_generator_makes_the_trainings_samples_bit_for_bit(run, variant):
    study, folder = run
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


def test_which_generator_of_a_folder_must_be_said(run, tmp_path):
    for chosen, words in (
        ({}, "6 generators there fit, expected one; choose variant from averaged, hardly"),
        ({"variant": "averaged"}, "3 generators .* from 0, 1, 2"),
        ({"seed": 9}, "seed: 9 given; .* has 0, 1, 2"),
        ({"variant": "none"}, "variant: 'none' given"),
    ):
        with pytest.raises(ConfigError, match=words):
            gan_jax.load_generator(run[1], **chosen)
    with pytest.raises(ConfigError, match="no exported generators"):
        gan_jax.load_generator(tmp_path)
    with pytest.raises(ConfigError, match="No such file"):
        gan_jax.load_generator(tmp_path / "none.safetensors")
    with pytest.raises(ConfigError, match="variant: 'x' given"):
        export_generators(run[1], variant="x")


def test_a_study_without_states_has_nothing_to_export(run, tmp_path):
    shutil.copytree(run[1], tmp_path / "run")
    file = tmp_path / "run" / "study.yaml"
    file.write_text(file.read_text().replace("moments: 3", "moments: 0"))
    with pytest.raises(ConfigError, match="kept no states"):
        export_generators(tmp_path / "run")


def test_the_first_samples_do_not_depend_on_how_many(one, tmp_path, monkeypatch):
    generator = gan_jax.load_generator(one[0])
    monkeypatch.setattr(sampling, "CHUNK", 16)
    many = sampling.independent_latents(generator, 3, 40)
    few = sampling.independent_latents(generator, 3, 20)
    z = np.concatenate(list(many.rows()))
    assert z.shape == many.shape == (40, 5) and np.array_equal(z, [*dict.fromkeys(map(tuple, z))])
    assert np.array_equal(np.concatenate(list(few.rows())), z[:20])
    assert np.array_equal(sampling.draw(generator, few), sampling.draw(generator, many)[:20])
    np.testing.assert_allclose(sampling.draw(generator, many), generator(z), rtol=1e-5, atol=1e-6)
    other = next(sampling.independent_latents(generator, 4, 20).rows())
    assert not np.isin(other, z).any()


def sample(run, out, **fields):
    command = Sample(run_folder=run[1], out=out, variant="averaged", run_seed=1, **fields)
    command.run()
    return out


def test_sample_writes_arrays_of_samples_and_latents(run, one, tmp_path, capsys):
    out = sample(run, tmp_path / "x.npz", n=2500)
    assert str(out) in capsys.readouterr().out
    with np.load(out, allow_pickle=False) as file:
        x, z = file["x"], file["z"]
    assert x.shape == (2500, 2) and z.shape == (2500, 5) and x.dtype == z.dtype == np.float32
    np.testing.assert_allclose(x, gan_jax.load_generator(one[0])(z), rtol=1e-5, atol=1e-6)
    first = np.load(sample(run, tmp_path / "x.npy", n=7), allow_pickle=False)
    assert np.array_equal(first, x[:7])


def test_sample_never_overwrites_unless_told(run, tmp_path):
    out = tmp_path / "x.npy"
    out.write_text("precious")
    with pytest.raises(ConfigError, match="is there already; --overwrite"):
        sample(run, out)
    assert out.read_text() == "precious"
    assert np.load(sample(run, out, overwrite=True), allow_pickle=False).shape == (10_000, 2)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"out": "x.csv"}, "expected a name in .npz"),
        ({"n": 0}, "n: 0"),
        ({"seed": -1}, "seed: -1"),
        ({"steps_between": -1}, "steps_between: -1"),
    ],
)
def test_sample_refuses_what_it_cannot_do_before_it_begins(run, tmp_path, fields, words):
    out = tmp_path / fields.get("out", "x.npz")
    with pytest.raises(ConfigError, match=words):
        sample(run, out, **({name: x for name, x in fields.items() if name != "out"}))
    assert not out.exists()


def test_sample_exports_what_it_needs_where_nobody_has(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run[1], folder, ignore=shutil.ignore_patterns("generators"))
    with pytest.raises(ConfigError, match="choose variant from averaged, hardly and seed"):
        Sample(run_folder=folder, out=tmp_path / "x.npy").run()
    Sample(run_folder=folder, out=tmp_path / "x.npy", n=3, variant="hardly", run_seed=2).run()
    made = [*folder.glob("generators/*/*")]
    assert made == [generator_path(folder, "hardly", 2)]
    assert texts_of(made[0]) == texts_of(generator_path(run[1], "hardly", 2))  # hash included


@pytest.mark.parametrize("how", list(INTERPOLATIONS))
def test_sample_follows_paths_between_the_same_latents(run, one, tmp_path, how):
    out = sample(run, tmp_path / "p.npz", n=3, interpolate=how, steps_between=4)
    with np.load(out, allow_pickle=False) as file:
        x, z = file["x"], file["z"]
    assert x.shape == (3, 6, 2) and z.shape == (3, 6, 5)
    independent = sampling.independent_latents(gan_jax.load_generator(one[0]), 0, 6)
    ends = next(independent.rows())
    np.testing.assert_allclose(z[:, [0, -1]].reshape(6, 5), ends, rtol=1e-6)
    assert sample(run, tmp_path / "p.png", n=3, interpolate=how).read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("points", (1,)),
        ("points", (3,)),
        ("points", (7,)),
        ("images", (8, 8, 1)),
        ("images", (8, 8, 3)),
        ("sequences", (16,)),
    ],
)
def test_sample_draws_every_kind(registered, tmp_path, kind, shape):
    def draw(key, n):
        return jax.random.normal(key, (n, *shape))

    registered(gan_jax.DATASETS, "mine", gan_jax.Dataset(draw, shape, kind=kind))
    experiment = BASE.replace(data="mine")
    state = gan_jax.make_gan(experiment).init(jax.random.key(0))
    path = tmp_path / "g.safetensors"
    write_generator(path, experiment, "mine", 0, 0, {"params": state.generator.parameters})
    for fields in ({"n": 1}, {"n": 5}, {"n": 2, "interpolate": "linear"}):
        out = tmp_path / "x.png"
        Sample(run_folder=path, out=out, overwrite=True, **fields).run()
        assert out.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("shape", [(2,), (3,), (7,)])
def test_sample_draws_what_a_collapsed_generator_makes(registered, tmp_path, shape):
    registered(gan_jax.DATASETS, "mine", gan_jax.Dataset(lambda key, n: jnp.zeros(n), shape))
    experiment = BASE.replace(data="mine")
    state = gan_jax.make_gan(experiment).init(jax.random.key(0))
    for factor, name in ((0, "zero"), (np.nan, "nan")):
        variables = jax.tree.map(lambda x, f=factor: f * x, {"params": state.generator.parameters})
        write_generator(tmp_path / name, experiment, "mine", 0, 0, variables)
    Sample(run_folder=tmp_path / "zero", out=tmp_path / "x.png", interpolate="spherical").run()
    assert (tmp_path / "x.png").exists()
    with pytest.raises(ConfigError, match="not all samples are finite"):
        Sample(run_folder=tmp_path / "nan", out=tmp_path / "y.png").run()


def test_paths_begin_and_end_at_the_latents():
    a, b = jnp.array([3.0, 4.0]), jnp.array([-1.0, 2.0])
    for interpolate in INTERPOLATIONS.values():
        assert np.array_equal(interpolate(a, b, 0.0), a)
        np.testing.assert_allclose(interpolate(a, b, 1.0), b, rtol=1e-6)


def test_midpoints_by_hand():
    # Of two orthogonal vectors of length 2: the arc keeps the length, the chord is sqrt(2) away.
    a, b = jnp.array([2.0, 0.0]), jnp.array([0.0, 2.0])
    root = 2**0.5
    np.testing.assert_allclose(slerp(a, b, 0.5), [root, root], rtol=1e-6)
    np.testing.assert_allclose(lerp(a, b, 0.5), [1, 1])
    # A third of a right angle.
    np.testing.assert_allclose(slerp(a, b, 1 / 3), [3**0.5, 1], rtol=1e-6)


def test_a_turn_without_a_plane_goes_straight():
    a, zero = jnp.array([1.0, 2.0]), jnp.zeros(2)
    for b, middle in ((a, a), (2 * a, 1.5 * a), (-a, zero), (zero, a / 2)):
        np.testing.assert_allclose(slerp(a, b, 0.5), middle, atol=1e-6)
    assert np.array_equal(slerp(zero, zero, 0.5), zero)
