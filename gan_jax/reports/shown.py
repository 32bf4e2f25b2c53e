"""A study's results shown again: tables, figures, report. Needs no JAX where results are there."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from gan_jax.analysis.criteria import Criteria
from gan_jax.reports.answers import answer
from gan_jax.reports.html import save_figures_and_report
from gan_jax.reports.terminal import summary_table
from gan_jax.studies.assembly import is_assembled
from gan_jax.studies.folder import read_study
from gan_jax.studies.handover import check_export, export_parquet
from gan_jax.studies.results import (
    RESULTS_FILE,
    SEEDS_FILE,
    STUDY_FILE,
    load_groups,
    load_results,
    recorded,
)
from gan_jax.studies.summary import summarize

if TYPE_CHECKING:
    import xarray as xr


def show_results(folder: Path, export: str | None = None) -> None:
    """Print a study's tables, draw its figures and report, and say where everything is.

    Of a study that is not finished, what is done: the rest is missing.

    Raises:
      ConfigError: when the folder has no results, and no finished cell to make them of.
    """
    check_export(export)
    if (folder / STUDY_FILE).exists() or not (folder / RESULTS_FILE).exists():
        _assemble_what_is_done(folder)
    results, groups = load_results(folder), load_groups(folder)
    missing = int((results["status"] == "missing").sum())
    if missing:
        print(f"{folder}: {missing:,} of {results['status'].size:,} trainings have not been done")
    show_tables(results.attrs["study"], groups)
    paths = save_figures_and_report(results, folder, groups)
    print_paths(folder, [*paths, *refresh_tables(results, folder, export)])


def _assemble_what_is_done(folder: Path) -> None:
    study = read_study(folder)
    if not is_assembled(study, folder):
        from gan_jax.studies.engines import assemble_study

        assemble_study(study, folder)


def show_tables(name: str, groups: Mapping[str, xr.Dataset]) -> None:
    """Print a table for each data set of a study: rates with intervals, a row a variant."""
    console = Console()
    for data, results in groups.items():
        own = [recorded(results, x)["step"].values for x in results["variant"].values]
        steps = {int(x[-1]) for x in own if len(x)}
        title = f"{name}: {data}, {' / '.join(f'{step:,}' for step in sorted(steps))} steps"
        quality = results.attrs["quality"]
        console.print(summary_table(summarize(results), title, quality, console.width))
        console.print(answer(results), markup=False, highlight=False)
    changed = changed_criteria(next(iter(groups.values())))
    if changed:
        print(f"Judged by criteria that are not the defaults: {changed}.")


def changed_criteria(results: xr.Dataset) -> str:
    """The thresholds of a study that are not the defaults, in words; "" where all are."""
    usual = dataclasses.asdict(Criteria())
    used = json.loads(results.attrs["criteria"])
    return ", ".join(f"{name} {x:g}" for name, x in used.items() if x != usual.get(name))


def refresh_tables(results: xr.Dataset, folder: Path, export: str | None) -> list[Path]:
    """Write the tables that are asked for, and anew those that have been; return their paths."""
    there = (folder / "seeds.parquet").exists()
    return export_parquet(results, folder) if export == "parquet" or there else []


def print_paths(out: Path, paths: Sequence[Path]) -> None:
    """Say where a study's files are."""
    for path in [*(out / name for name in (RESULTS_FILE, SEEDS_FILE, STUDY_FILE)), *paths]:
        print(path)
