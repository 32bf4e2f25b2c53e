"""Distances between clouds of samples, and within one. Knows neither networks nor data sets."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from gan_jax.analysis.neighbours import ROWS, squared_distances
from gan_jax.data.sorting import sort_columns

N_DIRECTIONS, N_RANDOM_DIRECTIONS = 8, 64


def slice_directions(key: jax.Array, dimension: int) -> jax.Array:
    """Unit vectors [direction, dimension]: even angles of a half turn in 2-D, else random."""
    if dimension == 1:
        return jnp.ones((1, 1))
    if dimension == 2:
        angles = jnp.arange(N_DIRECTIONS) * (jnp.pi / N_DIRECTIONS)
        return jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=1)
    directions = jax.random.normal(key, (N_RANDOM_DIRECTIONS, dimension))
    return directions / jnp.linalg.norm(directions, axis=1, keepdims=True)


def project(directions: jax.Array, x: jax.Array) -> jax.Array:
    """Sorted projections [n, direction] of samples [n, *shape]."""
    return sort_columns(x.reshape(x.shape[0], -1) @ directions.T)


def sliced_wasserstein(directions: jax.Array, x: jax.Array, projected_real: jax.Array) -> jax.Array:
    """Sliced Wasserstein-1 distance of samples [n, *shape] from as many real ones, in data units.

    The mean over `directions` of the one-dimensional distance, which pairs the sorted projections:
    1/n sum |x_(i) - real_(i)|.

    Source: Bonneel et al. 2015, "Sliced and Radon Wasserstein Barycenters of Measures" (there W2).
    """
    return jnp.abs(project(directions, x) - projected_real).mean()


def mean_pair_distance(x: jax.Array) -> jax.Array:
    """Mean Euclidean distance of two samples, over the n / 2 disjoint pairs of x [n, *shape]."""
    flat = x.reshape(x.shape[0], -1)
    half = x.shape[0] // 2
    return jnp.linalg.norm(flat[:half] - flat[half : 2 * half], axis=1).mean()


def mean_distance(x: jax.Array, y: jax.Array) -> jax.Array:
    """Mean Euclidean distance of samples x [n, *shape] from samples y [m, *shape], every pair.

    Of y = x each sample's distance from itself, 0, counts too.
    """
    flat = y.reshape(y.shape[0], -1)

    def from_one(point: jax.Array) -> jax.Array:
        return jnp.sqrt(squared_distances(point, flat)).mean()

    return lax.map(from_one, x.reshape(x.shape[0], -1), batch_size=ROWS).mean()


def energy_distance(
    x: jax.Array, x_real: jax.Array, real_to_real: jax.Array | None = None
) -> jax.Array:
    """Energy distance of samples x [n, *shape] from real ones [m, *shape], in data units.

        2 E|X - Y| - E|X - X'| - E|Y - Y'|, Euclidean, samples as flat vectors

    over all pairs, each sample with itself included: the V-statistic, the distance of the two
    clouds' empirical laws, which is 0 for the same cloud and never negative but for rounding. Its
    floor is therefore not 0: n samples of one law against n have (E|X - X'| + E|Y - Y'|) / n on
    average. (SciPy's `energy_distance` is its square root, in 1-D.) `real_to_real`, the last term,
    may be given where it is known: `mean_distance(x_real, x_real)`.

    Source: Szekely and Rizzo 2013, "Energy statistics: A class of statistics based on distances".
    """
    if real_to_real is None:
        real_to_real = mean_distance(x_real, x_real)
    return 2 * mean_distance(x, x_real) - mean_distance(x, x) - real_to_real
