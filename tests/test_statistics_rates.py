"""Rates, pairs and many comparisons: statsmodels', exact sums and published numbers."""

import numpy as np
import pytest
from scipy.stats import binom, multinomial
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from gan_jax.analysis.statistics import (
    benjamini_hochberg,
    clopper_pearson,
    fisher,
    holm,
    mcnemar,
    newcombe,
    wilson,
)

RNG = np.random.default_rng(0)


def outcomes(both, first_only, second_only, neither):
    """Two success vectors with so many seeds of each kind."""
    counts = (both, first_only, second_only, neither)
    return np.repeat([True, True, False, False], counts), np.repeat([1, 0, 1, 0], counts)


@pytest.mark.parametrize("confidence", [0.5, 0.95])
@pytest.mark.parametrize("n", [1, 7, 64])
def test_intervals_of_a_rate_are_statsmodels(n, confidence):
    for k in range(n + 1):
        for ours, method in ((wilson, "wilson"), (clopper_pearson, "beta")):
            theirs = proportion_confint(k, n, alpha=1 - confidence, method=method)
            np.testing.assert_allclose(ours(k, n, confidence)[1:], theirs, atol=1e-9)


def test_clopper_and_pearson_never_cover_less_than_they_say():
    for n in (1, 5, 32, 64):
        intervals = np.array([clopper_pearson(k, n)[1:] for k in range(n + 1)])
        # Coverage is least where a rate just leaves an interval: at its ends.
        grid = np.unique(np.concatenate([np.linspace(0, 1, 501), (intervals + 1e-9).ravel()]))
        grid = grid[grid <= 1]
        inside = (intervals[:, :1] <= grid) & (grid <= intervals[:, 1:])
        coverage = (binom.pmf(np.arange(n + 1)[:, None], n, grid[None]) * inside).sum(0)
        assert coverage.min() >= 0.95


def test_mcnemar_is_statsmodels():
    for counts in ((5, 9, 2, 4), (0, 3, 3, 1), (1, 12, 0, 7), (6, 0, 0, 2)):
        both, first_only, second_only, neither = counts
        pairs = mcnemar(*outcomes(*counts))
        assert (pairs.first_only, pairs.second_only) == (first_only, second_only)
        theirs = statsmodels_mcnemar([[both, first_only], [second_only, neither]], exact=True)
        np.testing.assert_allclose(pairs.p_value, theirs.pvalue)


def test_newcombe_gives_the_published_intervals():
    # Complete response before and after consolidation (Cavo et al. 2012), in Fagerland, Lydersen
    # and Laake 2017, "Statistical Analysis of Contingency Tables", chapter 8.
    rate = newcombe(*outcomes(59, 6, 16, 80))
    np.testing.assert_allclose(rate, [-0.0621, -0.1186, -0.0046], atol=5e-5)
    swapped = newcombe(*outcomes(59, 16, 6, 80))
    np.testing.assert_allclose(swapped, [-rate.estimate, -rate.high, -rate.low])


def test_newcombe_of_no_pairs_that_differ_keeps_a_width_inside_its_range():
    for counts in ((8, 0, 0, 8), (16, 0, 0, 0), (0, 0, 0, 16), (0, 16, 0, 0), (1, 0, 0, 0)):
        rate = newcombe(*outcomes(*counts))
        assert -1 <= rate.low <= rate.estimate <= rate.high <= 1
        assert rate.high - rate.low > 0.1


def test_newcombes_coverage_summed_over_all_outcomes():
    n = 14
    tables = [
        (a, b, c, n - a - b - c)
        for a in range(n + 1)
        for b in range(n + 1 - a)
        for c in range(n + 1 - a - b)
    ]
    intervals = np.array([newcombe(*outcomes(*table)) for table in tables])
    coverage = []
    for truth in RNG.dirichlet([1, 1, 1, 1], 60):
        difference = truth[1] - truth[2]
        inside = (intervals[:, 1] <= difference) & (difference <= intervals[:, 2])
        coverage.append(multinomial.pmf(tables, n, truth) @ inside)
    assert abs(np.mean(coverage) - 0.95) < 0.02 and min(coverage) > 0.9


def test_fisher_by_hand_and_is_symmetric():
    # The lady tasting tea: 3 of 4 cups, against 1 of 4: 2 (16 + 1) / 70.
    np.testing.assert_allclose(fisher(3, 4, 1, 4), 34 / 70)
    np.testing.assert_allclose(fisher(1, 4, 3, 4), 34 / 70)
    np.testing.assert_allclose(fisher(0, 5, 0, 9), 1)


@pytest.mark.parametrize("ours, method", [(holm, "holm"), (benjamini_hochberg, "fdr_bh")])
def test_adjusted_p_values_are_statsmodels(ours, method):
    for p_values in (RNG.random(21) ** 4, np.array([0.01, 0.01, 0.04, 0.03, 1.0]), np.array([0.2])):
        np.testing.assert_allclose(ours(p_values), multipletests(p_values, method=method)[1])


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_a_comparison_that_was_not_made_is_not_counted(adjust):
    with_gap = adjust(np.array([np.nan, 0.01, 0.03, np.nan, 0.02]))
    assert np.isnan(with_gap[[0, 3]]).all()
    np.testing.assert_allclose(with_gap[[1, 2, 4]], adjust(np.array([0.01, 0.03, 0.02])))
    assert adjust(np.array([])).shape == (0,) and np.isnan(adjust(np.full(2, np.nan))).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda: clopper_pearson(3, 2),
        lambda: clopper_pearson(1, 2, confidence=95),
        lambda: fisher(1, 0, 1, 3),
        lambda: newcombe([], []),
        lambda: newcombe([True], [True, False]),
        lambda: mcnemar([True, np.nan], [True, False]),
        lambda: mcnemar(["converged"], ["collapsed"]),
        lambda: holm([0.2, 1.2]),
        lambda: benjamini_hochberg([[0.2]]),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(call):
    with pytest.raises(ValueError, match=r"^[^\n]*given, expected[^\n]*$"):
        call()
