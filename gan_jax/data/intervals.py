"""A number that ought to be uniform on an interval: how far from it, and how much of it is reached.

What the x of a curve, the frequency of a sine wave and the place along a spiral have in common.
Both measures are exact properties of the sample; neither needs a reference sample.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from gan_jax.data.sorting import sort_floats

COVERAGE_BINS = 10
# A bin counts as covered from this share of its fair number of samples (n / COVERAGE_BINS) on.
COVERED_FROM = 0.1


def interval_coverage(values: jax.Array, low: float, high: float) -> jax.Array:
    """Share of the interval [low, high) that `values` [n] reach, from 0 to 1.

    It is cut into COVERAGE_BINS equal parts; one counts when it holds at least COVERED_FROM times
    its fair share of the values. Values outside the interval count for none.
    """
    position = (values - low) / (high - low) * COVERAGE_BINS
    bins = jnp.arange(COVERAGE_BINS, dtype=position.dtype)
    inside = (position[None, :] >= bins[:, None]) & (position[None, :] < bins[:, None] + 1)
    return (inside.mean(axis=1) >= COVERED_FROM / COVERAGE_BINS).mean()


def distance_from_uniform(values: jax.Array, low: float, high: float) -> jax.Array:
    """Wasserstein-1 distance of `values` [n] from the uniform law on [low, high], in their units.

    The i-th smallest value v_(i) is carried to the i-th of n equal parts of the interval, of half
    width h = (high - low) / 2n about the middle m_i = low + (2i - 1) h. The integral of |v - q|
    over a part's quantiles q has a closed form, so that the distance is exact:

        W1 = 1/n sum_i [ c_i + max(h - c_i, 0)^2 / 2h ],  c_i = |v_(i) - m_i|.

    It is at least h/2, where every value lies in the middle of its part. A sample of n values of
    the law itself scores about sqrt(pi / 32) (high - low) / sqrt(n) on average.

    Source: Vallender 1974, "Calculation of the Wasserstein distance between probability
    distributions on the line" (W1 as the integral over quantiles).
    """
    n = values.shape[0]
    half = (high - low) / (2 * n)
    middles = low + half * (2 * jnp.arange(n, dtype=values.dtype) + 1)
    apart = jnp.abs(sort_floats(values) - middles)
    return (apart + jnp.maximum(half - apart, 0) ** 2 / (2 * half)).mean()
