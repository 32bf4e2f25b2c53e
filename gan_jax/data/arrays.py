"""A user's own array as a data set: rows of a .npy file, a tenth of them held out."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import jax
import jax.numpy as jnp

from gan_jax.data.dataset import Dataset, Pools, draw_rows
from gan_jax.files.arrays import check_array, load_array, split_rows, stamp


def array_dataset(path: str) -> Dataset:
    """The data set of an array file: what is in it now, should it have changed.

    Floats are samples as they are, and their least and greatest training values are the data's
    bounds; uint8 stands for x / 127.5 - 1, in [-1, 1].

    Raises:
      ConfigError: when it is no array that can be trained on.
    """
    return _array_dataset(*stamp(path))


@lru_cache(maxsize=4)
def _array_dataset(path: Path, changed: int, size: int) -> Dataset:
    del changed, size  # only so that another version of the file is read anew
    facts, rows = check_array(path), load_array(path)
    pools = Pools(*split_rows(rows))
    bounds = None
    if facts.kind != "images":
        bounds = pools.train.min(axis=0), pools.train.max(axis=0)

    def sample(key: jax.Array, n: int) -> jax.Array:
        return draw_rows(jnp.asarray(pools.train), key, n)

    return Dataset(
        sample,
        facts.shape,
        kind=facts.kind,
        bounds=bounds,
        pools=lambda: pools,
        rows=(len(pools.train), len(pools.test)),
    )
