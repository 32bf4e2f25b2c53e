"""Mixtures of Gaussians: data whose modes are known, so that lost modes can be counted."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.dataset import Dataset

# A sample is of high quality within so many standard deviations of the nearest mode's centre, and a
# mode is captured by one such sample (Lin et al. 2018; others take 4).
HIGH_QUALITY_DEVIATIONS = 3.0


# eq=False: compared and hashed by identity, since arrays are neither.
@dataclass(frozen=True, eq=False)
class Mixture:
    """The truth: equally likely Gaussians about `centres` [mode, dim], each of one `deviation`."""

    centres: np.ndarray
    deviation: float


def distances_from_modes(mixture: Mixture, x: jax.Array) -> jax.Array:
    """Distances [n, mode] of samples [n, dim] from every centre, in data units."""
    centres = jnp.asarray(mixture.centres, x.dtype)
    return jnp.linalg.norm(x[:, None, :] - centres[None, :, :], axis=2)


def high_quality(mixture: Mixture, x: jax.Array) -> jax.Array:
    """Share of samples [n, dim] within HIGH_QUALITY_DEVIATIONS of the nearest centre."""
    near = distances_from_modes(mixture, x).min(axis=1)
    return (near <= HIGH_QUALITY_DEVIATIONS * mixture.deviation).mean()


def captured_modes(mixture: Mixture, x: jax.Array) -> jax.Array:
    """Share of modes that are the nearest to at least one sample of high quality."""
    distances = distances_from_modes(mixture, x)
    nearest = distances == distances.min(axis=1, keepdims=True)
    good = nearest & (distances <= HIGH_QUALITY_DEVIATIONS * mixture.deviation)
    return good.any(axis=0).mean()


def mixture_dataset(centres: np.ndarray, deviation: float) -> Dataset:
    """Make the data set of equally likely Gaussians about `centres` [mode, dim]."""
    mixture = Mixture(np.asarray(centres, np.float32), deviation)
    n_modes, dimension = mixture.centres.shape

    def sample(key: jax.Array, n: int) -> jax.Array:
        mode_key, noise_key = jax.random.split(key)
        modes = jax.random.randint(mode_key, (n,), 0, n_modes)
        noise = jax.random.normal(noise_key, (dimension, n))
        return (jnp.asarray(mixture.centres).T[:, modes] + deviation * noise).T

    measures = {
        "coverage": lambda x: captured_modes(mixture, x),
        "high_quality": lambda x: high_quality(mixture, x),
    }
    labels = ("x", "y") if dimension == 2 else ()
    return Dataset(sample, shape=(dimension,), truth=mixture, measures=measures, labels=labels)


def ring_centres(n_modes: int) -> np.ndarray:
    """Evenly spaced points [mode, 2] of the unit circle, none twice.

    The turn is divided into n_modes parts without its end point: `linspace(0, 2 pi, n)`, as some
    published code has it, puts the first and the last mode in one place.
    """
    angles = 2 * np.pi * np.arange(n_modes) / n_modes
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


# Lin et al. 2018, "PacGAN": 8 Gaussians on the unit circle.
ring = mixture_dataset(ring_centres(8), 0.01)
