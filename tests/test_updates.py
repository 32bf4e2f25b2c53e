"""Update rules on Dirac-GAN: its theory, through the real training step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gan_jax
from gan_jax.game import draws
from gan_jax.game import gan as game

SMALL = 1e-4  # so near the equilibrium that theory's linear game is the whole game in float32


def dirac(rate, **fields):
    rates = {"generator_learning_rate": rate, "discriminator_learning_rate": rate}
    return gan_jax.preset("dirac", **(rates | fields))


def placed(state, theta, psi):
    return state._replace(
        generator=state.generator._replace(parameters={"theta": jnp.full(1, theta)}),
        discriminator=state.discriminator._replace(parameters={"psi": jnp.full(1, psi)}),
    )


def point(state):
    return np.array(
        [state.generator.parameters["theta"][0], state.discriminator.parameters["psi"][0]],
        np.float64,
    )


def radii(experiment, steps, start=(SMALL, SMALL)):
    """|(theta, psi)| after each of so many training steps."""
    gan, key = gan_jax.make_gan(experiment), gan_jax.seed_key(0)

    def step(state, _):
        state, _ = gan.train_step(state, key)
        return state, (state.generator.parameters["theta"], state.discriminator.parameters["psi"])

    train = jax.jit(lambda state: jax.lax.scan(step, state, length=steps)[1])
    path = np.concatenate(train(placed(gan.init(key), *start)), axis=1)
    return np.linalg.norm(path.astype(np.float64), axis=1)


@pytest.mark.parametrize("loss", ["saturating", "non_saturating"])
@pytest.mark.parametrize("rate", [0.1, 0.5, 2.0])
def test_the_unregularised_simultaneous_game_grows_by_the_modulus_of_its_eigenvalue(loss, rate):
    gan = gan_jax.make_gan(dirac(rate, loss=loss))
    key = gan_jax.seed_key(0)
    before = placed(gan.init(key), SMALL, -0.5 * SMALL)
    after, _ = gan.train_step(before, key)
    growth = np.linalg.norm(point(after)) / np.linalg.norm(point(before))
    np.testing.assert_allclose(growth, abs(1 + 1j * rate / 2), rtol=1e-6)


def test_the_saturating_flow_conserves_the_distance_from_the_equilibrium():
    # Small steps far from the equilibrium: the flow's invariant up to the steps' own O(h).
    drift = [radii(dirac(rate), int(4 / rate), (0.8, 1.1))[-1] for rate in (0.02, 0.01)]
    start = np.hypot(0.8, 1.1)
    assert abs(drift[1] - start) < 0.6 * abs(drift[0] - start) < 0.05


# (fields, critical step size): 2 |Re a| / |a|^2 for the regularised games; for extragradient and
# optimistic what the rules' docstrings derive.
CRITICAL = {
    "r1": ({"penalty": "r1", "penalty_weight": 0.8}, 2 * 0.4 / 0.25),
    "r2": ({"penalty": "r2", "penalty_weight": 0.4}, 2 * 0.2 / 0.25),
    "r1_overdamped": ({"penalty": "r1", "penalty_weight": 2.0}, 2 / (1 + np.sqrt(3) / 2)),
    "consensus": ({"update": "consensus", "consensus_weight": 2.0}, 2 * 0.5 / (0.25 + 0.25)),
    "r1_r2": ({"penalty": "r1_r2", "penalty_weight": 0.3}, 2 * 0.3 / 0.25),
    "unrolled": (
        {"update": "unrolled", "unrolled_steps": 5, "unrolled_learning_rate": 0.1},
        2 * (5 * 0.1 / 4) / 0.25,
    ),
    "extragradient": ({"update": "extragradient"}, 1 / 0.5),
    "optimistic": ({"update": "optimistic"}, 1 / np.sqrt(3) / 0.5),
    "optimistic_sgd": ({"optimizer": "optimistic_sgd"}, 1 / np.sqrt(3) / 0.5),
}


@pytest.mark.parametrize("name", list(CRITICAL))
def test_the_critical_step_size_separates_contraction_from_expansion(name):
    fields, critical = CRITICAL[name]
    for share, contracts in ((0.98, True), (1.02, False)):
        path = radii(dirac(share * critical, **fields), 400, (1e-10, 0.5e-10))
        # Over many steps, since a contraction need not be monotone in this norm.
        early, late = path[50:100].max(), path[350:400].max()
        assert (late < early) == contracts


@pytest.mark.parametrize(("share", "contracts"), [(0.98, True), (1.02, False)])
def test_the_critical_step_size_of_instance_noise(monkeypatch, share, contracts):
    # Noise of +-sigma in one batch, whose variance is exactly the noise's: -s^2/4 +- i ... .
    sigma = 0.8
    signs = jnp.array([[sigma], [-sigma]])

    def draw(*arguments):
        of_discriminator, of_generator = draws.draw_batches(*arguments)
        return (
            of_discriminator._replace(noise_real=signs[None], noise_fake=signs[None]),
            of_generator._replace(noise_real=signs, noise_fake=signs),
        )

    monkeypatch.setattr(game, "draw_batches", draw)
    critical = 2 * (sigma**2 / 4) / 0.25
    experiment = dirac(share * critical, instance_noise=sigma, batch_size=2)
    program = game.make_program(experiment)
    key = draws.seed_key(0)

    def step(state, _):
        state, _ = game.train_step(*program, state, key, state.step)
        return state, (state.generator.parameters["theta"], state.discriminator.parameters["psi"])

    state = placed(game.init(program.parts, program.leaves, key), 1e-4, 0.5e-4)
    path = np.concatenate(jax.jit(lambda s: jax.lax.scan(step, s, length=400)[1])(state), axis=1)
    radius = np.linalg.norm(path, axis=1)
    assert (radius[350:].max() < radius[50:100].max()) == contracts


def test_alternating_keeps_its_distance_below_its_critical_step_and_not_above():
    # The step is a product of two shears, determinant 1: on the unit circle while |trace| < 2, that
    # is (h/2)^2 < 4.
    below = radii(dirac(0.98 * 4, update="alternating"), 500, (1e-10, 1e-10))
    above = radii(dirac(1.02 * 4, update="alternating"), 500, (1e-10, 1e-10))
    assert below.max() < 30 * below.min() and above[-1] > 1e5 * above[0]


def test_r1_converges_and_wasserstein_does_not():
    assert radii(dirac(0.1, penalty="r1", penalty_weight=1.0), 500, (1.0, 1.0))[-1] < 1e-6
    assert radii(dirac(0.1, loss="wasserstein"), 500, (1.0, 1.0))[-1] > 10
    assert radii(dirac(0.1), 500, (1.0, 1.0))[-1] > 1


def test_unrolling_contracts_as_its_docstring_says():
    # -k e/4 +- i sqrt(1/4 - k^2 e^2/16) with k = 5, e = 0.1: |1 + h a| a step, h = 0.1.
    a = -5 * 0.1 / 4 + 1j * np.sqrt(1 / 4 - (5 * 0.1) ** 2 / 16)
    path = radii(dirac(0.1, update="unrolled", unrolled_steps=5, unrolled_learning_rate=0.1), 400)
    rate = (path[390:400].max() / path[10:20].max()) ** (1 / 380)
    assert abs(rate - abs(1 + 0.1 * a)) < 5e-4
