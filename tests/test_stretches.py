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
from gan_jax.training.stretches import NEVER, Lane, checked, take_steps

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
    """Both weights grow by the step's number; at steps that fail the generator's is infinite, and
    would be the step's number after the next: a lane that is not frozen recovers."""
    step = number + 1
    old = lane.state.generator.parameters["w"]
    grown = jnp.where(jnp.isfinite(old), old, 0) + step
    player = PlayerState({"w": jnp.where(fails[step], jnp.inf, grown)}, {}, ())
    other = PlayerState({"w": lane.state.discriminator.parameters["w"] - step}, {}, ())
    info = StepInfo(*[jnp.float32(step)] * len(StepInfo._fields))
    return checked(number, lane, GanState(jnp.int32(step), player, other), info), info


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


@jax.jit
def compiled(lanes, fails, start, stop):
    nothing = StepInfo(*[jnp.full(len(fails), jnp.nan)] * len(StepInfo._fields))

    def step(number, carry):
        return jax.vmap(a_step, (None, 0, 0))(number, fails, carry[0])

    return take_steps(step, lanes, nothing, start, stop)


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


def test_a_failure_costs_one_stretch_at_most():
    taken = []

    def step(number, carry):
        taken.append(int(number) + 1)
        return jax.vmap(a_step, (None, 0, 0))(number, fails, carry[0])

    fails = np.zeros((2, LONGEST + 1), bool)
    lanes, info = (
        jax.vmap(a_lane)(jnp.arange(2.0)),
        StepInfo(*[jnp.zeros(2)] * len(StepInfo._fields)),
    )
    with jax.disable_jit():
        take_steps(step, lanes, info, jnp.int32(0), jnp.int32(20))
        assert taken == [*range(1, 21)]
        taken.clear()
        fails[1, 11] = True  # in the second stretch, which is taken up to it, and it alone
        take_steps(step, lanes, info, jnp.int32(0), jnp.int32(20))
    assert taken == [*range(1, 15), *range(8, 21)]
