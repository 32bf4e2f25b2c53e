"""Stabilisers: each does what its field says, is off by default, and composes with seeds."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from setups import TINY, batches, set_up

import gan_jax
from gan_jax.game import draws, players
from gan_jax.game import gan as game
from gan_jax.game.optimizers import SCHEDULES
from gan_jax.game.parts import current_parameters


def trained(steps=3, **fields):
    """The program, the states before every step and after the last, the infos."""
    program, key, state = set_up(**fields)
    states, infos = [state], []
    for _ in range(steps):
        state, info = game._train_step(*program, state, key, state.step)
        states.append(state)
        infos.append(info)
    return program, states, infos


def test_weight_clipping_holds_the_discriminator_alone_in_its_box():
    _, states, _ = trained(weight_clip=0.01)
    for state in states[1:]:
        largest = [jnp.abs(x).max() for x in jax.tree.leaves(state.discriminator.parameters)]
        assert max(largest) == np.float32(0.01)
        assert optax.tree.norm(state.generator.parameters) > 0.1


def test_gradient_clipping_scales_each_players_gradient_down_to_the_norm():
    _, _, infos = trained(steps=1, optimizer="sgd", generator_learning_rate=1.0)
    norm = float(infos[0].generator_gradient_norm)
    for share in (0.5, 2.0):
        _, clipped, seen = trained(
            steps=1, optimizer="sgd", generator_learning_rate=1.0, gradient_clip=share * norm
        )
        moved = jax.tree.map(
            jnp.subtract, clipped[1].generator.parameters, clipped[0].generator.parameters
        )
        # What is reported is the gradient before clipping. (The discriminator's differs a little:
        # alternating, so the clipped discriminator is another opponent.)
        here = float(seen[0].generator_gradient_norm)
        np.testing.assert_allclose(optax.tree.norm(moved), min(share * norm, here), rtol=1e-4)


@pytest.mark.bits
def test_gradient_clipping_is_each_seeds_own():
    experiment = gan_jax.Experiment(**TINY, steps=3, log_every=1, gradient_clip=0.05)
    together = gan_jax.train_seeds(experiment, 4, lanes=4).states
    alone = gan_jax.train_seeds(experiment, [2], lanes=4).states
    chex.assert_trees_all_equal(jax.tree.map(lambda x: x[2:3], together), alone)


def test_spectral_norm_makes_every_layer_one_lipschitz():
    _, states, _ = trained(steps=30, spectral_norm=True, discriminator_hidden=(6, 5))
    program, _, _ = set_up(spectral_norm=True, discriminator_hidden=(6, 5))
    state = states[-1]
    x = jax.random.normal(jax.random.key(0), (500, 2))
    gradients = jax.vmap(jax.grad(lambda x: game.discriminate(program.parts, state, x[None])[0]))(x)
    norms = jnp.linalg.norm(gradients, axis=1)
    assert 0.1 < norms.max() < 1.05  # power iteration finds the largest singular value from below
    _, _, other = set_up(discriminator_hidden=(6, 5))
    # The same initial kernels but for their scale, which Flax divides out at once.
    for ours, plain in zip(
        jax.tree.leaves(states[0].discriminator.parameters),
        jax.tree.leaves(other.discriminator.parameters),
        strict=True,
    ):
        np.testing.assert_allclose(
            ours * jnp.linalg.norm(plain), plain * jnp.linalg.norm(ours), 1e-5
        )
    assert "spectral_norm" in state.discriminator.model_state


def test_spectral_statistics_move_in_the_discriminators_step_only():
    program, states, _ = trained(spectral_norm=True)
    _, generator_batch = batches(program, draws.seed_key(0))
    move = players.generator_move(*program[:2], states[1], generator_batch)
    assert move.seen.model_state == {}
    before, after = (s.discriminator.model_state["spectral_norm"] for s in states[:2])
    assert optax.tree.norm(jax.tree.map(jnp.subtract, after, before)) > 0


def test_instance_noise_is_added_to_what_the_discriminator_sees_and_decays():
    fields = {"instance_noise": 0.5, "instance_noise_steps": 10, "batch_size": 2000}
    program, key, _ = set_up(**fields)
    for step, deviation in ((0, 0.5), (5, 0.25), (10, 0.0), (99, 0.0)):
        for batch in draws.draw_batches(*program, key, step):
            for noise in (batch.noise_real, batch.noise_fake):
                assert abs(noise.std() - deviation) < 0.03 and abs(noise.mean()) < 0.05
            assert deviation == 0 or not np.array_equal(batch.noise_real, batch.noise_fake)
    constant, _, _ = set_up(instance_noise=0.5, batch_size=2000)
    batch, _ = draws.draw_batches(*constant, key, 10**6)
    assert abs(batch.noise_real.std() - 0.5) < 0.03


def test_noise_is_in_both_losses_and_leaves_the_other_draws_alone():
    program, key, state = set_up(instance_noise=0.5)
    plain, _, _ = set_up()
    here = current_parameters(state)
    for noisy, bare, loss in zip(
        batches(program, key),
        batches(plain, key),
        (players.discriminator_loss, players.generator_loss),
        strict=True,
    ):
        chex.assert_trees_all_equal(noisy[:2], bare[:2])
        shifted = noisy._replace(x_real=noisy.x_real + noisy.noise_real, noise_real=None)
        values = [loss(*program[:2], here, state, batch)[0] for batch in (noisy, shifted)]
        np.testing.assert_allclose(*values, rtol=1e-6)
        assert loss(*program[:2], here, state, bare)[0] != values[0]


def test_label_smoothing_is_off_by_default_and_changes_the_discriminators_loss_alone():
    losses = []
    for fields in ({}, {"label_smoothing": 0.0}, {"label_smoothing": 0.25}):
        _, _, infos = trained(steps=1, update="simultaneous", **fields)
        losses.append((infos[0].discriminator_loss, infos[0].generator_loss))
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)
    assert losses[2][0] != losses[0][0] and losses[2][1] == losses[0][1]


@pytest.mark.bits
def test_packing_by_one_is_no_packing():
    chex.assert_trees_all_equal(trained(packing=1)[1:], trained()[1:])


def test_packs_are_consecutive_samples_judged_together():
    program, key, state = set_up(packing=2, batch_size=16)
    assert state.discriminator.parameters["FeaturesFirstLayer_0"]["kernel"].shape == (6, 4)
    for_discriminator, for_generator = batches(program, key)
    assert for_discriminator.x_real.shape == (8, 2)  # as many samples as without packing
    x = for_discriminator.x_real
    logits = game.discriminate(program.parts, state, x)
    assert logits.shape == (4,)
    moved = x.at[3].add(1.0)  # the second pack's second sample
    changed = game.discriminate(program.parts, state, moved) != logits
    assert changed.tolist() == [False, True, False, False]
    move = players.generator_move(*program[:2], state, for_generator)
    assert optax.tree.norm(move.gradient) > 0


def test_ema_is_the_average_it_says_and_generates():
    program, states, _ = trained(generator_ema=0.6)
    average = states[0].generator.parameters
    for state in states[1:]:
        average = jax.tree.map(
            lambda old, new: 0.6 * old + 0.4 * new, average, state.generator.parameters
        )
        chex.assert_trees_all_close(state.generator_ema.parameters, average, rtol=1e-5)
    z = jnp.ones((3, 3))
    by_average = program.parts.generator.apply({"params": average}, z)
    np.testing.assert_allclose(game.generate(program.parts, states[-1], z), by_average, rtol=1e-5)
    # It watches: training itself is that without it.
    _, plain, _ = trained()
    chex.assert_trees_all_close(states[-1].generator, plain[-1].generator, rtol=1e-6)
    assert plain[-1].generator_ema is None


def test_ema_of_decay_zero_is_the_generator():
    _, states, _ = trained(generator_ema=0.0, generator_normalization="batch")
    last = states[-1]
    chex.assert_trees_all_equal(
        tuple(last.generator_ema), (last.generator.parameters, last.generator.model_state)
    )


def test_ema_averages_running_statistics_with_the_weights():
    _, states, _ = trained(generator_ema=0.5, generator_normalization="batch")
    means = [s.generator.model_state["batch_stats"]["BatchNorm_0"]["mean"] for s in states]
    kept = states[-1].generator_ema.model_state["batch_stats"]["BatchNorm_0"]["mean"]
    by_hand = means[0] / 8 + means[1] / 8 + means[2] / 4 + means[3] / 2
    np.testing.assert_allclose(kept, by_hand, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("constant", [1, 1, 1, 1]),
        ("linear", [1, 0.75, 0.5, 0.25]),
        ("cosine", [1, (1 + np.sqrt(0.5)) / 2, 0.5, (1 - np.sqrt(0.5)) / 2]),
        ("warmup", [0, 1, 1, 1]),
    ],
)
def test_schedules_multiply_both_rates_over_the_whole_training(schedule, factors):
    rates = {"generator_learning_rate": 0.3, "discriminator_learning_rate": 0.2}
    program, states, infos = trained_for(
        4, learning_rate_schedule=schedule, optimizer="sgd", **rates
    )
    assert program.leaves.total_steps == 4
    for before, after, info, factor in zip(states, states[1:], infos, factors, strict=False):
        for player, rate in (("generator", 0.3), ("discriminator", 0.2)):
            moved = jax.tree.map(
                jnp.subtract, getattr(after, player).parameters, getattr(before, player).parameters
            )
            norm = getattr(info, f"{player}_gradient_norm")
            np.testing.assert_allclose(
                optax.tree.norm(moved), factor * rate * norm, rtol=1e-3, atol=1e-6
            )


def trained_for(total, **fields):
    """As `trained`, of an experiment that is so many steps long."""
    program = game.make_program(gan_jax.Experiment(**(TINY | fields), steps=total))
    key = draws.seed_key(0)
    states, infos = [game.init(program.parts, program.leaves, key)], []
    for _ in range(total):
        state, info = game._train_step(*program, states[-1], key, states[-1].step)
        states.append(state)
        infos.append(info)
    return program, states, infos


def test_warmup_rises_in_the_first_twentieth():
    at = [float(SCHEDULES["warmup"](jnp.float32(p))) for p in (0, 0.025, 0.05, 1)]
    np.testing.assert_allclose(at, [0, 0.5, 1, 1], rtol=1e-6)


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_normalisation_normalises_what_it_says(normalization):
    x = 3 + 5 * jax.random.normal(jax.random.key(0), (64, 2))
    spec = gan_jax.networks.NetworkSpec("generator", (7,), "relu", (3,), normalization)
    module = gan_jax.NETWORKS["dense"](spec)
    variables = module.init(jax.random.key(1), x)
    collections = ["batch_stats", "intermediates"]
    _, kept = module.apply(
        variables, x, train=True, mutable=collections, capture_intermediates=True
    )
    name = "BatchNorm_0" if normalization == "batch" else "LayerNorm_0"
    columns = kept["intermediates"][name]["__call__"][0]
    axis = 1 if normalization == "batch" else 0  # features first: [features, batch]
    np.testing.assert_allclose(columns.mean(axis=axis), 0, atol=1e-4)
    np.testing.assert_allclose(columns.std(axis=axis), 1, atol=0.02)


def test_generation_uses_running_statistics():
    program, states, _ = trained(generator_normalization="batch")
    z = jax.random.normal(jax.random.key(3), (5, 3))
    together = game.generate(program.parts, states[-1], z)
    one_by_one = jnp.concatenate([game.generate(program.parts, states[-1], row[None]) for row in z])
    np.testing.assert_allclose(together, one_by_one, rtol=1e-4, atol=1e-6)


def test_a_stabiliser_that_is_off_is_not_in_the_program_and_one_that_is_on_is_a_leaf():
    fields = {
        "weight_clip": (0.01, 0.1),
        "label_smoothing": (0.1, 0.2),
        "instance_noise": (0.1, 0.2),
        "gradient_clip": (0.5, 1.0),
        "generator_ema": (0.9, 0.99),
        "penalty_weight": (1.0, 2.0),
        "consensus_weight": (1.0, 2.0),
        "instance_noise_steps": (7, 9),
        "loss_parameters": ({"alpha_d": 0.5}, {"alpha_d": 2.0, "alpha_g": 0.7}),
    }
    loss = {"loss": "alpha_saturating"}
    program, key, state = set_up(**loss, **{name: values[0] for name, values in fields.items()})
    traces = []

    def step(leaves, state):
        traces.append(1)
        return game.train_step(program.parts, leaves, program.training_set, state, key, 0)

    jitted = jax.jit(step)
    for which in (0, 1):
        chosen = {name: values[which] for name, values in fields.items()}
        other, _, _ = set_up(**loss, **chosen)
        jitted(other.leaves, state)
    assert len(traces) == 1
    off, _, _ = set_up()
    assert all(getattr(off.leaves, name) is None for name in list(fields)[:5])
