"""One-dimensional functions: points (x, f(x)) with x uniform on an interval.

The easiest data whose truth is known whole, domain and curve, so that "how wrong is it" has an
objective answer that no reference sample is needed for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from gan_jax.data.dataset import Dataset

COVERAGE_BINS = 10
# A bin counts as covered from this share of its fair number of samples (n / COVERAGE_BINS) on.
COVERED_FROM = 0.1


@dataclass(frozen=True)
class Curve:
    """The truth: y = function(x) on low <= x <= high."""

    function: Callable[[jax.Array], jax.Array]
    low: float
    high: float


def curve_error(curve: Curve, points: jax.Array) -> jax.Array:
    """Mean distance of `points` [n, 2] from the curve, in data units.

    Each point is compared with the curve's point at the nearest x of the domain: an upper bound of
    the distance to the curve, and zero exactly on it.
    """
    x, y = points.T
    nearest = jnp.clip(x, curve.low, curve.high)
    return jnp.hypot(x - nearest, y - curve.function(nearest)).mean()


def domain_coverage(curve: Curve, points: jax.Array) -> jax.Array:
    """Share of the domain that `points` [n, 2] reach, from 0 to 1.

    The domain is cut into COVERAGE_BINS equal parts; one counts when it holds at least
    COVERED_FROM times its fair share of the points. A generator that covers only x > 0 scores 0.5.
    """
    position = (points[:, 0] - curve.low) / (curve.high - curve.low) * COVERAGE_BINS
    bins = jnp.arange(COVERAGE_BINS, dtype=position.dtype)
    inside = (position[None, :] >= bins[:, None]) & (position[None, :] < bins[:, None] + 1)
    return (inside.mean(axis=1) >= COVERED_FROM / COVERAGE_BINS).mean()


def curve_dataset(function: Callable[[jax.Array], jax.Array], low: float, high: float) -> Dataset:
    """Make the data set of points (x, function(x)) with x uniform on [low, high)."""
    curve = Curve(function, low, high)

    def sample(key: jax.Array, n: int) -> jax.Array:
        x = jax.random.uniform(key, (1, n), minval=low, maxval=high)
        return jnp.concatenate([x, function(x)]).T

    measures = {
        "curve_error": lambda points: curve_error(curve, points),
        "coverage": lambda points: domain_coverage(curve, points),
    }
    return Dataset(sample, shape=(2,), truth=curve, measures=measures, labels=("x", "y"))


# Brownlee's one-dimensional function: y = x^2 on [-1/2, 1/2].
parabola = curve_dataset(jnp.square, -0.5, 0.5)
