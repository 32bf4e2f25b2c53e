"""A curve in the plane with noise about it: data near a manifold, which is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.dataset import Dataset
from gan_jax.data.gaussian import standard_normal
from gan_jax.data.intervals import interval_coverage

# Straight pieces of the polyline that stands for a curve: of the Swiss roll it is nowhere further
# off than 5.3e-4, 1/60 of the noise's deviation.
N_PIECES = 200


@dataclass(frozen=True)
class NoisyCurve:
    """The truth: curve(t) with t uniform on [low, high), and Gaussian noise of one `deviation`.

    Attributes:
      curve: (t [n], array module) -> (x [n], y [n]); the module is `jax.numpy` or `numpy`.
      low, high: the range of t.
      deviation: of the noise in each coordinate, data units.
    """

    curve: Callable
    low: float
    high: float
    deviation: float

    def vertices(self) -> np.ndarray:
        """Points [N_PIECES + 1, 2] of the curve, at even steps of t."""
        return np.stack(self.curve(np.linspace(self.low, self.high, N_PIECES + 1), np), axis=1)


def squared_distances(truth: NoisyCurve, points: jax.Array) -> jax.Array:
    """Squared distances [piece, n] of `points` [n, 2] from every straight piece of the curve."""
    vertices = truth.vertices().astype(np.float32)
    (from_x, from_y), (along_x, along_y) = vertices[:-1].T, np.diff(vertices, axis=0).T
    away_x = points[None, :, 0] - from_x[:, None]
    away_y = points[None, :, 1] - from_y[:, None]
    length_squared = along_x**2 + along_y**2
    projection = away_x * along_x[:, None] + away_y * along_y[:, None]
    share = jnp.clip(projection / length_squared[:, None], 0, 1)
    off_x, off_y = away_x - share * along_x[:, None], away_y - share * along_y[:, None]
    return off_x**2 + off_y**2


def curve_distance(truth: NoisyCurve, points: jax.Array) -> jax.Array:
    """Mean distance of `points` [n, 2] from the curve, in data units.

    Zero on the curve; the data themselves, about it, score deviation * sqrt(2 / pi), the mean of
    the noise across a curve that hardly bends within it.
    """
    return jnp.sqrt(squared_distances(truth, points).min(axis=0)).mean()


def curve_coverage(truth: NoisyCurve, points: jax.Array) -> jax.Array:
    """Share of the range of t that `points` [n, 2] reach: `interval_coverage` of their nearest t.

    The nearest t is the middle of the nearest piece's, the first of those equally near; a point
    beyond an end of the curve counts for that end.
    """
    nearest = squared_distances(truth, points).argmin(axis=0)
    return interval_coverage((nearest + 0.5) / N_PIECES, 0.0, 1.0)


def noisy_curve_dataset(truth: NoisyCurve) -> Dataset:
    """Make the data set of points about a curve.

    Its `bounds`, which scaling uses, are the curve's range and 3 deviations around it: the noise
    has none.
    """

    def sample(key: jax.Array, n: int) -> jax.Array:
        place_key, noise_key = jax.random.split(key)
        t = jax.random.uniform(place_key, (n,), minval=truth.low, maxval=truth.high)
        noise = standard_normal(noise_key, (2, n))
        return (jnp.stack(truth.curve(t, jnp)) + truth.deviation * noise).T

    measures = {
        "curve_error": lambda points: curve_distance(truth, points),
        "coverage": lambda points: curve_coverage(truth, points),
    }
    vertices = truth.vertices().astype(np.float32)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    return Dataset(
        sample,
        shape=(2,),
        truth=truth,
        measures=measures,
        labels=("x", "y"),
        bounds=(low - 3 * truth.deviation, high + 3 * truth.deviation),
    )


# Gulrajani et al. 2017: scikit-learn's Swiss roll seen from its side, noise 0.25, all over 7.5.
swiss_roll = noisy_curve_dataset(
    NoisyCurve(
        lambda t, xp: (t * xp.cos(t) / 7.5, t * xp.sin(t) / 7.5),
        low=1.5 * np.pi,
        high=4.5 * np.pi,
        deviation=0.25 / 7.5,
    )
)
