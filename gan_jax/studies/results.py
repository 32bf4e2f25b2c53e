"""A study's results on disk: results.nc and seeds.csv, written and read. Reading needs no JAX.

The root of results.nc has every curve and verdict. Variants that are measured alike (the same data,
the same real samples) share one set of real samples and floors; where a study has several such
groups, each is also a group of the file, with its samples, and the root has what all can share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gan_jax.fields import ConfigError
from gan_jax.files.netcdf import opened_netcdf
from gan_jax.studies.cells import check_sum, read_dataset, write_datasets
from gan_jax.studies.schema import PAIR, check_results

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

STUDY_FILE, RESULTS_FILE, SEEDS_FILE = "study.yaml", "results.nc", "seeds.csv"
SPECTRUM_FILE = "spectrum.nc"
GROUPS = "data_sets"  # of results.nc, where there are several
ROWS = 4096  # of seeds.csv, read at a time


def write_results(path: Path, results: xr.Dataset, groups: Mapping[str, xr.Dataset]) -> None:
    """Write results.nc whole: the root and, if there are several, the groups."""
    several = {} if "samples" in results else groups  # with samples, it is the only group
    named = {f"{GROUPS}/{name}": group for name, group in several.items()}
    write_datasets(path, {None: results, **named})


def recorded(results: xr.Dataset, variant: str) -> xr.Dataset:
    """One variant's results at its own records: others' steps are left out."""
    one = results.sel(variant=variant)
    if "recorded" not in one:
        return one
    return one.isel(step=np.flatnonzero(one["recorded"].values))


def last_records(results: xr.Dataset) -> xr.Dataset:
    """The results at each variant's own last record: dims variant and seed."""
    import xarray as xr

    if "recorded" not in results:
        return results.isel(step=-1)
    own = results["recorded"].values
    last = np.where(own.any(axis=1), own.shape[1] - 1 - own[:, ::-1].argmax(axis=1), -1)
    return results.isel(step=xr.DataArray(last, dims="variant"))


def last_qualities(results: xr.Dataset) -> xr.DataArray:
    """Every seed's last distance to the data (variant, seed); NaN of one that diverged.

    Of a seed whose samples once spread without bounds the last distance may be a number, and small:
    it diverged nevertheless, and ranks worst.
    """
    quality = results.attrs["quality"]
    needed = results[[name for name in (quality, "recorded") if name in results]]
    last = last_records(needed)[quality].transpose(*PAIR)
    return last.where(results["verdict"] != "diverged")


def seeds_frame(results: xr.Dataset) -> pd.DataFrame:
    """One row a seed: its verdict, every curve's last value, measures of the final samples."""
    last = last_records(results).drop_vars("step")
    names = [name for name, values in last.items() if values.dims == PAIR]
    first = ["status", "verdict", "verdict_detail", "verdict_step", "first_nonfinite_step"]
    table = last[[*first, *(name for name in names if name not in first)]].to_dataframe()
    return table.reset_index()


def seeds_table(results: xr.Dataset) -> str:
    """`seeds_frame` as CSV."""
    return seeds_frame(results).to_csv(index=False, lineterminator="\n")


def load_results(path: str | Path, data: str | None = None) -> xr.Dataset:
    """Read a study's results: dims variant, seed, step.

    Args:
      path: its folder, or the NetCDF file.
      data: of a study of several data sets, the group of one of them, with its samples; else the
        root, which has no samples then.

    Raises:
      ConfigError: when there are none, or they cannot be read.
    """
    path = Path(path)
    group = None if data is None else f"{GROUPS}/{data}"
    return _read(path / RESULTS_FILE if path.is_dir() else path, group)


@contextmanager
def opened_results(folder: Path) -> Iterator[xr.Dataset]:
    """A study's results, whose arrays are read when they are used: they may exceed memory.

    Raises:
      ConfigError: when there are none, or they cannot be read.
    """
    path = folder / RESULTS_FILE
    check_sum(path)
    with opened_netcdf(path) as results:
        try:
            check_results(results)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from None
        yield results


def is_their_table(table: Path, results: xr.Dataset) -> bool:
    """Whether a file is the table of results, as `seeds_table` writes it; a part at a time."""
    needed = [name for name, x in results.items() if {*x.dims} <= {*PAIR, "step"}]
    small, header = results[needed], True
    variants, seeds = (small.sizes[name] for name in PAIR)
    at_once = max(ROWS // seeds, 1)
    with table.open("rb") as file:
        for row in range(0, variants, at_once):
            for seed in range(0, seeds, ROWS):
                part = {"variant": slice(row, row + at_once), "seed": slice(seed, seed + ROWS)}
                text = seeds_table(small.isel(part).load())
                content = (text if header else text.partition("\n")[2]).encode("utf-8")
                if file.read(len(content)) != content:
                    return False
                header = False
        return not file.read(1)


def load_groups(path: str | Path) -> dict[str, xr.Dataset]:
    """Read a study's results group by group: data -> the variants that are measured on it.

    Raises:
      ConfigError: when there are none, or they cannot be read.
    """
    import h5py

    path = Path(path)
    path = path / RESULTS_FILE if path.is_dir() else path
    root = _read(path)
    with h5py.File(path) as file:
        found = file.get(GROUPS)
        there = set(found) if isinstance(found, h5py.Group) else set()
    names = root["group"].values.tolist() if "group" in root.variables else [""]
    groups = {names[0]: root}
    if there:  # in the study's order
        groups = {x: _read(path, f"{GROUPS}/{x}") for x in dict.fromkeys(names) if x in there}
    for name, group in groups.items():
        if "samples" not in group:
            raise ConfigError(f"{path}: no samples of {name or 'the data'} there")
    return groups


def _read(path: Path, group: str | None = None) -> xr.Dataset:
    """A results file or one group of it, refused in one line if it is something else."""
    results = read_dataset(path, group)
    try:
        check_results(results)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return results
