"""`gan-jax sample`: what it draws from an exported generator, writes, and refuses."""

import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors import safe_open
from setups import BASE

import gan_jax
from gan_jax.analysis.interpolation import INTERPOLATIONS
from gan_jax.commands.sample import Sample
from gan_jax.fields import ConfigError
from gan_jax.studies import sampling
from gan_jax.studies.export import generator_path
from gan_jax.studies.generators import write_generator


@pytest.fixture
def path_of_one(exported):
    return generator_path(exported[1], "averaged", 1)


def test_the_first_samples_do_not_depend_on_how_many(path_of_one, tmp_path, monkeypatch):
    generator = gan_jax.load_generator(path_of_one)
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


def sample(exported, out, **fields):
    command = Sample(run_folder=exported[1], out=out, variant="averaged", run_seed=1, **fields)
    command.run()
    return out


def test_sample_writes_arrays_of_samples_and_latents(exported, path_of_one, tmp_path, capsys):
    out = sample(exported, tmp_path / "x.npz", n=2500)
    assert str(out) in capsys.readouterr().out
    with np.load(out, allow_pickle=False) as file:
        x, z = file["x"], file["z"]
    assert x.shape == (2500, 2) and z.shape == (2500, 5) and x.dtype == z.dtype == np.float32
    np.testing.assert_allclose(x, gan_jax.load_generator(path_of_one)(z), rtol=1e-5, atol=1e-6)
    first = np.load(sample(exported, tmp_path / "x.npy", n=7), allow_pickle=False)
    assert np.array_equal(first, x[:7])


def test_sample_never_overwrites_unless_told(exported, tmp_path):
    out = tmp_path / "x.npy"
    out.write_text("precious")
    with pytest.raises(ConfigError, match="is there already; --overwrite"):
        sample(exported, out)
    assert out.read_text() == "precious"
    assert np.load(sample(exported, out, overwrite=True), allow_pickle=False).shape == (10_000, 2)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"out": "x.csv"}, "expected a name in .npz"),
        ({"n": 0}, "n: 0"),
        ({"seed": -1}, "seed: -1"),
        ({"steps_between": -1}, "steps_between: -1"),
    ],
)
def test_sample_refuses_what_it_cannot_do_before_it_begins(exported, tmp_path, fields, words):
    out = tmp_path / fields.get("out", "x.npz")
    with pytest.raises(ConfigError, match=words):
        sample(exported, out, **({name: x for name, x in fields.items() if name != "out"}))
    assert not out.exists()


def test_sample_exports_what_it_needs_where_nobody_has(exported, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(exported[1], folder, ignore=shutil.ignore_patterns("generators"))
    with pytest.raises(ConfigError, match="choose variant from averaged, hardly and seed"):
        Sample(run_folder=folder, out=tmp_path / "x.npy").run()
    Sample(run_folder=folder, out=tmp_path / "x.npy", n=3, variant="hardly", run_seed=2).run()
    made = [*folder.glob("generators/*/*")]
    assert made == [generator_path(folder, "hardly", 2)]
    both = [safe_open(path, "np") for path in (*made, generator_path(exported[1], "hardly", 2))]
    assert both[0].metadata() == both[1].metadata()  # the content's hash is in it


@pytest.mark.parametrize("how", list(INTERPOLATIONS))
def test_sample_follows_paths_between_the_same_latents(exported, path_of_one, tmp_path, how):
    out = sample(exported, tmp_path / "p.npz", n=3, interpolate=how, steps_between=4)
    with np.load(out, allow_pickle=False) as file:
        x, z = file["x"], file["z"]
    assert x.shape == (3, 6, 2) and z.shape == (3, 6, 5)
    independent = sampling.independent_latents(gan_jax.load_generator(path_of_one), 0, 6)
    ends = next(independent.rows())
    np.testing.assert_allclose(z[:, [0, -1]].reshape(6, 5), ends, rtol=1e-6)
    assert sample(exported, tmp_path / "p.png", n=3, interpolate=how).read_bytes()[:4] == b"\x89PNG"


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
