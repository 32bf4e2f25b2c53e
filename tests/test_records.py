"""What a training records: when, what it measures, and the cosines of successive updates."""

import chex
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import gan_jax
from gan_jax.game.parts import Parameters
from gan_jax.training.chunks import record_steps
from gan_jax.training.loop import Evaluation, update_cosines
from gan_jax.training.seeds import train_seeds


def test_records_are_every_log_every_steps_and_the_last():
    np.testing.assert_array_equal(record_steps(25, 10), [0, 10, 20, 25])
    np.testing.assert_array_equal(record_steps(20, 10), [0, 10, 20])
    run = train_seeds(gan_jax.Experiment(steps=123, log_every=5, batch_size=20), 1)
    np.testing.assert_array_equal(run.steps, record_steps(123, 5))
    assert run.states.step == 123
    losses = run.history["generator_loss"]
    assert losses.shape == (1, len(run.steps))
    assert np.isnan(losses[0, 0]) and np.isfinite(losses[0, 1:]).all()


def test_log_every_and_segments_do_not_change_the_training():
    runs = [
        train_seeds(gan_jax.Experiment(steps=40, log_every=n, batch_size=20), 2) for n in (1, 3, 40)
    ]
    for run in runs[1:]:
        chex.assert_trees_all_equal(run.states, runs[0].states)


def test_segments_are_reported_in_order_without_padding():
    seen = []
    experiment = gan_jax.Experiment(steps=25, log_every=1, batch_size=20)
    train_seeds(experiment, 3, lanes=2, on_segment=seen.append)
    last = {}
    for segment in seen:
        assert segment.states.step.tolist() == [segment.stop] * len(segment.seeds)
        assert segment.start == last.get(segment.seeds[0], 0)
        last[segment.seeds[0]] = segment.stop
    assert last == {0: 25, 2: 25}


COSINES = ("generator_update_cosine", "discriminator_update_cosine")


@pytest.mark.parametrize(
    ("earlier", "update", "cosine"),
    [
        ([1, 0], [2, 0], 1),
        ([1, 0], [-0.5, 0], -1),
        ([1, 0], [0, 5], 0),
        ([3, 4], [3, 0], 0.6),
        ([0, 0], [5, 2], np.nan),
        ([3, 4], [0, 0], np.nan),
    ],
)
def test_the_cosine_of_two_updates_by_hand(earlier, update, cosine):
    # Each coordinate a parameter of its own, of one player; the other stands still.
    moving = [
        {"kernel": np.full((1, 1), x, np.float32), "bias": np.full((1,), y, np.float32)}
        for x, y in (earlier, update)
    ]
    still = {"kernel": np.zeros((2, 2), np.float32)}
    measures = update_cosines(*(Parameters(generator=u, discriminator=still) for u in moving))
    np.testing.assert_allclose(measures["generator_update_cosine"], cosine, rtol=1e-6)
    assert np.isnan(measures["discriminator_update_cosine"])
    # A player with nothing to train.
    nothing = update_cosines(*(Parameters(generator={}, discriminator=u) for u in moving))
    assert np.isnan(nothing["generator_update_cosine"])


def test_a_records_cosines_are_of_its_last_two_steps():
    experiment = gan_jax.Experiment(steps=11, log_every=5, batch_size=20, discriminator_steps=2)
    run = train_seeds(experiment, [4, 9], lanes=2)
    gan, key = gan_jax.make_gan(experiment), gan_jax.seed_key(9)
    states = [gan.init(key)]
    for _ in range(10):
        states.append(gan.train_step(states[-1], key)[0])
    for name, player in zip(COSINES, ("generator", "discriminator"), strict=True):
        path = [ravel_pytree(getattr(state, player).parameters)[0] for state in states]
        updates = np.diff(np.asarray(path, np.float64), axis=0)
        lengths = np.linalg.norm(updates, axis=1)
        cosines = (updates[1:] * updates[:-1]).sum(axis=1) / (lengths[1:] * lengths[:-1])
        found = run.history[name][1]
        # Steps 4 and 5, and 9 and 10; the first record has no step, the last has one.
        np.testing.assert_allclose(found, [np.nan, cosines[3], cosines[8], np.nan], rtol=1e-3)


def test_a_constant_gradient_goes_straight_on():
    # The generator's gradient in Dirac-GAN with Wasserstein's loss is minus psi, which stands
    # still at a rate lost in rounding.
    rates = {"generator_learning_rate": 0.1, "discriminator_learning_rate": 1e-30}
    experiment = gan_jax.preset("dirac", loss="wasserstein", steps=7, log_every=2, **rates)
    history = train_seeds(experiment, 3).history
    np.testing.assert_allclose(history[COSINES[0]][:, 1:-1], 1, rtol=1e-6)
    assert np.isnan(history[COSINES[0]][:, -1]).all() and np.isnan(history[COSINES[1]]).all()
    assert (history["discriminator_update_ratio"][:, 1:] == 0).all()


def test_a_measure_of_ones_own(registered):
    experiment = gan_jax.Experiment(steps=25, log_every=5, batch_size=20)
    run = train_seeds(experiment, 2, evaluation=Evaluation(step_count, ()))
    np.testing.assert_array_equal(run.history["steps_taken"], [run.steps, run.steps])


def step_count(parts, inputs, state):
    return {"steps_taken": state.step.astype(np.float32)}
