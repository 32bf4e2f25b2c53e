"""One GAN: freezing, pairing, update rules, batches, registered losses and networks."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from setups import TINY, batches, set_up

import gan_jax
from gan_jax.game import draws, players
from gan_jax.game import gan as game
from gan_jax.game.parts import current_parameters
from gan_jax.game.updates import UPDATES
from gan_jax.losses import LOSSES, GanLoss


@pytest.mark.parametrize("loss", list(LOSSES))
def test_each_players_loss_has_exactly_no_gradient_for_the_other(loss):
    program, key, state = set_up(loss=loss)
    for_discriminator, for_generator = batches(program, key)
    here = current_parameters(state)
    for own, other, frozen, whole, batch in (
        (
            "discriminator",
            "generator",
            players.frozen_discriminator_loss,
            players.discriminator_loss,
            for_discriminator,
        ),
        (
            "generator",
            "discriminator",
            players.frozen_generator_loss,
            players.generator_loss,
            for_generator,
        ),
    ):
        gradients = [
            jax.grad(function, argnums=2, has_aux=True)(
                program.parts, program.leaves, here, state, batch
            )[0]
            for function in (frozen, whole)
        ]
        stopped, flowing = gradients
        assert all(not leaf.any() for leaf in jax.tree.leaves(getattr(stopped, other)))
        # Without the stop it would flow; and the player's own gradient is the same.
        assert optax.tree.norm(getattr(flowing, other)) > 0
        chex.assert_trees_all_equal(getattr(stopped, own), getattr(flowing, own))
        move = getattr(players, f"{own}_move")(program.parts, program.leaves, state, batch)
        chex.assert_trees_all_close(move.gradient, getattr(stopped, own), rtol=1e-6)


def test_the_generators_move_does_not_touch_the_discriminator():
    stepped = []
    for rate in (1e-3, 1.0):
        program, key, state = set_up(generator_learning_rate=rate)
        stepped.append(game._train_step(*program, state, key, state.step)[0])
    chex.assert_trees_all_equal(stepped[0].discriminator, stepped[1].discriminator)
    moved = jax.tree.map(jnp.subtract, *(state.generator.parameters for state in stepped))
    assert optax.tree.norm(moved) > 1


def test_simultaneous_and_alternating_differ_only_in_the_generator_after_one_step():
    stepped = {}
    for update in ("alternating", "simultaneous"):
        program, key, state = set_up(
            update=update, optimizer="sgd", discriminator_learning_rate=0.5
        )
        stepped[update], _ = game._train_step(*program, state, key, state.step)
    one, other = stepped.values()
    chex.assert_trees_all_close(one.discriminator, other.discriminator, rtol=1e-6)
    difference = jax.tree.map(jnp.subtract, one.generator.parameters, other.generator.parameters)
    assert optax.tree.norm(difference) > 1e-4


# The rules whose last discriminator update is a plain one too.
@pytest.mark.parametrize("update", ["alternating", "simultaneous", "unrolled"])
def test_discriminator_steps_are_so_many_updates_on_fresh_batches(update):
    program, key, state = set_up(update=update, discriminator_steps=3, optimizer="sgd")
    new, info = game._train_step(*program, state, key, state.step)
    all_batches, _ = draws.draw_batches(*program, key, 0)
    assert all_batches.x_real.shape == (3, 4, 2) and all_batches.z.shape == (3, 4, 3)
    assert len(np.unique(all_batches.x_real)) > 20  # no batch is drawn twice
    optimizer = program.parts.optimizer(program.leaves.discriminator_learning_rate, program.leaves)
    by_hand = state
    for i in range(3):
        batch = jax.tree.map(lambda x: x[i], all_batches)  # noqa: B023
        move = players.discriminator_move(program.parts, program.leaves, by_hand, batch)
        by_hand = by_hand._replace(
            discriminator=players.advance(optimizer, None, by_hand.discriminator, move)
        )
    chex.assert_trees_all_close(new.discriminator, by_hand.discriminator, rtol=1e-5)
    np.testing.assert_allclose(info.discriminator_loss, move.seen.loss, rtol=1e-5)


@pytest.mark.parametrize("update", [name for name in UPDATES if name != "phased"])
def test_every_rule_takes_discriminator_steps(update):
    reported = []
    for steps in (1, 3):
        program, key, state = set_up(update=update, discriminator_steps=steps)
        new, info = game._train_step(*program, state, key, state.step)
        moved = jax.tree.map(
            jnp.subtract, new.discriminator.parameters, state.discriminator.parameters
        )
        reported.append(optax.tree.norm(moved))
        assert np.isfinite(info).all()
    assert reported[1] > 1.5 * reported[0]  # three steps of Adam lead further than one


def test_batches_are_halves_or_full():
    for rule, n in (("halves", 4), ("full", 8)):
        program, key, _ = set_up(discriminator_batch=rule)
        for_discriminator, for_generator = batches(program, key)
        assert for_discriminator.x_real.shape == (n, 2) and for_discriminator.z.shape == (n, 3)
        assert for_generator.x_real.shape == (8, 2) and for_generator.z.shape == (8, 3)
        # The generator's reals and latents are its own.
        assert not np.isin(for_generator.x_real, for_discriminator.x_real).any()
        assert not np.isin(for_generator.z, for_discriminator.z).any()


def test_variants_that_share_data_and_networks_see_the_same_weights_data_and_latents():
    seen = [
        (state, batches(program, key, step=5))
        for program, key, state in (
            set_up(loss="saturating"),
            set_up(loss="non_saturating", update="simultaneous", generator_learning_rate=0.5),
            set_up(optimizer="sgd"),
        )
    ]
    for state, drawn in seen[1:]:
        chex.assert_trees_all_equal(drawn, seen[0][1])
        chex.assert_trees_all_equal(state.generator.parameters, seen[0][0].generator.parameters)
        chex.assert_trees_all_equal(
            state.discriminator.parameters, seen[0][0].discriminator.parameters
        )


def test_every_step_and_every_seed_has_draws_of_its_own():
    program, key, _ = set_up()
    drawn = [
        np.asarray(batches(program, k, step)[0].x_real).tobytes()
        for k in (key, draws.seed_key(1))
        for step in (0, 1)
    ]
    assert len(set(drawn)) == 4


def test_the_initialisations_key_is_no_steps_key():
    # fold_in(key, INITIALISATION) with a step number that no int32 step can reach.
    assert np.iinfo(np.int32).max < draws.INITIALISATION


def test_a_finite_training_set_is_all_that_is_ever_seen():
    program, key, _ = set_up(n_train=10, data_seed=4)
    rows = {tuple(row) for row in np.asarray(program.training_set.x).tolist()}
    assert len(rows) == 10
    seen = set()
    for step in range(20):
        for_discriminator, for_generator = batches(program, key, step)
        for x in (for_discriminator.x_real, for_generator.x_real):
            seen |= {tuple(row) for row in np.asarray(x).tolist()}
    assert seen == rows
    other, _, _ = set_up(n_train=10, data_seed=5)
    assert not np.array_equal(other.training_set.x, program.training_set.x)


def test_a_registered_loss_trains_and_replacing_it_takes_effect(registered):
    plain = LOSSES["non_saturating"]
    registered(LOSSES, "scaled", GanLoss(plain.discriminator, plain.generator))
    experiment = gan_jax.Experiment(**TINY, loss="scaled")
    key = gan_jax.seed_key(0)

    def generator_loss():
        gan = gan_jax.make_gan(experiment)
        return gan.train_step(gan.init(key), key)[1].generator_loss

    before = generator_loss()
    LOSSES["scaled"] = plain._replace(generator=lambda r, f: 3 * plain.generator(r, f))
    np.testing.assert_allclose(generator_loss(), 3 * before, rtol=1e-5)


def test_a_generator_loss_may_use_fresh_real_samples(registered):
    # Relativistic: the generator compares its fakes with reals, as many as it has latents.
    def generator(logits_real, logits_fake):
        chex.assert_equal_shape([logits_real, logits_fake])
        return jax.nn.softplus(logits_real - logits_fake).mean()

    registered(LOSSES, "rival", GanLoss(lambda r, f: jax.nn.softplus(f - r).mean(), generator))
    program, key, state = set_up(loss="rival")
    _, batch = batches(program, key)
    move = players.generator_move(program.parts, program.leaves, state, batch)
    assert optax.tree.norm(move.gradient) > 0


class Normalised(nn.Module):
    """A discriminator with batch normalisation, to see who moves whose statistics."""

    width: int

    @nn.compact
    def __call__(self, x, train=False):
        h = nn.BatchNorm(use_running_average=not train, momentum=0.5)(nn.Dense(self.width)(x))
        return nn.Dense(1)(nn.relu(h))[:, 0]


def test_a_network_of_the_wrong_output_shape_is_refused(registered):
    registered(gan_jax.NETWORKS, "column", lambda spec: Column())
    program, key, state = set_up(discriminator="column")
    with pytest.raises(AssertionError, match="shape"):
        game._train_step(*program, state, key, state.step)


class Column(nn.Module):
    """Logits [batch, 1], the most common mistake."""

    @nn.compact
    def __call__(self, x, train=False):
        return nn.Dense(1)(x)


def test_model_state_is_each_players_own_and_moves_in_its_own_step_only(registered):
    registered(gan_jax.NETWORKS, "normalised", lambda spec: Normalised(5))
    program, key, state = set_up(discriminator="normalised")
    assert state.generator.model_state == {}
    statistics = state.discriminator.model_state["batch_stats"]
    for_discriminator, for_generator = batches(program, key)

    # The discriminator's own step: real first, then fake, each normalised by its own statistics.
    move = players.discriminator_move(program.parts, program.leaves, state, for_discriminator)
    moved = move.seen.model_state["batch_stats"]["BatchNorm_0"]["mean"]
    dense = state.discriminator.parameters["Dense_0"]
    x_fake = game.generate(program.parts, state, for_discriminator.z)
    mean_real, mean_fake = (
        (x @ dense["kernel"] + dense["bias"][None]).mean(0)
        for x in (for_discriminator.x_real, x_fake)
    )
    by_hand = 0.5 * (0.5 * statistics["BatchNorm_0"]["mean"] + 0.5 * mean_real) + 0.5 * mean_fake
    np.testing.assert_allclose(moved, by_hand, rtol=1e-4, atol=1e-6)

    # The generator's step moves none of it; generation and scoring update nothing.
    move = players.generator_move(program.parts, program.leaves, state, for_generator)
    assert move.seen.model_state == {}
    new, _ = game._train_step(*program, state, key, state.step)
    chex.assert_trees_all_close(
        new.discriminator.model_state["batch_stats"]["BatchNorm_0"]["mean"],
        by_hand,
        rtol=1e-4,
        atol=1e-6,
    )
    assert game.discriminate(program.parts, new, x_fake).shape == (4,)


def test_generate_and_discriminate_are_batch_first_and_take_no_condition_yet():
    gan = gan_jax.make_gan(gan_jax.Experiment(**TINY))
    state = gan.init(gan_jax.seed_key(0))
    x = gan.generate(state, jnp.zeros((5, 3)))
    assert x.shape == (5, 2) and gan.discriminate(state, x).shape == (5,)
    with pytest.raises(ValueError, match="condition"):
        gan.generate(state, jnp.zeros((5, 3)), condition=1)


def test_state_holds_arrays_only_and_vmaps_over_seeds():
    gan = gan_jax.make_gan(gan_jax.Experiment(**TINY))
    keys = jax.vmap(gan_jax.seed_key)(jnp.arange(3))
    states = jax.vmap(gan.init)(keys)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(states))
    states, info = jax.vmap(gan.train_step)(states, keys)
    one, _ = gan.train_step(gan.init(keys[1]), keys[1])
    chex.assert_trees_all_close(jax.tree.map(lambda x: x[1], states), one, rtol=1e-4, atol=1e-6)
    assert info.generator_loss.shape == (3,)
