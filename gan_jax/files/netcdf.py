"""NetCDF files that anyone may have written: looked at before they are read, whole or not at all.

NetCDF is HDF5, which can declare terabytes in a few bytes, point at other files, and name one text
a million times over; its library loops for ever on some damaged lists of dimensions. So a file's
structure is checked first, by what this package itself writes: plain numbers and texts, no larger
than the file makes believable. Needs no JAX.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_jax.fields import ConfigError, shown
from gan_jax.files.arrays import stamp

if TYPE_CHECKING:
    import h5py
    import xarray as xr

ENGINE = "h5netcdf"
HEAP = b"GCOL\x01\0\0\0"  # how HDF5's collections of texts begin
# Content may be so many times as large as its file (some tools compress), and this many bytes more.
LARGEST_RATIO, SLACK = 20, 1_000_000
MOST_OBJECTS, DEEPEST = 20_000, 4
MOST_ATTRIBUTES, LARGEST_ATTRIBUTE = 200, 1_000  # of one object; numbers in one
TEXTS_AT_ONCE = 64
# What says something about this machine at this moment, and nothing about the file.
PASSING = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EACCES, errno.EPERM}
PASSING |= {errno.ESTALE, errno.EINTR, errno.EAGAIN, errno.ETIMEDOUT}
DIMENSIONS, SCALE_OF = "DIMENSION_LIST", "REFERENCE_LIST"  # how NetCDF says a variable's dimensions


def read_netcdf(path: Path, group: str | None = None) -> xr.Dataset:
    """Read a NetCDF file, or one group of it, into memory.

    Raises:
      ConfigError: in one line, when it is not there, not readable, or not what this package writes.
      OSError, MemoryError: when the machine, not the file, is why it cannot be read.
    """
    with opened_netcdf(path, group) as dataset, _what_fails_said(path):
        return dataset.load()


@contextmanager
def opened_netcdf(path: Path, group: str | None = None) -> Iterator[xr.Dataset]:
    """A NetCDF file, or one group of it, whose arrays are read when they are used.

    Raises:
      ConfigError: in one line, when it is not there, not readable, or not what this package writes.
      OSError, MemoryError: when the machine, not the file, is why it cannot be read.
    """
    import xarray as xr

    path, *_ = stamp(path)
    with _what_fails_said(path):
        _check(path)
        opened = xr.open_dataset(path, group=group, engine=ENGINE)
    with opened:
        # The encoding keeps the width of this file's names: longer ones would be cut to it later.
        yield opened.drop_encoding()


def read_flat(path: Path) -> xr.Dataset:
    """Read a NetCDF file without groups, such as a cell's: as `read_netcdf`, ten times as quickly.

    Dimensions are what each axis' scale is called, true and false are int8 that says "bool".

    Raises:
      ConfigError: in one line, when it is not there, not readable, or not what this package writes.
      OSError, MemoryError: when the machine, not the file, is why it cannot be read.
    """
    import h5py
    import xarray as xr

    path, *_ = stamp(path)
    with _what_fails_said(path):
        _check(path)
        with h5py.File(path, "r") as file:
            arrays = {
                str(name): _with_dims(file, array)
                for name, array in file.items()
                if isinstance(array, h5py.Dataset) and not _is_only_dimension(array)
            }
            attributes = {name: x for name, x in file.attrs.items() if name[0] != "_"}
    axes = {name: x for name, x in arrays.items() if x[0] == (name,)}
    others = {name: x for name, x in arrays.items() if name not in axes}
    plain = {
        name: x.item() if isinstance(x, np.ndarray) and x.size == 1 else x
        for name, x in attributes.items()
    }
    return xr.Dataset(others, coords=axes, attrs=plain)


def _is_only_dimension(array: h5py.Dataset) -> bool:
    return array.attrs.get("NAME", b"").startswith(b"This is a netCDF dimension but not")


def _with_dims(file: h5py.File, array: h5py.Dataset) -> tuple[tuple[str, ...], np.ndarray]:
    """An array's dimensions by name, and its values."""
    import h5py

    dims = [str(file[axis[0]].name) for axis in array.attrs.get(DIMENSIONS, ())]
    if not dims:  # an axis itself
        dims = [str(array.name)] * array.ndim
    text = h5py.check_string_dtype(array.dtype)
    values = np.asarray(array.asstr()[()], str) if text else array[()]
    if array.attrs.get("dtype") == "bool":
        values = values.astype(bool)
    return tuple(name.rpartition("/")[2] for name in dims), values


@contextmanager
def _what_fails_said(path: Path) -> Iterator[None]:
    """Say of a file what fails while it is read; what passes (no memory) is no damage to it."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    except MemoryError:
        raise
    # What is damaged fails in a dozen ways, in three libraries.
    except Exception as error:
        if isinstance(error, OSError) and error.errno in PASSING:
            error.filename = error.filename or str(path)
            raise
        why = str(error) or type(error).__name__
        raise ConfigError(f"{path}: not a readable results file ({why})") from None


def _check(path: Path) -> None:
    """Refuse a file before anything of its size is allocated or its lists are followed."""
    import h5py

    _check_heaps(path)
    most = LARGEST_RATIO * path.stat().st_size + SLACK
    with h5py.File(path, "r") as file:
        for name, thing in _objects(file):
            most -= _check_attributes(name, thing, most)
            if isinstance(thing, h5py.Dataset):
                most -= _check_array(name, thing, most)


def _check_heaps(path: Path) -> None:
    """Refuse damaged collections of texts, through which HDF5's library would walk for ever.

    A collection: 16 bytes of header, its size the last 8; then objects, each a number (0: free
    space, which is what is left), 6 bytes more, its size, and so many bytes, padded to 8 (HDF5 File
    Format Specification 3.0, III.E).
    """
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        start = content.find(HEAP)
        while start >= 0:
            end = start + int.from_bytes(content[start + 8 : start + 16], "little")
            place = start + 16
            while place + 16 <= end <= len(content):
                number, size = struct.unpack("<H6xQ", content[place : place + 16])
                place += 16 + -(-size // 8) * 8 if number else size or len(content)
            if place > end or end > len(content):
                raise ConfigError("its texts are damaged")
            start = content.find(HEAP, start + 1)


def _objects(file: h5py.File) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
    """Every group and array of a file by its path; only what the file itself holds."""
    import h5py

    waiting: list[tuple[str, Any, int]] = [("", file, 0)]
    count = 0
    while waiting:
        path, thing, depth = waiting.pop()
        count += 1
        if count > MOST_OBJECTS or depth > DEEPEST:
            raise ConfigError(f"more than {MOST_OBJECTS} arrays, or groups deeper than {DEEPEST}")
        yield path or "/", thing
        if not isinstance(thing, h5py.Group):
            continue
        for name in thing:
            below = f"{path}/{name}"
            if not isinstance(thing.get(name, getlink=True), h5py.HardLink):
                raise ConfigError(f"{shown(below)} is a link elsewhere, expected an array")
            child = thing[name]
            if not isinstance(child, h5py.Group | h5py.Dataset):
                raise ConfigError(f"{shown(below)} is neither a group nor an array")
            waiting.append((below, child, depth + 1))


def _check_array(name: str, array: h5py.Dataset, most: int) -> int:
    """Refuse an array of another type, kept elsewhere, or larger than `most`; return its size."""
    import h5py

    if array.is_virtual or array.external:
        raise ConfigError(f"{shown(name)} is kept in another file, expected it in this one")
    text = h5py.check_string_dtype(array.dtype)
    if array.shape is None or not (text or array.dtype.kind in "biufS"):
        raise ConfigError(f"{shown(name)} has type {shown(array.dtype)}, expected numbers or text")
    size = array.size * array.dtype.itemsize
    if size <= most and text and text.length is None:
        size += _length_of_texts(array, most)
    if size > most:
        raise ConfigError(f"{shown(name)} is larger than its file makes believable")
    return size


def _length_of_texts(array: h5py.Dataset, most: int) -> int:
    """Bytes of an array's texts, a few at a time: every one may be the same long one."""
    if not array.size:
        return 0
    length, last = 0, array.shape[-1] if array.shape else 1
    for row in np.ndindex(array.shape[:-1]):
        for first in range(0, last, TEXTS_AT_ONCE):
            place = (*row, slice(first, first + TEXTS_AT_ONCE)) if array.shape else ()
            length += sum(len(text) for text in np.atleast_1d(array[place]))
            if length > most:
                return length
    return length


def _check_attributes(name: str, thing: h5py.Group | h5py.Dataset, most: int) -> int:
    """Refuse attributes that are neither numbers nor texts, or too large; return their size."""
    import h5py

    if len(thing.attrs) > MOST_ATTRIBUTES:
        raise ConfigError(f"{shown(name)} has more than {MOST_ATTRIBUTES} attributes")
    size = 0
    for attribute in thing.attrs:
        if attribute == SCALE_OF:  # the way back, which reading does not go
            continue
        found = thing.attrs.get_id(attribute)
        count = int(np.prod(found.shape, dtype=object)) if found.shape is not None else 0
        if count > LARGEST_ATTRIBUTE:
            raise ConfigError(f"{shown(name)} has an attribute of {count} numbers")
        if attribute == DIMENSIONS:
            _check_dimensions(name, thing)
            continue
        if not (h5py.check_string_dtype(found.dtype) or found.dtype.kind in "biufS"):
            raise ConfigError(f"{shown(name)} has an attribute of type {shown(found.dtype)}")
        value = thing.attrs[attribute]
        size += len(value) if isinstance(value, str | bytes) else 8 * count
        if isinstance(value, np.ndarray) and value.dtype.kind == "O":
            size += sum(len(str(text)) for text in value.ravel())
        if size > most:
            raise ConfigError(f"{shown(name)} has attributes larger than its file makes believable")
    return size


def _check_dimensions(name: str, array: Any) -> None:
    """Refuse a list of dimensions that is not one array of this file for each of the axes."""
    import h5py

    axes = array.attrs[DIMENSIONS]
    if np.shape(axes) != (array.ndim,):
        raise ConfigError(f"{shown(name)} has a damaged list of dimensions")
    for axis, size in zip(axes, array.shape, strict=True):
        scales = [array.file[reference] for reference in axis]
        whole = len(scales) == 1 and isinstance(scales[0], h5py.Dataset)
        if not whole or scales[0].shape != (size,):
            raise ConfigError(f"{shown(name)} has a damaged list of dimensions")
