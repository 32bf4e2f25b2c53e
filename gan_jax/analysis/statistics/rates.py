"""A share of seeds: its interval, and whether two independent groups' shares differ."""

from __future__ import annotations

from typing import NamedTuple


class Rate(NamedTuple):
    """A share of seeds, or a difference of two, and its confidence interval."""

    estimate: float
    low: float
    high: float


def _check_count(successes: int, n: int) -> None:
    # SciPy answers some of these with NaN, depending on its version.
    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"{successes} of {n} given, expected 0 <= successes <= n and n >= 1")


def check_share(name: str, value: float) -> None:
    """Refuse a confidence, a level or a power that is not strictly between 0 and 1.

    Raises:
      ValueError: then.
    """
    if not 0 < value < 1:
        raise ValueError(f"{name} {value} given, expected a number between 0 and 1")


def wilson(successes: int, n: int, confidence: float = 0.95) -> Rate:
    """A rate with Wilson's score interval, by `scipy.stats.binomtest`.

    Unlike estimate +- z standard errors it stays inside [0, 1] and keeps a width at 0 and at n
    successes. It covers the true rate as often as it says on average over rates, not for each.

    Raises:
      ValueError: unless 0 <= successes <= n and n >= 1, or when confidence is not in (0, 1).

    Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    return _interval(successes, n, confidence, "wilson")


def clopper_pearson(successes: int, n: int, confidence: float = 0.95) -> Rate:
    """A rate with Clopper and Pearson's exact interval, by `scipy.stats.binomtest`.

    All rates that neither one-sided binomial test rejects at (1 - confidence) / 2. It covers
    every true rate at least as often as it says, so it is wider than Wilson's.

    Raises:
      ValueError: unless 0 <= successes <= n and n >= 1, or when confidence is not in (0, 1).

    Source: Clopper and Pearson 1934, "The Use of Confidence or Fiducial Limits Illustrated in the
    Case of the Binomial".
    """
    return _interval(successes, n, confidence, "exact")


def _interval(successes: int, n: int, confidence: float, method: str) -> Rate:
    _check_count(successes, n)
    check_share("confidence", confidence)
    from scipy.stats import binomtest  # here: SciPy takes most of a second to load

    interval = binomtest(successes, n).proportion_ci(confidence, method=method)
    return Rate(successes / n, float(interval.low), float(interval.high))


def fisher(successes_a: int, n_a: int, successes_b: int, n_b: int) -> float:
    """Fisher's exact test of two independent groups' rates, by `scipy.stats.fisher_exact`.

    Given all successes together, the two-sided p-value: how probable are, under equal rates,
    the divisions among the groups that are no more probable than this one. For variants that
    share their seeds, `mcnemar` is the test.

    Raises:
      ValueError: unless 0 <= successes <= n and n >= 1 in both groups.

    Source: Fisher 1935, "The Logic of Inductive Inference".
    """
    _check_count(successes_a, n_a)
    _check_count(successes_b, n_b)
    from scipy.stats import fisher_exact

    table = [[successes_a, n_a - successes_a], [successes_b, n_b - successes_b]]
    return float(fisher_exact(table)[1])  # pyright: ignore[reportArgumentType]
