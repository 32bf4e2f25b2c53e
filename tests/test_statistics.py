"""Statistics: intervals by their formula, coverage summed exactly, failed seeds in quartiles."""

import numpy as np
import pytest
from scipy.stats import binom

from gan_jax.analysis.statistics import quartiles, wilson


def test_wilson_is_its_formula():
    # (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n), by hand for 15 of 40.
    p, n, z = 15 / 40, 40, 1.959963984540054
    centre, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    rate = wilson(15, 40)
    assert rate.estimate == p
    np.testing.assert_allclose(rate[1:], np.array([centre - half, centre + half]) / (1 + z**2 / n))


def test_wilson_keeps_a_width_at_the_ends_and_refuses_nonsense():
    none, every = wilson(0, 64), wilson(64, 64)
    assert none.low == 0 and 0.05 < none.high < 0.06
    np.testing.assert_allclose(every.low, 1 - none.high)
    for successes, n in ((0, 0), (1, 0), (3, 2), (-1, 4)):
        with pytest.raises(ValueError):
            wilson(successes, n)


def test_wilsons_mean_coverage_is_within_a_point_of_95_percent():
    n, grid = 64, np.linspace(0.005, 0.995, 199)
    intervals = np.array([wilson(k, n)[1:] for k in range(n + 1)])
    inside = (intervals[:, :1] <= grid) & (grid <= intervals[:, 1:])
    coverage = (binom.pmf(np.arange(n + 1)[:, None], n, grid[None]) * inside).sum(0)
    assert abs(coverage.mean() - 0.95) < 0.01


def test_quartiles_rank_a_failed_seed_worst():
    assert quartiles(np.array([4.0, 1.0, 3.0, 2.0, 5.0])) == (2.0, 3.0, 4.0)
    low, median, high = quartiles(np.array([1.0, 2.0, 3.0, np.nan, np.nan]))
    assert (low, median) == (2.0, 3.0) and np.isnan(high)
    assert all(map(np.isnan, quartiles(np.full(3, np.nan))))
    assert quartiles(np.array([7.0])) == (7.0, 7.0, 7.0)
