"""Norms and inner products of trees of arrays, such as a player's parameters."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import jax
import jax.numpy as jnp


def sums_by_shape(tree: Any) -> jax.Array:
    """The sum of all numbers in a tree, as a part for each shape of its arrays [shapes].

    Of a tree without arrays a single 0. Arrays of one shape, such as a weight and its optimiser's
    moments, are added up before they are summed: every sum over an array is compiled, and read
    again by the next process, and a training has about half as many so.
    """
    alike: dict[tuple[int, ...], list[jax.Array]] = defaultdict(list)
    for x in jax.tree.leaves(tree):
        alike[jnp.shape(x)].append(x)
    return jnp.stack([jnp.sum(sum(xs[1:], xs[0])) for xs in alike.values()] or [jnp.zeros(())])


def inner_product(x: Any, y: Any) -> jax.Array:
    """The sum of x y over all numbers of two trees alike."""
    return sums_by_shape(jax.tree.map(jnp.multiply, x, y)).sum()


def euclidean_norm(tree: Any) -> jax.Array:
    """The root of the sum of squares of all numbers in a tree."""
    return jnp.sqrt(inner_product(tree, tree))
