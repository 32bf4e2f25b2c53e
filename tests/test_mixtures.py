"""Mixtures and the Swiss roll: moments of each law, and measures of hand-made samples."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from setups import assert_mean, drawn, measured

from gan_jax.data import DATASETS, grid, mixture_1d, ring, spiral, swiss_roll
from gan_jax.data.mixtures import MODE_SAMPLES, assigned_modes, mode_measures, ring_centres


def test_the_ring_has_eight_places_none_twice():
    # linspace(0, 2 pi, 8) would put the first and the last mode in one place.
    centres = ring_centres(8)
    distances = np.linalg.norm(centres[:, None] - centres[None], axis=2)[~np.eye(8, dtype=bool)]
    np.testing.assert_allclose(distances.min(), 2 * np.sin(np.pi / 8))
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1)


# The number of modes, the least distance of two of them, and the mean of |centre|^2.
MIXTURES = {
    "ring": (8, 2 * np.sin(np.pi / 8), 1),
    "grid": (25, 2, 16),
    "spiral": (20, 0.306647, 21 / 40),
    "mixture_1d": (5, 2, 8),
    "mixture_3d": (8, 2, 3),
    "mixture_high": (10, 8, 32),
}


@pytest.mark.parametrize(("name", "known"), MIXTURES.items(), ids=list(MIXTURES))
def test_samples_are_equally_many_gaussians_about_the_modes(name, known):
    n_modes, apart, mean_square = known
    mixture = DATASETS[name].truth
    centres = np.asarray(mixture.centres, np.float64)
    distances = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    assert len(centres) == n_modes
    np.testing.assert_allclose((distances + 99 * np.eye(n_modes)).min(), apart, rtol=1e-5)
    np.testing.assert_allclose((centres**2).sum(axis=1).mean(), mean_square, rtol=1e-5)

    x = np.asarray(drawn(DATASETS[name], 1, 20_000), np.float64)
    offsets = x[:, None] - centres[None]
    nearest = np.linalg.norm(offsets, axis=2).argmin(axis=1)
    assert_mean(nearest[:, None] == np.arange(n_modes), 1 / n_modes)
    own = offsets[np.arange(len(x)), nearest]
    np.testing.assert_allclose(own.std(axis=0), mixture.deviation, rtol=0.03)
    # Within 3 deviations in the plane, and as many within the radius of any dimension.
    measures = measured(DATASETS[name], jnp.asarray(x, jnp.float32))
    np.testing.assert_allclose(measures["high_quality"], 1 - np.exp(-4.5), atol=3.3e-3)
    assert measures["coverage"] == 1
    assert 0 < measures["reverse_kl"] < 3 * (n_modes - 1) / (2 * len(x))


def test_the_radius_of_high_quality_holds_the_same_share_in_any_dimension():
    assert np.float32(ring.truth.radius) == np.float32(0.03)
    for name in MIXTURES:
        mixture = DATASETS[name].truth
        share = stats.chi.cdf(mixture.radius / mixture.deviation, mixture.centres.shape[1])
        np.testing.assert_allclose(share, 1 - np.exp(-4.5), rtol=1e-9)


def test_centres_are_where_they_are_said_to_be():
    values = (-4, -2, 0, 2, 4)
    assert set(map(tuple, grid.truth.centres.tolist())) == {(x, y) for x in values for y in values}
    np.testing.assert_allclose(np.stack(grid.bounds), [[-4.15] * 2, [4.15] * 2], rtol=1e-6)
    # After one turn at half the radius, after two at all of it.
    np.testing.assert_allclose(spiral.truth.centres[[4, 19]], [[0.5, 0], [1, 0]], atol=1e-6)
    high = DATASETS["mixture_high"].truth.centres
    np.testing.assert_allclose(high @ high.T, 32 * np.eye(10), atol=1e-4)


@pytest.mark.parametrize(
    ("modes", "divergence"),
    [
        ([3], np.log(8)),
        ([0, 2, 4, 6], np.log(2)),
        (range(8), 0),
        ([0, 0, 0, 5], 0.75 * np.log(6) + 0.25 * np.log(2)),
    ],
)
def test_reverse_kl_of_hand_made_histograms(modes, divergence):
    # Twice as far out as the modes: quality does not count.
    x = 2 * np.resize(ring.truth.centres[np.asarray(modes)], (8, 2))
    scores = measured(ring, x)
    np.testing.assert_allclose(scores["reverse_kl"], divergence, rtol=1e-6, atol=1e-7)
    assert scores["high_quality"] == scores["coverage"] == 0


def test_of_modes_equally_near_the_first_is_taken():
    assigned = assigned_modes(mixture_1d.truth, jnp.array([[1.0], [1.001], [99.0]]))
    np.testing.assert_array_equal(assigned.argmax(axis=1), [2, 3, 4])
    np.testing.assert_array_equal(assigned.sum(axis=1), 1)


def test_a_mode_is_captured_by_one_sample_of_high_quality():
    centres = ring.truth.centres
    for n in (1, 5, 8):
        scores = measured(ring, np.resize(centres[:n], centres.shape))
        assert scores["coverage"] == n / 8 and scores["high_quality"] == 1
    # 3 deviations are 0.03: just within, and just without.
    inwards = measured(ring, centres[:2] * np.array([[1 - 0.0299], [1 - 0.0301]], np.float32))
    assert inwards["coverage"] == 1 / 8 and inwards["high_quality"] == 0.5


def test_a_mode_found_after_2500_samples_is_one_more_of_25000():
    few, many = MODE_SAMPLES
    centres = ring.truth.centres
    x = np.tile(centres[:1], (many, 1))
    x[1] = centres[1] * 1.0299  # one sample of high quality captures it
    x[2] = centres[2] * 1.0301  # none does
    x[few] = centres[3]  # the first that only the larger number has
    measures = mode_measures(ring.truth, jnp.asarray(x))
    assert measures["modes_2500"] == 2 and measures["modes_25000"] == 3
    for n, others in ((few, 2), (many, 3)):
        np.testing.assert_allclose(measures[f"high_quality_{n}"], 1 - 1 / n, rtol=1e-6)
        rest = 1 - others / n
        divergence = others / n * np.log(8 / n) + rest * np.log(8 * rest)
        np.testing.assert_allclose(measures[f"reverse_kl_{n}"], divergence, rtol=1e-4)


def roll(t):
    return jnp.asarray(np.stack([t * np.cos(t), t * np.sin(t)], axis=1) / 7.5, jnp.float32)


def test_the_swiss_roll_has_the_moments_of_its_law():
    # Integrals of t cos t, t sin t and t^2 over 3 pi, from 3/2 pi to 9/2 pi; noise 1/30.
    x, y = np.asarray(drawn(swiss_roll, 0, 20_000), np.float64).T
    assert_mean(x, 6 / 22.5)
    assert_mean(y, 2 / (22.5 * np.pi))
    assert_mean(x**2 + y**2, np.pi**2 * 9.75 / 7.5**2 + 2 / 30**2)
    np.testing.assert_allclose(swiss_roll.bounds[1][1], 4.5 * np.pi / 7.5 + 0.1, rtol=1e-6)


def test_measures_of_hand_made_points_about_the_swiss_roll():
    t = np.pi * np.linspace(1.5, 4.5, 2001)[:-1]
    on_curve, inner_half = measured(swiss_roll, roll(t)), measured(swiss_roll, roll(t[:1000]))
    assert on_curve["curve_error"] < 5.3e-4 and on_curve["coverage"] == 1
    assert inner_half["curve_error"] < 5.3e-4 and inner_half["coverage"] == 0.5
    # The origin is nearest to the beginning, and 0.2 straight on from the end to the end.
    tangent = np.array([-4.5 * np.pi, 1]) / np.hypot(4.5 * np.pi, 1)
    beyond = roll(np.array([4.5 * np.pi]))[0] + 0.2 * jnp.asarray(tangent, jnp.float32)
    ends = measured(swiss_roll, jnp.stack([jnp.zeros(2), beyond]))
    np.testing.assert_allclose(ends["curve_error"], (1.5 * np.pi / 7.5 + 0.2) / 2, rtol=1e-4)
    np.testing.assert_allclose(ends["coverage"], 0.2, rtol=1e-6)
    # The data's own: the mean of a half-normal.
    real = measured(swiss_roll, drawn(swiss_roll, 4, 20_000))
    np.testing.assert_allclose(real["curve_error"], np.sqrt(2 / np.pi) / 30, rtol=0.02)
    assert real["coverage"] == 1
