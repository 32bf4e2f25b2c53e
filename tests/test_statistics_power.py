"""Power and numbers of seeds: every outcome enumerated with SciPy's tests; an approximation."""

from functools import cache
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import binom, binomtest, fisher_exact, multinomial, norm

from gan_jax.analysis.statistics import (
    chance_of_wrong_winner,
    fisher_power,
    paired_power,
    paired_seeds,
    pilot,
    seeds_per_arm,
)


@cache
def fisher_p_values(n):
    """[a, b]: SciPy's p-value of a of n against b of n."""
    counts = range(n + 1)
    p_values = [[fisher_exact([[a, n - a], [b, n - b]])[1] for b in counts] for a in counts]
    return np.array(p_values)


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
@pytest.mark.parametrize("n", [1, 2, 3, 8, 27])
def test_fisher_power_sums_over_every_outcome(n, alpha):
    # alpha 0.1, n 3: the p-value of 3 against 0 is exactly 2 / 20, and rejects.
    rejected = fisher_p_values(n) <= alpha * (1 + 1e-9)
    for a, b in ((0.47, 0.22), (0.5, 0.5), (0.0, 0.4), (1.0, 0.0), (0.03, 0.9)):
        expected = binom.pmf(range(n + 1), n, a) @ rejected @ binom.pmf(range(n + 1), n, b)
        np.testing.assert_allclose(fisher_power(a, b, n, alpha), expected, atol=1e-12)


def test_fisher_power_of_many_seeds_is_a_simulations():
    n, rng = 2000, np.random.default_rng(0)
    counts = np.stack([rng.binomial(n, rate, 300) for rate in (0.5, 0.455)])
    rejected = [fisher_exact([[a, n - a], [b, n - b]])[1] <= 0.05 for a, b in counts.T]
    # Three standard errors of 300 studies.
    assert abs(np.mean(rejected) - fisher_power(0.5, 0.455, n)) < 3 * np.sqrt(0.25 / 300)
    assert 0.03 < fisher_power(0.5, 0.5, n) <= 0.05


def test_seeds_per_arm_reach_the_power_from_there_on_and_not_before():
    for a, b, power in ((0.47, 0.22, 0.8), (0.1, 0.0, 0.9), (0.9, 0.95, 0.8), (1.0, 0.2, 0.8)):
        n = seeds_per_arm(a, b, power)
        assert seeds_per_arm(b, a, power) == n
        assert all(fisher_power(a, b, m) >= power for m in range(n, n + 20))
        assert fisher_power(a, b, n - 1) < power
    # Every smaller number is followed by one that is not enough.
    powers = [fisher_power(0.5, 0.6, n) for n in range(1, 500)]
    expected = max(n for n, power in enumerate(powers, 1) if power < 0.8) + 1
    assert seeds_per_arm(0.5, 0.6) == expected


def test_seeds_per_arm_are_near_the_published_approximation():
    # Fleiss, Tytun and Ury 1980: normal, with the continuity correction, a little too many.
    level, strength = norm.ppf([0.975, 0.8])
    for a, b in ((0.47, 0.22), (0.2, 0.4), (0.05, 0.15)):
        mean, d = (a + b) / 2, abs(a - b)
        spread = level * np.sqrt(2 * mean * (1 - mean))
        n = ((spread + strength * np.sqrt(a * (1 - a) + b * (1 - b))) / d) ** 2
        corrected = n / 4 * (1 + np.sqrt(1 + 4 / (n * d))) ** 2
        assert 0.94 * corrected < seeds_per_arm(a, b) < corrected + 1
    assert seeds_per_arm(0.47, 0.22) == 63


def paired_by_enumeration(a, b, covariance, n, alpha):
    both = a * b + covariance
    cells = [both, a - both, b - both, 1 - a - b + both]
    total = 0.0
    for i in range(n + 1):
        for j in range(n + 1 - i):
            if i + j and binomtest(i, i + j).pvalue <= alpha:
                total += sum(
                    multinomial.pmf([k, i, j, n - i - j - k], n, cells)
                    for k in range(n + 1 - i - j)
                )
    return total


def test_paired_power_sums_over_every_outcome():
    for a, b, covariance in ((0.6, 0.2, 0.0), (0.6, 0.2, 0.06), (0.5, 0.9, -0.04), (1.0, 0.3, 0.0)):
        expected = paired_by_enumeration(a, b, covariance, 9, 0.05)
        np.testing.assert_allclose(paired_power(a, b, covariance, 9), expected, atol=1e-9)
    assert paired_power(0.5, 0.5, 0.25, 30) == 0  # no seed differs
    # 6 of 6 one way: p = 2 / 64, exactly alpha.
    np.testing.assert_allclose(paired_power(1.0, 0.0, 0.0, 6, alpha=2 / 64), 1)
    assert paired_power(1.0, 0.0, 0.0, 5) == 0


def test_pairs_that_agree_need_fewer_seeds():
    alike, apart = paired_seeds(0.47, 0.22, 0.1), paired_seeds(0.47, 0.22, -0.05)
    assert alike < seeds_per_arm(0.47, 0.22) < apart
    assert paired_power(0.47, 0.22, 0.1, alike) >= 0.8 > paired_power(0.47, 0.22, 0.1, alike - 1)


def test_a_pilot_reads_rates_and_covariance_off_its_seeds():
    first = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0], bool)
    second = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0], bool)
    found = pilot(first, second)
    np.testing.assert_allclose(found[:3], (0.5, 0.2, 0.1))
    np.testing.assert_allclose(np.cov(first, second, ddof=0)[0, 1], 0.1)
    assert found.seeds_per_arm == seeds_per_arm(0.5, 0.2)
    assert found.paired_seeds == paired_seeds(0.5, 0.2, 0.1) < found.seeds_per_arm


def test_wrong_winners_are_counted_over_every_choice_of_seeds():
    first = np.array([1, 1, 1, 1, 1, 0, 0, 0, 1, 0], bool)
    second = np.array([1, 1, 0, 0, 0, 0, 1, 0, 0, 1], bool)
    for n in (1, 2, 5, 9, 10):
        leads = [
            int(first[list(c)].sum()) - int(second[list(c)].sum())
            for c in combinations(range(10), n)
        ]
        expected = [np.mean(np.sign(leads) == sign) for sign in (-1, 0, 1)]
        np.testing.assert_allclose(chance_of_wrong_winner(first, second, n), expected)
        np.testing.assert_allclose(chance_of_wrong_winner(second, first, n), expected)
    assert chance_of_wrong_winner(first, second, 10) == (0, 0, 1)
    tied = chance_of_wrong_winner(first, first[::-1], 3)
    assert tied.right == 0 < tied.wrong and np.isclose(sum(tied), 1)
    assert chance_of_wrong_winner(first, first, 3) == (0, 1, 0)


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: fisher_power(1.2, 0.5, 10), "from 0 to 1"),
        (lambda: fisher_power(0.5, float("nan"), 10), "from 0 to 1"),
        (lambda: fisher_power(0.5, 0.4, 0), "from 1 on"),
        (lambda: fisher_power(0.5, 0.4, 10, alpha=5), "between 0 and 1"),
        (lambda: paired_power(0.5, 0.4, 0.3, 10), r"expected within -0.2 \.\. 0.2 "),
        (lambda: seeds_per_arm(0.5, 0.5), "no number of seeds tells them apart"),
        (lambda: seeds_per_arm(0.5, 0.5001), "10,000"),
        (lambda: seeds_per_arm(0.5, 0.4, power=1.0), "between 0 and 1"),
        (lambda: paired_seeds(0.5, 0.5, 0.0), "no number of seeds tells them apart"),
        (lambda: pilot([True, False], [False, True]), "no number of seeds tells them apart"),
        (lambda: pilot([], []), "from 1 on"),
        (lambda: chance_of_wrong_winner([True], [False], 2), r"1 \.\. all"),
        (lambda: chance_of_wrong_winner([], [], 1), r"1 \.\. all"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(call, says):
    with pytest.raises(ValueError, match=rf"^[^\n]*{says}[^\n]*$"):
        call()
