"""The product of a kernel and columns, as XLA computes it soonest on a CPU, for few features.

Under a vmap over seeds, products of many small matrices are its slowest: each is packed and
dispatched for itself. Of 16 seeds, one core, 128 columns each, in microseconds:

    what                                      kernel      as a product  here
    columns' gradient, a loop over the batch  [25, 2]     32            5
    kernel's gradient, a product a row        [2, 15]     20            4
    kernel's gradient, a product a column     [25, 2]     14            1

The last two, and values of up to two inputs as sums, take an eighth off the parabola's step (least
of many steps, 16 and 4 seeds, an AVX2 processor).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import jax
import jax.numpy as jnp
from jax import lax

# Up to so many outputs the columns' gradient is a sum written out: 16 inputs, 128 columns, 16
# seeds, one core, it takes 0.7 of the product's time with 25 outputs, 1.2 with 32, 2.2 with 64.
FEW = 25
# Up to so many outputs and inputs the value is a sum written out. What reads a sum computes it anew
# for itself: with 5 inputs the parabola's step took twice as long, with [128, 2] the ring's 1.4 x.
FEW_INPUTS = 2
# With at most SHORT features on one side, and LONG on the other, the kernel's gradient is a product
# for each on the short side. Those take 0.25 to 0.65 of one product's time with 5, 0.6 to 2.6 with
# 8 (long sides 5 to 25; 4 and 16 seeds). Whole trainings gain 5 to 12 % in networks 32 to 64 wide;
# 128 wide, 4 seeds would lose 2 to 3 %.
SHORT, LONG = 5, 64


@jax.custom_jvp
def product(kernel: jax.Array, columns: jax.Array) -> jax.Array:
    """`kernel [out, in] @ columns [in, batch]`."""
    outputs, inputs = kernel.shape
    if outputs <= FEW and inputs <= FEW_INPUTS:
        return reduce(jnp.add, map(jnp.multiply, _columns(kernel), _rows(columns)))
    return kernel @ columns


@product.defjvp
def _tangent(
    primals: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
    kernel, columns = primals
    of_kernel, of_columns = tangents
    through_columns = _row_by_row if kernel.shape[0] <= FEW else jnp.matmul
    change = _of_kernel(of_kernel, columns) + through_columns(kernel, of_columns)
    return product(kernel, columns), change


def _of_kernel(of_kernel: jax.Array, columns: jax.Array) -> jax.Array:
    """The product, whose transpose for the kernel is one product a row, or one a column."""
    short, long = sorted(of_kernel.shape)
    if short > SHORT or long > LONG:
        return of_kernel @ columns
    if of_kernel.shape[0] == short:
        return jnp.concatenate([row @ columns for row in _rows(of_kernel)])
    # Outer products by matmul, not by broadcasting: their transposes are then dots too.
    return reduce(jnp.add, map(jnp.matmul, _columns(of_kernel), _rows(columns)))


def _row_by_row(kernel: jax.Array, columns: jax.Array) -> jax.Array:
    """The product, as what transposes into a sum over rows, each a multiple of a cotangent."""
    return jnp.stack([(row[:, None] * columns).sum(axis=0) for row in kernel])


def _rows(x: jax.Array) -> Sequence[jax.Array]:
    """A matrix's rows, each [1, n]."""
    return lax.split(x, (1,) * x.shape[0], axis=0)


def _columns(x: jax.Array) -> Sequence[jax.Array]:
    """A matrix's columns, each [n, 1]."""
    return lax.split(x, (1,) * x.shape[1], axis=1)
