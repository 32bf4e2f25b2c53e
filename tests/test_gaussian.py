"""Gaussian draws: the inverse error function against SciPy's in float64, and JAX's own draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from gan_jax.data.gaussian import GREATEST_W, POLYNOMIAL, erf_inv, standard_normal

KEY = jax.random.key(3, impl="threefry2x32")
LEAST = np.nextafter(np.float32(-1), np.float32(0))
MOST = np.nextafter(np.float32(1), np.float32(0))


def relative_errors(u):
    exact = scipy.special.erfinv(np.asarray(u, np.float64))
    return np.abs(np.asarray(erf_inv(u), np.float64) / exact - 1)


@pytest.mark.parametrize("low, high", [(LEAST, MOST), (0.99, MOST), (1e-30, 1e-3)])
def test_the_inverse_error_function_to_four_parts_in_ten_million(low, high):
    u = np.linspace(low, high, 200_000, dtype=np.float32)
    assert relative_errors(u[u != 0]).max() < 4e-7


def test_its_polynomials_own_error_is_what_its_comment_says():
    w = np.linspace(1e-6, GREATEST_W, 100_001)
    u = np.sqrt(-np.expm1(-w))
    told = np.polyval(POLYNOMIAL, 2 * w / GREATEST_W - 1) * u
    # Near its end float64 holds u to 1e-16, and with it erfinv(u) to 4e-11.
    assert 8e-8 < np.abs(told / scipy.special.erfinv(u) - 1).max() < 1e-7


def test_it_is_odd_zero_at_zero_and_finite_at_both_ends():
    u = np.linspace(0, MOST, 1_001, dtype=np.float32)
    np.testing.assert_array_equal(erf_inv(-u), -erf_inv(u))
    assert erf_inv(jnp.float32(0)) == 0
    assert np.isfinite(erf_inv(jnp.array([LEAST, MOST]))).all()


@pytest.mark.parametrize("start", [-0.9, 1e-30, 0.3, MOST])
def test_neighbours_are_told_in_order_but_for_rounding(start):
    bits = np.float32(start).view(np.int32) - np.arange(1_000, dtype=np.int32)
    u = np.sort(bits.view(np.float32))
    assert (np.diff(np.asarray(erf_inv(u), float)) >= -3e-7 * np.abs(erf_inv(u[1:]))).all()


def test_draws_are_jaxs_own_but_for_rounding():
    own, jaxs = standard_normal(KEY, (7, 5_000)), jax.random.normal(KEY, (7, 5_000))
    assert own.dtype == jnp.float32
    np.testing.assert_allclose(own, jaxs, rtol=1e-5)
    compiled = jax.jit(standard_normal, static_argnums=1)(KEY, (7, 5_000))
    np.testing.assert_allclose(compiled, own, rtol=1e-6)


def test_draws_have_a_standard_gaussians_moments():
    x = np.asarray(standard_normal(KEY, (1_000_000,)), np.float64)
    # Standard errors of a million draws: 0.001, 0.0014, sqrt(15)/1000 = 0.0039, 0.0098.
    np.testing.assert_allclose([x.mean(), x.var(), (x**3).mean()], [0, 1, 0], atol=0.01)
    np.testing.assert_allclose((x**4).mean(), 3, atol=0.04)


def test_in_64_bits_jaxs_own_draw_is_taken():
    with jax.enable_x64(True):
        x = standard_normal(KEY, (100,))
        assert x.dtype == jnp.float64
        np.testing.assert_array_equal(x, jax.random.normal(KEY, (100,)))
