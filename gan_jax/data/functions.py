"""One-dimensional functions: points (x, f(x)) with x uniform on an interval.

The easiest data whose truth is known whole, domain and curve, so that "how wrong is it" has an
objective answer that no reference sample is needed for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.dataset import Dataset
from gan_jax.data.intervals import distance_from_uniform, interval_coverage


@dataclass(frozen=True)
class Curve:
    """The truth: y = function(x) on low <= x <= high."""

    function: Callable[[jax.Array], jax.Array]
    low: float
    high: float


def curve_error(curve: Curve, points: jax.Array) -> jax.Array:
    """Mean distance of `points` [n, 2] from the curve, in data units.

    Each point is compared with the curve's point at the nearest x of the domain: an upper bound of
    the distance to the curve, and zero exactly on it. Beside a straight piece of slope s it is
    sqrt(1 + s^2) times the distance: 1.4 at the parabola's ends, 6.4 where the sine crosses 0.
    """
    x, y = points.T
    nearest = jnp.clip(x, curve.low, curve.high)
    return jnp.hypot(x - nearest, y - curve.function(nearest)).mean()


def domain_coverage(curve: Curve, points: jax.Array) -> jax.Array:
    """Share of the domain that `points` [n, 2] reach: `interval_coverage` of their x.

    A generator that covers only x > 0 of [-1/2, 1/2] scores 0.5.
    """
    return interval_coverage(points[:, 0], curve.low, curve.high)


def x_marginal(curve: Curve, points: jax.Array) -> jax.Array:
    """Wasserstein-1 distance of the x of `points` [n, 2] from uniform on the domain, data units.

    What neither other measure sees: points on the curve, in every tenth, in the wrong numbers.
    """
    return distance_from_uniform(points[:, 0], curve.low, curve.high)


def curve_dataset(
    function: Callable[[jax.Array], jax.Array],
    low: float,
    high: float,
    y_range: tuple[float, float] | None = None,
) -> Dataset:
    """Make the data set of points (x, function(x)) with x uniform on [low, high).

    Args:
      function: of x [1, n], elementwise.
      low, high: the domain.
      y_range: the function's least and greatest value there, for `Dataset.bounds`.
    """
    curve = Curve(function, low, high)

    def sample(key: jax.Array, n: int) -> jax.Array:
        x = jax.random.uniform(key, (1, n), minval=low, maxval=high)
        return jnp.concatenate([x, function(x)]).T

    measures = {
        "curve_error": lambda points: curve_error(curve, points),
        "coverage": lambda points: domain_coverage(curve, points),
        "x_marginal": lambda points: x_marginal(curve, points),
    }
    bounds = None
    if y_range is not None:
        ends = np.asarray([(low, high), y_range], np.float32)  # [coordinate, end]
        bounds = ends[:, 0], ends[:, 1]
    return Dataset(
        sample, shape=(2,), truth=curve, measures=measures, labels=("x", "y"), bounds=bounds
    )


# Brownlee's one-dimensional function: y = x^2 on [-1/2, 1/2].
parabola = curve_dataset(jnp.square, -0.5, 0.5, (0.0, 0.25))

# And what he names as extensions: a different quadratic (vertex at (-1/4, -9/8), off the centre),
# the sine, the Gaussian, and a polynomial of several extrema.
quadratic = curve_dataset(lambda x: 2 * x**2 + x - 1, -1.0, 1.0, (-1.125, 2.0))
sine = curve_dataset(lambda x: jnp.sin(2 * jnp.pi * x), -0.5, 0.5, (-1.0, 1.0))
gaussian_bump = curve_dataset(lambda x: jnp.exp(-8 * x**2), -1.0, 1.0, (float(np.exp(-8)), 1.0))
# Chebyshev's T_5 = 16 x^5 - 20 x^3 + 5 x: four extrema inside, all at -1 or 1, as are its ends.
polynomial = curve_dataset(lambda x: x * (5 + x**2 * (16 * x**2 - 20)), -1.0, 1.0, (-1.0, 1.0))
