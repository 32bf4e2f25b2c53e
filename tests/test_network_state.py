"""Batch statistics and dropout inside a training step: whose they are, and when they move."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from setups import batches, set_up

from gan_jax.game import draws, players
from gan_jax.game import gan as game
from gan_jax.game.parts import current_parameters

BATCH_NORM = {"discriminator_normalization": "batch", "generator_normalization": "batch"}


def means(program, key, state, batch, fake_shift=0.0):
    """Mean logits of the discriminator's loss, with the fakes moved."""
    moved = batch._replace(noise_fake=jnp.full(batch.x_real.shape, fake_shift))
    seen = jax.jit(
        lambda b: players.discriminator_loss(
            *program[:2], current_parameters(state), state, b
        )[1]
    )(moved)  # fmt: skip
    return float(seen.logits_real.mean()), float(seen.logits_fake.mean())


@pytest.mark.parametrize("statistics", ["apart", "together"])
def test_real_and_fake_are_normalised_apart_or_together(statistics):
    program, key, state = set_up(**BATCH_NORM, discriminator_statistics=statistics)
    batch, _ = batches(program, key)
    here, moved = (means(program, key, state, batch, shift)[0] for shift in (0.0, 5.0))
    # What the fakes are changes the real samples' logits only where they share statistics.
    assert (here == moved) == (statistics == "apart")


def test_together_is_one_pass_over_both():
    program, key, state = set_up(**BATCH_NORM, discriminator_statistics="together")
    batch, _ = batches(program, key)
    parts, player = program.parts, state.discriminator
    x_fake, _ = players.fake_samples(
        parts, state.generator.parameters, state.generator.model_state, batch
    )
    both = jnp.concatenate([batch.x_real, x_fake])
    logits, _ = parts.discriminator.apply(
        {"params": player.parameters, **player.model_state},
        both,
        train=True,
        mutable=["batch_stats"],
    )
    expected = float(logits[:4].mean()), float(logits[4:].mean())
    np.testing.assert_allclose(means(program, key, state, batch), expected, rtol=1e-5)


@pytest.mark.parametrize("statistics", ["apart", "together"])
def test_each_players_statistics_move_in_its_own_step_only(statistics):
    program, key, state = set_up(**BATCH_NORM, discriminator_statistics=statistics)
    for_discriminator, for_generator = batches(program, key)
    for move, batch, own in (
        (players.discriminator_move, for_discriminator, state.discriminator),
        (players.generator_move, for_generator, state.generator),
    ):
        moved = move(*program[:2], state, batch).seen.model_state
        assert jax.tree.structure(moved) == jax.tree.structure(own.model_state)
        pairs = zip(jax.tree.leaves(moved), jax.tree.leaves(own.model_state), strict=True)
        assert all(not np.array_equal(new, old) for new, old in pairs)


def test_batch_statistics_are_each_seeds_own():
    program, _, _ = set_up(**BATCH_NORM)

    def run(key):
        state = game.init(program.parts, program.leaves, key)
        return game.train_step(*program, state, key, 0)[0]

    keys = jax.vmap(draws.seed_key)(jnp.arange(3))
    together = jax.jit(jax.vmap(run))(keys)
    alone = jax.jit(run)(draws.seed_key(1))
    for many, one in zip(
        jax.tree.leaves(together.generator.model_state),
        jax.tree.leaves(alone.generator.model_state),
        strict=True,
    ):
        np.testing.assert_allclose(many[1], one, rtol=1e-5, atol=1e-6)
        assert not np.array_equal(many[0], many[1])


DROPOUT = {"generator_dropout": 0.5, "discriminator_dropout": 0.3, "discriminator_steps": 2}


def test_dropout_draws_anew_at_every_update_and_for_every_pass():
    program, key, state = set_up(**DROPOUT)
    of_discriminator, of_generator = draws.draw_batches(*program, key, 0)
    keys = [*of_discriminator.dropout_key, of_generator.dropout_key]
    bits = {tuple(np.asarray(jax.random.key_data(k)).tolist()) for k in keys}
    assert len(bits) == 3
    batch = jax.tree.map(lambda x: x[0], of_discriminator)
    same = batch._replace(x_real=jnp.ones_like(batch.x_real))
    network = program.parts.discriminator, state.discriminator.parameters, {}
    passes = [players.apply(*network, same.x_real, (), same, use)[0] for use in (2, 3, 3)]
    assert not np.array_equal(passes[0], passes[1])
    np.testing.assert_array_equal(passes[1], passes[2])


def test_dropout_leaves_the_other_draws_alone_and_generation_too():
    with_it, key, state = set_up(**DROPOUT)
    without, _, _ = set_up(discriminator_steps=2)
    for one, other in zip(
        draws.draw_batches(*with_it, key, 3), draws.draw_batches(*without, key, 3), strict=True
    ):
        np.testing.assert_array_equal(one.x_real, other.x_real)
        np.testing.assert_array_equal(one.z, other.z)
    z = jnp.ones((4, 3))
    np.testing.assert_array_equal(
        game.generate(with_it.parts, state, z), game.generate(without.parts, state, z)
    )
