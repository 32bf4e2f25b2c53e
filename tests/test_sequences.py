"""Sequences: moments of each law, and measures of hand-made sequences."""

import jax
import jax.numpy as jnp
import numpy as np
from setups import drawn, measured

from gan_jax.data import ornstein_uhlenbeck, sine_waves
from gan_jax.data.waves import fit_sines

fitted = jax.jit(fit_sines)
STEPS, RHO = 32, 0.9
LAGS = np.arange(1, 9)


def waves(frequency, amplitude=1.0):
    """Clean sine waves [n, time], phases a golden angle apart."""
    frequency = np.asarray(frequency, np.float64)
    phase = 2.399963 * np.arange(len(frequency))
    angles = 2 * np.pi * frequency[:, None] * np.arange(STEPS) / STEPS + phase[:, None]
    return jnp.asarray(np.broadcast_to(amplitude, len(frequency))[:, None] * np.sin(angles), "f4")


def quantiles(low, high, n=600):
    return low + (high - low) * (np.arange(n) + 0.5) / n


def test_sine_waves_have_the_moments_of_their_law():
    # E a^2 / 2 = 7/24 for a uniform on [1/2, 1]; k steps apart times the mean of cos(2 pi f k/32),
    # f uniform on [1, 4]: for k = 4, of the angle from pi/4 to pi, -sin(pi/4) / (3 pi/4).
    n = 20_000
    x = np.asarray(drawn(sine_waves, 0, n), np.float64)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=4.5 * np.sqrt(0.3 / n))
    np.testing.assert_allclose(x.var(axis=0), 7 / 24 + 0.05**2, rtol=0.04)
    at_lag = (x[:, :-4] * x[:, 4:]).mean()
    np.testing.assert_allclose(at_lag, -7 / 24 * np.sin(np.pi / 4) / (0.75 * np.pi), atol=4e-3)
    assert np.abs(x).max() < 1 + 0.05 * 6


def test_a_sine_s_frequency_and_amplitude_are_found():
    frequency, amplitude = quantiles(1, 4), 0.5 + 0.5 * np.cos(np.arange(600)) ** 2
    fit = fitted(waves(frequency, amplitude))
    np.testing.assert_allclose(fit.frequency, frequency, atol=0.004)
    np.testing.assert_allclose(fit.amplitude, amplitude, atol=0.002)
    assert fit.residual.max() < 1e-3
    # And over all the grid, to just below the highest there is.
    frequency = quantiles(0.75, 15.25)
    np.testing.assert_allclose(fitted(waves(frequency)).frequency, frequency, atol=0.006)


def test_a_sine_beyond_the_grid_gets_the_grid_s_end():
    flat = jnp.ones((1, STEPS))
    alternating = jnp.asarray([[1.0, -1.0] * (STEPS // 2)])
    assert fitted(flat).frequency == 0.5 and fitted(alternating).frequency == 15.5


def test_the_fit_of_noisy_waves_is_as_good_as_said():
    n, noise = 20_000, np.random.default_rng(1)
    frequency, amplitude = noise.uniform(1, 4, n), noise.uniform(0.5, 1, n)
    x = waves(frequency, amplitude) + 0.05 * noise.standard_normal((n, STEPS)).astype("f4")
    fit = fitted(x)
    for found, true, deviation in (
        (fit.frequency, frequency, 0.010),
        (fit.amplitude, amplitude, 0.013),
    ):
        error = np.asarray(found, np.float64) - true
        np.testing.assert_allclose(error.std(), deviation, atol=0.001)
        assert abs(error.mean()) < 0.001


def test_half_of_the_frequencies_cover_half():
    every = measured(sine_waves, waves(quantiles(1, 4)))
    half = measured(sine_waves, waves(quantiles(1, 2.5)))
    assert every["coverage"] == 1 and half["coverage"] == 0.5
    # The quantile 1 + 1.5 u for 1 + 3 u, on average 3/4; a = 1 for 1/2 + u/2, on average 1/4.
    assert every["frequency_distance"] < 0.003
    np.testing.assert_allclose(half["frequency_distance"], 0.75, atol=0.002)
    np.testing.assert_allclose(half["amplitude_distance"], 0.25, atol=0.002)
    even = measured(sine_waves, waves(np.full(600, 2.0), quantiles(0.5, 1)))
    assert even["amplitude_distance"] < 0.002
    np.testing.assert_allclose(even["coverage"], 0.1, rtol=1e-6)


def test_what_is_no_sine_wave_shows_as_noise():
    clean = waves(np.full(600, 2.0))
    np.testing.assert_allclose(measured(sine_waves, clean)["noise_error"], 0.05, atol=2e-3)
    # Another wave on top leaves 0.36 times 32/2, over 29 degrees of freedom.
    two = measured(sine_waves, clean + 0.6 * waves(np.full(600, 12.0)))
    np.testing.assert_allclose(two["noise_error"], np.sqrt(0.36 * 16 / 29) - 0.05, atol=2e-3)


def test_real_waves_score_their_floor():
    n = 4096
    scores = measured(sine_waves, drawn(sine_waves, 3, n))
    floor = np.sqrt(np.pi / 32 / n)
    assert scores["coverage"] == 1 and scores["noise_error"] < 5e-4
    assert scores["frequency_distance"] < 3 * 3 * floor
    assert scores["amplitude_distance"] < 3 * 0.5 * floor + 1e-3


def test_the_process_has_the_covariance_of_its_law():
    n = 20_000
    x = np.asarray(drawn(ornstein_uhlenbeck, 0, n), np.float64)
    steps = np.arange(STEPS)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=4.5 / np.sqrt(n))
    expected = RHO ** np.abs(steps[:, None] - steps[None])
    # A product of two standard Gaussians deviates by at most sqrt(2).
    np.testing.assert_allclose(np.cov(x.T), expected, atol=4.5 * np.sqrt(2 / n))
    # What is new at every step is independent of all before.
    new = x[:, 1:] - RHO * x[:, :-1]
    np.testing.assert_allclose(new.std(axis=0), np.sqrt(1 - RHO**2), rtol=0.025)
    scores = measured(ornstein_uhlenbeck, jnp.asarray(x, jnp.float32))
    assert scores["autocorrelation_error"] < 0.01 and scores["variance_error"] < 0.02


def test_process_measures_of_hand_made_sequences():
    error, variance = map(jax.jit, ornstein_uhlenbeck.measures.values())
    level = jnp.broadcast_to(jnp.array([[1.0], [-2.0]]), (2, STEPS))
    np.testing.assert_allclose(error(level), (1 - RHO**LAGS).mean(), rtol=1e-5)
    np.testing.assert_allclose(variance(level), (1 + 4) / 2 - 1, rtol=1e-6)
    alternating = jnp.asarray([[1.0, -1.0] * (STEPS // 2)])
    np.testing.assert_allclose(error(alternating), np.abs((-1.0) ** LAGS - RHO**LAGS).mean(), 1e-5)
    assert variance(alternating) == 0
    # Silence: no correlation, no variance.
    silence = jnp.zeros((3, STEPS))
    np.testing.assert_allclose(error(silence), (RHO**LAGS).mean(), rtol=1e-5)
    assert variance(silence) == 1
