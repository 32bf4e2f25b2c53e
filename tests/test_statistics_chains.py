"""Seeds as chains: ArviZ's R-hat and effective sample size, known laws, curves without noise."""

import numpy as np
import pytest
from arviz_stats.base import array_stats
from scipy.signal import lfilter

from gan_jax.analysis.statistics import effective_sample_size, rank_normalized_r_hat


def noise(seed, *shape, memory=0.0):
    """Autoregressive curves [seed, record] of this lag-one correlation."""
    innovations = np.random.default_rng(seed).normal(size=(*shape[:-1], shape[-1] + 200))
    return lfilter([1], [1, -memory], innovations)[..., 200:]


CURVES = {
    "alike": noise(0, 8, 50),
    "odd": noise(1, 4, 51),
    "apart": noise(2, 6, 40) + np.arange(6)[:, None],
    "spread": noise(3, 6, 40) * np.geomspace(0.1, 10, 6)[:, None],
    "trend": noise(4, 5, 60) + np.linspace(0, 5, 60),
    "slow": noise(5, 3, 100, memory=0.9),
    "alternating": noise(6, 3, 100, memory=-0.6),
    "short": noise(7, 2, 4),
    "heavy": np.random.default_rng(8).standard_cauchy((4, 64)),
    "ties": np.random.default_rng(9).integers(0, 5, (4, 30)).astype(float),
}


@pytest.mark.parametrize("name", CURVES)
def test_r_hat_is_arvizs(name):
    expected = array_stats.rhat(CURVES[name], chain_axis=0, draw_axis=1, method="rank")
    np.testing.assert_allclose(rank_normalized_r_hat(CURVES[name]), expected)


@pytest.mark.parametrize("name", CURVES)
def test_effective_sample_size_is_arvizs(name):
    curves = CURVES[name]
    expected = array_stats.ess(curves, chain_axis=0, draw_axis=1, method="mean")
    # An odd record lies in no half; ArviZ leaves it out, too.
    np.testing.assert_allclose(effective_sample_size(curves), expected, rtol=1e-6)


def test_r_hat_tells_seeds_that_agree_from_seeds_that_do_not():
    assert rank_normalized_r_hat(CURVES["alike"]) < 1.05
    assert rank_normalized_r_hat(noise(10, 1, 200)) < 1.05  # one seed, its halves compared
    for name in ("apart", "spread", "trend"):
        assert rank_normalized_r_hat(CURVES[name]) > 1.1


def test_r_hat_depends_on_ranks_alone():
    curves = CURVES["apart"]
    np.testing.assert_allclose(rank_normalized_r_hat(curves), rank_normalized_r_hat(7 * curves - 3))


def test_the_effective_sample_size_of_a_known_law():
    # An autoregression's integrated autocorrelation time is (1 + r) / (1 - r).
    for memory in (0.0, 0.5, 0.8, -0.3):
        window = noise(11, 20_000, memory=memory)
        expected = 20_000 * (1 - memory) / (1 + memory)
        assert abs(effective_sample_size(window) / expected - 1) < 0.15


def test_curves_without_noise_and_diverged_ones():
    assert np.isnan(rank_normalized_r_hat(np.full((3, 8), 2.0)))
    assert rank_normalized_r_hat(np.repeat([[1.0], [2.0], [3.0]], 8, axis=1)) == np.inf
    assert effective_sample_size(np.full(8, 0.1)) == 8
    diverged = CURVES["alike"].copy()
    diverged[0, -1] = np.nan
    assert np.isnan(rank_normalized_r_hat(diverged)) and np.isnan(effective_sample_size(diverged))


@pytest.mark.parametrize("curves", [np.zeros(8), np.zeros((0, 8)), np.zeros((2, 3))])
def test_too_little_is_refused_in_one_line(curves):
    with pytest.raises(ValueError, match="given, expected"):
        rank_normalized_r_hat(curves)
    with pytest.raises(ValueError, match="given, expected"):
        effective_sample_size(curves[..., :3])
