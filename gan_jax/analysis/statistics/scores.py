"""Scores of seeds, lower is better: summaries, profiles and comparisons that count a failed seed.

Half of a study's seeds may fail and the rest be perfect: a mean over those that ran would praise
the variant that fails most. Here NaN, or an infinity, is a failed seed and ranks below all others.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gan_jax.analysis.statistics.rates import wilson
from gan_jax.analysis.statistics.resampling import Interval, paired_bootstrap, unpaired_bootstrap

FAILED = 1e300


class Band(NamedTuple):
    """A curve over thresholds [threshold] and its pointwise interval."""

    estimate: np.ndarray
    low: np.ndarray
    high: np.ndarray


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


def with_failures(values: np.ndarray, worst: float, axis: int = 0) -> np.ndarray:
    """The scores with a number for each failed seed: `worst`, the untrained generator's.

    Where a seed ended beyond that, failed seeds get that seed's score: they rank last, or tie.

    Args:
      values: scores, seeds along `axis`; NaN or infinite is a failed seed.
      worst: what stands for a failed seed.
      axis: the seeds'.

    Raises:
      ValueError: when `worst` is not finite.
    """
    if not np.isfinite(worst):
        raise ValueError(f"worst {worst} given, expected the finite score of a failed seed")
    values = np.asarray(values, np.float64)
    known = np.isfinite(values)
    largest = np.max(values, axis=axis, keepdims=True, initial=worst, where=known)
    return np.where(known, values, largest)


def _sorted(values: np.ndarray, axis: int) -> np.ndarray:
    """Scores in ascending order, failed seeds as NaN at the end, seeds along axis 0."""
    values = np.moveaxis(np.asarray(values, np.float64), axis, 0)
    if len(values) == 0:
        raise ValueError("no seeds given, expected at least one")
    return np.sort(np.where(np.isfinite(values), values, np.nan), axis=0)


def iqm(values: np.ndarray, axis: int = 0, worst: float | None = None) -> Any:
    """The interquartile mean: of the seeds without the best and the worst quarter.

    Of n seeds, floor(n / 4) are left out at either end (`scipy.stats.trim_mean` of a quarter).

    Args:
      values: scores, seeds along `axis`; NaN is a failed seed and ranks worst.
      axis: the seeds'.
      worst: the score that stands for a failed seed (`with_failures`), the untrained generator's.
        Without it, the result is NaN when a failed seed is in the middle half.

    Raises:
      ValueError: when there are no seeds.

    Source: Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical
    Precipice", section 4.3.
    """
    ranked = _sorted(values if worst is None else with_failures(values, worst, axis), axis)
    out = len(ranked) // 4
    return ranked[out : len(ranked) - out].mean(axis=0)


def median(values: np.ndarray, axis: int = 0) -> Any:
    """The middle seed's score, or of two their mean; NaN where a failed seed is in the middle.

    Raises:
      ValueError: when there are no seeds.
    """
    ranked = _sorted(values, axis)
    n = len(ranked)
    return (ranked[(n - 1) // 2] + ranked[n // 2]) / 2


def performance_profile(values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """The share of seeds whose score is within each threshold [threshold]; a failed seed's never.

    Two variants whose profiles do not cross are ordered at any threshold one may care for.

    Args:
      values: scores [seed], NaN for a failed seed.
      thresholds: [threshold], in the scores' units.

    Raises:
      ValueError: when there are no seeds, or values or thresholds are not one row.

    Source: Dolan and More 2002, "Benchmarking Optimization Software with Performance Profiles";
    Agarwal et al. 2021, section 4.2.
    """
    return _within(values, thresholds).mean(axis=0)


def profile_band(values: np.ndarray, thresholds: np.ndarray, confidence: float = 0.95) -> Band:
    """`performance_profile` with Wilson's interval at every threshold.

    Wilson's and not the bootstrap's: at one threshold the seeds within it are a binomial count,
    and where none or all are, every resample is alike and the bootstrap's interval has no width.
    Pointwise: each threshold is covered as often as `confidence` says, all at once less often.

    Raises:
      ValueError: as `performance_profile`, or when confidence is not in (0, 1).
    """
    within = _within(values, thresholds)
    counts, n = within.sum(axis=0), len(within)
    rates = {int(count): wilson(int(count), n, confidence) for count in np.unique(counts)}
    columns = np.array([rates[int(count)] for count in counts], np.float64).reshape(-1, 3)
    return Band(*columns.T)


def _within(values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    values, thresholds = np.asarray(values, np.float64), np.asarray(thresholds, np.float64)
    if values.ndim != 1 or thresholds.ndim != 1 or values.size == 0:
        shapes = f"scores {values.shape} and thresholds {thresholds.shape}"
        raise ValueError(f"{shapes} given, expected one row each and at least one seed")
    return np.isfinite(values)[:, None] & (values[:, None] <= thresholds[None])


def _improvement(first: np.ndarray, second: np.ndarray, axis: int) -> Any:
    """P(first < second) + P(first = second) / 2, from the ranks that `first` has among all."""
    from scipy.stats import rankdata

    n, m = first.shape[axis], second.shape[axis]
    ranks = rankdata(np.concatenate([first, second], axis=axis), axis=axis)
    of_first = np.take(ranks, range(n), axis=axis).sum(axis=axis)
    # Mann and Whitney's U: how many pairs have first > second, a tie counting one half.
    return 1 - (of_first - n * (n + 1) / 2) / (n * m)


def probability_of_improvement(first: np.ndarray, second: np.ndarray) -> float:
    """How likely a seed of `first` scores better, that is lower, than one of `second`.

    P(X < Y) + P(X = Y) / 2 over all pairs: Mann and Whitney's U over the number of pairs. A
    failed seed loses to every number and ties with a failed seed. 0.5: neither is better.

    Args:
      first: scores [seed], NaN for a failed seed.
      second: scores [seed]; the number of seeds may differ.

    Raises:
      ValueError: when either is not one row, or has no seeds.

    Source: Mann and Whitney 1947, "On a Test of Whether One of Two Random Variables Is
    Stochastically Larger than the Other"; Agarwal et al. 2021, section 4.4.
    """
    return float(_improvement(_ranked_row(first), _ranked_row(second), 0))


def _ranked_row(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"scores {values.shape} given, expected one row of at least one seed")
    return np.where(np.isfinite(values), values, np.inf)


def improvement_interval(
    first: np.ndarray,
    second: np.ndarray,
    *,
    paired: bool = True,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """`probability_of_improvement` with its bootstrap interval.

    Where every seed of one beats every seed of the other, resamples are all alike. Wilson's
    interval then stands in: of as many disjoint pairs as the smaller group has seeds, all or none
    improve.

    Args:
      first: scores [seed], NaN for a failed seed.
      second: scores [seed].
      paired: whether both are of the same seeds in the same order, as a study's variants are: a
        seed is then drawn again with both its scores.
      confidence, resamples, seed: as in `bootstrap`.

    Raises:
      ValueError: when there are no seeds, or paired variants have not as many.
    """
    first, second = _ranked_row(first), _ranked_row(second)
    smaller = min(first.size, second.size)
    resample = paired_bootstrap if paired else unpaired_bootstrap
    interval = resample(
        first, second, _improvement, confidence=confidence, resamples=resamples, seed=seed
    )
    if smaller > 1 and interval.estimate in (0.0, 1.0):
        _, low, high = wilson(round(interval.estimate * smaller), smaller, confidence)
        return Interval(interval.estimate, low, high, "Wilson")
    return interval
