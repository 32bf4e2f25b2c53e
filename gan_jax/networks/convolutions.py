"""Strided convolutions 4 x 4 of images [batch, height, width, channels], as matrix products.

Why not `lax.conv`: inside a training loop XLA's CPU convolutions were measured 8 times slower than
these products (28 x 28, batch 64, 2 cores), and 23 times under a vmap over 4 seeds, which gives
every seed a kernel of its own and so makes grouped convolutions. With stride 2 the product is a
short way: cut into blocks of 2 x 2 pixels, the padded image meets the kernel as 2 x 2 blocks of 4
times the channels, at stride 1.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

SIDE = 4  # a multiple of the stride: every pixel meets equally many weights (Odena et al. 2016)
CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))  # row and column of the blocks that a product meets


def halve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Convolve at stride 2, padded by 1: [n, h, w, in] to [n, h / 2, w / 2, out].

    y[a, b] = sum over i, j of x[2a + i - 1, 2b + j - 1] kernel[i, j], kernel [4, 4, in, out]: a
    `lax.conv` with padding "SAME".
    """
    n, height, width, channels = x.shape
    rows, columns = height // 2, width // 2
    padded = _padded(x, (1, 1), (1, 1))
    blocks = padded.reshape(n, rows + 1, 2, columns + 1, 2, channels).transpose(0, 1, 3, 2, 4, 5)
    blocks = blocks.reshape(n, rows + 1, columns + 1, 4 * channels)
    met = [_padded(blocks, (-i, i - 1), (-j, j - 1)) for i, j in CORNERS]
    return lax.concatenate(met, 3) @ _in_blocks(kernel).reshape(16 * channels, -1)


def double(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Convolve transposed at stride 2: [n, h, w, in] to [n, 2h, 2w, out].

    Every pixel of x adds itself, times kernel [4, 4, in, out], to 4 x 4 pixels:
    y[2a + i - 1, 2b + j - 1] += x[a, b] kernel[i, j]. So `double` is the transpose of `halve`, with
    the kernel's channels swapped.
    """
    n, height, width, channels = x.shape
    by_pixel = jnp.moveaxis(_in_blocks(kernel), -2, 0).reshape(channels, -1)
    parts = zip(lax.split(x @ by_pixel, [4 * kernel.shape[-1]] * 4, axis=3), CORNERS, strict=True)
    blocks = [_padded(part, (i, 1 - i), (j, 1 - j)) for part, (i, j) in parts]
    pixels = sum(blocks[1:], start=blocks[0]).reshape(n, height + 1, width + 1, 2, 2, -1)
    pixels = pixels.transpose(0, 1, 3, 2, 4, 5).reshape(n, 2 * height + 2, 2 * width + 2, -1)
    return _padded(pixels, (-1, -1), (-1, -1))


def _padded(x: jax.Array, rows: tuple[int, int], columns: tuple[int, int]) -> jax.Array:
    """Images with so many rows and columns of zeros before and after; negative: cut by so many."""
    around = [(0, 0, 0), (*rows, 0), (*columns, 0), (0, 0, 0)]
    return lax.pad(x, jnp.zeros((), x.dtype), around)


def _in_blocks(kernel: jax.Array) -> jax.Array:
    """A kernel [4, 4, in, out] as [block row, block column, row, column, in, out], 2 of each."""
    return kernel.reshape(2, 2, 2, 2, *kernel.shape[2:]).transpose(0, 2, 1, 3, 4, 5)
