"""Sine waves: sequences of which each has a frequency and an amplitude, spread by a known law.

Both can be read from a sequence, so that a generator's spread of them can be held against the law.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gan_jax.data.dataset import Dataset
from gan_jax.data.gaussian import standard_normal
from gan_jax.data.intervals import distance_from_uniform, interval_coverage

# Frequencies tried first are so far apart, in cycles; a sine's energy is 2 cycles wide.
GRID_STEP = 0.0625


@dataclass(frozen=True)
class SineWaves:
    """The truth: x_t = a sin(2 pi f t / n_steps + phase) + noise, t = 0 .. n_steps - 1.

    Attributes:
      n_steps: length of a sequence.
      frequencies: the range of f, cycles in a sequence, uniform.
      amplitudes: the range of a, uniform; the phase is uniform on the whole turn.
      deviation: of the Gaussian noise, independent at every t.
    """

    n_steps: int
    frequencies: tuple[float, float]
    amplitudes: tuple[float, float]
    deviation: float


class SineFit(NamedTuple):
    """The sine nearest to each sequence: its frequency [n], amplitude [n], and what it leaves.

    `residual` is the sum of squares left [n].
    """

    frequency: jax.Array
    amplitude: jax.Array
    residual: jax.Array


@jax.jit  # traced once for all measures of one evaluation, which XLA then fits once
def fit_sines(x: jax.Array) -> SineFit:
    """Fit one sine to each of the sequences [n, time] by least squares.

    With time counted from the middle of the sequence, sin(wt) and cos(wt) are orthogonal whatever
    the frequency, so a frequency explains (x.sin)^2/|sin|^2 + (x.cos)^2/|cos|^2 of a sequence's
    sum of squares. The frequency that explains most, of a grid from 1/2 cycle to just below
    Nyquist's, is moved to the top of the parabola through it and its neighbours; amplitude and
    residual are the least-squares ones there.

    Error: of clean sines of 1 to 4 cycles in 32 steps the frequency is found within 0.004 cycles,
    and the amplitude within 0.002. Noise of deviation 0.05, with amplitudes from 1/2 to 1, makes
    the root mean squares 0.010 and 0.013; biases stay below 0.001.

    Source: Rife & Boorstyn 1974, "Single-tone parameter estimation from discrete-time observations"
    (coarse search, then fine).
    """
    n_steps = x.shape[1]
    turns = 2 * np.pi * (np.arange(n_steps) - (n_steps - 1) / 2) / n_steps
    grid = np.arange(0.5, (n_steps - 1) / 2 + GRID_STEP / 2, GRID_STEP)
    energy = jnp.zeros((len(grid), x.shape[0]))
    for wave in (np.sin, np.cos):
        basis = wave(grid[:, None] * turns[None, :])
        unit = basis / np.linalg.norm(basis, axis=1, keepdims=True)
        projections = jnp.matmul(jnp.asarray(unit, x.dtype), x.T, precision=lax.Precision.HIGHEST)
        energy += projections**2

    peak = jnp.clip(energy.argmax(axis=0), 1, len(grid) - 2)
    below, here, above = (_rows(energy, peak + offset) for offset in (-1, 0, 1))
    curvature = 2 * here - below - above
    # Silence and the ends of the grid have no top: they stay within a step, without 0/0.
    shift = (above - below) / jnp.where(curvature > 0, 2 * curvature, 1)
    frequency = 0.5 + GRID_STEP * (peak + jnp.clip(shift, -1, 1))

    angles = frequency[None, :] * jnp.asarray(turns, x.dtype)[:, None]
    sine, cosine = jnp.sin(angles), jnp.cos(angles)
    by_sine = (x.T * sine).sum(axis=0) / (sine**2).sum(axis=0)
    by_cosine = (x.T * cosine).sum(axis=0) / (cosine**2).sum(axis=0)
    left = x.T - by_sine[None, :] * sine - by_cosine[None, :] * cosine
    return SineFit(frequency, jnp.hypot(by_sine, by_cosine), (left**2).sum(axis=0))


def _rows(table: jax.Array, rows: jax.Array) -> jax.Array:
    """One entry [n] of each column of a table [row, n]."""
    return jnp.take_along_axis(table, rows[None, :], axis=0)[0]


def frequency_distance(truth: SineWaves, x: jax.Array) -> jax.Array:
    """Wasserstein-1 distance of the sequences' frequencies from the law's, in cycles."""
    return distance_from_uniform(fit_sines(x).frequency, *truth.frequencies)


def amplitude_distance(truth: SineWaves, x: jax.Array) -> jax.Array:
    """Wasserstein-1 distance of the sequences' amplitudes from the law's, in data units."""
    return distance_from_uniform(fit_sines(x).amplitude, *truth.amplitudes)


def frequency_coverage(truth: SineWaves, x: jax.Array) -> jax.Array:
    """Share of the range of frequencies that sequences [n, time] reach: `interval_coverage`."""
    return interval_coverage(fit_sines(x).frequency, *truth.frequencies)


def noise_error(truth: SineWaves, x: jax.Array) -> jax.Array:
    """How far the noise about the fitted sines is from the law's, in data units.

        | sqrt(mean residual / (n_steps - 3)) - deviation |

    Three degrees of freedom of each sequence go to the fit. What is no sine wave at all shows here
    only, since any sequence has a frequency that fits it best.
    """
    noise = jnp.sqrt(fit_sines(x).residual.mean() / (truth.n_steps - 3))
    return jnp.abs(noise - truth.deviation)


def sine_waves_dataset(truth: SineWaves) -> Dataset:
    """Make the data set of noisy sine waves [time].

    Its `bounds`, which scaling uses, are the greatest amplitude and 3 deviations of the noise.
    """
    turns = (2 * np.pi * np.arange(truth.n_steps) / truth.n_steps).astype(np.float32)

    def sample(key: jax.Array, n: int) -> jax.Array:
        frequency_key, amplitude_key, phase_key, noise_key = jax.random.split(key, 4)
        low, high = truth.frequencies
        frequency = jax.random.uniform(frequency_key, (1, n), minval=low, maxval=high)
        low, high = truth.amplitudes
        amplitude = jax.random.uniform(amplitude_key, (1, n), minval=low, maxval=high)
        phase = jax.random.uniform(phase_key, (1, n), maxval=2 * np.pi)
        noise = standard_normal(noise_key, (truth.n_steps, n))
        wave = jnp.sin(jnp.asarray(turns)[:, None] * frequency + phase)
        return (amplitude * wave + truth.deviation * noise).T

    measures = {
        "frequency_distance": lambda x: frequency_distance(truth, x),
        "amplitude_distance": lambda x: amplitude_distance(truth, x),
        "coverage": lambda x: frequency_coverage(truth, x),
        "noise_error": lambda x: noise_error(truth, x),
    }
    limit = truth.amplitudes[1] + 3 * truth.deviation
    return Dataset(
        sample,
        shape=(truth.n_steps,),
        truth=truth,
        measures=measures,
        kind="sequences",
        bounds=(-limit, limit),
    )


# As Esteban et al. 2017, "Real-valued (Medical) Time Series Generation with Recurrent Conditional
# GANs", whose frequencies are from 1 to 5, amplitudes from 0.1 to 0.9, without noise.
sine_waves = sine_waves_dataset(SineWaves(32, (1.0, 4.0), (0.5, 1.0), 0.05))
