"""Paths between latents: what lies between two samples shows what a generator has learned.

A path of samples that changes gradually speaks for a generator that has not just memorised; one
that jumps shows the gaps between its modes.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

# Below this sine of the angle between them, two directions span no plane to turn in.
NO_PLANE = 1e-4


def lerp(a: jax.Array, b: jax.Array, t: jax.typing.ArrayLike) -> jax.Array:
    """Go straight from a to b [..., dim]: (1 - t) a + t b, for t in [0, 1].

    Between independent Gaussian latents of many dimensions the midpoint's norm is 1 / sqrt(2) of
    the ends', where such latents hardly ever are.
    """
    t = jnp.asarray(t)
    return (1 - t) * a + t * b


def slerp(a: jax.Array, b: jax.Array, t: jax.typing.ArrayLike) -> jax.Array:
    """Turn from a to b [..., dim] through the plane that they span, for t in [0, 1].

    With omega the angle between them: sin((1 - t) omega) / sin(omega) a + sin(t omega) /
    sin(omega) b. Norms stay between the ends'. Where no plane is spanned (one is zero, or they are
    parallel or opposite) it goes straight, as `lerp`.

    Source: White 2016, "Sampling Generative Networks", section 2.1.
    """
    t = jnp.asarray(t)
    norms = jnp.linalg.norm(a, axis=-1, keepdims=True) * jnp.linalg.norm(b, axis=-1, keepdims=True)
    product = (a * b).sum(axis=-1, keepdims=True)
    cosine = jnp.clip(product / jnp.where(norms > 0, norms, 1), -1, 1)
    omega = jnp.arccos(cosine)
    sine = jnp.sin(omega)
    turns = (norms > 0) & (sine > NO_PLANE)
    sine = jnp.where(turns, sine, 1)
    turned = jnp.sin((1 - t) * omega) / sine * a + jnp.sin(t * omega) / sine * b
    return jnp.where(turns, turned, lerp(a, b, t))


INTERPOLATIONS: dict[str, Callable[..., jax.Array]] = {"spherical": slerp, "linear": lerp}
