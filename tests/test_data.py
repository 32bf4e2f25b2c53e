"""Data: moments and truth of each set, and measures with known answers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from setups import LAWS, assert_mean, drawn, measured

from gan_jax.data import DATASETS, dirac, parabola, sine
from gan_jax.data.intervals import distance_from_uniform

CURVES = ("parabola", "quadratic", "sine", "gaussian_bump", "polynomial")


@pytest.mark.parametrize("name", LAWS)
def test_every_data_set_samples_its_shape_purely(name):
    dataset = DATASETS[name]
    x = np.asarray(drawn(dataset, 3))
    assert x.shape == (2000, *dataset.shape) and x.dtype == np.float32
    assert np.isfinite(x).all()
    np.testing.assert_array_equal(x, drawn(dataset, 3))
    assert dataset.point or not np.isin(x, drawn(dataset, 4)).all()
    assert len(dataset.labels) in (0, x[0].size)


@pytest.mark.parametrize("name", LAWS)
def test_bounds_hold_all_but_the_tails_of_the_noise(name):
    dataset = DATASETS[name]
    if dataset.bounds is None:
        assert name in ("dirac", "ornstein_uhlenbeck")
        return
    low, high = map(np.asarray, dataset.bounds)
    assert low.shape in ((), dataset.shape) and low.shape == high.shape and (low < high).all()
    x = np.asarray(drawn(dataset, 5))
    # Of a curve nothing is outside but a rounding; of a Gaussian at the edge, 0.1 %.
    outside = (x < low - 1e-6) | (x > high + 1e-6)
    assert outside.mean() <= (0 if name in CURVES else 0.002)


@pytest.mark.parametrize("name", [name for name in DATASETS if DATASETS[name].measures])
def test_measures_are_finite_and_the_same_in_a_batch_of_samples(name):
    dataset = DATASETS[name]

    def measure(x):
        return jnp.stack([function(x) for function in dataset.measures.values()])

    real = np.asarray(drawn(dataset, 2))[:50]
    # The second and third: every sample is one point, and the origin of all.
    x = np.stack([real, np.broadcast_to(real[:1], real.shape), np.zeros_like(real)])
    values, alone = jax.jit(jax.vmap(measure))(x), jax.jit(measure)
    assert np.isfinite(values).all()
    one_by_one = np.stack([alone(one) for one in x])
    np.testing.assert_allclose(values, one_by_one, rtol=1e-4, atol=1e-5)


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
    on_curve = jnp.stack([jnp.linspace(-0.49, 0.49, 50), jnp.linspace(-0.49, 0.49, 50) ** 2], 1)
    scores = measured(parabola, on_curve)
    np.testing.assert_allclose(scores["curve_error"], 0, atol=1e-7)
    assert scores["coverage"] == 1
    # Straight above the curve by 0.3; and 3-4-5 away from its right end (1/2, 1/4).
    above = measured(parabola, on_curve + jnp.array([[0.0, 0.3]]))
    np.testing.assert_allclose(above["curve_error"], 0.3, rtol=1e-6)
    beyond = measured(parabola, jnp.array([[0.5 + 0.3, 0.25 + 0.4]]))
    np.testing.assert_allclose(beyond["curve_error"], 0.5, rtol=1e-6)


def test_a_generator_of_the_right_half_only_covers_half_the_domain():
    points = drawn(parabola, 0, 1000)
    assert measured(parabola, points[points[:, 0] > 0])["coverage"] == 0.5
    # A tenth of a bin's fair share counts, less does not: of 1000 points that is 10 in a bin.
    for stragglers, covered in ((10, 0.2), (9, 0.1)):
        x = np.r_[np.full(1000 - stragglers, -0.45), np.full(stragglers, 0.45)].astype(np.float32)
        scores = measured(parabola, jnp.stack([x, x**2], 1))
        np.testing.assert_allclose(scores["coverage"], covered, rtol=1e-6)


# Mean and mean square of y with x uniform, by hand:
#   quadratic: (2x^2 + x - 1)^2 = 4x^4 + 4x^3 - 3x^2 - 2x + 1, on [-1, 1] on average 4/5 - 1 + 1
#   Chebyshev: the integral of T_n^2 over [-1, 1] is 1 - 1/(4n^2 - 1)
@pytest.mark.parametrize(
    ("name", "mean", "mean_square"),
    [
        ("parabola", 1 / 12, 1 / 80),
        ("quadratic", -1 / 3, 4 / 5),
        ("sine", 0, 1 / 2),
        ("gaussian_bump", np.sqrt(np.pi / 8) / 2 * 0.99993666, np.sqrt(np.pi) / 8),
        ("polynomial", 0, 49 / 99),
    ],
)
def test_curves_have_the_moments_and_the_range_of_their_law(name, mean, mean_square):
    curve, (low, high) = DATASETS[name].truth, DATASETS[name].bounds
    x, y = np.asarray(drawn(DATASETS[name], 7, 20_000), np.float64).T
    assert_mean(x, (curve.low + curve.high) / 2)
    assert_mean(y, mean)
    assert_mean(y**2, mean_square)
    along = jnp.linspace(curve.low, curve.high, 20_001)
    np.testing.assert_array_equal((low[0], high[0]), (curve.low, curve.high))
    values = curve.function(along)
    np.testing.assert_allclose((low[1], high[1]), (values.min(), values.max()), atol=2e-6)


def test_extrema_are_where_they_are_said_to_be():
    along = jnp.linspace(-1, 1, 2000)
    turns = jnp.diff(jnp.sign(jnp.diff(DATASETS["polynomial"].truth.function(along)))) != 0
    assert turns.sum() == 4
    quadratic = DATASETS["quadratic"].truth.function
    np.testing.assert_allclose(jax.grad(quadratic)(-0.25), 0)
    assert quadratic(-0.25) == -9 / 8


def test_the_distance_to_a_steep_curve_is_an_upper_bound():
    # Straight above the sine's crossing of 0: 0.1, though the curve passes 6.4 times as near.
    above = measured(sine, np.array([[0.0, 0.1]], np.float32))
    np.testing.assert_allclose(above["curve_error"], 0.1)


@pytest.mark.parametrize(
    ("values", "low", "high", "distance"),
    [
        ([0.875, 0.125, 0.625, 0.375], 0, 1, 1 / 16),  # h/2, the least there is
        ([0.0, 0.0], 0, 1, 1 / 2),
        ([0.5], 0, 1, 1 / 4),
        ([0.25], 0, 1, (1 / 16 + 9 / 16) / 2),
        ([3.0, 3.0, 3.0], 0, 1, 2.5),
        ([1.0] * 5, -2, 4, 3 / 2),
        # Uniform on the right half: the quantile u/2 for u - 1/2.
        ((np.arange(1000) + 0.5) / 2000, -0.5, 0.5, 1 / 4),
    ],
)
def test_distance_from_uniform_by_hand(values, low, high, distance):
    x = np.asarray(values, np.float32)
    found = jax.jit(lambda x: distance_from_uniform(x, low, high))(x)
    np.testing.assert_allclose(found, distance, rtol=1e-5)


def test_distance_from_uniform_is_the_distance_from_a_fine_comb():
    values = np.random.default_rng(0).normal(0.3, 0.5, 37).astype(np.float32)
    comb = -1 + 3 * (np.arange(37_000) + 0.5) / 37_000
    expected = stats.wasserstein_distance(values, comb)
    found = jax.jit(lambda x: distance_from_uniform(x, -1, 2))(values)
    np.testing.assert_allclose(found, expected, 1e-4)


def test_the_law_s_own_values_are_as_far_from_it_as_said():
    values = jax.random.uniform(jax.random.key(0), (200, 400), minval=1, maxval=4)
    distances = jax.jit(jax.vmap(lambda v: distance_from_uniform(v, 1, 4)))(values)
    np.testing.assert_allclose(distances.mean(), np.sqrt(np.pi / 32) * 3 / 20, rtol=0.08)


def test_the_x_marginal_sees_the_wrong_numbers_of_points():
    x = jnp.asarray((np.arange(500) + 0.5) / 1000, jnp.float32)
    right = jnp.stack([x, x**2], 1)
    np.testing.assert_allclose(measured(parabola, right)["x_marginal"], 1 / 4, rtol=1e-5)


def test_dirac_data_are_one_point():
    assert dirac.point and not dirac.sample(jax.random.key(0), 5).any()
