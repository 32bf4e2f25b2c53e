"""What validation must know of the data, without JAX: from the table, the registry or a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from gan_jax.catalogue import CATALOGUE
from gan_jax.fields import ConfigError
from gan_jax.files.arrays import HELD_OUT, check_array, load_array
from gan_jax.files.images import check_present
from gan_jax.files.paths import absolute

ARRAY_SUFFIX = ".npy"
# Data -> the collection of image files that they are made of.
COLLECTION_OF = {"mnist": "mnist", "fashion_mnist": "fashion_mnist", "stacked_mnist": "mnist"}


class DataFacts(NamedTuple):
    """What is known of data before any are read.

    Attributes:
      shape: of one sample.
      kind: "points", "images" or "sequences".
      rows: training samples there are, of data from a file; None of data drawn from a law.
      held_out: likewise, of the samples kept for evaluations.
      scalable: whether the data's range is known.
      within_one: whether they are known to lie within -1 .. 1.
    """

    shape: tuple[int, ...]
    kind: str = "points"
    rows: int | None = None
    held_out: int | None = None
    scalable: bool = False
    within_one: bool = False


def is_array(data: str) -> bool:
    """Whether a data field is the path of a user's own array, rather than a registered name."""
    return data.endswith(ARRAY_SUFFIX) and data not in CATALOGUE["data"].names()


def data_facts(data: str) -> DataFacts:
    """Look up the facts of registered data, or of an array by its header.

    Raises:
      ConfigError: naming the file, when there is no such array or it cannot be trained on.
    """
    if data in _remembered.get():
        return _remembered.get()[data]
    if is_array(data):
        array = check_array(data)
        held_out, images = max(array.rows // HELD_OUT, 1), array.kind == "images"
        rows = array.rows - held_out
        return DataFacts(array.shape, array.kind, rows, held_out, not images, images)
    data_of = CATALOGUE["data"].find(data)
    rows, held_out = data_of.rows or (None, None)
    scalable, within_one = (option in data_of.supports for option in ("scaling", "within_one"))
    return DataFacts(data_of.shape, data_of.kind, rows, held_out, scalable, within_one)


@contextmanager
def remembered(data: str, facts: DataFacts) -> Iterator[None]:
    """Let an array be taken, while it goes on, for what is remembered of it: it may be gone."""
    token = _remembered.set({data: facts})
    try:
        yield
    finally:
        _remembered.reset(token)


_remembered: ContextVar[dict[str, DataFacts]] = ContextVar("remembered", default={})  # noqa: B039


def data_fingerprint(data: str) -> str | None:
    """SHA-256 of an array's file, which may change under its name; None of registered data."""
    if not is_array(data):
        return None
    with absolute(data).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_data_files(data: str) -> None:
    """Refuse data whose files are not there, or whose numbers cannot be trained on.

    Raises:
      ConfigError: in one line that says what to put where.
    """
    if is_array(data):
        rows = load_array(data)
        if (rows == rows[:1]).all():
            raise ConfigError(f"data: every row of {data} is the same, expected rows that differ")
    elif data in COLLECTION_OF:
        check_present(COLLECTION_OF[data])
