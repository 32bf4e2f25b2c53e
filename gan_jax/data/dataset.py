"""What every data set offers: samples, their shape, and what is known of the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax

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
    """

    sample: Callable[[jax.Array, int], jax.Array]
    shape: tuple[int, ...]
    truth: Any = None
    measures: Mapping[str, TruthMeasure] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    point: bool = False
