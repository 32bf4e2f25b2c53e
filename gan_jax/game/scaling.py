"""Data units, and what the networks are shown: the same, or scaled to [-1, 1] by their range."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.game.parts import Parts


def _middle_and_half(parts: Parts) -> tuple[jax.Array, jax.Array]:
    assert parts.dataset.bounds is not None  # as check_combinations has seen
    low, high = (np.broadcast_to(bound, parts.dataset.shape) for bound in parts.dataset.bounds)
    half = np.where(high > low, (high - low) / 2, 1.0)  # a coordinate that is constant stays
    return jnp.float32((low + high) / 2)[None], jnp.float32(half)[None]


def to_networks(parts: Parts, x: jax.Array) -> jax.Array:
    """Samples [n, *shape] in data units as the networks are shown them."""
    if not parts.static.data_scaling:
        return x
    middle, half = _middle_and_half(parts)
    return (x - middle) / half


def to_data(parts: Parts, x: jax.Array) -> jax.Array:
    """Samples [n, *shape] as the generator makes them in data units: undoes `to_networks`."""
    if not parts.static.data_scaling:
        return x
    middle, half = _middle_and_half(parts)
    return x * half + middle
