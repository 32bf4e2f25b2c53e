"""Survival: a published trial, statsmodels' Greenwood errors, exact bounds, censoring by hand."""

import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from gan_jax.analysis.statistics import clopper_pearson, kaplan_meier, logrank

# Weeks of remission under 6-mercaptopurine and under placebo (Freireich et al. 1963).
TREATED = np.array(
    [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35], float
)
RELAPSED = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0], bool)
PLACEBO = np.array([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23], float)
ALL = np.ones(21, bool)


def test_the_published_trial():
    curve = kaplan_meier(TREATED, RELAPSED, horizon=35)
    np.testing.assert_array_equal(curve.times, [0, 6, 7, 10, 13, 16, 22, 23, 35])
    np.testing.assert_array_equal(curve.at_risk, [21, 21, 17, 15, 12, 11, 7, 6, 1])
    published = [1, 0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448, 0.448]
    np.testing.assert_allclose(curve.survival, published, atol=5e-4)
    assert curve.median() == 23
    assert kaplan_meier(PLACEBO, ALL, horizon=35).median() == 8
    # Chi-squared 16.79 with one degree of freedom.
    p_value = logrank(TREATED, RELAPSED, PLACEBO, ALL)
    np.testing.assert_allclose(norm.isf(p_value / 2) ** 2, 16.79, atol=5e-3)


def test_intervals_are_statsmodels_greenwood_errors_on_the_log_log_scale():
    rng = np.random.default_rng(0)
    times, happened = rng.integers(1, 20, 64).astype(float), rng.random(64) < 0.6
    curve = kaplan_meier(times, happened, horizon=20, confidence=0.9)
    theirs = SurvfuncRight(times, happened.astype(int))
    ours = np.isin(curve.times, theirs.surv_times)
    survival = theirs.surv_prob
    np.testing.assert_allclose(curve.survival[ours], survival)
    errors = theirs.surv_prob_se / (survival * np.log(survival))
    for ends, sign in ((curve.low, -1), (curve.high, 1)):
        power = np.exp(sign * norm.ppf(0.95) * errors)
        np.testing.assert_allclose(ends[ours], survival**power)


def test_logrank_is_statsmodels():
    rng = np.random.default_rng(1)
    for shift in (0, 3):
        times = rng.integers(1, 20, (2, 40)) + np.array([[0], [shift]])
        happened = rng.random((2, 40)) < 0.7
        groups = np.repeat([0, 1], 40)
        theirs = survdiff(times.ravel(), happened.ravel().astype(int), groups)[1]
        np.testing.assert_allclose(logrank(times[0], happened[0], times[1], happened[1]), theirs)


def test_what_has_not_happened_by_the_horizon_is_not_seen():
    late = kaplan_meier(np.array([5.0, 50.0]), np.array([True, True]), horizon=10)
    censored = kaplan_meier(np.array([5.0, 10.0]), np.array([True, False]), horizon=10)
    for one, other in zip(late, censored, strict=True):
        np.testing.assert_array_equal(one, other)
    assert late.times[-1] == 10 and late.survival[-1] == 0.5 and late.median() == 5


def test_a_diverged_seed_stays_among_those_that_have_not_succeeded():
    # Four seeds: two succeed at 100, two diverge at 10 of 1,000 steps.
    happened = np.array([True, True, False, False])
    honest = kaplan_meier(np.array([100.0, 100, 1000, 1000]), happened, horizon=1000)
    left_out = kaplan_meier(np.array([100.0, 100, 10, 10]), happened, horizon=1000)
    assert honest.survival[-1] == 0.5 and left_out.survival[-1] == 0


def test_where_nothing_or_everything_happened():
    nothing = kaplan_meier(np.full(64, 9.0), np.zeros(64, bool), horizon=9)
    assert nothing.survival[-1] == nothing.high[-1] == 1 and np.isnan(nothing.median())
    assert nothing.low[-1] == clopper_pearson(64, 64).low and nothing.low[0] == 1
    everything = kaplan_meier(np.array([1.0, 2, 3, 4]), np.ones(4, bool), horizon=9)
    np.testing.assert_allclose(everything.survival, [1, 0.75, 0.5, 0.25, 0, 0])
    assert everything.low[-1] == 0 and everything.high[-1] == everything.high[-3] > 0.25
    assert np.isfinite(everything.low).all() and everything.median() == 2
    at_once = kaplan_meier(np.zeros(3), np.ones(3, bool), horizon=9)
    assert at_once.median() == 0 and (at_once.high == 1).all()
    alone = kaplan_meier(np.array([4.0]), np.array([True]), horizon=9)
    assert alone.survival.tolist() == [1, 0, 0]
    never = np.zeros(3, bool)
    assert logrank(np.full(3, 9.0), never, np.full(3, 9.0), never) == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda: kaplan_meier([], [], 9),
        lambda: kaplan_meier([1.0, 2.0], [True], 9),
        lambda: kaplan_meier([np.nan], [False], 9),
        lambda: kaplan_meier([-1.0], [True], 9),
        lambda: kaplan_meier([1.0], [True], 0),
        lambda: logrank([1.0], [True], [], []),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(call):
    with pytest.raises(ValueError, match=r"^[^\n]*given, expected[^\n]*$"):
        call()
