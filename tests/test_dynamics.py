"""The game's dynamics: published spectra, independent derivatives, Arnoldi, alignment."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from setups import SMOOTH, trained_states

import gan_jax
from gan_jax.analysis import dynamics, game_field, stability
from gan_jax.game import players
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
        for batch in game_field.field_batches(experiment)
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
    program, batches = make_program(experiment), game_field.field_batches(experiment)
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
    program, batches = make_program(experiment), game_field.field_batches(experiment)
    for i, jacobian in enumerate(dynamics.jacobians(experiment, states)):
        state = jax.tree.map(lambda x: x[i], states)  # noqa: B023
        here = current_parameters(state)
        v, _ = ravel_pytree(
            game_field.vector_field(program.parts, program.leaves, here, state, *batches)
        )
        v = np.asarray(v, np.float64) / np.linalg.norm(v)
        np.testing.assert_allclose(found.contraction[i], v @ jacobian @ v, rtol=1e-3)
        antisymmetric = (jacobian - jacobian.T) / 2
        np.testing.assert_allclose(found.rotation[i], np.linalg.norm(antisymmetric @ v), rtol=1e-3)
        share = (antisymmetric**2).sum() / (jacobian**2).sum()
        np.testing.assert_allclose(found.rotation_share[i], share, rtol=1e-10)


def test_the_untrained_state_of_an_adaptive_optimiser_has_a_finite_spectrum():
    experiment = gan_jax.preset("parabola")
    state = gan_jax.make_gan(experiment).init(gan_jax.seed_key(0))
    assert np.isfinite(dynamics.spectra(experiment, stacked(state)).eigenvalues).all()


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
