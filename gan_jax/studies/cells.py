"""A study's cells: some seeds of one variant each, run and stored together, exactly once.

cells/VARIANT/seeds-0000-0063/result.nc   the cell's result, written whole when it is done
cells/VARIANT/seeds-0000-0063/running     who runs it, while it runs
cells/VARIANT/seeds-0000-0063/failed      why it failed, if its last attempt did
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gan_jax.fields import ConfigError
from gan_jax.files.netcdf import ENGINE, read_netcdf
from gan_jax.files.whole import write_text, write_whole
from gan_jax.studies.study import Study

if TYPE_CHECKING:
    import xarray as xr

CELL_SEEDS = 64
RESULT, RUNNING, FAILED = "result.nc", "running", "failed"
# How many samples of each kind of data are kept over training, the evaluation's first ones.
SHOWN = {"points": 128, "images": 9, "sequences": 4}


class Cell(NamedTuple):
    """Some seeds of one variant: a whole number of chunks of lanes, or what is left of them.

    Attributes:
      variant: its variant.
      first: position of its first seed in the study's list.
      seeds: its seeds.
    """

    variant: str
    first: int
    seeds: tuple[int, ...]

    def folder(self, study_folder: Path) -> Path:
        """Where all its files are."""
        name = f"seeds-{self.first:04d}-{self.first + len(self.seeds) - 1:04d}"
        return study_folder / "cells" / self.variant / name

    def path(self, study_folder: Path) -> Path:
        """Where its result is, once done."""
        return self.folder(study_folder) / RESULT


def cells(study: Study) -> list[Cell]:
    """Every cell of a study: about CELL_SEEDS seeds each, whole chunks.

    Seeds that were added later are in cells of their own: a finished cell never changes.
    """
    size = -(-CELL_SEEDS // study.lanes) * study.lanes
    bounds = [0, *study.grown_from, len(study.seeds)]
    return [
        Cell(variant, first, study.seeds[first : min(first + size, end)])
        for variant in study.variants
        for start, end in pairwise(bounds)
        for first in range(start, end, size)
    ]


def missing_cells(study: Study, folder: Path) -> list[Cell]:
    """The cells that have no result yet."""
    return [cell for cell in cells(study) if not cell.path(folder).exists()]


def cell_state(cell: Cell, folder: Path) -> tuple[str, str]:
    """What a cell is: "done", "running", "failed" or "missing"; and who runs it, or why it failed.

    A cell whose process on this machine is gone does not run, whatever its file says.
    """
    if cell.path(folder).exists():
        return "done", ""
    for state in (RUNNING, FAILED):
        try:
            text = (cell.folder(folder) / state).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if state == FAILED:
            return "failed", text.strip()
        if _alive(text):
            return "running", _runner(text)
    return "missing", ""


def _note(text: str) -> dict[str, Any]:
    try:
        note = json.loads(text)
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}


def _runner(text: str) -> str:
    note = _note(text)
    return f"process {note.get('process')} on {note.get('host')} since {note.get('since')}"


def _alive(text: str) -> bool:
    note = _note(text)
    if note.get("host") != socket.gethostname():
        return bool(note)  # another machine's processes are not seen from here
    try:
        os.kill(int(note["process"]), 0)
    except PermissionError:  # somebody else's process, so there is one
        return True
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return False
    return True


class StudyError(RuntimeError):
    """Some cells of a study could not be run; what is done is kept."""


class TakenError(RuntimeError):
    """Another process runs a cell."""


@contextmanager
def running(cell: Cell, folder: Path) -> Iterator[None]:
    """Claim a cell for this process while it goes on; note afterwards why, if that failed.

    Raises:
      TakenError: when another process runs it; a claim whose process is gone is taken over.
    """
    place = cell.folder(folder)
    note = {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    place.mkdir(parents=True, exist_ok=True)
    _claim(place / RUNNING, json.dumps(note))
    try:
        (place / FAILED).unlink(missing_ok=True)
        yield
    except Exception as error:
        first = str(error).partition("\n")[0]
        write_text(place / FAILED, f"{type(error).__name__}: {first}\n")
        raise
    finally:
        (place / RUNNING).unlink(missing_ok=True)


def _claim(file: Path, text: str) -> None:
    if file.exists() and not _alive(file.read_text(encoding="utf-8", errors="replace")):
        file.unlink(missing_ok=True)
    try:
        with file.open("x", encoding="utf-8") as claim:
            claim.write(text)
    except FileExistsError:
        who = _runner(file.read_text(encoding="utf-8", errors="replace"))
        raise TakenError(f"{file.parent.parent.name}, {file.parent.name}: run by {who}") from None


def write_cell(
    cell: Cell,
    folder: Path,
    curves: Mapping[str, np.ndarray],
    steps: np.ndarray,
    finals: Mapping[str, np.ndarray],
    snapshots: Mapping[int, np.ndarray],
    first_nonfinite_step: np.ndarray,
    wall_seconds: float,
) -> None:
    """Store a cell.

    Args:
      cell: which.
      folder: the study's.
      curves: measures [seed, step].
      steps: numbers of steps at the records [step].
      finals: "samples" of the final states [seed, sample, *shape], and measures of them [seed].
      snapshots: step -> some samples then [seed, shown, *shape].
      first_nonfinite_step: [seed].
      wall_seconds: how long it took.
    """
    import xarray as xr

    pair, samples = ("variant", "seed"), finals["samples"]
    axes = sample_axes(samples[0])
    moments = np.stack(list(snapshots.values()), axis=1)[None]
    dataset = xr.Dataset(
        {name: ((*pair, "step"), curve[None]) for name, curve in curves.items()}
        | {name: (pair, values[None]) for name, values in finals.items() if name != "samples"}
        | {
            "samples": ((*pair, "sample", *axes), samples[None]),
            "snapshots": ((*pair, "moment", "shown", *axes), moments),
            "snapshot_step": (("variant", "moment"), [list(snapshots)]),
            "first_nonfinite_step": (pair, first_nonfinite_step[None]),
        },
        coords={
            "variant": [cell.variant],
            "seed": list(cell.seeds),
            "step": steps,
            "moment": range(len(snapshots)),
        },
        attrs={"wall_seconds": wall_seconds},
    )
    write_dataset(cell.path(folder), dataset)


def read_cell(cell: Cell, folder: Path) -> xr.Dataset:
    """Read a finished cell.

    Raises:
      ConfigError: when its file is damaged, another cell's, or of another version.
    """
    dataset = read_dataset(cell.path(folder))
    if "snapshots" not in dataset or "wall_seconds" not in dataset.attrs:
        raise ConfigError(f"{cell.path(folder)}: of another version, expected a new folder")
    if dataset["seed"].values.tolist() != list(cell.seeds) or dataset["variant"] != cell.variant:
        raise ConfigError(
            f"{cell.path(folder)}: holds another cell; remove it to run this one again"
        )
    return dataset


def sample_axes(samples: np.ndarray) -> tuple[str, ...]:
    """Names of the axes of one of the samples [n, *shape]."""
    axes = samples.ndim - 1
    return ("feature",) if axes == 1 else tuple(f"axis_{i}" for i in range(axes))


def write_dataset(path: Path, dataset: xr.Dataset) -> None:
    """Write a NetCDF file whole."""
    write_whole(path, lambda temporary: dataset.to_netcdf(temporary, engine=ENGINE))


def read_dataset(path: Path, group: str | None = None) -> xr.Dataset:
    """Read a NetCDF file, or one group of it, into memory.

    Raises:
      ConfigError: in one line, when it is not there or not readable.
    """
    return read_netcdf(path, group)
