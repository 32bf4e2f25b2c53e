"""Standard Gaussian numbers as XLA compiles them best: `jax.random.normal`'s, in half the time.

Both transform the same uniform numbers u by sqrt(2) erfinv(u), which takes the logarithm of
1 - u^2. JAX has it from `log1p(-u * u)`, which on a CPU takes three times as long as a logarithm,
and loses digits where u^2 is near 1; (1 - u)(1 + u) loses none. And JAX has a polynomial of the
logarithm for the middle and one of its root for the tails, of which a CPU works out both. One will
do: the function is smooth up to where float32's u end. 960 numbers for each of 16 seeds, one core:
15 us instead of 36. They differ from JAX's by at most 6e-6 of their size, its own error.
"""

from __future__ import annotations

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

# Up to where erfinv(u) / u is told, as a function of w = -log(1 - u^2): the largest float32 below
# 1 has w = 15.94.
GREATEST_W = 15.95
# It as a polynomial of 2 w / GREATEST_W - 1, highest power first: the one of this degree whose
# largest relative error is least, 6e-8, and 9e-8 with coefficients in float32.
POLYNOMIAL = (
    0.00688417535,
    -0.00882539712,
    -0.019725455,
    0.0356923006,
    -0.000430854561,
    -0.0299432613,
    0.032270439,
    -0.0393557325,
    0.0422929898,
    -0.0175145492,
    -0.0357674547,
    0.125101492,
    -0.322702169,
    1.40846634,
    2.65702653,
)


def erf_inv(u: jax.Array) -> jax.Array:
    """The inverse error function of float32 numbers, -1 < u < 1, to 4e-7 of its size.

    Source: Giles 2012, "Approximating the erfinv function", GPU Computing Gems (Jade), for w as its
    variable.
    """
    w = -jnp.log((1 - u) * (1 + u))
    x = w * (2 / GREATEST_W) - 1
    polynomial = POLYNOMIAL[0]
    for coefficient in POLYNOMIAL[1:]:
        polynomial = polynomial * x + coefficient
    return polynomial * u


@partial(jax.jit, static_argnums=1)
def standard_normal(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Draw standard Gaussian numbers, float32 (JAX's own draw where 64 bits are enabled)."""
    if jnp.result_type(float) != jnp.float32:
        return jax.random.normal(key, shape)
    above_minus_one = np.nextafter(np.float32(-1), np.float32(0))
    u = jax.random.uniform(key, shape, minval=above_minus_one, maxval=1)
    return math.sqrt(2) * erf_inv(u)
