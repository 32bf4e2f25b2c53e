"""log(1 + e^x) as XLA compiles it best: `jax.nn.softplus`, in a fifth of the time on a CPU.

Both compute max(x, 0) + log(1 + u) with u = exp(-|x|), which is never more than 1. JAX takes the
logarithm by `log1p`, whose two formulas, of small u and of others, a CPU both works out; between 0
and 1 one polynomial does. 65,536 numbers, one core: 31 us instead of 152, and 19 instead of 182
for the derivative. A step of the parabola takes 7 % less time.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

# log(1 + u) / u on 0 <= u <= 1, highest power first: the polynomial of this degree whose largest
# relative error is least, 5e-9, and 2e-8 with coefficients in float32. The last is held at 1, so
# that softplus tends to e^x far below zero.
LOG_ONE_PLUS = (
    -0.00331847533,
    0.0202045981,
    -0.0576644689,
    0.106805578,
    -0.153553978,
    0.196954012,
    -0.249585882,
    0.33330512,
    -0.499999315,
    1.0,
)


@jax.custom_jvp
def softplus(x: jax.Array) -> jax.Array:
    """log(1 + e^x), elementwise and finite wherever x is; its derivative is sigma(x).

    Of float32 numbers to 3 units in the last place, as good as `jax.nn.softplus`, which other types
    are left to; below -87, where results are subnormal, a CPU gives 0 as it does for JAX's.
    """
    if x.dtype != jnp.float32:
        return jax.nn.softplus(x)
    u = jnp.exp(-jnp.abs(x))
    polynomial = LOG_ONE_PLUS[0]
    for coefficient in LOG_ONE_PLUS[1:]:
        polynomial = polynomial * u + coefficient
    return jnp.maximum(x, 0) + polynomial * u


# By itself JAX would differentiate the polynomial, and |x| at 0.
softplus.defjvps(lambda tangent, _, x: tangent * jax.nn.sigmoid(x))
