"""How kernels start, by name; biases start at zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from flax import linen as nn
from jax.nn.initializers import Initializer

from gan_jax.decompositions import one_at_a_time
from gan_jax.networks.spec import NetworkSpec

# (deviation or None for the default, axis of the inputs, axis of the outputs) -> initializer. Other
# axes of a kernel, a convolution's positions, count as inputs.
Initialization = Callable[[float | None, int, int], Initializer]


def he_uniform(deviation: float | None, in_axis: int, out_axis: int) -> Initializer:
    """U(-l, l) with l = sqrt(6 / n) for n inputs: deviation sqrt(2 / n), which ReLUs preserve.

    Source: He et al. 2015, "Delving Deep into Rectifiers", equation 10.
    """
    del deviation
    return nn.initializers.he_uniform(in_axis=in_axis, out_axis=out_axis)


def orthogonal(deviation: float | None, in_axis: int, out_axis: int) -> Initializer:
    """Rows, or columns where they are longer, orthogonal and of length `deviation`, 1 by default.

    Source: Saxe, McClelland and Ganguli 2014, "Exact Solutions to the Nonlinear Dynamics of
    Learning in Deep Linear Neural Networks".
    """
    del in_axis
    draw = nn.initializers.orthogonal(1.0 if deviation is None else deviation, out_axis)

    def start(key: jax.Array, shape: Any, dtype: Any = None, out_sharding: Any = None) -> jax.Array:
        return one_at_a_time(lambda key: draw(key, shape, dtype, out_sharding))(key)

    return start


def normal(deviation: float | None, in_axis: int, out_axis: int) -> Initializer:
    """N(0, deviation^2), by default of deviation 0.02, however many inputs there are.

    Source: Radford, Metz and Chintala 2016 (DCGAN), section 4.
    """
    del in_axis, out_axis
    return nn.initializers.normal(0.02 if deviation is None else deviation)


orthogonal.supports = ("deviation",)
normal.supports = ("deviation",)

INITIALIZATIONS: dict[str, Initialization] = {
    "he_uniform": he_uniform,
    "orthogonal": orthogonal,
    "normal": normal,
}


def kernel_initializer(spec: NetworkSpec, in_axis: int = -2, out_axis: int = -1) -> Initializer:
    """How the kernels of a network start, stored [..., in, out] unless said otherwise."""
    return INITIALIZATIONS[spec.initialization](spec.initial_deviation, in_axis, out_axis)
