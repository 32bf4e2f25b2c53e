"""IDX, the format of MNIST: a header of big-endian sizes, then bytes; gzipped or not.

A file is read only as far as the shape it must have, whatever its header claims or its compression
would expand to, and then taken whole or refused. Knows no collection.

The format: http://yann.lecun.com/exdb/mnist (LeCun, Cortes, Burges 1998).
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from gan_jax.fields import ConfigError
from gan_jax.files.paths import regular_file

GZIP = b"\x1f\x8b"
UNSIGNED_BYTES = 0x08  # the header's third byte; its fourth is the number of dimensions
LARGEST_OVERHEAD = 100_000  # bytes that a header and gzip, of noise even, can add to a file


class Idx(NamedTuple):
    """What an IDX file holds.

    Attributes:
      values: uint8, of the shape asked for; read-only.
      sha256: of the whole file, decompressed.
    """

    values: np.ndarray
    sha256: str


def read_idx(path: Path, shape: tuple[int, ...], largest: int = 255) -> Idx:
    """Read an IDX file of unsigned bytes; whether it is gzipped, its content says.

    Args:
      path: the file.
      shape: what it must hold: [n, height, width] images, [n] labels.
      largest: the largest value there may be: 9 for the labels of ten classes.

    Raises:
      ConfigError: absent, empty, damaged, truncated, longer than its shape; another format, shape
        or range.
    """
    size = math.prod(shape)
    if regular_file(path).st_size > size + size // 1000 + LARGEST_OVERHEAD:
        raise ConfigError(f"{path}: longer than {_in_words(shape)} can be")
    with _decompressed(path) as file:
        header = file.read(4 + 4 * len(shape))
        _check_header(path, header, shape)
        content = file.read(size + 1)
    if len(content) != size:
        what = "truncated" if len(content) < size else "something follows"
        raise ConfigError(f"{path}: {what}, expected {size} bytes after the header")
    values = np.frombuffer(content, np.uint8).reshape(shape)
    if values.max(initial=0) > largest:
        row = int(np.argmax(values.reshape(len(values), -1).max(axis=1) > largest))
        raise ConfigError(
            f"{path}: row {row} holds {values[row].max()}, expected values of 0 to {largest}"
        )
    return Idx(values, hashlib.sha256(header + content).hexdigest())


@contextmanager
def _decompressed(path: Path) -> Iterator[BinaryIO | gzip.GzipFile]:
    try:
        with path.open("rb") as raw:
            gzipped = raw.read(2) == GZIP
            raw.seek(0)
            if not gzipped:
                yield raw
                return
            with gzip.GzipFile(fileobj=raw) as file:
                yield file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ConfigError(f"{path}: damaged gzip file ({error}); fetch it again") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None


def _check_header(path: Path, header: bytes, shape: tuple[int, ...]) -> None:
    if not header:
        raise ConfigError(f"{path}: empty, expected {_in_words(shape)}")
    magic = bytes([0, 0, UNSIGNED_BYTES, len(shape)])
    if header[:4] != magic:
        raise ConfigError(
            f"{path}: starts with {header[:4].hex()}, expected {magic.hex()} (IDX: unsigned bytes, "
            f"dimensions: {len(shape)})"
        )
    if len(header) < 4 + 4 * len(shape):
        raise ConfigError(f"{path}: truncated, in its header; expected {_in_words(shape)}")
    claimed = struct.unpack(f">{len(shape)}I", header[4:])
    if claimed != shape:
        raise ConfigError(f"{path}: holds {_in_words(claimed)}, expected {_in_words(shape)}")


def _in_words(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) + " bytes"
