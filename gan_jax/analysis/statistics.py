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


def quartiles(values: np.ndarray) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile, where NaN is a failed seed: worse than any number.

    A quartile that falls among the failed seeds, or between one and a number, is NaN. Nothing is
    averaged away: with 30 % of the seeds failed, the upper quartile of a lower-is-better measure
    does not exist.
    """
    # A failure counts as FAILED, not as infinity: interpolation would make 0 x infinity of it, NaN.
    ranked = np.where(np.isnan(values), FAILED, np.asarray(values, np.float64))
    quantiles = np.quantile(ranked, [0.25, 0.5, 0.75])
    low, median, high = np.where(quantiles < FAILED / 1e6, quantiles, np.nan).tolist()
    return low, median, high
