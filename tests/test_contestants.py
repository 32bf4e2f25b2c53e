"""The benchmark's contestants: each takes gan_jax's own step; what a step costs, by hand."""

import dataclasses
import importlib.util
import json
import os
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest
from contestants import counts, gan_jax_api
from contestants.protocol import ContestantError
from contestants.works import WORKS
from test_experiments import SCRIPTS

import gan_jax
from gan_jax.game.draws import draw_batches, seed_key
from gan_jax.game.program import make_program
from gan_jax.networks import NETWORKS, NetworkSpec
from gan_jax.presets import PRESETS

needs_cc = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler, cc")


def contestant(name, work, seeds=2, **options):
    """A contestant in this process; skips where its framework is not installed."""
    module, attribute = {
        "jax_vmap": ("jax_vmap", "JaxVmap"),
        "torch_eager": ("torch_eager", "TorchEager"),
        "torch_batched": ("torch_batched", "TorchBatched"),
        "c_loop": ("c_loop", "CLoop"),
    }[name]
    if name.startswith("torch"):
        pytest.importorskip("torch")
    made = getattr(importlib.import_module(f"contestants.{module}"), attribute)
    return made(work, seeds, None, options)


def as_layers(parameters):
    """A dense network's parameters as (kernel [in, out], bias) a layer."""
    names = [f"FeaturesFirstLayer_{n}" for n in range(len(parameters))]
    found = [parameters[name] for name in names if name in parameters]
    return [(np.asarray(one["kernel"]).T, np.asarray(one["bias"])) for one in found]


def one_step(experiment):
    """gan_jax's first step: the weights before it, its batch, and the weights and losses after."""
    program, key = make_program(experiment), seed_key(0)
    gan = gan_jax.make_gan(experiment)
    state = gan.init(key)
    of_discriminator, of_generator = draw_batches(*program, key, 0)
    flat = {
        "z_discriminator": of_discriminator.z[0],
        "x_real": of_discriminator.x_real[0],
        "z_generator": of_generator.z,
    }
    batch = {name: np.asarray(x).reshape(x.shape[0], -1) for name, x in flat.items()}
    after, info = gan.train_step(state, key)
    before = [as_layers(player.parameters) for player in (state.generator, state.discriminator)]
    new = [as_layers(player.parameters) for player in (after.generator, after.discriminator)]
    return before, batch, new, info


def assert_same_step(taker, step):
    (generator, discriminator), batch, after, info = step
    taker.load(generator, discriminator)
    losses = taker.step_on(batch)
    assert losses["discriminator_loss"] == pytest.approx(float(info.discriminator_loss), abs=1e-5)
    assert losses["generator_loss"] == pytest.approx(float(info.generator_loss), abs=1e-5)
    for ours, theirs, old in zip(after, taker.layers(), (generator, discriminator), strict=True):
        for (kernel, bias), (other_kernel, other_bias), (old_kernel, _) in zip(
            ours, theirs, old, strict=True
        ):
            np.testing.assert_allclose(kernel, other_kernel, atol=1e-5)
            np.testing.assert_allclose(bias, other_bias, atol=1e-5)
            assert np.abs(kernel - old_kernel).max() > 1e-4  # of a rate of 2e-4 at least


@pytest.fixture(scope="module")
def parabola_step():
    return one_step(gan_jax.preset("parabola"))


@pytest.mark.parametrize("name", ["torch_batched", pytest.param("c_loop", marks=needs_cc)])
def test_every_contestant_takes_gan_jaxs_step(parabola_step, name):
    assert_same_step(contestant(name, WORKS["parabola"], compile=False), parabola_step)


@pytest.fixture(scope="module")
def digits_step(tmp_path_factory):
    rows = np.random.default_rng(0).integers(0, 256, (200, 4, 4, 1), np.uint8)
    path = tmp_path_factory.mktemp("digits") / "digits.npy"
    np.save(path, rows)
    small = {"generator_hidden": (6, 7), "discriminator_hidden": (8,), "latent_dim": 5}
    work = dataclasses.replace(WORKS["digits"], sample_size=16, **small)
    experiment = gan_jax.preset("mnist", data=str(path), evaluation_samples=16, **small)
    return work, one_step(experiment)


@pytest.mark.parametrize("name", ["jax_vmap", "torch_eager", "torch_batched"])
def test_normalised_and_leaky_players_too(digits_step, name):
    work, step = digits_step
    assert_same_step(contestant(name, work, compile=False), step)


@pytest.fixture(scope="module")
def first_info():
    """What gan_jax reports of the first step of 128 seeds."""
    gan = gan_jax.make_gan(gan_jax.preset("parabola"))
    keys = jax.vmap(seed_key)(np.arange(128, dtype=np.uint32))
    return jax.vmap(gan.train_step)(jax.vmap(gan.init)(keys), keys)[1]


@pytest.mark.parametrize(
    "name", ["jax_vmap", "torch_batched", pytest.param("c_loop", marks=needs_cc)]
)
def test_losses_begin_alike_and_weights_move(first_info, name):
    one = contestant(name, WORKS["parabola"], seeds=128, compile=False)
    before, losses = one.layers(), one.run(1)
    for player in ("discriminator_loss", "generator_loss"):
        # Means of 128 independent weights and batches each.
        first = np.asarray(getattr(first_info, player))
        error = first.std() * np.sqrt(2 / 128)
        assert abs(losses[player] - first.mean()) < 4.5 * error
    for old, new in zip(before, one.layers(), strict=True):
        assert all(np.abs(a[0] - b[0]).max() > 5e-4 for a, b in zip(old, new, strict=True))


KERAS = """
import json, numpy as np
from contestants.keras_batches import Keras
from contestants.works import WORKS
one = Keras(WORKS["parabola"], 1, None, {"backend": "jax"})
before = one.weights()
losses = one.run(1)
moved = [float(np.abs(a - b).max()) for a, b in zip(before, one.weights())]
print(json.dumps([moved, losses]))
"""


def test_keras_moves_each_player_once_a_step():
    if importlib.util.find_spec("keras") is None:
        pytest.skip("needs keras, extra bench")
    variables = os.environ | {"PYTHONPATH": os.pathsep.join([str(SCRIPTS), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", KERAS], capture_output=True, text=True, env=variables, check=True
    )
    moved, losses = json.loads(done.stdout.splitlines()[-1])
    # Adam's first update is the rate itself: twice that where the joined model moved both.
    assert len(moved) == 8 and all(5e-4 < m < 1.05e-3 for m in moved)
    assert 0.5 < losses["discriminator_loss"] < 5


@needs_cc
def test_draws_of_the_c_loop_are_gaussian():
    one = contestant("c_loop", WORKS["parabola"], seeds=1)
    x = np.concatenate([one.gaussians(960) for _ in range(100)]).astype(np.float64)
    n = len(x)
    for moment, expected, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((x**moment).mean() - expected) < 4.5 * np.sqrt(variance / n)
    # The two numbers of a pair, half a call apart, do not go together.
    pairs = x.reshape(100, 2, 480)
    assert abs((pairs[:, 0] * pairs[:, 1]).mean()) < 4.5 / np.sqrt(n / 2)


@needs_cc
def test_the_c_loop_is_for_the_parabola():
    with pytest.raises(ContestantError, match="parabola alone"):
        contestant("c_loop", WORKS["ring"])


@pytest.mark.parametrize("name", list(WORKS))
def test_works_are_what_gan_jax_trains(name):
    work = WORKS[name]
    experiment = gan_jax.preset(gan_jax_api.PRESET_OF[name], **gan_jax_api.fields(work, None))
    full = experiment.discriminator_batch == "full"
    assert work.real_samples == experiment.batch_size // (1 if full else 2)
    assert work.leaky == (experiment.discriminator_activation == "leaky_relu")
    assert work.leaky == (experiment.generator_activation == "leaky_relu")
    assert work.normalized == (experiment.generator_normalization == "batch_before_output")
    assert work.tanh == (experiment.generator_output == "tanh")
    assert work.sample_size == np.prod(experiment.data_facts.shape)
    for field in ("latent_dim", "generator_hidden", "discriminator_hidden", "batch_size", "beta1"):
        assert getattr(work, field) == getattr(experiment, field)
    for player in ("generator", "discriminator"):
        assert work.learning_rate == getattr(experiment, f"{player}_learning_rate")
    assert work.record_every == experiment.record_every
    game = (experiment.loss, experiment.update, experiment.optimizer, experiment.initialization)
    assert game == ("non_saturating", "alternating", "adam", "he_uniform")


def test_operations_are_counted_by_hand():
    # Multiply-adds a sample: generator 5 x 15 + 15 x 2 = 105, discriminator 2 x 25 + 25 = 75.
    of_discriminator = 2 * 64 * 105 + 2 * 128 * (3 * 75 - 50)
    of_generator = 2 * 128 * (3 * 105 - 75 + 2 * 75)
    assert counts.work_operations(WORKS["parabola"]) == of_discriminator + of_generator == 158_080


def test_bytes_are_counted_by_hand():
    one = [counts.Layer(products=6, outputs=3, parameters=9)]
    other = [counts.Layer(products=3, outputs=1, parameters=4)]
    # 2 real, 2 fake; 5 latents: 13 parameters six times; outputs 3 for the fakes there and back.
    moved = 6 * 13 + 2 * 3 * 2 + 5 * 1 * 4 + 5 * (3 + 1) * 5
    assert counts.step_bytes(one, other, 2, 5) == 4 * moved
    assert counts.floor_seconds(10.0, 30.0, 5.0, 10.0) == 3.0


def test_convolutions_are_counted_as_they_are_built():
    generator, discriminator = counts.dcgan_layers()
    # 14 x 14 pixels of 64 channels from 28 x 28 of 1 and 7 x 7 of 64: 4 x 4 weights each meet.
    assert discriminator[0] == (14 * 14 * 16 * 32, 14 * 14 * 32, 16 * 32 + 32)
    assert generator[-1] == (14 * 14 * 16 * 32, 28 * 28, 16 * 32 + 1)
    fields = PRESETS["mnist_dcgan"]
    inputs = {"generator": (1, 100), "discriminator": (1, 28, 28, 1)}
    for layers, (player, shape) in zip((generator, discriminator), inputs.items(), strict=True):
        hidden = fields[f"{player}_hidden"]
        network = NETWORKS["convolutional"](
            NetworkSpec(player, hidden, "relu", (28, 28, 1), "batch")
        )
        drawn = jax.eval_shape(network.init, jax.random.key(0), jax.numpy.zeros(shape))
        parameters = drawn["params"]
        kernels_and_biases = sum(
            x.size
            for path, x in jax.tree_util.tree_leaves_with_path(parameters)
            if "BatchNorm" not in jax.tree_util.keystr(path)
        )
        assert sum(layer.parameters for layer in layers) == kernels_and_biases
