"""Precision, recall, density, coverage: clouds computed by hand, theory, an independent oracle."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.analysis.neighbours import kth_smallest, prdc
from gan_jax.fields import ConfigError


def oracle(x_real, x_fake, k):
    """The definitions, in float64 and with whole matrices; no line in common with ours."""
    real, fake = (np.asarray(x, np.float64).reshape(len(x), -1) for x in (x_real, x_fake))

    def distances(a, b):
        return np.sqrt(np.square(a[:, None] - b[None]).sum(axis=2))

    real_radii = np.sort(distances(real, real), axis=1)[:, k]  # column 0 is the point itself
    fake_radii = np.sort(distances(fake, fake), axis=1)[:, k]
    between = distances(real, fake)
    in_real_ball = between < real_radii[:, None]
    return {
        "precision": in_real_ball.any(axis=0).mean(),
        "recall": (between < fake_radii[None]).any(axis=1).mean(),
        "density": in_real_ball.sum() / k / len(fake),
        "coverage": in_real_ball.any(axis=1).mean(),
    }


def assert_same(ours, theirs, **tolerance):
    assert set(ours) == set(theirs) == {"precision", "recall", "density", "coverage"}
    for name, value in ours.items():
        np.testing.assert_allclose(value, theirs[name], err_msg=name, **tolerance)


def clouds(n, m, dimension, scale, seed=7):
    draw = np.random.default_rng(seed).normal
    real, fake = draw(size=(n, dimension)), draw(size=(m, dimension)) * scale + 0.1
    return real.astype(np.float32), fake.astype(np.float32)


def test_points_on_a_line_by_hand():
    # Balls of the reals, k = 1: radii 1, 1, 1/2, 1/2, 7/2; of the fakes 1/4, 1/4, 29/4, 12.
    # The real at 1 is 1/4 from the fake at 3/4, whose ball is open: only the ball at 8 reaches it.
    real = jnp.array([0.0, 1.0, 3.0, 3.5, 7.0])
    fake = jnp.array([0.5, 0.75, 8.0, 20.0])
    expected = {"precision": 3 / 4, "recall": 4 / 5, "density": 5 / 4, "coverage": 3 / 5}
    assert_same(prdc(real, fake, k=1), expected, rtol=1e-6)


def test_one_of_two_clusters_is_precise_and_half_covered():
    near, far = clouds(40, 40, 3, 1.0)
    real = np.concatenate([near, far + 100])
    measures = prdc(real, near + np.float32(1e-3))
    assert measures["precision"] == 1
    assert measures["coverage"] == measures["recall"] == 0.5


def test_samples_far_from_the_data_score_nothing():
    real, fake = clouds(30, 20, 4, 1.0)
    assert_same(prdc(real, fake + 1000), dict.fromkeys(prdc(real, fake), 0.0), atol=0)


def test_one_repeated_point_has_empty_balls():
    # A total collapse onto a real sample: that sample's ball holds it, but reaches nothing itself.
    real = jnp.array([[0.0], [1.0], [3.0]])
    measures = prdc(real, jnp.zeros((8, 1)), k=1)
    expected = {"precision": 1.0, "recall": 0.0, "density": 1.0, "coverage": 1 / 3}
    assert_same(measures, expected, rtol=1e-6)


# The values are those of the authors' package, prdc 0.2 on PyPI, on the same samples.
PUBLISHED = [
    ((300, 200, 2, 0.5), 5, (1.0, 0.79, 0.987, 0.653333)),
    ((400, 500, 64, 1.02), 3, (0.56, 0.72, 0.671333, 0.8175)),
]


@pytest.mark.parametrize(("shape", "k", "values"), PUBLISHED)
def test_the_authors_package_gives_the_same(shape, k, values):
    names = ("precision", "recall", "density", "coverage")
    ours = prdc(*clouds(*shape), k)
    assert_same(ours, dict(zip(names, values, strict=True)), rtol=1e-5)


@pytest.mark.parametrize("shape", [(60, 60, 1, 1.0), (257, 300, 5, 0.8), (120, 90, 784, 1.0)])
def test_an_oracle_in_float64_gives_the_same(shape):
    real, fake = clouds(*shape)
    assert_same(jax.jit(prdc)(real, fake), oracle(real, fake, 5), rtol=1e-6)


def test_a_collapsed_cloud_far_from_the_origin_keeps_its_distances():
    # |a|^2 + |b|^2 - 2 a.b in float32 would lose them all: 64 * 100^2 against 64 * 0.001^2.
    real, fake = clouds(100, 80, 64, 1.0)
    real, fake = 100 + 1e-3 * real, 100 + 1e-3 * fake
    expected = oracle(real, fake, 5)
    assert 0 < expected["recall"] < 1
    assert_same(prdc(real, fake), expected, rtol=1e-6)


def test_samples_of_the_same_law_score_what_theory_says():
    # Density 1; coverage 1 - prod (n - i) / (2n - i): the k nearest of a real sample's 2n - 1
    # companions are all real, and it is not covered, with that chance.
    n, k, draws = 60, 3, 400
    x = jax.random.normal(jax.random.key(0), (draws, 2, n, 2))
    measures = jax.jit(jax.vmap(lambda pair: prdc(pair[0], pair[1], k)))(x)
    theory = {"density": 1, "coverage": 1 - np.prod([(n - i) / (2 * n - i) for i in (1, 2, 3)])}
    for name, expected in theory.items():
        error = measures[name].std() / np.sqrt(draws)
        assert error < 0.006
        assert abs(measures[name].mean() - expected) < 4 * error, name


def test_vmap_is_the_loop_and_images_are_their_flat_pixels():
    pairs = [clouds(50, 40, 12, 1.0, seed) for seed in range(3)]
    real, fake = (np.stack(x).reshape(3, -1, 2, 2, 3) for x in zip(*pairs, strict=True))
    together, alone = jax.jit(jax.vmap(prdc))(real, fake), jax.jit(prdc)
    for i, pair in enumerate(pairs):
        assert_same({name: x[i] for name, x in together.items()}, alone(*pair), atol=0)


def test_kth_smallest_counts_repeated_numbers():
    x = jnp.array([2.0, 0.0, 0.0, 5.0, 2.0, 2.0, jnp.inf])
    assert [float(kth_smallest(x, k)) for k in range(1, 8)] == sorted(x.tolist())


@pytest.mark.parametrize("k", [0, 4])
def test_too_few_samples_for_the_neighbours_are_refused(k):
    four, nine = jnp.zeros((4, 2)), jnp.zeros((9, 2))
    for pair in ((four, nine), (nine, four)):
        with pytest.raises(ConfigError, match=f"k: {k} given, expected 1 to [38]"):
            prdc(*pair, k=k)
