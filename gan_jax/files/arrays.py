"""A user's own data: one array in a .npy file, one row a sample. Nothing is ever unpickled.

`check_array` reads the header alone, `load_array` the numbers; both remember what they found for as
long as the file stays the same. What a row is, its type and dimensions say:

    float [n]              points of 1 coordinate
    float [n, d]           points
    float [n, t, 1]        sequences [t]
    float [n, h, w, c]     images, 1 or 3 channels, within -1 .. 1
    uint8 [n, h, w]        images of 1 channel, 0 .. 255
    uint8 [n, h, w, c]     images, 1 or 3 channels, 0 .. 255
"""

from __future__ import annotations

import io
import math
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.lib import format as npy

from gan_jax.fields import ConfigError, is_integer
from gan_jax.files.paths import absolute, regular_file

HEADER = 2_000  # bytes; NumPy writes a hundred for such arrays
MOST_DIMENSIONS = 64  # NumPy's own limit
MOST_ROWS = 2**31 - 1  # rows are drawn by 32-bit numbers
LARGEST_SAMPLE = 1_000_000  # numbers
BLOCK = 1 << 20  # numbers that are checked and converted at a time
HELD_OUT = 10  # one row in so many
SPLIT_SEED = 0

ARRAYS = (
    "float [n], [n, d], [n, t, 1] or [n, h, w, c], or uint8 [n, h, w] or [n, h, w, c]; c 1 or 3"
)


class ArrayFacts(NamedTuple):
    """What a file's header says of its rows, as `load_array` returns them.

    Attributes:
      shape: of one sample.
      dtype: "float32" or "uint8".
      rows: how many.
      kind: "points", "images" or "sequences".
    """

    shape: tuple[int, ...]
    dtype: Literal["float32", "uint8"]
    rows: int
    kind: Literal["points", "images", "sequences"]


class Header(NamedTuple):
    """What a .npy file says of its array before the numbers."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype
    end: int  # bytes before the numbers


def check_array(path: Path | str, rows_at_least: int = 2) -> ArrayFacts:
    """Say what a .npy file holds, from its header and size; two rows are the least that split.

    Raises:
      ConfigError: no .npy file; truncated or longer than its header says; Python objects, or
        another type or shape than this module's table; too few or too large rows.
    """
    facts = _facts(*stamp(path))
    if facts.rows < max(rows_at_least, 2):
        raise ConfigError(
            f"{path}: holds {facts.rows} rows, expected at least {max(rows_at_least, 2)}"
        )
    return facts


def load_array(path: Path | str) -> np.ndarray:
    """Read a .npy file's rows [n, *shape], float32 or uint8, read-only; kept while it is the same.

    Raises:
      ConfigError: as `check_array`; a number that is not finite in float32; an image of floats
        outside -1 .. 1.
    """
    check_array(path)
    return _rows(*stamp(path))


def split_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split rows [n, ...] into (train, test), a tenth of them, one at least, held out.

    Which ones depends on n alone: the same for every seed, run and machine. Each part keeps the
    order of the file.
    """
    # Raw bits, whose stream NumPy keeps from release to release, as it does not `permutation`'s.
    order = np.argsort(np.random.PCG64(SPLIT_SEED).random_raw(len(rows)), kind="stable")
    held_out = np.zeros(len(rows), bool)
    held_out[order[: max(1, len(rows) // HELD_OUT)]] = True
    return rows[~held_out], rows[held_out]


def stamp(path: Path | str) -> tuple[Path, int, int]:
    """What tells one version of a file from another: its absolute path, time and size."""
    path = absolute(path)
    status = regular_file(path)
    return path, status.st_mtime_ns, status.st_size


@lru_cache(maxsize=64)
def _facts(path: Path, _: int, size: int) -> ArrayFacts:
    header = _read_header(path)
    facts = _meaning(path, header)
    if not 0 < math.prod(facts.shape) <= LARGEST_SAMPLE or facts.rows > MOST_ROWS:
        raise ConfigError(
            f"{path}: {facts.rows} rows of {math.prod(facts.shape)} numbers, expected at most "
            f"{MOST_ROWS} rows of 1 to {LARGEST_SAMPLE} numbers"
        )
    expected = header.end + math.prod(header.shape) * header.dtype.itemsize
    if size != expected:
        what = "truncated" if size < expected else "something follows its numbers"
        raise ConfigError(f"{path}: {what}: {size} bytes, expected {expected} by its header")
    return facts


def _read_header(path: Path) -> Header:
    try:
        with path.open("rb") as file:
            start = file.read(2 * HEADER)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    if not start.startswith(npy.MAGIC_PREFIX):
        what = "an .npz or zip archive" if start.startswith(b"PK") else "not a .npy file"
        raise ConfigError(f"{path}: {what}, expected one array, as numpy.save writes it")
    try:
        return parse_header(start)
    # The header is a Python literal: hostile ones fail in a dozen ways, stack and memory included.
    except Exception:
        raise ConfigError(f"{path}: damaged header, expected numpy.save's") from None


def parse_header(start: bytes) -> Header:
    """What the beginning of a .npy file says of the array in it; any exception refuses it."""
    stream = io.BytesIO(start)  # a header that claims gigabytes ends here
    readers: dict[Any, Any] = {
        (1, 0): npy.read_array_header_1_0,
        (2, 0): npy.read_array_header_2_0,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd literals: they are refused, or do no harm
        shape, fortran_order, dtype = readers[npy.read_magic(stream)](
            stream, max_header_size=HEADER
        )
    if len(shape) > MOST_DIMENSIONS or not all(map(_is_length, shape)):
        raise ValueError(shape)
    return Header(shape, fortran_order, dtype, stream.tell())


def _is_length(length: Any) -> bool:
    return is_integer(length) and 0 <= length < 2**63


def _meaning(path: Path, header: Header) -> ArrayFacts:
    dtype, rows = header.dtype, header.shape[:1]
    if dtype.hasobject:
        raise ConfigError(f"{path}: holds Python objects, which are not read; expected {ARRAYS}")
    if dtype != np.uint8 and not (dtype.kind == "f" and dtype.itemsize <= 8):
        raise ConfigError(f"{path}: type {dtype.name} given, expected {ARRAYS}")
    match rows, dtype.kind, header.shape[1:]:
        case (n,), "f", ():
            return ArrayFacts((1,), "float32", n, "points")
        case (n,), "f", (dimension,):
            return ArrayFacts((dimension,), "float32", n, "points")
        case (n,), "f", (time, 1):
            return ArrayFacts((time,), "float32", n, "sequences")
        case (n,), "f", (_, _, 1 | 3) as shape:
            return ArrayFacts(shape, "float32", n, "images")
        case (n,), "u", (height, width):
            return ArrayFacts((height, width, 1), "uint8", n, "images")
        case (n,), "u", (_, _, 1 | 3) as shape:
            return ArrayFacts(shape, "uint8", n, "images")
    given = ", ".join(map(str, header.shape))
    raise ConfigError(f"{path}: {dtype.name} [{given}] given, expected {ARRAYS}")


@lru_cache(maxsize=2)
def _rows(path: Path, mtime_ns: int, size: int) -> np.ndarray:
    facts, header = _facts(path, mtime_ns, size), _read_header(path)
    count = math.prod(header.shape)
    try:
        flat = np.fromfile(path, header.dtype, count, offset=header.end)
        if flat.size != count:
            raise ConfigError(f"{path}: changed while it was read; try again")
        raw = flat.reshape(header.shape, order="F" if header.fortran_order else "C")
        rows = np.ascontiguousarray(raw) if facts.dtype == "uint8" else _floats(path, raw, facts)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    except MemoryError:
        raise ConfigError(f"{path}: {size} bytes, more than fit into memory") from None
    rows = rows.reshape(facts.rows, *facts.shape)
    rows.flags.writeable = False  # it is kept, and handed out again
    return rows


def _floats(path: Path, raw: np.ndarray, facts: ArrayFacts) -> np.ndarray:
    """Bring rows to float32, block by block, and refuse the first that must not be."""
    largest = 1.0 if facts.kind == "images" else math.inf
    rows = np.empty(raw.shape, np.float32)
    step = max(1, BLOCK // math.prod(facts.shape))
    for start in range(0, len(raw), step):
        block = rows[start : start + step]
        with np.errstate(all="ignore"):  # too large for float32: infinite, and refused below
            block[...] = raw[start : start + step]
        bad = ~np.isfinite(block) | (np.abs(block) > largest)
        if bad.any():
            where = np.unravel_index(np.argmax(bad), bad.shape)
            row = start + int(where[0])
            value = float(raw[row][where[1:]])
            expected = "values of -1 to 1" if facts.kind == "images" else "finite float32 numbers"
            raise ConfigError(f"{path}: row {row} holds {value:g}, expected {expected}")
    return rows
