"""A study's folder: its cells, each a file written whole when done, and the results made of them.

    study.yaml                                the study, resolved, and what ran it
    cells/VARIANT/seeds-0000-0063/result.nc   one cell: some seeds of one variant
    results.nc, seeds.csv                     all cells together

A cell that is not done is `missing` in the results, never a zero. Reading them needs no JAX.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gan_jax.analysis.verdicts import judge
from gan_jax.fields import ConfigError
from gan_jax.files.whole import write_text, write_whole
from gan_jax.studies.study import Study

if TYPE_CHECKING:
    import xarray as xr

STUDY_FILE, RESULTS_FILE, SEEDS_FILE = "study.yaml", "results.nc", "seeds.csv"
CELL_SEEDS = 64
ENGINE = "h5netcdf"
UNKNOWN = -2  # a first non-finite step of a seed that has not run


class Cell(NamedTuple):
    """Some seeds of one variant, trained and stored together: a whole number of chunks of lanes.

    Attributes:
      variant: its variant.
      first: position of its first seed in the study's list.
      seeds: its seeds.
    """

    variant: str
    first: int
    seeds: tuple[int, ...]

    def path(self, folder: Path) -> Path:
        """Where its result is, once done."""
        name = f"seeds-{self.first:04d}-{self.first + len(self.seeds) - 1:04d}"
        return folder / "cells" / self.variant / name / "result.nc"


def cells(study: Study) -> list[Cell]:
    """Every cell of a study: about CELL_SEEDS seeds each, whole chunks."""
    seeds, size = study.seeds, -(-CELL_SEEDS // study.lanes) * study.lanes
    return [
        Cell(variant, first, seeds[first : first + size])
        for variant in study.variants
        for first in range(0, len(seeds), size)
    ]


def missing_cells(study: Study, folder: Path) -> list[Cell]:
    """The cells that have no result yet."""
    return [cell for cell in cells(study) if not cell.path(folder).exists()]


def write_cell(
    cell: Cell,
    folder: Path,
    curves: Mapping[str, np.ndarray],
    steps: np.ndarray,
    samples: np.ndarray,
    finals: Mapping[str, np.ndarray],
    first_nonfinite_step: np.ndarray,
    wall_seconds: float,
) -> None:
    """Store a cell: `curves` [seed, step]; `samples` [seed, sample, *shape] of the final states,
    and measures of those alone, `finals` [seed]."""
    import xarray as xr

    dataset = xr.Dataset(
        {name: (("variant", "seed", "step"), curve[None]) for name, curve in curves.items()}
        | {name: (("variant", "seed"), values[None]) for name, values in finals.items()}
        | {
            "samples": (("variant", "seed", *sample_dims(samples[0])), samples[None]),
            "first_nonfinite_step": (("variant", "seed"), first_nonfinite_step[None]),
        },
        coords={"variant": [cell.variant], "seed": list(cell.seeds), "step": steps},
        attrs={"wall_seconds": wall_seconds},
    )
    write_dataset(cell.path(folder), dataset)


def sample_dims(samples: np.ndarray) -> tuple[str, ...]:
    """Names of the axes of samples [n, *shape]."""
    axes = samples.ndim - 1
    return ("sample", *(["feature"] if axes == 1 else [f"axis_{i}" for i in range(axes)]))


def write_dataset(path: Path, dataset: xr.Dataset) -> None:
    """Write a NetCDF file whole."""
    write_whole(path, lambda temporary: dataset.to_netcdf(temporary, engine=ENGINE))


def assemble(
    study: Study,
    folder: Path,
    quality: str,
    floors: Mapping[str, np.ndarray],
    final_floors: Mapping[str, np.ndarray],
    samples_real: np.ndarray,
    labels: Sequence[str],
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Put the finished cells together, judge every seed, and write results.nc and seeds.csv.

    Args:
      study: the study.
      folder: its folder.
      quality: the measure that decides convergence.
      floors: real-against-real draws [draw] of each sample measure.
      final_floors: likewise [final_draw], of the measures of final samples alone.
      samples_real: the evaluation's real samples [sample, *shape].
      labels: names of a sample's coordinates, where they have any.
      attributes: further attributes of the results, plain text or numbers.
    """
    import xarray as xr

    parts: dict[str, list[xr.Dataset]] = {}
    wall = dict.fromkeys(study.variants, 0.0)
    for cell in cells(study):
        if cell.path(folder).exists():
            part = _read_cell(cell, folder)
            wall[cell.variant] += float(part.attrs.pop("wall_seconds"))
            parts.setdefault(cell.variant, []).append(part)
    if not parts:
        raise ConfigError(f"{folder}: no cell is done yet")
    # Joined in the study's order, which need not be sorted. A missing cell's seeds appear too, as
    # NaN; a missing step number as UNKNOWN: neither run nor failed.
    results = xr.concat(
        [_in_order(xr.concat(cells_, "seed", join="exact"), study) for cells_ in parts.values()],
        "variant",
        join="exact",
    ).reindex(variant=list(study.variants), fill_value={"first_nonfinite_step": UNKNOWN})
    pairs = ("variant", "seed")
    missing = results["first_nonfinite_step"].values == UNKNOWN
    results["status"] = (pairs, np.where(missing, "missing", "done").astype(object))
    results["wall_seconds"] = (("variant",), [wall[name] for name in study.variants])
    results["samples_real"] = (sample_dims(samples_real), samples_real)
    if labels:
        results = results.assign_coords(feature=list(labels))
    for dimension, measures in (("draw", floors), ("final_draw", final_floors)):
        for name, draws in measures.items():
            results[f"floor_{name}"] = ((dimension,), draws)
    verdicts = _judge_all(study, results, quality, floors, missing)
    results["verdict"], results["verdict_detail"] = ((pairs, v) for v in verdicts)
    criteria = json.dumps(asdict(study.criteria))
    results.attrs = {"study": study.name, "quality": quality, "criteria": criteria, **attributes}
    write_text(folder / SEEDS_FILE, seeds_table(results))
    write_dataset(folder / RESULTS_FILE, results)  # last: where it is, all is
    return results


def _in_order(variant: xr.Dataset, study: Study) -> xr.Dataset:
    return variant.reindex(seed=list(study.seeds), fill_value={"first_nonfinite_step": UNKNOWN})


def _read_cell(cell: Cell, folder: Path) -> xr.Dataset:
    dataset = read_dataset(cell.path(folder))
    if dataset["seed"].values.tolist() != list(cell.seeds) or dataset["variant"] != cell.variant:
        raise ConfigError(
            f"{cell.path(folder)}: holds another cell; remove it to run this one again"
        )
    return dataset


def read_dataset(path: Path) -> xr.Dataset:
    """Read a NetCDF file into memory.

    Raises:
      ConfigError: in one line, when it is not there or not readable.
    """
    import xarray as xr

    try:
        # The encoding keeps the width of this file's names: longer ones would be cut to it later.
        return xr.load_dataset(path, engine=ENGINE).drop_encoding()
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{path}: not a readable results file ({error})") from None


def _judge_all(
    study: Study,
    results: xr.Dataset,
    quality: str,
    floors: Mapping[str, np.ndarray],
    missing: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    outcome = np.full(missing.shape, "", dtype=object)
    detail = outcome.copy()
    curves = {str(name): c.values for name, c in results.items() if c.dims[2:] == ("step",)}
    first = results["first_nonfinite_step"].values
    for row in range(len(missing)):
        ran = ~missing[row]
        chosen = {name: curve[row][ran] for name, curve in curves.items()}
        outcome[row, ran], detail[row, ran] = judge(
            chosen, quality, floors, first[row][ran], study.criteria
        )
    return outcome, detail


def seeds_table(results: xr.Dataset) -> str:
    """One CSV row a seed: verdict, and every curve's last value."""
    last = results.isel(step=-1, drop=True)
    names = [name for name, values in last.items() if values.dims == ("variant", "seed")]
    first = ["status", "verdict", "verdict_detail", "first_nonfinite_step"]
    table = last[[*first, *(name for name in names if name not in first)]].to_dataframe()
    return table.reset_index().to_csv(index=False, lineterminator="\n")


def load_results(path: str | Path) -> xr.Dataset:
    """Read a study's results: dims variant, seed, step; `path` is its folder or the NetCDF file.

    Raises:
      ConfigError: when there are none, or they cannot be read.
    """
    path = Path(path)
    return read_dataset(path / RESULTS_FILE if path.is_dir() else path)
