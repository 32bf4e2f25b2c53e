"""Paths between latents: their ends, midpoints by hand, and turns that have no plane."""

import jax.numpy as jnp
import numpy as np

from gan_jax.analysis.interpolation import INTERPOLATIONS, lerp, slerp


def test_paths_begin_and_end_at_the_latents():
    a, b = jnp.array([3.0, 4.0]), jnp.array([-1.0, 2.0])
    for interpolate in INTERPOLATIONS.values():
        assert np.array_equal(interpolate(a, b, 0.0), a)
        np.testing.assert_allclose(interpolate(a, b, 1.0), b, rtol=1e-6)


def test_midpoints_by_hand():
    # Of two orthogonal vectors of length 2: the arc keeps the length, the chord is sqrt(2) away.
    a, b = jnp.array([2.0, 0.0]), jnp.array([0.0, 2.0])
    root = 2**0.5
    np.testing.assert_allclose(slerp(a, b, 0.5), [root, root], rtol=1e-6)
    np.testing.assert_allclose(lerp(a, b, 0.5), [1, 1])
    # A third of a right angle.
    np.testing.assert_allclose(slerp(a, b, 1 / 3), [3**0.5, 1], rtol=1e-6)


def test_a_turn_without_a_plane_goes_straight():
    a, zero = jnp.array([1.0, 2.0]), jnp.zeros(2)
    for b, middle in ((a, a), (2 * a, 1.5 * a), (-a, zero), (zero, a / 2)):
        np.testing.assert_allclose(slerp(a, b, 0.5), middle, atol=1e-6)
    assert np.array_equal(slerp(zero, zero, 0.5), zero)
