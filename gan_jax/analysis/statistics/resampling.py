"""Bootstrap intervals over seeds: BCa where it is defined, percentiles where not, and which it was.

The seed is what is drawn again, whole: its curve, its outcomes under both variants. Failed seeds
are drawn like any other, and a resample whose statistic they make NaN ranks worst.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gan_jax.analysis.statistics.rates import check_share

# Below this, the acceleration is a guess from a handful of numbers.
FEWEST_FOR_BCA = 8
# Numbers resampled at a time: 32 MB.
LARGEST_BATCH = 4_000_000

Statistic = Callable[..., Any]


class Interval(NamedTuple):
    """A statistic of all seeds and its interval; lower is better.

    Attributes:
      estimate: the statistic, NaN where failed seeds make it so; [...] for values [seed, ...].
      low: the lower end; NaN where it lies among resamples that failed, or there is no interval.
      high: the upper end, likewise: with a number as `low`, NaN means that no number bounds it.
      method: how it was made: "BCa"; "percentile" where BCa is not defined; "Wilson" where
        resampling has no width (`improvement_interval`); "none" for one seed.
    """

    estimate: Any
    low: Any
    high: Any
    method: str


def bootstrap(
    values: np.ndarray,
    statistic: Statistic,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """A statistic of the seeds with its bootstrap interval, by `scipy.stats.bootstrap`.

    BCa, bias-corrected and accelerated, allows for a statistic that is biased or whose spread
    depends on its value. It is not defined for fewer than 8 seeds, where no resample differs, and
    where a resample's statistic is not finite: then the interval lies between percentiles, with
    such a resample as the largest. Where any place of a curve wants percentiles, all have them.
    One seed has no interval (NaN); seeds that are all alike have one of width zero.

    Args:
      values: scores [seed] or curves [seed, ...].
      statistic: takes values [seed, ...] and `axis`; `iqm`, `median`, `np.mean`.
      confidence: how often the interval is to cover the true statistic.
      resamples: how many times all seeds are drawn again, with replacement.
      seed: of the draws.

    Raises:
      ValueError: when there are no seeds, no resamples, or confidence is not in (0, 1).

    Source: Efron 1987, "Better Bootstrap Confidence Intervals".
    """
    return _interval([values], statistic, True, confidence, resamples, seed)


def paired_bootstrap(
    first: np.ndarray,
    second: np.ndarray,
    statistic: Statistic,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """`bootstrap` of two variants at once: a seed drawn again is drawn with both its scores.

    Args:
      first: scores [seed] of one variant.
      second: those of another, of the same seeds in the same order.
      statistic: takes both and `axis`, as in
        `lambda a, b, axis: median(a, axis=axis) - median(b, axis=axis)`.
      confidence, resamples, seed: as in `bootstrap`.

    Raises:
      ValueError: as `bootstrap`, or when the two have not as many seeds.
    """
    return _interval([first, second], statistic, True, confidence, resamples, seed)


def unpaired_bootstrap(
    first: np.ndarray,
    second: np.ndarray,
    statistic: Statistic,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """`paired_bootstrap` of two variants that share no seeds: each is drawn again by itself."""
    return _interval([first, second], statistic, False, confidence, resamples, seed)


def stratified_bootstrap(
    groups: Sequence[np.ndarray],
    statistic: Statistic,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """`bootstrap` of several groups put together, each drawn again from its own seeds only.

    Without it, resamples would differ in how many seeds of which data set they hold. The scores
    must mean the same in every group (divided by each data set's floor, say).

    Args:
      groups: for every stratum (a data set, a variant) its scores [seed]; numbers may differ.
      statistic: takes the values of all groups together [seeds of all] and `axis`.
      confidence, resamples, seed: as in `bootstrap`.

    Raises:
      ValueError: as `bootstrap`, or when there is no group or one has no seeds.

    Source: Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical
    Precipice", section 4.
    """

    def of_all(*parts: np.ndarray, axis: int) -> Any:
        return statistic(np.concatenate(parts, axis=axis), axis=axis)

    return _interval(list(groups), of_all, False, confidence, resamples, seed)


def _interval(
    groups: list[np.ndarray],
    statistic: Statistic,
    paired: bool,
    confidence: float,
    resamples: int,
    seed: int,
) -> Interval:
    groups = [np.asarray(values, np.float64) for values in groups]
    check_share("confidence", confidence)
    if not groups or any(values.ndim < 1 or len(values) == 0 for values in groups):
        raise ValueError(f"shapes {[v.shape for v in groups]} given, expected at least one seed")
    if paired and len({values.shape for values in groups}) > 1:
        raise ValueError(f"shapes {[v.shape for v in groups]} given, expected the same seeds")
    if resamples < 1:
        raise ValueError(f"resamples {resamples} given, expected at least 1")
    estimate = _plain(statistic(*groups, axis=0))
    if any(len(values) == 1 for values in groups):
        nothing = _plain(np.full(np.shape(estimate), np.nan))
        return Interval(estimate, nothing, nothing, "none")
    low, high, drawn = _bca(groups, statistic, paired, confidence, resamples, seed)
    enough = min(map(len, groups)) >= FEWEST_FOR_BCA
    if enough and all(np.isfinite(part).all() for part in (estimate, low, high, drawn)):
        return Interval(estimate, _plain(low), _plain(high), "BCa")
    low, high = _percentiles(drawn, confidence)
    return Interval(estimate, _plain(low), _plain(high), "percentile")


def _bca(
    groups: list[np.ndarray],
    statistic: Statistic,
    paired: bool,
    confidence: float,
    resamples: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both ends, NaN where BCa is not defined, and the resampled statistics [..., resample]."""
    from scipy.stats import bootstrap as scipy_bootstrap

    size = sum(values.size for values in groups)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # What SciPy warns of, NaN ends and divisions by no spread, is answered by percentiles.
        warnings.simplefilter("ignore")
        result = scipy_bootstrap(
            groups,
            statistic,
            n_resamples=resamples,
            batch=max(1, LARGEST_BATCH // size),
            vectorized=True,
            paired=paired,
            axis=0,
            confidence_level=confidence,
            method="BCa",
            rng=np.random.default_rng(seed),
        )
    interval = result.confidence_interval
    return interval.low, interval.high, result.bootstrap_distribution


def _percentiles(drawn: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the middle share of resamples [..., resample]; failed ones rank last."""
    ranked = np.where(np.isfinite(drawn), drawn, np.inf)
    tail = (1 - confidence) / 2
    # Members of the sample: interpolating towards infinity would make NaN of a number.
    low = np.quantile(ranked, tail, axis=-1, method="lower")
    high = np.quantile(ranked, 1 - tail, axis=-1, method="higher")
    ends = (np.where(np.isfinite(end), end, np.nan) for end in (low, high))
    return next(ends), next(ends)


def _plain(value: Any) -> Any:
    """A float where it is one number, an array otherwise."""
    return float(value) if np.ndim(value) == 0 else np.asarray(value)
