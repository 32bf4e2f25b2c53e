"""What every data set offers: samples, their shape, and what is known of the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Pools(NamedTuple):
    """Data that are rows of a file: uint8, which stand for x / 127.5 - 1, or float32.

    Attributes:
      train: rows [n, ...] that training draws from.
      test: rows [m, ...] held out: what evaluations compare with.
    """

    train: np.ndarray
    test: np.ndarray


def as_samples(rows: jax.Array) -> jax.Array:
    """Rows of a pool as samples: grey values 0 .. 255 to [-1, 1], floats as they are."""
    return rows.astype(jnp.float32) / 127.5 - 1 if rows.dtype == jnp.uint8 else rows


def draw_rows(pool: jax.Array, key: jax.Array, n: int) -> jax.Array:
    """Draw samples [n, *shape]: rows of a pool at random, with replacement."""
    return as_samples(pool[jax.random.randint(key, (n,), 0, pool.shape[0])])


def choose_rows(pool: jax.Array, key: jax.Array, n: int) -> jax.Array:
    """Choose n different rows of a pool."""
    return pool[jax.random.choice(key, pool.shape[0], (n,), replace=False)]


# (x [n, *shape]) -> scalar: how far samples are from the known truth, with no reference sample
# needed.
TruthMeasure = Callable[[jax.Array], jax.Array]


# eq=False: a data set is compared and hashed by identity, which is what a static argument of `jit`
# needs.
@dataclass(frozen=True, eq=False)
class Dataset:
    """A distribution to learn.

    Attributes:
      sample: pure `(key, n) -> x [n, *shape]` float32, `n` static. Points are best *made*
        features-first and handed on transposed: XLA then cancels the pair against the dense
        network's own.
      shape: shape of one sample.
      truth: what is known exactly, for plots and measures; None where nothing is.
      measures: truth measures by name; see also `analysis.quality`, which adds those that need no
        truth.
      labels: axis labels of one sample's coordinates, for plots.
      point: whether the data are one point, without any width to measure others by.
      kind: "points", "images" [height, width, channel] or "sequences" [time]: how they are drawn.
      bounds: the least and the greatest value of each coordinate, each of the sample's shape or a
        number; None where the data have none. What `Experiment.data_scaling` brings to [-1, 1].
      pools: reads the rows of data that come from a file; None where samples are drawn from a law.
      draw: pure `(pool, key, n) -> x [n, *shape]`: how samples are made of a pool's rows.
      choose: `(pool, key, n) -> rows [n, ...]`: a finite set of them, none twice.
      rows: how many training and held-out rows the pools have, where every sample is one of them.
    """

    sample: Callable[[jax.Array, int], jax.Array]
    shape: tuple[int, ...]
    truth: Any = None
    measures: Mapping[str, TruthMeasure] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    point: bool = False
    kind: str = "points"
    bounds: tuple[Any, Any] | None = None
    pools: Callable[[], Pools] | None = None
    draw: Callable[[jax.Array, jax.Array, int], jax.Array] = draw_rows
    choose: Callable[[jax.Array, jax.Array, int], jax.Array] = choose_rows
    rows: tuple[int, int] | None = None

    @property
    def supports(self) -> tuple[str, ...]:
        """Which options the data can be combined with; see `catalogue.Entry`."""
        if self.kind == "images":
            return ("within_one",)
        if self.bounds is None:
            return ()
        low, high = self.bounds
        within_one = np.min(low) >= -1 and np.max(high) <= 1
        return ("scaling", "within_one") if within_one else ("scaling",)
