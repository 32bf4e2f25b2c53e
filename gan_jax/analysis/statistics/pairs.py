"""Two variants' successes compared seed by seed: the test, and how far the rates lie apart.

Seeds are shared by a study's variants: the same seed starts both from the same weights and shows
them the same data, so that what one seed does under both is a pair.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from gan_jax.analysis.statistics.rates import Rate, wilson


class Pairs(NamedTuple):
    """Two variants' outcomes of the same seeds, compared seed by seed.

    Attributes:
      first_only: seeds that succeed with the first variant only.
      second_only: seeds that succeed with the second variant only.
      p_value: two-sided, that the two rates are equal.
    """

    first_only: int
    second_only: int
    p_value: float


class PairCounts(NamedTuple):
    """How many seeds succeed with both variants, one of them, neither."""

    both: int
    first_only: int
    second_only: int
    neither: int


def count_pairs(first: np.ndarray, second: np.ndarray) -> PairCounts:
    """Count two success vectors' [seed] four kinds of seeds.

    Raises:
      ValueError: unless both have one outcome, true or false, for every seed.
    """
    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"outcomes {first.shape} and {second.shape} given, expected one a seed")
    for outcomes in (first, second):
        # A missing seed's NaN would become a success.
        if not np.isin(outcomes, (0, 1)).all():
            raise ValueError("outcomes besides true and false given, expected one a seed")
    first, second = first.astype(bool), second.astype(bool)
    kinds = (first & second, first & ~second, second & ~first, ~first & ~second)
    return PairCounts(*(int(kind.sum()) for kind in kinds))


def mcnemar(first: np.ndarray, second: np.ndarray) -> Pairs:
    """McNemar's exact test of two paired success vectors [seed], by `scipy.stats.binomtest`.

    Seeds with one outcome under both say nothing; of the others, under equal rates, either is as
    likely: the p-value is that of so uneven a split of fair coin tosses, 1 where there are none.

    Raises:
      ValueError: unless both have one outcome for every seed.

    Source: McNemar 1947, "Note on the Sampling Error of the Difference between Correlated
    Proportions".
    """
    counts = count_pairs(first, second)
    from scipy.stats import binomtest

    differ = counts.first_only + counts.second_only
    p_value = float(binomtest(counts.first_only, differ).pvalue) if differ else 1.0
    return Pairs(counts.first_only, counts.second_only, p_value)


def newcombe(first: np.ndarray, second: np.ndarray, confidence: float = 0.95) -> Rate:
    """The difference of two paired rates, first - second, with Newcombe's interval (method 10).

    With both rates' Wilson intervals (l1, u1), (l2, u2) and the outcomes' correlation phi:

        low  = p1 - p2 - sqrt((p1 - l1)^2 - 2 phi (p1 - l1)(u2 - p2) + (u2 - p2)^2)
        high = p1 - p2 + sqrt((u1 - p1)^2 - 2 phi (u1 - p1)(p2 - l2) + (p2 - l2)^2)

    phi = (both neither - first_only second_only) / sqrt(the product of the four margins); a
    positive numerator is reduced by n/2, down to 0, and phi is 0 where a margin is.

    Args:
      first: successes [seed] of the first variant.
      second: those of the second, of the same seeds in the same order.
      confidence: how often the interval is to cover the true difference.

    Raises:
      ValueError: unless both have one outcome for every seed, and there is one.

    Source: Newcombe 1998, "Improved Confidence Intervals for the Difference between Binomial
    Proportions Based on Paired Data", method 10.
    """
    counts = count_pairs(first, second)
    n = sum(counts)
    p1, low1, high1 = wilson(counts.both + counts.first_only, n, confidence)
    p2, low2, high2 = wilson(counts.both + counts.second_only, n, confidence)
    phi, estimate = _correlation(counts), (counts.first_only - counts.second_only) / n
    low = estimate - _hypotenuse(p1 - low1, high2 - p2, phi)
    high = estimate + _hypotenuse(high1 - p1, p2 - low2, phi)
    return Rate(estimate, low, high)


def _correlation(counts: PairCounts) -> float:
    both, first_only, second_only, neither = counts
    margins = (both + first_only) * (second_only + neither)
    margins *= (both + second_only) * (first_only + neither)
    if margins == 0:
        return 0.0
    numerator = both * neither - first_only * second_only
    if numerator > 0:
        numerator = max(numerator - sum(counts) / 2, 0)
    return numerator / sqrt(margins)


def _hypotenuse(a: float, b: float, phi: float) -> float:
    # Rounding alone could make the sum negative, where a = b and phi = 1.
    return sqrt(max(a * a - 2 * phi * a * b + b * b, 0.0))
