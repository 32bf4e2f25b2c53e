"""Each update rule is what its definition says, on networks, by gradients taken here."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from setups import batches, set_up

from gan_jax.game import draws, field, players
from gan_jax.game import gan as game
from gan_jax.game.parts import current_parameters


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_unrolled_by_no_step_is_simultaneous(optimizer):
    stepped = []
    for fields in ({"update": "unrolled", "unrolled_steps": 0}, {"update": "simultaneous"}):
        program, key, state = set_up(optimizer=optimizer, **fields)
        for _ in range(3):
            state, info = game._train_step(*program, state, key, state.step)
        stepped.append((state, info))
    chex.assert_trees_all_close(*stepped, rtol=1e-4, atol=1e-6)


def test_the_unrolled_generator_descends_the_loss_it_says():
    fields = {"update": "unrolled", "unrolled_steps": 2, "unrolled_learning_rate": 0.3}
    program, key, state = set_up(
        optimizer="sgd", generator_learning_rate=1.0, generator_activation="tanh", **fields
    )
    here, drawn = current_parameters(state), batches(program, key)
    rest = program.parts, program.leaves

    def ahead(generator):
        """Two steps of the discriminator by hand, then the generator's loss."""
        at = here._replace(generator=generator)
        for _ in range(2):
            gradient = jax.grad(
                lambda d, at=at: players.discriminator_loss(
                    *rest, at._replace(discriminator=d), state, drawn[0]
                )[0]
            )(at.discriminator)
            moved = jax.tree.map(lambda w, g: w - 0.3 * g, at.discriminator, gradient)
            at = at._replace(discriminator=moved)
        return players.generator_loss(*rest, at, state, drawn[1])[0]

    new, info = game._train_step(*program, state, key, state.step)
    by_hand = jax.tree.map(jnp.subtract, here.generator, jax.grad(ahead)(here.generator))
    chex.assert_trees_all_close(new.generator.parameters, by_hand, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(info.generator_loss, ahead(here.generator), rtol=1e-5)
    # The discriminator itself takes its ordinary update only.
    plain, _, _ = set_up(update="simultaneous", optimizer="sgd", generator_activation="tanh")
    other, _ = game._train_step(*plain, state, key, state.step)
    chex.assert_trees_all_close(
        new.discriminator.parameters, other.discriminator.parameters, rtol=1e-6
    )


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_extragradient_applies_the_gradients_found_ahead_from_here(optimizer):
    program, key, state = set_up(
        update="extragradient", optimizer=optimizer, generator_learning_rate=0.05
    )
    plain, _, _ = set_up(update="simultaneous", optimizer=optimizer, generator_learning_rate=0.05)
    ahead, _ = game._train_step(*plain, state, key, state.step)
    drawn = batches(program, key)
    moves = {
        "discriminator": players.discriminator_move(*program[:2], ahead, drawn[0]),
        "generator": players.generator_move(*program[:2], ahead, drawn[1]),
    }
    new, _ = game._train_step(*program, state, key, state.step)
    for player, move in moves.items():
        rate = getattr(program.leaves, f"{player}_learning_rate")
        made = game.player_optimizer(program.parts, program.leaves, rate)
        # From here: its parameters and its moments, which the extrapolation has not moved.
        by_hand = players.advance(made, None, getattr(state, player), move)
        chex.assert_trees_all_close(getattr(new, player), by_hand, rtol=1e-4, atol=1e-6)


def test_optimistic_is_twice_the_update_minus_the_last_one():
    program, key, state = set_up(update="optimistic", optimizer="sgd")
    plain, _, _ = set_up(update="simultaneous", optimizer="sgd")
    old = None
    for _ in range(3):
        new, _ = game._train_step(*program, state, key, state.step)
        bare, _ = game._train_step(*plain, strip(plain, state), key, state.step)
        here = current_parameters(state)
        update = jax.tree.map(jnp.subtract, current_parameters(bare), here)
        made = jax.tree.map(jnp.subtract, current_parameters(new), here)
        expected = update if old is None else jax.tree.map(lambda u, o: 2 * u - o, update, old)
        chex.assert_trees_all_close(made, expected, rtol=1e-2, atol=1e-6)
        state, old = new, update


def strip(program, state):
    """The state as another program's, its optimiser's states fresh (those of sgd are empty)."""
    fresh = game.init(program.parts, program.leaves, draws.seed_key(0))
    return state._replace(
        generator=state.generator._replace(optimizer_state=fresh.generator.optimizer_state),
        discriminator=state.discriminator._replace(
            optimizer_state=fresh.discriminator.optimizer_state
        ),
    )


@pytest.mark.parametrize(
    ("plain", "variant"), [("sgd", "optimistic_sgd"), ("adam", "optimistic_adam")]
)
def test_the_optimistic_rule_is_the_optimistic_optimiser(plain, variant):
    stepped = []
    for fields in (
        {"update": "optimistic", "optimizer": plain},
        {"update": "simultaneous", "optimizer": variant},
    ):
        program, key, state = set_up(**fields)
        for _ in range(5):
            state, info = game._train_step(*program, state, key, state.step)
        stepped.append((current_parameters(state), info))
    chex.assert_trees_all_close(*stepped, rtol=1e-4, atol=1e-6)


def test_consensus_adds_the_gradient_of_half_the_squared_field():
    program, key, state = set_up(
        update="consensus",
        consensus_weight=0.7,
        optimizer="sgd",
        generator_learning_rate=1.0,
        discriminator_learning_rate=1.0,
        generator_activation="tanh",
        discriminator_activation="tanh",
    )
    here, drawn = current_parameters(state), batches(program, key)
    rest = program.parts, program.leaves

    def gradient(at):
        """Both players' gradients from their moves, which freeze the other."""
        moved = state._replace(
            generator=state.generator._replace(parameters=at.generator),
            discriminator=state.discriminator._replace(parameters=at.discriminator),
        )
        return here._replace(
            generator=players.generator_move(*rest, moved, drawn[1]).gradient,
            discriminator=players.discriminator_move(*rest, moved, drawn[0]).gradient,
        )

    # The directional derivative of gamma/2 |v|^2 along random directions, by central differences.
    new, _ = game._train_step(*program, state, key, state.step)
    step = jax.tree.map(jnp.subtract, here, current_parameters(new))
    own = gradient(here)
    added = jax.tree.map(jnp.subtract, step, own)
    for seed in range(3):
        along = optax.tree.random_like(jax.random.key(seed), here)
        ends = [
            0.35 * optax.tree.norm(gradient(optax.tree.add_scale(here, e, along)), squared=True)
            for e in (1e-3, -1e-3)
        ]
        np.testing.assert_allclose(
            optax.tree.vdot(added, along), (ends[0] - ends[1]) / 2e-3, rtol=2e-2, atol=2e-3
        )
    whole = field.game_gradient(*rest, here, state, *drawn)
    chex.assert_trees_all_close(whole, own, rtol=1e-5, atol=1e-7)


def test_consensus_of_no_weight_is_simultaneous():
    stepped = []
    for fields in ({"update": "consensus", "consensus_weight": 0.0}, {"update": "simultaneous"}):
        program, key, state = set_up(**fields)
        stepped.append(game._train_step(*program, state, key, state.step))
    chex.assert_trees_all_close(*stepped, rtol=1e-5, atol=1e-7)


def test_phases_move_one_player_and_freeze_the_other_whole():
    program, key, state = set_up(update="phased", phase_steps=2, generator_normalization="batch")
    for step in range(8):
        new, info = game._train_step(*program, state, key, state.step)
        turn, rest = (
            ("discriminator", "generator")
            if step // 2 % 2 == 0
            else (
                "generator",
                "discriminator",
            )
        )
        chex.assert_trees_all_equal(getattr(new, rest), getattr(state, rest))
        before, after = getattr(state, turn), getattr(new, turn)
        assert optax.tree.norm(jax.tree.map(jnp.subtract, after.parameters, before.parameters)) > 0
        assert after.optimizer_state[0].count == before.optimizer_state[0].count + 1
        assert np.isfinite(info).all()  # both losses and gradients are reported at every step
        state = new
