"""Many seeds' outcome: rates with intervals, summaries that count a failed seed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FAILED = 1e300


class Rate(NamedTuple):
    """A share of seeds and its confidence interval."""

    estimate: float
    low: float
    high: float


def wilson(successes: int, n: int, confidence: float = 0.95) -> Rate:
    """A rate with Wilson's score interval, by `scipy.stats.binomtest`.

    Unlike estimate +- z standard errors it stays inside [0, 1] and keeps a width at 0 and at n
    successes.

    Raises:
      ValueError: unless 0 <= successes <= n and n >= 1.

    Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    # SciPy answers some of these with NaN, depending on its version.
    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"{successes} of {n} given, expected 0 <= successes <= n and n >= 1")
    from scipy.stats import binomtest  # here: SciPy takes most of a second to load

    interval = binomtest(successes, n).proportion_ci(confidence, method="wilson")
    return Rate(successes / n, float(interval.low), float(interval.high))


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


def mcnemar(first: np.ndarray, second: np.ndarray) -> Pairs:
    """McNemar's exact test of two paired success vectors [seed], by `scipy.stats.binomtest`.

    Seeds with one outcome under both say nothing; of the others, under equal rates, either is as
    likely: the p-value is that of so uneven a split of fair coin tosses, 1 where there are none.

    Raises:
      ValueError: unless both have one outcome for every seed.

    Source: McNemar 1947, "Note on the Sampling Error of the Difference between Correlated
    Proportions".
    """
    first, second = np.asarray(first, bool), np.asarray(second, bool)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"outcomes {first.shape} and {second.shape} given, expected one a seed")
    from scipy.stats import binomtest

    first_only, second_only = int((first & ~second).sum()), int((second & ~first).sum())
    differ = first_only + second_only
    p_value = float(binomtest(first_only, differ).pvalue) if differ else 1.0
    return Pairs(first_only, second_only, p_value)


def quartiles(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lower quartile, median and upper quartile over the seeds, axis 0; NaN is a failed seed.

    A failed seed is worse than any number: a quartile that falls among the failed seeds, or between
    one and a number, is NaN. Nothing is averaged away: with 30 % of the seeds failed, the upper
    quartile of a lower-is-better measure does not exist.
    """
    # A failure counts as FAILED, not as infinity: interpolation would make 0 x infinity of it, NaN.
    ranked = np.where(np.isnan(values), FAILED, np.asarray(values, np.float64))
    quantiles = np.quantile(ranked, [0.25, 0.5, 0.75], axis=0)
    low, median, high = np.where(quantiles < FAILED / 1e6, quantiles, np.nan)
    return low, median, high
