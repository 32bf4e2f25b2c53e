"""When seeds succeed, or fail: the share that has not yet, over training steps.

What happens after training ends is not seen: such seeds are censored at the horizon, not left out.
A seed that diverges never succeeds. For time to success it stays among those that have not until
the horizon (`happened` false, `time` the horizon): censored when it diverged, it would count as one
that might yet have succeeded, and a loss whose seeds diverge would look quick.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gan_jax.analysis.statistics.rates import check_share, clopper_pearson


class Survival(NamedTuple):
    """A Kaplan-Meier curve: a step function, each value from its time on, all arrays [time].

    Attributes:
      times: 0, every time at which something happened, and the horizon; in steps.
      survival: the share of seeds to which it has not happened by then.
      low: the lower end of its pointwise interval.
      high: the upper end.
      at_risk: the seeds to which it had not happened, and which were seen, just before.
    """

    times: np.ndarray
    survival: np.ndarray
    low: np.ndarray
    high: np.ndarray
    at_risk: np.ndarray

    def median(self) -> float:
        """The first time by which it has happened to half of the seeds, NaN if it has not."""
        # Half of the seeds, but for rounding of a product.
        reached = self.survival <= 0.5 + 1e-12
        return float(self.times[reached][0]) if reached.any() else float("nan")


def kaplan_meier(
    times: np.ndarray, happened: np.ndarray, horizon: float, confidence: float = 0.95
) -> Survival:
    """The share of seeds to which something has not happened yet, by `scipy.stats.ecdf`.

        S(t) = product over times s <= t of (1 - events at s / seeds at risk at s)

    with Greenwood's variance on the scale of log(-log S), so that the interval stays inside
    [0, 1]. Where that is not defined: before the first event nothing has happened to anyone, and
    the lower end at the horizon is Clopper and Pearson's for none of those at risk; when it
    happened to everyone, the upper end stays what it was before, since S never rises.

    Args:
      times: [seed], when it happened, or until when the seed was seen without it. A diverged seed
        that can no longer succeed: the horizon.
      happened: [seed], true or false. What happened after the horizon counts as not seen.
      horizon: the last step of training.
      confidence: how often the interval is to cover the true share, at any one time.

    Raises:
      ValueError: when there are no seeds, a time is negative or not finite, or the horizon is not
        a positive number.

    Source: Kaplan and Meier 1958, "Nonparametric Estimation from Incomplete Observations";
    Kalbfleisch and Prentice 1980, "The Statistical Analysis of Failure Time Data" (log-log).
    """
    check_share("confidence", confidence)
    times, happened = _checked(times, happened)
    if not (np.isfinite(horizon) and horizon > 0):
        raise ValueError(f"horizon {horizon} given, expected a positive number of steps")
    happened = happened & (times <= horizon)
    times = np.minimum(times, horizon)
    import warnings

    from scipy.stats import ecdf

    estimate: Any = ecdf(_censored(times, happened)).sf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # undefined ends: filled in below
        interval = estimate.confidence_interval(confidence, method="log-log")
    moments = np.unique(np.concatenate([[0.0, horizon], times[happened]]))
    survival = estimate.evaluate(moments)
    at_risk = (times[None] >= moments[:, None]).sum(axis=1)
    low, high = interval.low.evaluate(moments), interval.high.evaluate(moments)
    return Survival(moments, survival, *_defined(survival, low, high, at_risk, confidence), at_risk)


def _defined(
    survival: np.ndarray, low: np.ndarray, high: np.ndarray, at_risk: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Both ends where Greenwood's formula has none: nothing happened yet, or to everyone."""
    low, high = low.copy(), high.copy()
    untouched, gone = survival == 1, survival == 0
    low[untouched] = high[untouched] = 1.0
    if untouched[-1] and at_risk[-1] > 0:
        n = int(at_risk[-1])
        low[-1] = clopper_pearson(n, n, confidence).low
    low[gone] = 0.0
    before = high[~gone]
    high[gone] = before[-1] if before.size else 1.0
    return low, high


def logrank(
    first_times: np.ndarray,
    first_happened: np.ndarray,
    second_times: np.ndarray,
    second_happened: np.ndarray,
) -> float:
    """The log-rank test of two independent groups, by `scipy.stats.logrank`: its p-value.

    Two-sided, that it happens as soon in both. 1 where it happened to no seed, or only when there
    was nobody left to compare with. It has no use for pairs: for variants that share their seeds
    it is approximate.

    Args:
      first_times, first_happened: [seed] as in `kaplan_meier`.
      second_times, second_happened: [seed] of the other group.

    Raises:
      ValueError: as `kaplan_meier`.

    Source: Mantel 1966, "Evaluation of Survival Data and Two New Rank Order Statistics Arising in
    Its Consideration".
    """
    groups = [_checked(first_times, first_happened), _checked(second_times, second_happened)]
    from scipy.stats import logrank as scipy_logrank

    with np.errstate(all="ignore"):
        result: Any = scipy_logrank(*(_censored(*group) for group in groups))
    # No event that could have been anyone else's: a variance of zero.
    return float(result.pvalue) if np.isfinite(result.statistic) else 1.0


def _checked(times: np.ndarray, happened: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    times, happened = np.asarray(times, np.float64), np.asarray(happened, bool)
    if times.shape != happened.shape or times.ndim != 1 or times.size == 0:
        shapes = f"times {times.shape} and happened {happened.shape}"
        raise ValueError(f"{shapes} given, expected one each for at least one seed")
    if not (np.isfinite(times) & (times >= 0)).all():
        raise ValueError(f"times {times} given, expected finite numbers of steps from 0 on")
    return times, happened


def _censored(times: np.ndarray, happened: np.ndarray) -> Any:
    from scipy.stats import CensoredData

    return CensoredData(uncensored=times[happened], right=times[~happened])
