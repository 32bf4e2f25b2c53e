"""Many seeds: bitwise lane independence, isolation of a diverging seed, one trace."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from setups import POISONED, poisoned

import gan_jax
from gan_jax.analysis import quality
from gan_jax.config import ConfigError
from gan_jax.game.draws import REAL
from gan_jax.game.program import make_program
from gan_jax.game.state import WATCHED, StepInfo
from gan_jax.training.chunks import Chunk, record_steps
from gan_jax.training.lane import LARGE, NEVER, all_finite, step_is_finite
from gan_jax.training.lanes import check_seeds, default_lanes
from gan_jax.training.loop import Evaluation
from gan_jax.training.rows import Row
from gan_jax.training.seeds import train_seeds

SHORT = {"steps": 25, "log_every": 5, "batch_size": 20}
DEVICES = jax.devices()


def pick(tree, seeds):
    return jax.tree.map(lambda x: x[np.asarray(seeds)], tree)


def test_there_are_four_devices_to_spread_over():
    assert len(DEVICES) == 4


@pytest.mark.bits
@pytest.mark.parametrize("lanes", [1, 3, 4])
def test_a_seeds_bits_depend_on_lanes_alone(lanes):
    experiment = gan_jax.Experiment(**SHORT)
    evaluation = quality.evaluation(experiment)

    def train(seeds, devices):
        run = train_seeds(experiment, seeds, lanes, evaluation=evaluation, devices=devices)
        return run.states, dict(run.history), run.first_nonfinite_step

    # 7 seeds: the last chunk is padded, unless lanes is 1.
    base = train(range(7), DEVICES[:1])
    for n in (2, 4):
        chex.assert_trees_all_equal(train(range(7), DEVICES[:n]), base)
    # Another order, so another place and other companions; fewer seeds, so other padding.
    order = [5, 2, 6, 0, 1, 4, 3]
    chex.assert_trees_all_equal(train(order, DEVICES[:2]), pick(base, order))
    chex.assert_trees_all_equal(train([6], DEVICES[:1]), pick(base, [6]))
    chex.assert_trees_all_equal(
        train([3, 100, 5], DEVICES[:2])[0], pick(train([3, 5, 100], DEVICES[:1])[0], [0, 2, 1])
    )


@pytest.mark.bits
def test_vmapped_training_is_the_loop_a_reader_would_write():
    experiment = gan_jax.Experiment(**SHORT)
    run = train_seeds(experiment, [4, 9], lanes=2)
    gan = gan_jax.make_gan(experiment)
    key = gan_jax.seed_key(9)
    state = gan.init(key)
    for step in range(25):
        state, info = gan.train_step(state, key)
        if step + 1 in (5, 20):
            record = run.steps.tolist().index(step + 1)
            for name, value in info._asdict().items():
                np.testing.assert_allclose(
                    run.history[name][1, record], value, rtol=1e-3, atol=1e-5
                )
    chex.assert_trees_all_close(pick(run.states, 1), jax.device_get(state), rtol=1e-3, atol=1e-5)


def chunk_of_four(rates):
    """Four seeds in one chunk, each with its own generator learning rate; trained to the end."""
    experiment = gan_jax.Experiment(**SHORT)
    program, evaluation = make_program(experiment), quality.evaluation(experiment)
    leaves = program.leaves._replace(generator_learning_rate=np.asarray(rates, np.float32))
    chunk = Chunk(program, evaluation, leaves, np.arange(4), 4, Row([DEVICES[0]]), 25, 5)
    chunk.begin()
    while chunk.advance():
        pass
    return chunk.result()


@pytest.mark.bits
def test_a_diverging_seed_is_frozen_recorded_and_leaves_the_others_bitwise_alone():
    healthy, healthy_history = chunk_of_four([1e-3] * 4)
    lanes, history = chunk_of_four([1e-3, 1e-3, 3e38, 1e-3])
    others = [0, 1, 3]
    chex.assert_trees_all_equal(pick(lanes, others), pick(healthy, others))
    chex.assert_trees_all_equal(pick(history, others), pick(healthy_history, others))
    assert (healthy.first_nonfinite_step == NEVER).all()

    died = int(lanes.first_nonfinite_step[2])
    assert 1 <= died <= 25
    assert lanes.state.step[2] == died - 1  # frozen before the step that was not finite
    assert all(np.isfinite(leaf[2]).all() for leaf in jax.tree.leaves(lanes.state))
    alive = record_steps(25, 5) < died
    for name in ("sliced_wasserstein", "generator_loss"):
        assert np.isnan(history[name][2][~alive]).all()
    assert np.isfinite(history["sliced_wasserstein"][2][alive]).all()


@pytest.mark.bits
@pytest.mark.parametrize("log_every", [5, 25])
def test_a_seed_stays_frozen_even_if_it_could_go_on(log_every, registered):
    registered(gan_jax.DATASETS, "poisoned", POISONED)  # a lane not frozen would recover
    experiment = gan_jax.Experiment(**SHORT | {"log_every": log_every}, data="poisoned")
    run = train_seeds(experiment, 4)
    for place in range(4):
        keys = [
            jax.random.fold_in(jax.random.fold_in(gan_jax.seed_key(place), step), REAL)
            for step in range(25)
        ]
        bad = [step for step in range(25) if poisoned(keys[step])]
        assert run.first_nonfinite_step[place] == (bad[0] + 1 if bad else NEVER)
        until = bad[0] if bad else 25
        assert run.states.step[place] == until
        if until:
            before = train_seeds(experiment.replace(steps=until), 4)
            chex.assert_trees_all_equal(pick(run.states, place), pick(before.states, place))
    assert (run.first_nonfinite_step != NEVER).any() and (run.states.step > 1).any()


@pytest.mark.bits
def test_both_losses_see_the_same_first_batches_bit_for_bit():
    first = [
        train_seeds(gan_jax.Experiment(**(SHORT | {"log_every": 1}), loss=loss), 3).history
        for loss in ("saturating", "non_saturating")
    ]
    for name in ("logit_real", "logit_fake", "discriminator_loss"):
        np.testing.assert_array_equal(first[0][name][:, 1], first[1][name][:, 1])
    assert not np.array_equal(first[0]["logit_fake"][:, 2], first[1]["logit_fake"][:, 2])


def test_a_record_longer_than_the_training_is_the_training():
    run = train_seeds(gan_jax.Experiment(steps=3, log_every=2**31 - 1, batch_size=20), 1)
    assert run.steps.tolist() == [0, 3] and run.states.step.tolist() == [3]


def test_every_seed_may_diverge_and_the_run_still_ends():
    run = train_seeds(gan_jax.Experiment(**SHORT, generator_learning_rate=3e38), 3)
    assert (run.first_nonfinite_step >= 1).all()
    assert np.isnan(run.history["generator_loss"][:, -1]).all()


def test_of_a_chunk_whose_seeds_have_all_failed_nothing_more_is_computed(registered):
    calls = {"draw": 0, "measure": 0}

    def called(name, batched):
        def count(_):
            calls[name] += 1
            return np.float32(0)

        zero = jax.ShapeDtypeStruct((), np.float32)
        return jax.pure_callback(count, zero, batched, vmap_method="sequential")

    def sample(key, n):
        x = gan_jax.DATASETS["parabola"].sample(key, n)
        return x + called("draw", x[0, 0])

    def measure(parts, inputs, state):
        return {"measured": called("measure", state.step)}

    def after(steps):
        calls.update(draw=0, measure=0)
        failing = gan_jax.Experiment(
            data="watched", steps=steps, log_every=1, batch_size=20, generator_learning_rate=3e38
        )
        run = train_seeds(failing, 2, lanes=2, evaluation=Evaluation(measure))
        assert run.first_nonfinite_step.max() <= 4
        assert np.isnan(run.history["measured"][:, 4:]).all()
        return dict(calls)

    registered(gan_jax.DATASETS, "watched", gan_jax.Dataset(sample, shape=(2,)))
    assert after(4) == after(40) and calls["measure"] < 10  # of two seeds, in several segments


def test_a_measure_is_one_number():
    def measure(parts, inputs, state):
        return {"fine": state.step.astype(float), "wrong": jnp.zeros((2, 3))}

    with pytest.raises(ConfigError, match=r"wrong of shape \(2, 3\) given, expected one number"):
        train_seeds(gan_jax.Experiment(steps=1), 2, lanes=2, evaluation=Evaluation(measure))


class Still(nn.Module):
    """A network with nothing to train."""

    shape: tuple

    @nn.compact
    def __call__(self, x, train=False):
        return jnp.ones((x.shape[0], *self.shape)) * x.mean()


def test_players_with_nothing_to_train_train(registered):
    registered(gan_jax.NETWORKS, "still", lambda spec: Still(spec.output_shape))
    experiment = gan_jax.preset("dirac", generator="still", discriminator="still", steps=2)
    run = train_seeds(experiment, 2, lanes=2)
    assert (run.first_nonfinite_step == NEVER).all() and not run.states.generator.parameters
    assert np.isnan(run.history["generator_update_cosine"]).all()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_not_finite_is_found_in_any_array(wrong):
    largest = np.finfo(np.float32).max
    tree = {
        "weights": np.full((2, 3), largest, np.float32),
        "averages": np.full((2, 3), largest, np.float32),  # as many: their sum would overflow
        "biases": np.array([-largest, 0, 1e-45], np.float32),
        "count": np.int32(7),
        "loss": np.float32(-1),
    }
    compiled = jax.jit(all_finite)
    assert all_finite(tree) and compiled(tree)
    for name in ("weights", "averages", "biases", "loss"):
        one = np.array(tree[name])
        one.flat[-1] = wrong
        assert not all_finite(tree | {name: one}) and not compiled(tree | {name: one})


@pytest.mark.bits
@pytest.mark.parametrize("shape", [(256, 256), (LARGE,), (LARGE, 1), (5, 5, 64, 41), (300, 300)])
def test_one_number_that_is_not_finite_is_found_in_a_large_array(shape):
    compiled = jax.jit(jax.vmap(all_finite))
    arrays = np.full((3, *shape), np.finfo(np.float32).max)
    others = {"averages": arrays.copy(), "loss": np.ones(3, np.float32)}
    assert arrays[0].size >= LARGE and compiled(others | {"weights": arrays}).all()
    for index in (0, 12_345, -1):
        for wrong in (np.nan, np.inf, -np.inf):
            arrays[1].flat[index] = wrong
            assert compiled(others | {"weights": arrays}).tolist() == [True, False, True]
        arrays[1].flat[index] = 0


def test_a_dead_lane_has_no_cosines():
    lanes, history = chunk_of_four([1e-3, 1e-3, 3e38, 1e-3])
    alive = record_steps(25, 5) < lanes.first_nonfinite_step[2]
    for name in ("generator_update_cosine", "discriminator_update_cosine"):
        assert np.isnan(history[name][2][~alive]).all()
        assert np.isfinite(history[name][[0, 1, 3], 1:]).all()


@pytest.mark.parametrize("name", WATCHED)
def test_what_follows_from_finite_numbers_and_overflows_is_no_divergence(name):
    state = {"weights": np.full(2, 1e20, np.float32)}
    info = StepInfo(*np.zeros(len(StepInfo._fields), np.float32))
    assert step_is_finite(state, info._replace(**{name: np.float32(np.nan)}))
    assert not step_is_finite(state, info._replace(generator_loss=np.float32(np.nan)))
    assert not step_is_finite({"weights": np.float32(np.inf)}, info)


def test_default_lanes_are_few_for_a_small_study():
    assert [default_lanes(n) for n in (1, 2, 7, 8, 32, 64, 127, 128, 4096)] == [
        1, 1, 4, 4, 4, 8, 8, 16, 16,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        (0, "seeds: 0 given"),
        (-3, "seeds: -3 given"),
        ([], "at least one"),
        ([1, 2, 1], "1 is listed more than once"),
        ([-1], "-1 given"),
        ([2**32], "4294967296 given"),
        ([1.5], "1.5 given"),
        ("12", "'12' given"),
        (True, "True given"),
    ],
)
def test_seeds_that_cannot_be_are_refused(seeds, words):
    with pytest.raises(ConfigError, match=words):
        check_seeds(seeds)


def test_the_largest_seed_and_lanes_that_cannot_be():
    largest = 2**32 - 1
    run = train_seeds(gan_jax.Experiment(steps=1, batch_size=4), [largest])
    assert run.seeds.tolist() == [largest]
    with pytest.raises(ConfigError, match="lanes: 0 given"):
        train_seeds(gan_jax.Experiment(), 2, lanes=0)
