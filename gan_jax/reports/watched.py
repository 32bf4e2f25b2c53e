"""A study run for someone who watches: progress, the table, the figures, and where all of it is."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from gan_jax.reports.checks import Snapshots, check_table, final_lines, with_checks
from gan_jax.reports.curves import loss_curves
from gan_jax.reports.figures import save_figure
from gan_jax.reports.html import REPORT_FILE, save_figures_and_report, write_report
from gan_jax.reports.progress import TrainingProgress
from gan_jax.reports.shown import print_paths, refresh_tables, show_tables
from gan_jax.studies.cells import cells, missing_cells
from gan_jax.studies.damage import cells_to_run, steps_said, trained_steps
from gan_jax.studies.engines import check_devices, run_study
from gan_jax.studies.export import export_generators
from gan_jax.studies.folder import open_folder
from gan_jax.studies.handover import check_export
from gan_jax.studies.leases import CELL_RETRIES
from gan_jax.studies.plan import plan, plan_line
from gan_jax.studies.ray_cluster import OnRay
from gan_jax.studies.recorded import command_line
from gan_jax.studies.results import SPECTRUM_FILE, load_groups, load_results
from gan_jax.studies.spectra import study_spectra
from gan_jax.studies.study import Study
from gan_jax.studies.tracking import Tracking
from gan_jax.studies.workers import run_worker
from gan_jax.training import seeds
from gan_jax.training.checkpoints import EVERY
from gan_jax.training.interrupts import Interrupted, heard_signals

if TYPE_CHECKING:
    import xarray as xr

    from gan_jax.studies.states import Keeper
    from gan_jax.training.chunks import Segment

FEW_RECORDS = 20  # below, a tail of a fifth is hardly a tail


def run_visibly(
    study: Study,
    out: Path,
    observer: Callable[[str, Segment], None] | None = None,
    keepers: Mapping[str, Keeper] | None = None,
    checkpoint_every: float = EVERY,
    engine: str | OnRay = "local",
) -> xr.Dataset:
    """Run what is missing of a study, on all cores or by another engine, showing progress.

    Raises:
      Interrupted: on Ctrl-C and its like, saying what is kept and what continues.
    """
    if engine != "local":  # this process only writes what others compute: the GPU is theirs
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    seeds.use_all_cores()
    check_devices(study, out, engine)
    study = open_folder(study, out)
    total, todo = len(cells(study)), cells_to_run(study, out)
    if not todo:
        print(f"{out}: complete, nothing to run")
        return run_study(study, out)
    kept = [step for cell in todo for step in trained_steps(cell, out) if step]
    if len(todo) < total or kept:
        print(f"{out}: continuing, {len(todo)} of {total} cells to run{_in_part(kept)}")
    print(plan_line(study, plan(study, todo)))
    if engine != "local":  # which says itself how far it is
        with _continuing(study, out):
            return run_study(study, out, engine, checkpoint_every=checkpoint_every)
    to_train = Counter[str]()
    for cell in todo:
        to_train[cell.variant] += len(cell.seeds)
    steps = {name: experiment.total_steps for name, experiment in study.experiments().items()}
    with _continuing(study, out), TrainingProgress(Console(), to_train, steps) as progress:

        def observe(variant: str, segment: Segment) -> None:
            progress(variant, segment)
            if observer is not None:
                observer(variant, segment)

        return run_study(
            study, out, observer=observe, keepers=keepers, checkpoint_every=checkpoint_every
        )


def _in_part(kept: Sequence[int]) -> str:
    """What is said of the steps that the chunks of unfinished cells have come to."""
    return f", some trained in part and kept at {steps_said(kept)}" if kept else ""


def work(
    study: Study,
    out: Path,
    lease_seconds: float,
    checkpoint_every: float = EVERY,
    cell_retries: int = CELL_RETRIES,
) -> None:
    """Be a worker of a study that others may work at too, on all cores of this machine.

    Raises:
      Interrupted: on Ctrl-C and its like, saying what is kept and what continues.
    """
    seeds.use_all_cores()
    with _continuing(study, out):
        run_worker(
            study,
            out,
            lease_seconds=lease_seconds,
            checkpoint_every=checkpoint_every,
            cell_retries=cell_retries,
        )
    print(f"{out}: complete; gan-jax report {out} draws it")


@contextmanager
def _continuing(study: Study, out: Path) -> Iterator[None]:
    """Hear signals, and say of one what it has left, and what continues."""
    try:
        with heard_signals():
            yield
    except Interrupted as interrupt:
        raise Interrupted(interrupt.number, _interrupted(study, out)) from None


def _interrupted(study: Study, out: Path) -> str:
    """What an interrupted study has, and the command that continues it."""
    missing = missing_cells(study, out)
    total, partly = len(cells(study)), sum(bool(trained_steps(cell, out)) for cell in missing)
    kept = f"{total - len(missing)} of {total} cells are done and kept"
    kept += f", {partly} in part" if partly else ""
    return f"interrupted: {kept}; continue with: {command_line(but='--restart')}"


def run_and_report(
    study: Study,
    out: Path,
    export: str | None = None,
    track: str | None = None,
    checkpoint_every: float = EVERY,
    engine: str | OnRay = "local",
) -> xr.Dataset:
    """Run a study, print its table, draw its figures, say where everything is; return results.

    Args:
      study: what to run.
      out: its folder.
      export: "parquet": also as tables.
      track: a key of `tracking.TRACKERS`, to send curves to while it trains.
      checkpoint_every: seconds between checkpoints.
      engine: where its cells run, as `run_study` has it.
    """
    check_export(export)
    if track is None:
        results = run_visibly(study, out, checkpoint_every=checkpoint_every, engine=engine)
    else:
        tracking = Tracking(track, study, out)
        try:
            results = run_visibly(study, out, tracking, checkpoint_every=checkpoint_every)
        finally:
            tracking.close()
    groups = load_groups(out)
    show_tables(study.name, groups)
    for name, group in groups.items():
        one = study.experiments()[str(group["variant"].values[0])]
        if int(group["recorded"].sum("step").min()) < FEW_RECORDS:
            remedy = "lower log_every" if one.record_every > 1 else "train for more steps"
            print(f"Verdicts on {name} rest on few records (below {FEW_RECORDS}); {remedy}.")
    paths = save_figures_and_report(results, out, groups)
    print_paths(out, [*paths, *refresh_tables(results, out, export)])
    return results


def train_visibly(study: Study, out: Path, check_every: int | None = None) -> xr.Dataset:
    """Train a study of one variant as `gan-jax train` does; return its results."""
    base, check_every = with_checks(study.first_experiment(), check_every)
    (variant,) = study.variants
    study = dataclasses.replace(study, base=base, variants={variant: {}})
    return show_checks(study, out, Snapshots(base, check_every))


def show_checks(
    study: Study, out: Path, snapshots: Snapshots, checkpoint_every: float = EVERY
) -> xr.Dataset:
    """Run a study of one variant, print its checks, draw them, and export the generators."""
    results = run_visibly(study, out, keepers=snapshots.keepers, checkpoint_every=checkpoint_every)
    Console().print(check_table(results, snapshots.steps))
    print(*final_lines(results), sep="\n")
    losses = save_figure(loss_curves(results), out / "figures" / "loss_curves.png")
    generators = export_generators(out) if study.moments else []
    print_paths(out, [*snapshots.save(results, out), losses, *generators])
    return results


def show_spectra(folder: Path, batch_size: int | None = None) -> xr.Dataset:
    """Compute the spectra of a study's kept states, print their table, draw and return them.

    Where the study has a report, they become part of it.
    """
    from gan_jax.reports.spectra import eigenvalues_in_the_plane, spectrum_table

    console = Console()

    def observe(variant: str, step: int, done: int, total: int) -> None:
        line = f"{done + 1} of {total}: {variant}, step {step:,}"
        console.print(line, markup=False, highlight=False)

    spectrum = study_spectra(folder, observe, batch_size)
    console.print(spectrum_table(spectrum))
    figure = eigenvalues_in_the_plane(spectrum)
    print(folder / SPECTRUM_FILE)
    print(save_figure(figure, folder / "figures" / "eigenvalues.png"))
    if (folder / REPORT_FILE).exists():
        print(write_report(load_results(folder), folder))
    return spectrum
