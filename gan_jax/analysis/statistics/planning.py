"""How many seeds tell two variants apart, and how often fewer would have named the wrong one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from math import ceil, isqrt, sqrt
from typing import NamedTuple

import numpy as np

from gan_jax.analysis.statistics.pairs import count_pairs
from gan_jax.analysis.statistics.power import (
    check_rates,
    check_seeds,
    discordant,
    fisher_power,
    paired_power,
)
from gan_jax.analysis.statistics.rates import check_share

# Beyond this the exact sum takes minutes, and the difference sought is hardly worth its price.
MOST_SEEDS = 10_000
MOST_POWER = 0.9999  # beyond, what is left out of the exact sums would count


def seeds_per_arm(rate_a: float, rate_b: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """How many independent seeds each variant needs for Fisher's test to show the difference.

    An exact test's power rises with n as a sawtooth: a further seed may lower it. The number is
    the smallest n such that `fisher_power` reaches `power` at n and at each of the 20 + sqrt(n)
    numbers after it, which is further than its teeth are long.

    Args:
      rate_a: the true rate of one variant.
      rate_b: that of the other.
      power: the probability with which the difference is to be shown.
      alpha: the level of the two-sided test.

    Raises:
      ValueError: when the rates are equal or outside [0, 1], power or alpha not in (0, 1), or
        more than 10,000 seeds are needed.
    """
    _check_apart(rate_a, rate_b, power, alpha)
    mean, difference = (rate_a + rate_b) / 2, abs(rate_a - rate_b)
    under_null = 2 * mean * (1 - mean)
    under_truth = rate_a * (1 - rate_a) + rate_b * (1 - rate_b)
    guess = _normal_guess(under_null, under_truth, difference, power, alpha)
    # Casagrande, Pike and Smith 1978: what the exact test asks for beyond the normal law.
    guess *= (1 + sqrt(1 + 4 / (guess * difference))) ** 2 / 4
    return _smallest(lambda n: fisher_power(rate_a, rate_b, n, alpha), power, guess)


def paired_seeds(
    rate_a: float, rate_b: float, covariance: float, power: float = 0.8, alpha: float = 0.05
) -> int:
    """How many seeds, each trained under both variants, McNemar's exact test needs.

    The smallest n as in `seeds_per_arm`, by `paired_power`.

    Raises:
      ValueError: as `seeds_per_arm`, or when such rates cannot have the covariance.
    """
    _check_apart(rate_a, rate_b, power, alpha)
    differ, difference = sum(discordant(rate_a, rate_b, covariance)), abs(rate_a - rate_b)
    guess = _normal_guess(differ, differ - difference**2, difference, power, alpha)
    return _smallest(partial(_paired, rate_a, rate_b, covariance, alpha), power, guess)


def _paired(rate_a: float, rate_b: float, covariance: float, alpha: float, n: int) -> float:
    return paired_power(rate_a, rate_b, covariance, n, alpha)


def _check_apart(rate_a: float, rate_b: float, power: float, alpha: float) -> None:
    check_rates(rate_a, rate_b)
    check_share("power", power)
    check_share("alpha", alpha)
    if power > MOST_POWER:
        raise ValueError(f"power {power} given, expected at most {MOST_POWER}")
    if rate_a == rate_b:
        raise ValueError(f"equal rates {rate_a} given: no number of seeds tells them apart")


def _normal_guess(
    under_null: float, under_truth: float, difference: float, power: float, alpha: float
) -> float:
    """Seeds needed were the difference normal, of these variances a seed, equal rates or true."""
    from scipy.stats import norm

    z_level, z_power = norm.ppf(1 - alpha / 2), norm.ppf(power)
    spread = z_level * sqrt(under_null) + z_power * sqrt(max(under_truth, 0.0))
    return max(float(spread / difference) ** 2, 1.0)


def _smallest(power_of: Callable[[int], float], wanted: float, guess: float) -> int:
    """The smallest n, near a guess, from which on the power is reached as far as checked."""
    if guess > MOST_SEEDS:
        limit = f"expected rates that {MOST_SEEDS:,} tell apart"
        raise ValueError(f"about {guess:,.0f} seeds needed, {limit}")
    enough = cache(lambda n: power_of(n) >= wanted)
    low = _too_few(enough, ceil(guess))
    # An earlier tooth may have reached the power; `low` itself fails, which ends its run.
    n = m = max(1, low - _beyond(low))
    while m <= n + _beyond(n):
        n, m = (n, m + 1) if enough(m) else (m + 1, m + 1)
    return n


def _too_few(enough: Callable[[int], bool], high: int) -> int:
    """Some n that is not enough, while n + 1 is; or 1."""
    while not enough(high):
        high += high // 10 + 1
        if high > MOST_SEEDS:
            limit = f"expected rates and a power that {MOST_SEEDS:,} reach"
            raise ValueError(f"more than {MOST_SEEDS:,} seeds needed, {limit}")
    low = high
    while low > 1 and enough(low):
        low -= low // 10 + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return low


def _beyond(n: int) -> int:
    """How far a tooth reaches: it lowers power by about 1 / sqrt(n), a seed raises it by 1 / n."""
    return 20 + isqrt(n)


class Pilot(NamedTuple):
    """What a few paired seeds say about the study that would decide.

    Attributes:
      rate_first: the first variant's rate.
      rate_second: the second's.
      covariance: of a seed's two outcomes; positive where seeds succeed under both or neither.
      seeds_per_arm: seeds each variant needs where they share none.
      paired_seeds: seeds needed where each is trained under both.
    """

    rate_first: float
    rate_second: float
    covariance: float
    seeds_per_arm: int
    paired_seeds: int


def pilot(first: np.ndarray, second: np.ndarray, power: float = 0.8, alpha: float = 0.05) -> Pilot:
    """How many seeds a study needs, were the true rates those of a pilot's success vectors [seed].

    A pilot's rates are themselves uncertain, and so are these numbers: ends of `newcombe`'s
    interval, put into `seeds_per_arm`, tell by how much.

    Raises:
      ValueError: unless both have one outcome for every seed, or when the rates are equal.
    """
    counts = count_pairs(first, second)
    n = sum(counts)
    check_seeds(n)
    a, b = (counts.both + counts.first_only) / n, (counts.both + counts.second_only) / n
    covariance = counts.both / n - a * b
    independent = seeds_per_arm(a, b, power, alpha)
    return Pilot(a, b, covariance, independent, paired_seeds(a, b, covariance, power, alpha))


class WinnerChances(NamedTuple):
    """How a smaller study would have ended; the three sum to 1.

    Attributes:
      wrong: it names the variant with the lower rate as better.
      tied: both have as many successes.
      right: it names the one with the higher rate.
    """

    wrong: float
    tied: float
    right: float


def chance_of_wrong_winner(first: np.ndarray, second: np.ndarray, n_seeds: int) -> WinnerChances:
    """How often n of the stored paired seeds, drawn without replacement, name the wrong variant.

    Exact: of N seeds, F succeed with the first only and G with the second only; the draw's numbers
    of both kinds follow the multivariate hypergeometric law, and the larger one names the winner.
    Where the stored rates are equal, naming either is wrong.

    Args:
      first: successes [seed] of the first variant.
      second: those of the second, of the same seeds in the same order.
      n_seeds: the smaller study's seeds, 1 .. all.

    Raises:
      ValueError: unless both have one outcome for every seed and n_seeds is within 1 .. all.
    """
    counts = count_pairs(first, second)
    total = sum(counts)
    if not 1 <= n_seeds <= total:
        raise ValueError(f"{n_seeds} seeds of {total} given, expected 1 .. all of them")
    mass = _draws(counts.first_only, counts.second_only, total, n_seeds)
    fewer, more = float(np.triu(mass, 1).sum()), float(np.tril(mass, -1).sum())
    tied = float(np.trace(mass))
    if counts.first_only == counts.second_only:
        return WinnerChances(fewer + more, tied, 0.0)
    if counts.first_only < counts.second_only:
        fewer, more = more, fewer
    return WinnerChances(fewer, tied, more)


def _draws(first_only: int, second_only: int, total: int, n: int) -> np.ndarray:
    """P(i of the first only, j of the second only) [i, j] in n of all seeds."""
    from scipy.special import gammaln

    def log_choose(of: int, k: np.ndarray) -> np.ndarray:
        inside = (k >= 0) & (k <= of)
        k = np.clip(k, 0, of)
        return np.where(inside, gammaln(of + 1) - gammaln(k + 1) - gammaln(of - k + 1), -np.inf)

    i, j = np.arange(first_only + 1)[:, None], np.arange(second_only + 1)[None]
    logs = log_choose(first_only, i) + log_choose(second_only, j)
    logs = logs + log_choose(total - first_only - second_only, n - i - j)
    mass = np.exp(logs - log_choose(total, np.array(n)))
    return mass / mass.sum()
