"""Handwritten digits and clothes from IDX files, and stacks of three digits.

The images stay uint8 on the device and become numbers in [-1, 1], x / 127.5 - 1, as batches are
drawn. Nothing is read before the first batch is asked for.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from gan_jax.data.dataset import Dataset, Pools, as_samples, choose_rows, draw_rows
from gan_jax.files.images import load_images

SIDE = 28
ROWS = (60_000, 10_000)  # for training and held out


def _pools(name: str) -> Pools:
    images = load_images(name)
    return Pools(images.train_images[..., None], images.test_images[..., None])


def image_dataset(name: str) -> Dataset:
    """Make the data set of one collection of grey images [28, 28, 1]."""

    def sample(key: jax.Array, n: int) -> jax.Array:
        return draw_rows(jnp.asarray(_pools(name).train), key, n)

    shape = (SIDE, SIDE, 1)
    return Dataset(sample, shape, kind="images", pools=lambda: _pools(name), rows=ROWS)


def stack(pool: jax.Array, triples: jax.Array) -> jax.Array:
    """Stack digits [n, 28, 28, 3]: channel c of image i is row triples[i, c] of the pool."""
    return jnp.moveaxis(pool[triples][..., 0], 1, -1)


def draw_stacked(pool: jax.Array, key: jax.Array, n: int) -> jax.Array:
    """Draw stacks of three digits [n, 28, 28, 3] at random; of rows stacked already, those."""
    if pool.shape[-1] == 3:
        return draw_rows(pool, key, n)
    return as_samples(stack(pool, jax.random.randint(key, (n, 3), 0, pool.shape[0])))


def choose_stacked(pool: jax.Array, key: jax.Array, n: int) -> jax.Array:
    """Choose n stacks of three digits as rows [n, 28, 28, 3]; of 6e4^3 hardly one comes twice."""
    if pool.shape[-1] == 3:
        return choose_rows(pool, key, n)
    return stack(pool, jax.random.randint(key, (n, 3), 0, pool.shape[0]))


mnist = image_dataset("mnist")
fashion_mnist = image_dataset("fashion_mnist")
# Srivastava et al. 2017, "VEEGAN": three digits as the three channels of one image, 1,000 modes.
stacked_mnist = Dataset(
    sample=lambda key, n: draw_stacked(jnp.asarray(_pools("mnist").train), key, n),
    shape=(SIDE, SIDE, 3),
    kind="images",
    pools=lambda: _pools("mnist"),
    draw=draw_stacked,
    choose=choose_stacked,
)
