"""A study's cells: some seeds of one variant each, run and stored together, exactly once.

In cells/VARIANT/seeds-0000-0063/:

    result.nc     the cell's result, written whole when it is done; with its checksum beside it
    checkpoints/  its training so far, until then
    running       who runs it, while it runs
    failed        why it failed, if its last attempt did
    run-again     why it was run again, if its result was ever found damaged
"""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gan_jax.fields import ConfigError
from gan_jax.files.netcdf import ENGINE, read_flat, read_netcdf
from gan_jax.files.sums import damage, sum_path, write_summed
from gan_jax.files.whole import remove_temporaries, write_text
from gan_jax.studies.claims import RUNNING, TakenError, claimed, running_process
from gan_jax.studies.failures import in_a_line
from gan_jax.studies.study import Study

if TYPE_CHECKING:
    import xarray as xr

CELL_SEEDS = 64
RESULT, FAILED, RUN_AGAIN = "result.nc", "failed", "run-again"
CHECKPOINTS = "checkpoints"
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
    who = running_process(cell.folder(folder) / RUNNING)
    if who is not None:
        return "running", who
    try:
        text = (cell.folder(folder) / FAILED).read_text(encoding="utf-8", errors="replace")
        return "failed", text.strip()
    except OSError:
        return "missing", ""


@contextmanager
def running(cell: Cell, folder: Path) -> Iterator[None]:
    """Claim a cell for this process while it goes on; note afterwards why, if that failed.

    Raises:
      TakenError: when another process runs it; a claim whose process is gone is taken over.
    """
    place = cell.folder(folder)
    with claimed(place / RUNNING, f"{cell.variant}, {place.name}"), noted(cell, folder):
        yield


@contextmanager
def noted(
    cell: Cell, folder: Path, still_ours: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Begin a claimed cell's attempt, and note why, if it fails.

    Args:
      cell: which.
      folder: the study's.
      still_ours: raises where the claim is lost: whatever fails then is not the cell's failure.
    """
    place = cell.folder(folder)
    remove_temporaries(place)
    try:
        (place / FAILED).unlink(missing_ok=True)
        yield
    except TakenError:
        raise
    except Exception as error:
        still_ours()
        host = getattr(error, "host", socket.gethostname())
        with suppress(OSError):  # what has failed is the error, not the note of it
            write_text(place / FAILED, f"{in_a_line(error)} (on {host})\n")
        raise


def write_cell(
    cell: Cell,
    folder: Path,
    curves: Mapping[str, np.ndarray],
    steps: np.ndarray,
    finals: Mapping[str, np.ndarray],
    snapshots: Mapping[int, np.ndarray],
    first_nonfinite_step: np.ndarray,
    wall_seconds: float,
    device: str,
    origin: str,
) -> None:
    """Store a cell, and its checksum.

    Args:
      cell: which.
      folder: the study's.
      curves: measures [seed, step].
      steps: numbers of steps at the records [step].
      finals: "samples" of the final states [seed, sample, *shape], and measures of them [seed].
      snapshots: step -> some samples then [seed, shown, *shape].
      first_nonfinite_step: [seed].
      wall_seconds: how long it took.
      device: what kind trained it.
      origin: what it is a result of, as `origin_of` says.
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
        attrs={"wall_seconds": wall_seconds, "device": device, "origin": origin},
    )
    write_dataset(cell.path(folder), dataset)


def origin_of(study: Study, variant: str) -> str:
    """What a cell's numbers follow from besides its seeds: as JSON, to be compared."""
    fields = study.experiments()[variant].to_dict()
    origin = {"experiment": fields, "lanes": study.lanes, "moments": study.moments}
    if study.batch_devices > 1:
        origin["batch_devices"] = study.batch_devices
    return json.dumps(origin, sort_keys=True)


def read_cell(cell: Cell, folder: Path, origin: str) -> xr.Dataset:
    """Read a finished cell.

    Raises:
      ConfigError: when its file is damaged, another cell's, or of another version.
    """
    if not sum_path(cell.path(folder)).exists():
        raise ConfigError(f"{cell.path(folder)}: without its checksum")
    check_sum(cell.path(folder))
    dataset = read_flat(cell.path(folder))
    if "snapshots" not in dataset or not {"wall_seconds", "origin"} <= {*dataset.attrs}:
        raise ConfigError(f"{cell.path(folder)}: of another version")
    if dataset["seed"].values.tolist() != list(cell.seeds) or dataset["variant"] != cell.variant:
        raise ConfigError(f"{cell.path(folder)}: holds another cell")
    if dataset.attrs["origin"] != origin:
        raise ConfigError(f"{cell.path(folder)}: holds a cell of another study")
    return dataset


def sample_axes(samples: np.ndarray) -> tuple[str, ...]:
    """Names of the axes of one of the samples [n, *shape]."""
    axes = samples.ndim - 1
    return ("feature",) if axes == 1 else tuple(f"axis_{i}" for i in range(axes))


def write_dataset(path: Path, dataset: xr.Dataset) -> None:
    """Write a NetCDF file whole, and its checksum."""
    write_datasets(path, {None: dataset})


def write_datasets(path: Path, groups: Mapping[str | None, xr.Dataset]) -> None:
    """Write a NetCDF file of several groups, None its root and first, whole, and its checksum.

    It is made in memory: HDF5 that meets a full disk ends the process.
    """
    buffer = io.BytesIO()
    for name, group in groups.items():
        mode = "w" if name is None else "a"
        group.to_netcdf(buffer, mode=mode, group=name, engine=ENGINE)
    write_summed(path, lambda temporary: temporary.write_bytes(buffer.getbuffer()))


def read_dataset(path: Path, group: str | None = None) -> xr.Dataset:
    """Read a NetCDF file, or one group of it, into memory.

    Raises:
      ConfigError: in one line, when it is not there, not readable, or not as it was written.
    """
    check_sum(path)
    return read_netcdf(path, group)


def check_sum(path: Path) -> None:
    """Refuse a file that is not as it was written, where its checksum is beside it.

    Raises:
      ConfigError: in one line.
    """
    why = damage(path)
    if why is not None and sum_path(path).exists() and path.exists():
        raise ConfigError(f"{path}: {why}")
