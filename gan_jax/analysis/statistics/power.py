"""The exact power of the two tests of rates: how often n seeds show a difference that is there.

Summed over all outcomes, not approximated: exact tests of few seeds are far from their nominal
level. NumPy and SciPy's log-gamma and binomial.
"""

from __future__ import annotations

import numpy as np

from gan_jax.analysis.statistics.rates import check_share

# Outcomes less probable than this are left out; all together, for 20,000 seeds, below 1e-12.
NEGLIGIBLE = 1e-17


def check_rates(rate_a: float, rate_b: float) -> None:
    """Refuse what is no rate.

    Raises:
      ValueError: unless both lie within [0, 1].
    """
    if not (0 <= rate_a <= 1 and 0 <= rate_b <= 1):
        raise ValueError(f"rates {rate_a} and {rate_b} given, expected numbers from 0 to 1")


def check_seeds(n: int) -> None:
    """Refuse a number of seeds below one.

    Raises:
      ValueError: then.
    """
    if n < 1 or n != int(n):
        raise ValueError(f"{n} seeds given, expected a whole number from 1 on")


def fisher_power(rate_a: float, rate_b: float, n: int, alpha: float = 0.05) -> float:
    """The probability that Fisher's two-sided test of n independent seeds an arm gives p <= alpha.

    The sum of P(a) P(b), binomials of n, over all pairs of counts (a, b) whose test rejects. With
    equal rates it is the test's true level, which is below alpha.

    Given s = a + b successes, the hypergeometric law of a is symmetric about s / 2, the arms being
    of one size, so that the test rejects when the smaller count is at most a critical one of s.

    Args:
      rate_a: the true rate of one arm.
      rate_b: that of the other.
      n: seeds in each.
      alpha: the level.

    Raises:
      ValueError: when a rate is outside [0, 1], n is not a positive number or alpha not in (0, 1).

    Source: Bennett and Hsu 1960, "On the Power Function of the Exact Test for the 2 x 2
    Contingency Table".
    """
    check_rates(rate_a, rate_b)
    check_seeds(n)
    check_share("alpha", alpha)
    counts_a, mass_a = _likely(rate_a, n)
    counts_b, mass_b = _likely(rate_b, n)
    least = counts_a[0] + counts_b[0]
    totals = np.arange(least, counts_a[-1] + counts_b[-1] + 1)
    critical = _critical_counts(totals, n, alpha)
    a, b = counts_a[:, None], counts_b[None]
    rejected = np.minimum(a, b) <= critical[a + b - least]
    return float(mass_a @ rejected @ mass_b)


def _likely(rate: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The counts [k] that a binomial of n seeds may plausibly give, and their probabilities."""
    from scipy.stats import binom

    mass = binom.pmf(np.arange(n + 1), n, rate)
    counts = np.flatnonzero(mass > NEGLIGIBLE)
    # One stretch: a binomial has one hump.
    counts = np.arange(counts[0], counts[-1] + 1)
    return counts, mass[counts]


def _critical_counts(totals: np.ndarray, n: int, alpha: float) -> np.ndarray:
    """For every total of successes [s] the largest smaller count that Fisher rejects, or -1."""
    from scipy.special import gammaln, ndtri

    log_factorial = gammaln(np.arange(2 * n + 1) + 1.0)

    def log_choose(of: int, k: np.ndarray) -> np.ndarray:
        inside = (k >= 0) & (k <= of)
        k = np.clip(k, 0, of)
        terms = log_factorial[of] - log_factorial[k] - log_factorial[of - k]
        return np.where(inside, terms, -np.inf)

    # A hypergeometric count deviates by sqrt(n / 8) at most: so far below its mean, a millionth of
    # a millionth of the level is left.
    reach = min(n, int(np.sqrt(n / 8) * (8 - ndtri(alpha / 2))) + 1)
    middle = totals // 2
    smaller = middle[:, None] - np.arange(reach, -1, -1)
    logs = log_choose(n, smaller) + log_choose(n, totals[:, None] - smaller)
    tail = np.exp(logs - log_choose(2 * n, totals)[:, None]).cumsum(axis=1)
    # Both tails; the middle count itself has p = 1. A level met but for rounding is met.
    rejected = (2 * tail <= alpha * (1 + 1e-9)) & (2 * smaller < totals[:, None])
    rejected &= smaller >= 0
    count = rejected.sum(axis=1)
    first = np.maximum(middle - reach, 0)
    return np.where(count > 0, first + count - 1, -1)


def covariance_range(rate_a: float, rate_b: float) -> tuple[float, float]:
    """The least and the largest covariance that two outcomes of these rates can have."""
    low = -min(rate_a * rate_b, (1 - rate_a) * (1 - rate_b))
    return low, min(rate_a * (1 - rate_b), rate_b * (1 - rate_a))


def discordant(rate_a: float, rate_b: float, covariance: float) -> tuple[float, float]:
    """The probabilities that a seed succeeds with the first only and with the second only.

    a (1 - b) - covariance and b (1 - a) - covariance.

    Raises:
      ValueError: when a rate is outside [0, 1], or the covariance one that such rates cannot have.
    """
    check_rates(rate_a, rate_b)
    low, high = covariance_range(rate_a, rate_b)
    if not low - 1e-9 <= covariance <= high + 1e-9:
        expected = f"expected within {low:.6g} .. {high:.6g} for rates {rate_a:g} and {rate_b:g}"
        raise ValueError(f"covariance {covariance} given, {expected}")
    first_only = rate_a * (1 - rate_b) - covariance
    return max(first_only, 0.0), max(first_only + rate_b - rate_a, 0.0)


def paired_power(
    rate_a: float, rate_b: float, covariance: float, n: int, alpha: float = 0.05
) -> float:
    """The probability that McNemar's exact test of n paired seeds gives p <= alpha.

    Of n seeds, D succeed with one variant only: binomial with p10 + p01, and of those as many with
    the first only: binomial with p10 / (p10 + p01). The test rejects where the smaller of both
    counts is at most a critical one of D.

    Args:
      rate_a: the true rate of the first variant.
      rate_b: that of the second.
      covariance: of a seed's two outcomes, P(both) - rate_a rate_b; 0 gains nothing from pairing.
      n: seeds, each trained under both.
      alpha: the level.

    Raises:
      ValueError: as `fisher_power`, or when such rates cannot have the covariance.

    Source: Miettinen 1968, "The Matched Pairs Design in the Case of All-or-None Responses".
    """
    first_only, second_only = discordant(rate_a, rate_b, covariance)
    check_seeds(n)
    check_share("alpha", alpha)
    if first_only + second_only == 0:
        return 0.0
    from scipy.stats import binom

    differ, mass = _likely(min(first_only + second_only, 1.0), n)
    critical = binom.ppf(alpha / 2, differ, 0.5)
    critical -= 2 * binom.cdf(critical, differ, 0.5) > alpha * (1 + 1e-9)
    share = first_only / (first_only + second_only)
    few = binom.cdf(critical, differ, share)
    many = binom.sf(differ - critical - 1, differ, share)
    return float(mass @ np.where(critical >= 0, few + many, 0.0))
