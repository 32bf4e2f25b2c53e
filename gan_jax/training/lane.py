"""One seed in training: a lane, and whether its numbers are finite."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from gan_jax.game.norms import sums_by_shape
from gan_jax.game.state import WATCHED, GanState, StepInfo

NEVER = -1
# Arrays of so many numbers and more are read by products, each by its own: XLA's CPU sums the 6
# million of the dense networks of digits, each times zero, at half the rate at which products read
# them (1.7 against 0.8 ms, one core). From 2**14 on, layers 128 wide gained nothing.
LARGE = 2**16


class Lane(NamedTuple):
    """One seed's training state, and its first step that was not finite (NEVER if none)."""

    state: GanState
    first_nonfinite_step: jax.Array

    @property
    def alive(self) -> jax.Array:
        """Whether every step was finite."""
        return self.first_nonfinite_step == NEVER

    def moved_on(self, step: jax.Array, state: GanState, info: StepInfo) -> Lane:
        """The lane with a step's result, whatever it is; `step` is noted if it is its first to
        fail."""
        fails = self.alive & ~step_is_finite(state, info)
        return Lane(state, jnp.where(fails, step, self.first_nonfinite_step))


def all_finite(tree: Any) -> jax.Array:
    """Whether every floating-point number in a tree is finite."""
    leaves = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.floating)]
    # Zero times a number is zero, or else NaN: a sum is one pass, a conjunction would be two.
    sums = sums_by_shape([_times_zero(x) for x in leaves])
    # All tested together: XLA's CPU would work out a conjunction of tests anew wherever it is used.
    return jnp.isfinite(sums).all()


def _times_zero(x: jax.Array) -> jax.Array:
    """An array times zero; of a large one, sums of that along its last axis."""
    if x.size < LARGE:
        return jnp.multiply(x, 0.0)
    # In full precision: rounded to fewer bits, the largest numbers would be infinite.
    return jnp.matmul(x, jnp.zeros(x.shape[-1], x.dtype), precision=lax.Precision.HIGHEST)


def step_is_finite(state: GanState, info: StepInfo) -> jax.Array:
    """Whether a step has led to finite numbers: its new state, losses, gradients and logits.

    What is derived from those does not count: squares of large finite weights may overflow.
    """
    return all_finite((state, info._replace(**dict.fromkeys(WATCHED))))
