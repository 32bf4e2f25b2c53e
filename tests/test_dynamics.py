"""The game's vector field: published spectra, independent derivatives, Arnoldi, frozen moments."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree
from setups import TINY

import gan_jax
from gan_jax.analysis import dynamics, stability
from gan_jax.game import draws, players
from gan_jax.game.gan import player_optimizer
from gan_jax.game.parts import current_parameters
from gan_jax.game.program import make_program


def stacked(state):
    return jax.tree.map(lambda x: x[None], state)


def at_equilibrium(experiment):
    """Dirac-GAN's state at theta = psi = 0."""
    state = gan_jax.make_gan(experiment).init(gan_jax.seed_key(0))
    return stacked(
        state._replace(
            generator=state.generator._replace(parameters={"theta": jnp.zeros(1)}),
            discriminator=state.discriminator._replace(parameters={"psi": jnp.zeros(1)}),
        )
    )


def root(x):
    return np.sqrt(complex(x))


# Published rows: fields -> (real part or mean, root part): the eigenvalues are a + b and a - b.
ROWS = {
    "saturating": ({"loss": "saturating"}, 0, 0.5j),
    "non_saturating": ({"loss": "non_saturating"}, 0, 0.5j),
    "wasserstein": ({"loss": "wasserstein"}, 0, 1j),
    **{
        f"{penalty} of {g}": (
            {"penalty": penalty, "penalty_weight": g},
            -g / 2,
            root(g**2 / 4 - 0.25),
        )
        for penalty in ("r1", "r2")
        for g in (0.3, 1.0, 2.5)
    },
    **{
        f"consensus of {g}": (
            {"update": "consensus", "consensus_weight": g},
            -g / 4,
            0.5j,
        )
        for g in (0.5, 10.0)
    },
    "consensus, non_saturating": (
        {"update": "consensus", "consensus_weight": 2.0, "loss": "non_saturating"},
        -0.5,
        0.5j,
    ),
    "r1_r2 of 0.6": ({"penalty": "r1_r2", "penalty_weight": 0.6}, -0.6, root(0.6**2 - 0.25)),
    # Derived in the rule's docstring.
    "unrolled": (
        {"update": "unrolled", "unrolled_steps": 3, "unrolled_learning_rate": 0.2},
        -0.15,
        root(0.15**2 - 0.25),
    ),
}


@pytest.mark.parametrize("row", list(ROWS))
def test_the_spectra_of_dirac_gan_are_the_published_ones(row):
    fields, mean, half = ROWS[row]
    experiment = gan_jax.preset("dirac", **fields)
    found = dynamics.spectra(experiment, at_equilibrium(experiment)).eigenvalues[0]
    # A double root is as accurate as the root of the rounding.
    accuracy = 1e-5 if half != 0 else 1e-4
    expected = sorted((mean + half, mean - half), key=lambda x: (x.real, x.imag))
    ours = sorted(found, key=lambda x: (round(x.real, 6), x.imag))
    np.testing.assert_allclose(ours, expected, atol=accuracy)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 1.5, 2.0])
def test_instance_noise_has_its_published_spectrum(sigma):
    experiment = gan_jax.preset("dirac", instance_noise=sigma, batch_size=2)
    # +- sigma has the variance of the noise, which is all that the Jacobian at 0 knows of it.
    signs = jnp.array([[sigma], [-sigma]])
    batches = tuple(
        batch._replace(noise_real=signs, noise_fake=signs)
        for batch in dynamics.field_batches(experiment)
    )
    found = dynamics.spectra(experiment, at_equilibrium(experiment), batches).eigenvalues[0]
    half = root(sigma**4 / 16 - 0.25)
    assert sigma < 1.4 or half.imag == 0
    expected = [-(sigma**2) / 4 + half, -(sigma**2) / 4 - half]
    np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(expected), atol=1e-5)


def test_noise_as_it_is_drawn_approaches_its_spectrum():
    experiment = gan_jax.preset("dirac", instance_noise=1.0, batch_size=20_000)
    found = dynamics.spectra(experiment, at_equilibrium(experiment)).eigenvalues[0]
    np.testing.assert_allclose(found.real, -0.25, atol=0.01)


SMOOTH = {
    **TINY,
    "generator_activation": "tanh",
    "discriminator_activation": "tanh",
    "update": "simultaneous",
    "optimizer": "sgd",
}


def trained_states(experiment, seeds, steps=3):
    return gan_jax.train_seeds(experiment.replace(steps=steps, log_every=1), seeds, 2).states


@pytest.mark.parametrize(
    "fields",
    [
        {"loss": "saturating"},
        {"loss": "relativistic_average", "penalty": "r1"},
        {"penalty": "gradient_penalty", "generator_learning_rate": 2e-3},
    ],
    ids=str,
)
def test_the_jacobian_is_that_of_the_players_moves_by_finite_differences(fields):
    experiment = gan_jax.Experiment(**(SMOOTH | fields))
    states = trained_states(experiment, 2)
    jacobians = dynamics.jacobians(experiment, states)
    program, batches = make_program(experiment), dynamics.field_batches(experiment)
    with jax.enable_x64(True):
        leaves, state, (of_d, of_g) = dynamics.as_float64(
            (program.leaves, jax.tree.map(lambda x: x[1], states), batches)
        )
        flat, unravel = ravel_pytree(current_parameters(state))
        scale = leaves.generator_learning_rate / leaves.discriminator_learning_rate

        def field(flat):
            """Minus the moves' own gradients: each player's with the other frozen."""
            here = unravel(flat)
            moved = state._replace(
                generator=state.generator._replace(parameters=here.generator),
                discriminator=state.discriminator._replace(parameters=here.discriminator),
            )
            g = players.generator_move(program.parts, leaves, moved, of_g).gradient
            d = players.discriminator_move(program.parts, leaves, moved, of_d).gradient
            return -np.concatenate([scale * ravel_pytree(g)[0], ravel_pytree(d)[0]])

        for i in range(0, flat.size, 7):
            step = np.zeros(flat.size)
            step[i] = 1e-6
            column = (field(flat + step) - field(flat - step)) / 2e-6
            np.testing.assert_allclose(jacobians[1][:, i], column, rtol=1e-5, atol=1e-8)


def test_arnoldi_finds_the_leading_eigenvalues_of_the_exact_jacobian():
    # 20 of 66 parameters' eigenvalues from either end.
    experiment = gan_jax.Experiment(**(SMOOTH | {"discriminator_hidden": (8,)}))
    states = trained_states(experiment, 2)
    exact = dynamics.spectra(experiment, states)
    leading = dynamics.spectra(experiment, states, most_exact=0)
    assert exact.exact and not leading.exact and np.isnan(leading.rotation_share).all()
    for found, everything in zip(leading.eigenvalues, exact.eigenvalues, strict=True):
        by_real = np.sort(-everything.real)[: dynamics.N_LEADING]
        by_modulus = np.sort(-abs(everything))[: dynamics.N_LEADING]
        np.testing.assert_allclose(-found[:20].real, by_real, atol=1e-6)
        np.testing.assert_allclose(-abs(found[20:]), by_modulus, atol=1e-6)
    np.testing.assert_allclose(leading.contraction, exact.contraction)


def test_rotation_and_contraction_along_the_field_are_the_jacobians():
    experiment = gan_jax.Experiment(**SMOOTH)
    states = trained_states(experiment, 3)
    found = dynamics.spectra(experiment, states)
    program, batches = make_program(experiment), dynamics.field_batches(experiment)
    for i, jacobian in enumerate(dynamics.jacobians(experiment, states)):
        state = jax.tree.map(lambda x: x[i], states)  # noqa: B023
        here = current_parameters(state)
        v, _ = ravel_pytree(
            dynamics.vector_field(program.parts, program.leaves, here, state, *batches)
        )
        v = np.asarray(v, np.float64) / np.linalg.norm(v)
        np.testing.assert_allclose(found.contraction[i], v @ jacobian @ v, rtol=1e-3)
        antisymmetric = (jacobian - jacobian.T) / 2
        np.testing.assert_allclose(found.rotation[i], np.linalg.norm(antisymmetric @ v), rtol=1e-3)
        share = (antisymmetric**2).sum() / (jacobian**2).sum()
        np.testing.assert_allclose(found.rotation_share[i], share, rtol=1e-10)


def test_a_zero_sum_bilinear_game_only_rotates_and_a_gradient_flow_only_contracts():
    matrices = np.array([[[0.0, 1.0], [-1.0, 0.0]], [[-2.0, 0.3], [0.3, -1.0]], [[0.0, 0], [0, 0]]])
    np.testing.assert_allclose(stability.rotation_share(matrices), [1, 0, np.nan])


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "adabelief"])
def test_an_adaptive_scaling_is_what_the_next_update_divides_by(optimizer):
    # The next update is -rate times the mean of gradients over that root; rmsprop keeps no mean.
    experiment = gan_jax.Experiment(
        **(SMOOTH | {"optimizer": optimizer, "generator_learning_rate": 3e-3})
    )
    states = trained_states(experiment, 2)
    found = dynamics.spectra(experiment, states)
    assert found.preconditioned
    program = make_program(experiment)
    state = jax.tree.map(lambda x: jnp.asarray(x[0]), states)
    batches = dynamics.field_batches(experiment)
    diagonal = dynamics.scaling(program.parts, program.leaves, state, *batches)
    for player, move, batch in (
        ("discriminator", players.discriminator_move, batches[0]),
        ("generator", players.generator_move, batches[1]),
    ):
        gradient = move(program.parts, program.leaves, state, batch).gradient
        rate = getattr(program.leaves, f"{player}_learning_rate")
        optimizer_ = player_optimizer(program.parts, program.leaves, rate)
        trained = getattr(state, player)
        updates, after = optimizer_.update(gradient, trained.optimizer_state, trained.parameters)
        assert optax.tree.norm(gradient) > 1e-3
        mean = optax.tree.get(after, "mu")
        if mean is None:
            mean, correction = gradient, 1.0
        else:
            correction = 1 - program.leaves.beta1 ** optax.tree.get(after, "count")
        unit = program.leaves.discriminator_learning_rate
        scale = getattr(diagonal, player)
        assert jax.tree.structure(scale) == jax.tree.structure(gradient)
        scale, mean, updates = (ravel_pytree(tree)[0] for tree in (scale, mean, updates))
        by_hand = -unit * scale * mean / correction
        np.testing.assert_allclose(by_hand, updates, rtol=2e-3, atol=1e-7)


def test_the_untrained_state_of_an_adaptive_optimiser_has_a_finite_spectrum():
    experiment = gan_jax.preset("parabola")
    state = gan_jax.make_gan(experiment).init(gan_jax.seed_key(0))
    assert np.isfinite(dynamics.spectra(experiment, stacked(state)).eigenvalues).all()


def test_the_step_contracts_where_the_amplification_says():
    # Eigenvalue a = -0.2 + 0.5i: 2 |Re| / |a|^2 = 0.4 / 0.29.
    a = np.array([[-0.2 + 0.5j, -0.2 - 0.5j]])
    critical = stability.critical_step_size(a)[0]
    np.testing.assert_allclose(critical, 0.4 / 0.29)
    at = stability.AMPLIFICATIONS["simultaneous"]
    assert at(0.99 * critical * a).max() < 1 < at(1.01 * critical * a).max()
    # Extragradient and optimistic on the imaginary axis: h w = 1 and 1/sqrt(3).
    for rule, limit in (("extragradient", 1.0), ("optimistic", 1 / np.sqrt(3))):
        at = stability.AMPLIFICATIONS[rule]
        assert at(np.array(0.99j * limit)) < 1 < at(np.array(1.01j * limit))
        np.testing.assert_allclose(at(np.array(1j * limit)), 1)
    rotating, flat = np.array([[0.5j, -0.5j]]), np.array([[-1.0 + 0j, 1e-14]])
    assert stability.critical_step_size(rotating)[0] == 0
    assert stability.critical_step_size(flat)[0] == 2  # a flat direction does not count


def test_what_is_not_finite_is_unknown_and_warns_nobody():
    unknown = np.full((1, 3), np.nan + 0j)
    assert np.isnan(stability.critical_step_size(unknown)).all()
    assert np.isnan(stability.rotation_share(np.array([[[np.inf, 0.0], [0.0, 1.0]]]))).all()
    experiment = gan_jax.Experiment(**SMOOTH, loss="kl")
    states = trained_states(experiment, 2)
    # One seed's discriminator so steep that e^logit overflows, also in float64.
    huge = jax.tree.map(lambda x: np.array(x), states.discriminator.parameters)
    huge["FeaturesFirstLayer_1"]["bias"][0] = 1e5
    states = states._replace(discriminator=states.discriminator._replace(parameters=huge))
    for most_exact in (1000, 0):
        found = dynamics.spectra(experiment, states, most_exact=most_exact)
        assert np.isnan(found.eigenvalues[0]).all() and np.isfinite(found.eigenvalues[1]).all()


def test_momentum_and_optimistic_optimisers_have_amplifications_of_their_own():
    def largest(matrix):
        return abs(np.linalg.eigvals(matrix)).max()

    z, beta = 0.3j - 0.1, 0.6
    heavy = stability.amplification("simultaneous", "momentum", beta)
    # x' = x + z x + beta (x - x_old), as a map of (x, x_old).
    np.testing.assert_allclose(heavy(np.array(z)), largest([[1 + z + beta, -beta], [1, 0]]))
    ahead = stability.amplification("simultaneous", "optimistic_sgd", beta)
    np.testing.assert_allclose(ahead(np.array(z)), largest([[1 + 2 * z, -z], [1, 0]]))
    assert stability.amplification("extragradient", "momentum", beta) is None
    assert stability.amplification("alternating", "sgd", beta) is None


def test_the_field_knows_what_decays():
    noisy = gan_jax.preset("dirac", instance_noise=1.0, instance_noise_steps=10, batch_size=4)
    deviations = [dynamics.field_batches(noisy, step=step)[0].noise_real for step in (0, 5, 10)]
    np.testing.assert_allclose(deviations[1], 0.5 * deviations[0], rtol=1e-6)
    assert not deviations[2].any()
    falling = gan_jax.preset("dirac", learning_rate_schedule="linear", steps=100)
    np.testing.assert_allclose(
        [dynamics.learning_rate(falling, step) for step in (0, 50, 100)], [0.1, 0.05, 0], rtol=1e-6
    )


def test_alignment_is_the_cosine_of_the_next_two_updates():
    # Dirac-GAN near 0 turns by atan(h/2) a step: the cosine of successive updates.
    rates = {"generator_learning_rate": 0.8, "discriminator_learning_rate": 0.8}
    experiment = gan_jax.preset("dirac", **rates)
    state = gan_jax.make_gan(experiment).init(gan_jax.seed_key(0))
    near = state._replace(
        generator=state.generator._replace(parameters={"theta": jnp.full(1, 1e-3)}),
        discriminator=state.discriminator._replace(parameters={"psi": jnp.full(1, 2e-3)}),
    )
    found = dynamics.update_alignments(experiment, stacked(near), [0])
    np.testing.assert_allclose(found, np.cos(np.arctan(0.4)), rtol=1e-5)


def test_the_field_has_a_batch_of_its_own_the_same_for_all():
    experiment = gan_jax.Experiment(**TINY, penalty="r1", penalty_every=4)
    of_d, of_g = dynamics.field_batches(experiment)
    assert of_d.penalty_scale is None  # a lazy penalty is taken as it is on average
    trained_on, _ = draws.draw_batches(*make_program(experiment), draws.seed_key(0), 0)
    assert not np.isin(of_d.x_real, trained_on.x_real).any()
    larger, _ = dynamics.field_batches(experiment, 32)
    more_steps, _ = dynamics.field_batches(experiment.replace(discriminator_steps=3))
    np.testing.assert_array_equal(more_steps.z, of_d.z)
    assert of_d.x_real.shape == (4, 2) and larger.x_real.shape == (16, 2)
    assert of_g.x_real.shape == (8, 2)
