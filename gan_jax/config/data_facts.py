"""What validation must know of the data, without JAX: from the table, the registry or a file."""

from __future__ import annotations

from typing import NamedTuple

from gan_jax.catalogue import CATALOGUE
from gan_jax.files.arrays import check_array

ARRAY_SUFFIX = ".npy"


class DataFacts(NamedTuple):
    """What is known of data before any are read.

    Attributes:
      shape: of one sample.
      kind: "points", "images" or "sequences".
      rows: training samples there are, of data from a file; None of data drawn from a law.
      held_out: likewise, of the samples kept for evaluations.
      scalable: whether the data's range is known.
    """

    shape: tuple[int, ...]
    kind: str = "points"
    rows: int | None = None
    held_out: int | None = None
    scalable: bool = False


def is_array(data: str) -> bool:
    """Whether a data field is the path of a user's own array, rather than a registered name."""
    return data.endswith(ARRAY_SUFFIX) and data not in CATALOGUE["data"].names()


def data_facts(data: str) -> DataFacts:
    """Look up the facts of registered data, or of an array by its header.

    Raises:
      ConfigError: naming the file, when there is no such array or it cannot be trained on.
    """
    if is_array(data):
        array = check_array(data)
        return DataFacts(array.shape, array.kind, array.rows, array.held_out, True)
    data_of = CATALOGUE["data"].find(data)
    rows, held_out = data_of.rows or (None, None)
    return DataFacts(data_of.shape, data_of.kind, rows, held_out, "scaling" in data_of.supports)
