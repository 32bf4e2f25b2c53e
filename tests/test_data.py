"""Data: moments and truth of each set, and measures with known answers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.data import DATASETS, dirac, parabola, ring
from gan_jax.data.mixtures import ring_centres


@pytest.mark.parametrize("name", list(DATASETS))
def test_every_data_set_samples_its_shape_purely(name):
    dataset = DATASETS[name]
    key = jax.random.key(3)
    x = dataset.sample(key, 64)
    assert x.shape == (64, *dataset.shape) and x.dtype == jnp.float32
    assert jnp.isfinite(x).all()
    np.testing.assert_array_equal(x, dataset.sample(key, 64))
    assert len(dataset.labels) in (0, len(jnp.ravel(x[0])))


def test_the_parabola_has_the_moments_of_its_law():
    # x uniform on [-1/2, 1/2): mean 0, variance 1/12; y = x^2: mean 1/12, variance 1/80 - 1/144.
    x, y = np.asarray(parabola.sample(jax.random.key(0), 100_000), np.float64).T
    np.testing.assert_array_equal(y.astype(np.float32), (x**2).astype(np.float32))
    assert abs(x.mean()) < 4 * np.sqrt(1 / 12 / 1e5)
    np.testing.assert_allclose(x.var(), 1 / 12, rtol=0.02)
    np.testing.assert_allclose(y.mean(), 1 / 12, rtol=0.02)
    np.testing.assert_allclose(y.var(), 1 / 80 - 1 / 144, rtol=0.03)
    assert x.min() >= -0.5 and x.max() < 0.5


def test_truth_measures_of_hand_made_points():
    error, coverage = parabola.measures["curve_error"], parabola.measures["coverage"]
    on_curve = jnp.stack([jnp.linspace(-0.49, 0.49, 50), jnp.linspace(-0.49, 0.49, 50) ** 2], 1)
    np.testing.assert_allclose(error(on_curve), 0, atol=1e-7)
    assert coverage(on_curve) == 1
    # Straight above the curve by 0.3; and 3-4-5 away from its right end (1/2, 1/4).
    np.testing.assert_allclose(error(on_curve + jnp.array([[0.0, 0.3]])), 0.3, rtol=1e-6)
    np.testing.assert_allclose(error(jnp.array([[0.5 + 0.3, 0.25 + 0.4]])), 0.5, rtol=1e-6)


def test_a_generator_of_the_right_half_only_covers_half_the_domain():
    points = parabola.sample(jax.random.key(0), 1000)
    right = points[points[:, 0] > 0]
    assert parabola.measures["coverage"](right) == 0.5
    # A tenth of a bin's fair share counts, less does not: of 1000 points that is 10 in a bin.
    for stragglers, covered in ((10, 0.2), (9, 0.1)):
        x = np.r_[np.full(1000 - stragglers, -0.45), np.full(stragglers, 0.45)].astype(np.float32)
        np.testing.assert_allclose(
            parabola.measures["coverage"](jnp.stack([x, x**2], 1)), covered, rtol=1e-6
        )


def test_the_ring_has_eight_places_none_twice():
    # linspace(0, 2 pi, 8) would put the first and the last mode in one place.
    centres = ring_centres(8)
    distances = np.linalg.norm(centres[:, None] - centres[None], axis=2)[~np.eye(8, dtype=bool)]
    np.testing.assert_allclose(distances.min(), 2 * np.sin(np.pi / 8))
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1)


def test_ring_samples_are_equally_many_gaussians_about_the_modes():
    x = np.asarray(ring.sample(jax.random.key(1), 80_000), np.float64)
    offsets = x[:, None] - ring.truth.centres[None]
    nearest = np.linalg.norm(offsets, axis=2).argmin(axis=1)
    share = np.bincount(nearest, minlength=8) / len(x)
    np.testing.assert_allclose(share, 1 / 8, atol=4 * np.sqrt(7 / 64 / len(x)))
    own = offsets[np.arange(len(x)), nearest]
    np.testing.assert_allclose(own.std(axis=0), 0.01, rtol=0.02)
    # Within 3 deviations in the plane: 1 - e^(-9/2).
    x = jnp.asarray(x, jnp.float32)
    np.testing.assert_allclose(ring.measures["high_quality"](x), 1 - np.exp(-4.5), atol=2e-3)
    assert ring.measures["coverage"](x) == 1


def test_a_mode_is_captured_by_one_sample_of_high_quality():
    centres = jnp.asarray(ring.truth.centres)
    captured, good = ring.measures["coverage"], ring.measures["high_quality"]
    for n in (1, 5, 8):
        assert captured(centres[:n]) == n / 8 and good(centres[:n]) == 1
    # 3 deviations are 0.03: just within, and just without.
    inwards = centres[:2] * jnp.array([[1 - 0.0299], [1 - 0.0301]])
    assert captured(inwards) == 1 / 8 and good(inwards) == 0.5


def test_dirac_data_are_one_point():
    assert dirac.point and not dirac.sample(jax.random.key(0), 5).any()
