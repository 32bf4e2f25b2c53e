"""The game's field: its batches, what decays in it, and the scaling of an adaptive optimiser."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree
from setups import SMOOTH, TINY, trained_states

import gan_jax
from gan_jax.analysis import dynamics, game_field
from gan_jax.game import draws, players
from gan_jax.game.gan import player_optimizer
from gan_jax.game.program import make_program


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
    batches = game_field.field_batches(experiment)
    diagonal = game_field.scaling(program.parts, program.leaves, state, *batches)
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


def test_the_field_knows_what_decays():
    noisy = gan_jax.preset("dirac", instance_noise=1.0, instance_noise_steps=10, batch_size=4)
    deviations = [game_field.field_batches(noisy, step=step)[0].noise_real for step in (0, 5, 10)]
    np.testing.assert_allclose(deviations[1], 0.5 * deviations[0], rtol=1e-6)
    assert not deviations[2].any()
    falling = gan_jax.preset("dirac", learning_rate_schedule="linear", steps=100)
    np.testing.assert_allclose(
        [game_field.learning_rate(falling, step) for step in (0, 50, 100)],
        [0.1, 0.05, 0],
        rtol=1e-6,
    )


def test_the_field_has_a_batch_of_its_own_the_same_for_all():
    experiment = gan_jax.Experiment(**TINY, penalty="r1", penalty_every=4)
    of_d, of_g = game_field.field_batches(experiment)
    assert of_d.penalty_scale is None  # a lazy penalty is taken as it is on average
    trained_on, _ = draws.draw_batches(*make_program(experiment), draws.seed_key(0), 0)
    assert not np.isin(of_d.x_real, trained_on.x_real).any()
    larger, _ = game_field.field_batches(experiment, 32)
    more_steps, _ = game_field.field_batches(experiment.replace(discriminator_steps=3))
    np.testing.assert_array_equal(more_steps.z, of_d.z)
    assert of_d.x_real.shape == (4, 2) and larger.x_real.shape == (16, 2)
    assert of_g.x_real.shape == (8, 2)
