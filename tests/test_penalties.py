"""Penalties: hand-derived values, an independent float64 implementation, norms per sample."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from scipy.stats import kstest
from setups import batches, set_up

import gan_jax
from gan_jax.fields import ConfigError
from gan_jax.game import draws, players
from gan_jax.game import gan as game
from gan_jax.game.parts import current_parameters
from gan_jax.penalties import PENALTIES, between, gradient_norms, squared_gradient_norms

KEY = jax.random.key(5)
REAL = jnp.array([[0.3, -1.0], [1.2, 0.4], [-0.7, 0.1]])
FAKE = jnp.array([[1.0, 1.0], [0.2, -0.5], [-0.3, 2.0]])
WEIGHTS = np.array([3.0, -4.0])


def linear(x):
    return x @ jnp.asarray(WEIGHTS, x.dtype)


def test_a_linear_discriminator_has_the_norm_of_its_weights_everywhere():
    # |w| = 5: half its square, and (5 - 1)^2.
    expected = {
        "none": 0,
        "r1": 12.5,
        "r2": 12.5,
        "r1_r2": 25,
        "gradient_penalty": 16,
        "gradient_penalty_one_sided": 16,
        "dragan": 16,
    }
    assert list(expected) == list(PENALTIES)
    for name, value in expected.items():
        np.testing.assert_allclose(PENALTIES[name](linear, REAL, FAKE, KEY), value, rtol=1e-6)
    flat = lambda x: linear(x) / 10  # noqa: E731 - |w| = 1/2: below 1 only one side is penalised
    np.testing.assert_allclose(PENALTIES["gradient_penalty"](flat, REAL, FAKE, KEY), 0.25, 1e-6)
    assert PENALTIES["gradient_penalty_one_sided"](flat, REAL, FAKE, KEY) == 0


def test_norms_are_each_samples_own():
    # D(x) = |x|^2 / 2 has gradient x: norms 3, 4; the whole batch's would be 5.
    x = jnp.array([[3.0, 0.0], [0.0, 4.0]])
    half_square = lambda x: 0.5 * (x**2).sum(1)  # noqa: E731
    np.testing.assert_allclose(gradient_norms(half_square, x), [3, 4], rtol=1e-6)
    np.testing.assert_allclose(PENALTIES["r1"](half_square, x, x, KEY), (9 + 16) / 4, rtol=1e-6)
    # (3 - 1)^2 and (4 - 1)^2, not (5 - 1)^2.
    np.testing.assert_allclose(PENALTIES["gradient_penalty"](half_square, x, x, KEY), 6.5, 1e-6)


def test_norms_of_images_are_over_all_their_axes():
    x = jnp.zeros((4, 3, 3, 2))
    np.testing.assert_allclose(
        gradient_norms(lambda x: 2 * x.reshape(4, -1).sum(1), x), np.sqrt(18 * 4), rtol=1e-6
    )


def test_a_vanishing_gradient_penalises_without_a_nan():
    # Dead units: D is constant in x, its norm 0, and that norm's gradient 0, not NaN.
    def penalty(scale, name):
        return PENALTIES[name](lambda x: scale * x.sum(1), REAL, FAKE, KEY)

    for name, value in (("gradient_penalty", 1.0), ("dragan", 1.0), ("r1", 0.0)):
        at_zero, slope = jax.value_and_grad(penalty)(0.0, name)
        assert at_zero == value and slope == 0


def mlp(parameters, x):
    w1, b1, w2 = parameters
    return jnp.tanh(x @ w1 + b1[None]) @ w2


def numpy_penalty(name, parameters, real, fake, share, noise):
    """Float64 NumPy: each sample's gradient by central differences of the discriminator."""

    def discriminate(x):
        w1, b1, w2 = parameters
        return np.tanh(x @ w1 + b1) @ w2

    def norms(points):
        gradients = np.empty_like(points)
        for i, point in enumerate(points):
            for j in range(len(point)):
                step = np.zeros_like(point)
                step[j] = 1e-5
                gradients[i, j] = (discriminate(point + step) - discriminate(point - step)) / 2e-5
        return np.sqrt((gradients**2).sum(1))

    between = share * real + (1 - share) * fake
    around = real + 0.5 * real.std() * noise
    return {
        "none": 0.0,
        "r1": np.mean(norms(real) ** 2) / 2,
        "r2": np.mean(norms(fake) ** 2) / 2,
        "r1_r2": np.mean(norms(real) ** 2) / 2 + np.mean(norms(fake) ** 2) / 2,
        "gradient_penalty": np.mean((norms(between) - 1) ** 2),
        "gradient_penalty_one_sided": np.mean(np.maximum(norms(between) - 1, 0) ** 2),
        "dragan": np.mean((norms(around) - 1) ** 2),
    }[name]


@pytest.mark.parametrize("name", list(PENALTIES))
def test_every_penalty_is_the_independent_one_in_value_and_gradient(name):
    generator = np.random.default_rng(2)
    parameters = [generator.normal(0, 1.5, shape) for shape in ((2, 4), (4,), (4,))]
    real, fake = np.asarray(REAL, np.float64), np.asarray(FAKE, np.float64)
    share = np.asarray(jax.random.uniform(KEY, (3, 1)), np.float64)
    noise = np.asarray(jax.random.uniform(KEY, (3, 2)), np.float64)

    def ours(parameters):
        return PENALTIES[name](lambda x: mlp(parameters, x), REAL, FAKE, KEY)

    as_float32 = [jnp.asarray(p, jnp.float32) for p in parameters]
    value, gradients = jax.value_and_grad(ours)(as_float32)
    expected = numpy_penalty(name, parameters, real, fake, share, noise)
    np.testing.assert_allclose(value, expected, rtol=1e-4)
    for which, index in ((0, (1, 2)), (1, (0,)), (2, (3,))):
        ends = []
        for sign in (1, -1):
            moved = [p.copy() for p in parameters]
            moved[which][index] += sign * 1e-4
            ends.append(numpy_penalty(name, moved, real, fake, share, noise))
        numerical = (ends[0] - ends[1]) / 2e-4
        np.testing.assert_allclose(gradients[which][index], numerical, rtol=1e-3, atol=1e-4)


def test_interpolates_are_uniform_between_each_real_and_its_own_fake():
    # Reals at 0, fakes at 1, 2, 3, ...: a point over its fake is the share it has of it.
    fake = jnp.arange(1.0, 4001.0)[:, None]
    share = np.asarray(between(jnp.zeros_like(fake), fake, KEY) / fake)
    assert kstest(share[:, 0], "uniform").pvalue > 0.01
    # One share for a whole image.
    image = between(jnp.zeros((5, 3, 3)), jnp.ones((5, 3, 3)), KEY)
    np.testing.assert_array_equal(image, jnp.broadcast_to(image[:, :1, :1], image.shape))


def loss_with(**fields):
    """The discriminator's loss of a set-up at its first state and batch."""
    program, key, state = set_up(**fields)
    batch, _ = batches(program, key)
    here = current_parameters(state)
    return players.discriminator_loss(program.parts, program.leaves, here, state, batch)[0]


def test_the_weight_multiplies_the_penalty_of_the_logit():
    program, key, state = set_up()
    batch, _ = batches(program, key)
    by_hand = 0.5 * squared_gradient_norms(
        lambda x: game.discriminate(program.parts, state, x), batch.x_real
    )
    plain = loss_with()
    for weight in (0.0, 1.0, 7.0):
        with_penalty = loss_with(penalty="r1", penalty_weight=weight)
        np.testing.assert_allclose(with_penalty, plain + weight * by_hand.mean(), rtol=1e-5)


def test_a_lazy_penalty_comes_every_so_many_updates_with_as_much_weight():
    # Two discriminator updates a step, a penalty every third: updates 0, 3, 6, ...
    fields = {"penalty": "r1", "penalty_weight": 2.0, "discriminator_steps": 2}
    program, key, state = set_up(penalty_every=3, **fields)
    always, _, _ = set_up(**fields)
    plain, _, _ = set_up(discriminator_steps=2)
    here = current_parameters(state)

    def loss(program, batch):
        return players.discriminator_loss(program.parts, program.leaves, here, state, batch)[0]

    for step in range(4):
        lazy_batches, _ = draws.draw_batches(*program, key, step)
        for update in range(2):
            batch = jax.tree.map(lambda x: x[update], lazy_batches)  # noqa: B023
            bare = loss(plain, batch)
            added = loss(always, batch._replace(penalty_scale=None)) - bare
            due = (2 * step + update) % 3 == 0
            np.testing.assert_allclose(loss(program, batch) - bare, 3 * added * due, rtol=1e-4)


@pytest.mark.parametrize(("phase", "every"), [(1, 2), (1, 4), (16, 32), (100, 16)])
def test_a_lazy_penalty_counts_the_discriminators_own_updates_in_phases(phase, every):
    program, key, _ = set_up(penalty="r1", penalty_every=every, update="phased", phase_steps=phase)
    scales = jax.vmap(lambda step: draws.draw_batches(*program, key, step)[0].penalty_scale[0])
    steps = jnp.arange(2 * 1600)
    own = scales(steps)[steps // phase % 2 == 0]
    np.testing.assert_allclose(own, np.where(np.arange(1600) % every == 0, every, 0))


@pytest.mark.parametrize("update", ["unrolled", "consensus"])
def test_looking_ahead_and_squaring_take_a_lazy_penalty_as_it_is_on_average(update):
    # At a due step the discriminator's own gradient has the scale, the rest has not.
    moved = {}
    for every in (1, 16):
        program, key, state = set_up(
            update=update,
            penalty="r1",
            penalty_weight=1.0,
            penalty_every=every,
            discriminator_learning_rate=0.01,
            consensus_weight=0.1,
            optimizer="sgd",
        )
        moved[every], _ = game._train_step(*program, state, key, 0)
    one, other = (moved[every].generator.parameters for every in (1, 16))
    chex.assert_trees_all_close(one, other, rtol=1e-5)


def test_a_lazy_penalty_trains_as_its_condition_says_under_many_lanes():
    fields = {"steps": 4, "log_every": 1, "batch_size": 8, "penalty": "r1", "penalty_every": 4}
    lazy = gan_jax.train_seeds(gan_jax.Experiment(**fields), 3, lanes=3)
    whole = {**fields, "penalty_every": 1, "penalty_weight": 40.0}
    always = gan_jax.train_seeds(gan_jax.Experiment(**whole), 3, lanes=3)
    # The first update has four times the weight; the next ones none.
    first = [run.history["discriminator_loss"][:, 1] for run in (lazy, always)]
    np.testing.assert_allclose(*first, rtol=1e-5)
    later = [run.history["discriminator_loss"][:, 2] for run in (lazy, always)]
    assert (later[0] < later[1]).all()


class KeepsStatistics(nn.Module):
    """A registered discriminator with batch normalisation, which no field tells of."""

    @nn.compact
    def __call__(self, x, train=False):
        return nn.Dense(1)(nn.BatchNorm(use_running_average=not train)(nn.Dense(4)(x)))[:, 0]


def test_a_registered_network_with_batch_statistics_has_no_per_sample_penalty(registered):
    registered(gan_jax.NETWORKS, "statistical", lambda spec: KeepsStatistics())
    with pytest.raises(ConfigError, match="batch statistics"):
        set_up(discriminator="statistical", penalty="r1")
