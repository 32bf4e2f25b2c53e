"""Mixtures of Gaussians: data whose modes are known, so that lost modes can be counted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import xlogy

from gan_jax.data.dataset import Dataset
from gan_jax.data.gaussian import standard_normal

# A sample is of high quality within so many standard deviations of the nearest mode's centre, in
# the plane, and a mode is captured by one such sample (Lin et al. 2018; others take 4).
HIGH_QUALITY_DEVIATIONS = 3.0
# One sample of 25,000 captures more modes than one of 2,500; both are in use, so both are measured.
MODE_SAMPLES = (2_500, 25_000)


# eq=False: compared and hashed by identity, since arrays are neither.
@dataclass(frozen=True, eq=False)
class Mixture:
    """The truth: equally likely Gaussians about `centres` [mode, dim], each of one `deviation`."""

    centres: np.ndarray
    deviation: float

    @property
    def radius(self) -> float:
        """The radius of high quality about a centre, in data units.

        In any dimension it holds the share of a mode's samples that HIGH_QUALITY_DEVIATIONS hold in
        the plane, 1 - e^(-9/2) = 0.989: sqrt(2 Q^-1(dim / 2, e^(-9/2))) deviations, Q the upper
        regularised gamma function. That is 2.54 in 1-D, 3 in 2-D, 3.33 in 3-D, 7.28 in 32-D, where
        the norm of the noise is about sqrt(32) and 3 deviations would hold no sample at all.
        """
        if self.centres.shape[1] == 2:  # exactly, and without SciPy, which takes a while to load
            return HIGH_QUALITY_DEVIATIONS * self.deviation
        from scipy.special import gammainccinv

        outside = math.exp(-(HIGH_QUALITY_DEVIATIONS**2) / 2)
        return math.sqrt(2 * gammainccinv(self.centres.shape[1] / 2, outside)) * self.deviation


def distances_from_modes(mixture: Mixture, x: jax.Array) -> jax.Array:
    """Distances [n, mode] of samples [n, dim] from every centre, in data units."""
    centres = jnp.asarray(mixture.centres, x.dtype)
    return jnp.linalg.norm(x[:, None, :] - centres[None, :, :], axis=2)


def assigned_modes(mixture: Mixture, x: jax.Array) -> jax.Array:
    """Whether a mode's centre is the nearest to a sample, [n, mode]: one mode for each sample.

    Of centres equally near the first is taken.
    """
    nearest = distances_from_modes(mixture, x).argmin(axis=1)
    return nearest[:, None] == jnp.arange(len(mixture.centres))[None, :]


def high_quality(mixture: Mixture, x: jax.Array) -> jax.Array:
    """Share of samples [n, dim] within `Mixture.radius` of the nearest centre."""
    return (distances_from_modes(mixture, x).min(axis=1) <= mixture.radius).mean()


def captured_modes(mixture: Mixture, x: jax.Array) -> jax.Array:
    """Whether a mode [mode] is the nearest to at least one sample of high quality."""
    good = distances_from_modes(mixture, x) <= mixture.radius
    return (assigned_modes(mixture, x) & good).any(axis=0)


def reverse_kl(mixture: Mixture, x: jax.Array) -> jax.Array:
    """KL(generated || true) of the histograms of modes, in nats: 0 is the data's, log m one mode's.

    With q_k the share of samples [n, dim], of any quality, whose nearest centre is the k-th of m:

        sum_k q_k log(m q_k),  0 log 0 = 0.

    Real samples score (m - 1) / 2n on average. A mode that is lost altogether costs no more than
    its share: "reverse" is against the KL of likelihood, which would be infinite.

    Source: Lin et al. 2018, "PacGAN".
    """
    shares = assigned_modes(mixture, x).mean(axis=0)
    return xlogy(shares, len(mixture.centres) * shares).sum()


def mode_measures(mixture: Mixture, x: jax.Array) -> dict[str, jax.Array]:
    """What samples [n, dim] tell of the modes, n large, by names that say of how many samples.

    `modes_N`, the number of captured modes; `high_quality_N`, a share; `reverse_kl_N`, in nats: of
    the first N samples, for each N of MODE_SAMPLES.
    """
    measures = {}
    for n in MODE_SAMPLES:
        first = x[:n]
        measures[f"modes_{n}"] = captured_modes(mixture, first).sum()
        measures[f"high_quality_{n}"] = high_quality(mixture, first)
        measures[f"reverse_kl_{n}"] = reverse_kl(mixture, first)
    return measures


def mixture_dataset(centres: np.ndarray, deviation: float) -> Dataset:
    """Make the data set of equally likely Gaussians about `centres` [mode, dim].

    A Gaussian has no bounds; its `bounds`, which scaling uses, are the centres' range and
    3 deviations around it.
    """
    mixture = Mixture(np.asarray(centres, np.float32), deviation)
    n_modes, dimension = mixture.centres.shape

    def sample(key: jax.Array, n: int) -> jax.Array:
        mode_key, noise_key = jax.random.split(key)
        modes = jax.random.randint(mode_key, (n,), 0, n_modes)
        noise = standard_normal(noise_key, (dimension, n))
        return (jnp.asarray(mixture.centres).T[:, modes] + deviation * noise).T

    measures = {
        "coverage": lambda x: captured_modes(mixture, x).mean(),
        "high_quality": lambda x: high_quality(mixture, x),
        "reverse_kl": lambda x: reverse_kl(mixture, x),
    }
    low, high = mixture.centres.min(axis=0), mixture.centres.max(axis=0)
    return Dataset(
        sample,
        shape=(dimension,),
        truth=mixture,
        measures=measures,
        labels=("x", "y", "z")[:dimension] if dimension <= 3 else (),
        bounds=(low - 3 * deviation, high + 3 * deviation),
    )


def ring_centres(n_modes: int) -> np.ndarray:
    """Evenly spaced points [mode, 2] of the unit circle, none twice.

    The turn is divided into n_modes parts without its end point: `linspace(0, 2 pi, n)`, as some
    published code has it, puts the first and the last mode in one place.
    """
    angles = 2 * np.pi * np.arange(n_modes) / n_modes
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def lattice_centres(values: tuple[float, ...], dimension: int) -> np.ndarray:
    """All points [mode, dimension] whose every coordinate is one of `values`."""
    return np.asarray(list(product(values, repeat=dimension)))


def spiral_centres(n_modes: int) -> np.ndarray:
    """Points [mode, 2] of an Archimedean spiral of two turns that ends at radius 1.

    The k-th of m has radius r = sqrt(k / m) and angle 4 pi r: about 2 pi / m apart along the arms,
    which lie 1/2 apart.
    """
    radius = np.sqrt(np.arange(1, n_modes + 1) / n_modes)
    angles = 4 * np.pi * radius
    return radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def cosine_centres(n_modes: int, dimension: int) -> np.ndarray:
    """Points [mode, dimension] at right angles and equally far apart, sqrt(2 dimension).

    The k-th has coordinates sqrt(2) cos(pi k (2j + 1) / (2 dimension)), j = 0 .. dimension - 1: a
    vector of the discrete cosine transform, so every coordinate tells modes apart.
    """
    waves, places = np.arange(1, n_modes + 1), 2 * np.arange(dimension) + 1
    return np.sqrt(2) * np.cos(np.pi * waves[:, None] * places[None, :] / (2 * dimension))


# Lin et al. 2018, "PacGAN": 8 Gaussians on the unit circle, and 25 on a grid.
ring = mixture_dataset(ring_centres(8), 0.01)
grid = mixture_dataset(lattice_centres((-4, -2, 0, 2, 4), 2), 0.05)

spiral = mixture_dataset(spiral_centres(20), 0.02)

# As the grid in other dimensions: nearest centres are 40 deviations apart in each of them.
mixture_1d = mixture_dataset(lattice_centres((-4, -2, 0, 2, 4), 1), 0.05)
mixture_3d = mixture_dataset(lattice_centres((-1, 1), 3), 0.05)
mixture_high = mixture_dataset(cosine_centres(10, 32), 0.2)
