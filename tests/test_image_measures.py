"""Image measures: closed forms, hand values, oracles in float64, a stub of the classifier."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import sqrtm

from gan_jax.analysis import image_measures as measures
from gan_jax.analysis.image_measures import Moments

FAIR = jnp.full(10, 0.1)


def test_frechet_distance_of_independent_features_is_exact():
    # Covariances that commute: |m1 - m2|^2 + sum (s1 - s2)^2.
    one = Moments(jnp.array([0.0, 1.0, 2.0]), jnp.diag(jnp.array([1.0, 2.0, 0.0])))
    other = Moments(jnp.array([3.0, 1.0, 0.0]), jnp.diag(jnp.array([4.0, 0.5, 1.0])))
    expected = (9 + 0 + 4) + (9 + 2.25 + 1)
    np.testing.assert_allclose(measures.frechet_distance(one, other), expected, rtol=1e-6)
    np.testing.assert_allclose(measures.frechet_distance(one, one), 0, atol=1e-6)


def test_frechet_distance_of_samples_is_the_formula_in_float64():
    draw = np.random.default_rng(0).normal
    x, y = draw(size=(200, 12)) @ draw(size=(12, 12)), draw(size=(150, 12)) @ draw(size=(12, 12))
    c_x, c_y = np.cov(x.T), np.cov(y.T)
    assert np.abs(c_x @ c_y - c_y @ c_x).max() > 1  # the roots do not commute either
    root = sqrtm(c_x)
    spread = np.trace(c_x + c_y - 2 * sqrtm(root @ c_y @ root))
    expected = np.square(x.mean(0) - y.mean(0)).sum() + spread
    ours = measures.frechet_distance(measures.moments(jnp.array(x)), measures.moments(jnp.array(y)))
    np.testing.assert_allclose(ours, expected, rtol=1e-4)


def test_features_that_never_fire_add_nothing_to_the_frechet_distance():
    x, y = jax.random.normal(jax.random.key(0), (2, 100, 6)) * 10
    few = measures.frechet_distance(measures.moments(x), measures.moments(y))
    x, y = (jnp.pad(each, ((0, 0), (0, 58))) for each in (x, y))
    many = measures.frechet_distance(measures.moments(x), measures.moments(y))
    np.testing.assert_allclose(many, few, rtol=1e-4)
    same = measures.frechet_distance(measures.moments(x), measures.moments(x[::-1]))
    np.testing.assert_allclose(same, 0, atol=1e-5 * jnp.square(x).sum(axis=1).mean())


def test_kernel_distance_by_hand():
    # k(1, -1) = 0, k(2, 0) = 1, and between the two sets 27, 1, -1, 1: 0 + 1 - 2 * 28 / 4.
    x, y = jnp.array([[1.0], [-1.0]]), jnp.array([[2.0], [0.0]])
    np.testing.assert_allclose(measures.kernel_distance(x, y), -13, rtol=1e-6)


def test_kernel_distance_is_the_formula_in_float64():
    x, y = (np.random.default_rng(i).normal(size=(n, 7)) + i for i, n in ((0, 300), (1, 41)))

    def kernel(a, b):
        return (a @ b.T / 7 + 1) ** 3

    def within(a):
        return kernel(a, a)[~np.eye(len(a), dtype=bool)].mean()

    expected = within(x) + within(y) - 2 * kernel(x, y).mean()
    ours = measures.kernel_distance(jnp.array(x), jnp.array(y))
    np.testing.assert_allclose(ours, expected, rtol=1e-4)


def test_kernel_distance_of_one_law_is_zero_on_average():
    n, draws = 12, 2000
    x = jax.random.normal(jax.random.key(0), (draws, 2, n, 3))
    distances = jax.vmap(lambda pair: measures.kernel_distance(pair[0], pair[1]))(x)
    error = distances.std() / np.sqrt(draws)
    # With the diagonals kept it would be 2 (E k(x, x) - E k(x, y)) / n, here over 20 errors.
    norms = jnp.square(x).sum(axis=-1)
    assert 2 * (((norms / 3 + 1) ** 3).mean() - 2) / n > 20 * error
    assert abs(distances.mean()) < 4 * error


def test_classes_by_hand():
    # Of 100 images: 50, 49 and 1 of three classes. One is a tenth of the fair ten: covered.
    classes = jnp.repeat(jnp.array([0, 1, 2]), jnp.array([50, 49, 1]))[:, None]
    found = measures.class_measures(FAIR, classes)
    expected = 0.5 * np.log(5) + 0.49 * np.log(4.9) + 0.01 * np.log(0.1)
    np.testing.assert_allclose(found["coverage"], 0.3, rtol=1e-6)
    np.testing.assert_allclose(found["class_kl"], expected, rtol=1e-5)
    # Of 200 images one is less than a tenth of the fair twenty.
    classes = jnp.repeat(jnp.array([0, 1, 2]), jnp.array([100, 99, 1]))[:, None]
    found = measures.class_measures(FAIR, classes)
    np.testing.assert_allclose(found["coverage"], 0.2, rtol=1e-6)


def test_classes_as_in_the_data_do_not_diverge():
    shares = jnp.array([0.4, 0.2] + [0.05] * 8)
    classes = jnp.repeat(jnp.arange(10), (shares * 20).astype(int))[:, None]
    found = measures.class_measures(shares, classes)
    np.testing.assert_allclose(found["class_kl"], 0, atol=1e-6)
    assert found["coverage"] == 1


def test_stacked_modes_by_hand():
    classes = jnp.array([[0, 0, 7], [0, 0, 7], [1, 2, 3], [7, 0, 0]])
    found = measures.class_measures(FAIR, classes)
    np.testing.assert_allclose(found["modes"], 3 / 1000, rtol=1e-6)
    expected = 0.5 * np.log(0.5 / 0.001) + 2 * 0.25 * np.log(0.25 / 0.001)
    np.testing.assert_allclose(found["mode_kl"], expected, rtol=1e-5)
    # A mode's share is the product of its digits'.
    shares = jnp.array([0.5, 0.2, 0.3] + [1e-6] * 7)
    found = measures.class_measures(shares, jnp.array([[0, 1, 2]]))
    np.testing.assert_allclose(found["mode_kl"], -np.log(0.5 * 0.2 * 0.3), rtol=1e-5)


@pytest.fixture
def stub(monkeypatch):
    """A classifier that reads class and features off an image: all its pixels are the class."""

    def read(parameters, x):
        assert x.shape[1:] == (28, 28, 1)
        value = x[:, 0, 0]
        return jnp.concatenate([value, 9 - value], axis=1), -jnp.square(
            value - jnp.arange(10.0)[None]
        )

    monkeypatch.setattr(measures, "features_and_logits", read)


def images_of(classes):
    """Images [n, 28, 28, c] that the stub reads classes [n, c] off."""
    n, channels = classes.shape
    return jnp.broadcast_to(classes.astype(float)[:, None, None], (n, 28, 28, channels))


def test_channels_are_looked_at_one_by_one(stub):
    classes = jnp.array([[1, 2, 3], [9, 0, 4]])
    seen, told = measures.look_at({}, images_of(classes))
    np.testing.assert_array_equal(told, classes)
    np.testing.assert_array_equal(seen, [[1, 8, 2, 7, 3, 6], [9, 0, 0, 9, 4, 5]])


def test_a_reference_is_of_the_real_images_and_leaves_no_class_impossible(stub, monkeypatch):
    monkeypatch.setattr(measures, "KERNEL_SAMPLES", 2)
    real = images_of(jnp.array([[0], [0], [1], [3]]))
    reference = measures.image_reference({}, real)
    np.testing.assert_allclose(reference.shares, [0.5, 0.25, 0.125, 0.25] + [0.125] * 6, rtol=1e-6)
    np.testing.assert_array_equal(reference.features, [[0, 9], [1, 8]])  # every second
    np.testing.assert_allclose(reference.moments.mean, [1, 8], rtol=1e-6)


def test_collapsed_images_score_worse_than_real_ones(stub):
    real = images_of(jax.random.randint(jax.random.key(0), (500, 1), 0, 10))
    again = images_of(jax.random.randint(jax.random.key(1), (500, 1), 0, 10))
    reference = measures.image_reference({}, real)
    good = measures.image_measures({}, reference, again)
    collapsed = measures.image_measures({}, reference, images_of(jnp.full((500, 1), 7)))
    assert good["coverage"] == 1
    np.testing.assert_allclose(collapsed["coverage"], 0.1, rtol=1e-6)
    for name in ("frechet_distance", "kernel_distance", "class_kl"):
        assert collapsed[name] > 10 * abs(good[name]), name


@pytest.mark.parametrize(("channels", "own"), [(1, "coverage"), (3, "modes")])
def test_measures_run_compiled_and_for_many_seeds(stub, channels, own):
    classes = jax.random.randint(jax.random.key(0), (3, 40, channels), 0, 10)
    real, *fakes = map(images_of, classes)
    measure = partial(measures.image_measures, {}, jax.jit(measures.image_reference)({}, real))
    together, alone = jax.jit(jax.vmap(measure))(jnp.stack(fakes)), jax.jit(measure)
    assert own in together and len(together) == 4
    for i, x in enumerate(fakes):
        for name, value in alone(x).items():
            np.testing.assert_allclose(together[name][i], value, rtol=1e-4, atol=1e-4, err_msg=name)
