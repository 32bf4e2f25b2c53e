"""Bootstrap and scores: SciPy's, counting by hand, coverage by simulation, failed seeds."""

import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap
from scipy.stats import mannwhitneyu, trim_mean

from gan_jax.analysis.statistics import (
    bootstrap,
    improvement_interval,
    iqm,
    median,
    paired_bootstrap,
    performance_profile,
    probability_of_improvement,
    profile_band,
    quartiles,
    stratified_bootstrap,
    unpaired_bootstrap,
    wilson,
    with_failures,
)

NAN = np.nan


def draws(seed, *shape):
    return np.random.default_rng(seed).lognormal(size=shape)


def test_bca_is_scipys():
    values = draws(0, 20)
    ours = bootstrap(values, np.mean, resamples=500, seed=3)
    theirs = scipy_bootstrap(
        (values,), np.mean, n_resamples=500, method="BCa", rng=np.random.default_rng(3)
    ).confidence_interval
    assert ours.method == "BCa" and ours.estimate == values.mean()
    np.testing.assert_allclose((ours.low, ours.high), theirs)


@pytest.mark.parametrize(
    "statistic, truth",
    [(np.mean, 1.0), (iqm, 1 - 1.5 * np.log(0.75) + 0.5 * np.log(0.25)), (median, np.log(2))],
    ids=["mean", "iqm", "median"],
)
def test_bca_covers_the_truth_of_skewed_scores_within_3_points(statistic, truth):
    # 1,500 studies of 64 seeds whose scores are exponential, skewness 2.
    studies = np.random.default_rng(1).exponential(size=(64, 1500))
    interval = bootstrap(studies, statistic, resamples=1000)
    assert interval.method == "BCa"
    covered = (interval.low <= truth) & (truth <= interval.high)
    assert abs(covered.mean() - 0.95) < 0.03


def test_one_seed_has_no_interval_and_equal_seeds_one_without_width():
    alone = bootstrap([2.0], median)
    assert alone[0] == 2 and np.isnan(alone[1:3]).all() and alone.method == "none"
    assert bootstrap(np.full(20, 2.0), iqm) == (2.0, 2.0, 2.0, "percentile")
    assert bootstrap([1.0, 2.0, 3.0], np.mean).method == "percentile"


def test_failed_seeds_bound_an_interval_by_nothing():
    # 40 of 64 ran: some resamples' medians are failed, but not 2.5 % from below.
    values = np.append(np.arange(40.0), np.full(24, NAN))
    some = bootstrap(values, median)
    assert some.estimate == 31.5 and 15 < some.low < 31.5 and some.method == "percentile"
    fewer = bootstrap(np.append(values, np.full(10, NAN)), median)
    assert np.isfinite(fewer.low) and np.isnan(fewer.high)
    assert np.isnan(bootstrap(np.full(9, NAN), median)[:3]).all()
    # A number for the failed seeds makes everything finite again.
    assert bootstrap(values, partial(iqm, worst=100.0)).method == "BCa"


def test_curves_are_resampled_as_wholes_and_alike_at_every_step():
    curves = draws(2, 30, 4)
    band = bootstrap(curves, median, resamples=300)
    assert band.low.shape == (4,) and (band.low <= band.high).all()
    for step in range(4):
        one = bootstrap(curves[:, step], median, resamples=300)
        np.testing.assert_allclose((one.low, one.high), (band.low[step], band.high[step]))


def test_pairs_stay_together():
    difficulty = draws(3, 64)

    def difference(a, b, axis):
        return np.mean(a, axis=axis) - np.mean(b, axis=axis)

    paired = paired_bootstrap(difficulty, difficulty + 0.5, difference)
    np.testing.assert_allclose(paired[:3], (-0.5, -0.5, -0.5))
    apart = unpaired_bootstrap(difficulty, difficulty + 0.5, difference)
    assert apart.high - apart.low > 0.2


def test_strata_are_resampled_within():
    easy, hard = np.full(10, 1.0), np.full(30, 5.0)
    # All of 40 seeds, freely drawn, would vary in how many are hard.
    assert stratified_bootstrap([easy, hard], np.mean)[:3] == (4.0, 4.0, 4.0)
    free = bootstrap(np.append(easy, hard), np.mean)
    assert free.high - free.low > 0.5
    spread = stratified_bootstrap([draws(4, 10), draws(5, 30)], np.mean)
    assert spread.method == "BCa" and spread.low < spread.estimate < spread.high


def test_iqm_is_the_trimmed_mean_and_median_the_median():
    for n in (1, 2, 3, 5, 8, 64):
        values = draws(n, n, 3)
        np.testing.assert_allclose(iqm(values), trim_mean(values, 0.25))
        np.testing.assert_allclose(iqm(values.T, axis=-1), iqm(values))
        np.testing.assert_allclose(median(values), np.median(values, axis=0))


def test_a_failed_seed_ranks_worst_in_every_summary():
    values = np.array([1.0, NAN, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    assert iqm(values) == np.mean([3, 4, 5, 6]) and median(values) == 4.5
    assert iqm(values, worst=50.0) == 4.5
    half = np.array([1.0, 2.0, NAN, NAN])
    assert np.isnan(iqm(half)) and np.isnan(median(half)) and np.isnan(quartiles(half)[1])
    assert iqm(half, worst=10.0) == 6.0
    np.testing.assert_array_equal(with_failures(half, 10.0), [1, 2, 10, 10])
    # Never above a seed that ended beyond the untrained generator.
    np.testing.assert_array_equal(with_failures(np.array([30.0, NAN]), 10.0), [30, 30])
    np.testing.assert_array_equal(with_failures(np.array([np.inf, NAN]), 10.0), [10, 10])


def test_a_profile_counts_seeds_within_thresholds():
    values, thresholds = np.array([1.0, 2.0, 2.0, NAN]), np.array([0.5, 1.0, 2.0, np.inf])
    np.testing.assert_array_equal(performance_profile(values, thresholds), [0, 0.25, 0.75, 0.75])
    band = profile_band(values, thresholds)
    for place, successes in enumerate((0, 1, 3, 3)):
        assert tuple(column[place] for column in band) == wilson(successes, 4)
    assert profile_band(values, np.array([])).estimate.shape == (0,)


def test_probability_of_improvement_is_mann_and_whitneys():
    first, second = draws(6, 12).round(1), draws(7, 17).round(1)
    expected = 1 - mannwhitneyu(first, second).statistic / (12 * 17)
    np.testing.assert_allclose(probability_of_improvement(first, second), expected)
    np.testing.assert_allclose(probability_of_improvement(second, first), 1 - expected)


def test_a_failed_seed_loses_to_every_number_and_ties_with_a_failed_one():
    assert probability_of_improvement([1.0, NAN], [2.0]) == 0.5
    assert probability_of_improvement([NAN, NAN], [NAN]) == 0.5
    # Four pairs: 1 < NAN wins, 1 = 1 and NAN = NAN tie, NAN against 1 loses.
    assert probability_of_improvement([1.0, NAN], [1.0, NAN]) == 0.5
    assert probability_of_improvement([1e30], [NAN]) == 1.0


def test_the_interval_of_an_improvement_covers_one_half_under_no_difference():
    rng, covered = np.random.default_rng(8), 0
    for seed in range(200):
        first, second = rng.normal(size=(2, 24))
        interval = improvement_interval(first, second, paired=False, resamples=200, seed=seed)
        covered += interval.low <= 0.5 <= interval.high
    assert 0.9 < covered / 200 < 0.99


def test_the_interval_of_an_improvement_uses_pairs_and_keeps_a_width():
    difficulty = draws(9, 40)
    paired = improvement_interval(difficulty, difficulty * 1.1)
    apart = improvement_interval(difficulty, difficulty * 1.1, paired=False)
    assert paired.estimate == apart.estimate > 0.5
    assert paired.high - paired.low < 0.5 * (apart.high - apart.low)
    separated = improvement_interval(np.arange(20.0), np.arange(20.0) + 99)
    assert separated == (*wilson(20, 20), "Wilson")
    failed = improvement_interval([NAN] * 9, [NAN] * 9)
    assert failed == (0.5, 0.5, 0.5, "percentile")
    assert improvement_interval([1.0], [2.0]).method == "none"


@pytest.mark.parametrize(
    "call",
    [
        lambda: bootstrap([], median),
        lambda: bootstrap([1.0, 2.0], median, resamples=0),
        lambda: bootstrap([1.0, 2.0], median, confidence=1.0),
        lambda: paired_bootstrap([1.0], [1.0, 2.0], median),
        lambda: stratified_bootstrap([], median),
        lambda: stratified_bootstrap([[1.0], []], median),
        lambda: iqm(np.array([])),
        lambda: median(np.array([])),
        lambda: with_failures(np.array([1.0]), NAN),
        lambda: performance_profile([], [1.0]),
        lambda: probability_of_improvement([], [1.0]),
        lambda: improvement_interval([1.0, 2.0], [1.0]),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(call):
    with pytest.raises(ValueError, match=r"^[^\n]*given, expected[^\n]*$"):
        call()


PRINT = """
import sys, numpy as np
from gan_jax.analysis.statistics import bootstrap, improvement_interval, iqm, median
from gan_jax.analysis.statistics import stratified_bootstrap
assert "jax" not in sys.modules and "scipy" not in sys.modules
x, y = np.random.default_rng(0).lognormal(size=(2, 32))
print(bootstrap(x, iqm), improvement_interval(x, y), stratified_bootstrap([x, y], median))
"""


def test_results_are_the_same_in_every_process_and_importing_loads_neither_jax_nor_scipy():
    said = set()
    for hash_seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", PRINT], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        said.add(done.stdout)
    assert len(said) == 1 and "BCa" in said.pop()
