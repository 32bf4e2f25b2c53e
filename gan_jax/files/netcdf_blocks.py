"""NetCDF files written block by block: what is larger than memory, or may be.

The layout comes first, from a data set that has every variable, whatever its sizes; then blocks of
values, in any order. What is not written is zero.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from gan_jax.files.whole import CANNOT_TELL

if TYPE_CHECKING:
    import xarray as xr

MOST_IN_MEMORY = 16_000_000  # bytes: above, the file grows on the disk
TEXT = 200  # bytes that a text may take, for the room a file needs


class BlockFile:
    """A NetCDF file of some groups, None its root, filled block by block; a context manager.

    HDF5 that meets a full disk ends the process. So a small file is made in memory and written at
    once; for a large one the room is asked for first.

    Args:
      path: where.
      layouts: group -> a data set with all of its variables and attributes.
      sizes: group -> dimension -> its size in the file, where that is another than in the layout.

    Raises:
      OSError: when there is no room.
    """

    def __init__(
        self,
        path: Path,
        layouts: Mapping[str | None, xr.Dataset],
        sizes: Mapping[str | None, Mapping[str, int]],
    ) -> None:
        import h5netcdf

        self._path = path
        shapes = [
            (x.dtype, [sizes[name].get(str(dim), size) for dim, size in x.sizes.items()])
            for name, layout in layouts.items()
            for x in layout.variables.values()
        ]
        room = sum(_width(dtype) * int(np.prod(shape, dtype=object)) for dtype, shape in shapes)
        self._memory = io.BytesIO() if room < MOST_IN_MEMORY else None
        self._file = h5netcdf.File(path if self._memory is None else self._memory, "w")
        try:
            for name, layout in layouts.items():
                group = self._file if name is None else self._file.create_group(name)
                _lay_out(group, layout, sizes[name])
            if self._memory is None:
                self._file.flush()
                _reserve(path, room)
        except BaseException:
            self._file.close()
            raise

    def write(self, group: str | None, name: str, place: Sequence[slice], values: Any) -> None:
        """Write a block of a variable.

        Args:
          group: its group.
          name: its name.
          place: where, a slice an axis.
          values: what, of that shape.
        """
        variables = (self._file if group is None else self._file[group]).variables
        values = np.asarray(values)
        stored = {"b": np.int8, "U": object}.get(values.dtype.kind, values.dtype)
        variables[name][tuple(place)] = values.astype(stored, copy=False)

    def describe(self, group: str | None, name: str, text: str) -> None:
        """Give a group an attribute that was not known when it was laid out."""
        (self._file if group is None else self._file[group]).attrs[name] = text

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        size = 0
        if self._memory is None:
            self._file.flush()
            size = self._file._h5file.id.get_filesize()  # pyright: ignore[reportOptionalMemberAccess]
        self._file.close()
        if kind is not None:
            return
        if self._memory is not None:
            self._path.write_bytes(self._memory.getbuffer())
        else:
            os.truncate(self._path, size)  # what was reserved, and not needed


def _width(dtype: np.dtype) -> int:
    return TEXT if dtype.kind in "OUT" else dtype.itemsize


def _lay_out(group: Any, layout: xr.Dataset, sizes: Mapping[str, int]) -> None:
    """Create a group's dimensions and variables as xarray reads them back, and its attributes."""
    import h5py

    group.dimensions = {str(dim): sizes.get(str(dim), n) for dim, n in layout.sizes.items()}
    for name, x in layout.variables.items():
        text, truth = x.dtype.kind in "OUT", x.dtype.kind == "b"
        dtype = h5py.string_dtype() if text else np.dtype(np.int8) if truth else x.dtype
        variable = group.create_variable(str(name), tuple(map(str, x.dims)), dtype)
        if truth:
            variable.attrs["dtype"] = "bool"
    further = [str(name) for name in layout.coords if name not in layout.sizes]
    group.attrs.update(layout.attrs | ({"coordinates": " ".join(further)} if further else {}))


def _reserve(path: Path, room: int) -> None:
    """Ask the file system for the room that a file will need.

    Raises:
      OSError: when it has not as much.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.posix_fallocate(descriptor, 0, room)
    except OSError as error:
        if error.errno not in CANNOT_TELL:
            raise
    finally:
        os.close(descriptor)
