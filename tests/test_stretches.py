"""Lanes that fail anywhere in a stretch: against a loop that freezes them at every step."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gan_jax.game.parts import current_parameters
from gan_jax.game.state import GanState, PlayerState, StepInfo
from gan_jax.training import stretches
from gan_jax.training.lane import NEVER, Lane
from gan_jax.training.stretches import take_steps

LONGEST = 40


@pytest.fixture(scope="module", autouse=True)
def several_stretches():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretches, "STRETCH", 7)
        yield


def a_lane(weight):
    """A lane whose players are a number each."""
    player = PlayerState({"w": weight}, {}, ())
    return Lane(GanState(jnp.int32(0), player, player), jnp.int32(NEVER))


def a_step(number, fails, lane):
    """One weight grows by the step's number, the other falls; at a step that fails the first is
    infinite, and would be the next step's number after that: a lane that is not frozen recovers."""
    step = number + 1
    old = lane.state.generator.parameters["w"]
    grown = jnp.where(jnp.isfinite(old), old, 0) + step
    player = PlayerState({"w": jnp.where(fails[step], jnp.inf, grown)}, {}, ())
    other = PlayerState({"w": lane.state.discriminator.parameters["w"] - step}, {}, ())
    info = StepInfo(*[jnp.float32(step)] * len(StepInfo._fields))
    return lane.moved_on(step, GanState(jnp.int32(step), player, other), info), info


def freezing_at_every_step(lanes, fails, start, stop):
    """What is expected, and where the last two steps moved the players."""
    paths = [current_parameters(lanes.state)] * 2
    for number in range(start, stop):
        new, _ = jax.vmap(a_step, (None, 0, 0))(number, fails, lanes)
        first, dead = np.asarray(new.first_nonfinite_step), ~np.asarray(new.alive)
        state = jax.tree.map(lambda x, y: np.where(dead, y, x), new.state, lanes.state)  # noqa: B023
        lanes = Lane(state, jnp.asarray(first))
        paths.append(current_parameters(state))
    updates = [jax.tree.map(np.subtract, *pair) for pair in zip(paths[1:], paths, strict=False)]
    return lanes, updates[-2:] if len(updates) > 1 else [updates[0]] * 2


def of_lanes(fails):
    """The step of all lanes, which fail where `fails` [lane, step] says."""
    return lambda number, lanes: jax.vmap(a_step, (None, 0, 0))(number, fails, lanes)


def nothing(n_lanes):
    return StepInfo(*[jnp.full(n_lanes, jnp.nan)] * len(StepInfo._fields))


@jax.jit
def compiled(lanes, fails, start, stop):
    return take_steps(of_lanes(fails), lanes, nothing(len(fails)), start, stop)


steps_that_fail = st.lists(st.integers(1, LONGEST), max_size=3)


@given(
    st.lists(steps_that_fail, min_size=3, max_size=3),
    st.integers(0, LONGEST),
    st.integers(0, LONGEST),
)
@example([[1], [2], []], 0, LONGEST)  # the first step, and the one after it
@example([[LONGEST], [LONGEST - 1], [LONGEST - 2]], 0, LONGEST)  # those on their own
@example([[7, 8], [7], [8]], 0, LONGEST)  # one stretch, twice
@example([[1], [1], [1]], 0, 1)
@example([[], [], []], 5, 5)
def test_lanes_end_as_if_frozen_at_every_step(failures, one, other):
    fails = np.zeros((3, LONGEST + 1), bool)
    for lane, steps in enumerate(failures):
        fails[lane, steps] = True
    lanes = jax.vmap(a_lane)(jnp.arange(3.0))
    start, stop = sorted([one, other])
    ended, info, updates = compiled(lanes, fails, start, stop)
    expected, expected_updates = freezing_at_every_step(lanes, fails, start, stop)
    chex.assert_trees_all_equal(ended, expected)
    chex.assert_trees_all_equal(list(updates), expected_updates)
    alive = np.asarray(ended.alive)
    np.testing.assert_array_equal(info.value[alive], stop if stop > start else np.nan)


def steps_tried(fails, stop=20):
    """The steps that are tried with two lanes, of which one `fails(lane, step, times tried)`."""
    tried = []

    def step(number, lanes):
        new = int(number) + 1
        tried.append(new)
        failing = np.zeros((2, LONGEST + 1), bool)
        failing[:, new] = [fails(lane, new, tried.count(new)) for lane in range(2)]
        return of_lanes(failing)(number, lanes)

    lanes = jax.vmap(a_lane)(jnp.arange(2.0))
    with jax.disable_jit():
        ended, *_ = take_steps(step, lanes, nothing(2), jnp.int32(0), jnp.int32(stop))
    return tried, ended.first_nonfinite_step.tolist()


@pytest.mark.parametrize(
    ("failures", "tried"),
    [
        (set(), [*range(1, 21)]),
        # In the second stretch, which ends there, is taken up to it, and then it alone.
        ({(1, 11)}, [*range(1, 12), *range(8, 21)]),
        # A dead lane fails again, which costs nothing.
        ({(1, 9), (1, 10), (1, 15)}, [*range(1, 10), *range(8, 21)]),
        ({(0, 10), (1, 9)}, [*range(1, 10), *range(8, 21)]),
        ({(0, 9), (1, 12)}, [*range(1, 10), *range(8, 13), *range(10, 21)]),
        # The last two steps are on their own.
        ({(0, 19), (1, 20)}, [*range(1, 21)]),
    ],
)
def test_a_failure_costs_one_stretch_at_most(failures, tried):
    first = [min((step for one, step in failures if one == lane), default=NEVER) for lane in (0, 1)]
    assert steps_tried(lambda lane, step, times: (lane, step) in failures) == (tried, first)


def test_it_ends_even_if_failures_do_not_come_again():
    never_again = steps_tried(lambda lane, step, times: step == 11 and times == 1)
    assert never_again == ([*range(1, 12), *range(8, 21)], [NEVER, NEVER])
    # Another fails before it when the stretch is taken again, and then does not.
    tried, first = steps_tried(lambda lane, step, times: (step, times) in {(11, 1), (9, 2)})
    assert tried == [*range(1, 12), *range(8, 10), *range(8, 21)] and first == [NEVER, NEVER]
