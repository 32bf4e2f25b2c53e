"""Where a study's cells run, and the running of a study: only what is missing, each cell once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from gan_jax.catalogue import nearest
from gan_jax.fields import ConfigError, check_range
from gan_jax.files.said import say
from gan_jax.files.whole import remove_temporaries
from gan_jax.studies.assembly import Reference, assemble, is_assembled
from gan_jax.studies.cells import Cell, missing_cells, running
from gan_jax.studies.claims import RUNNING, TakenError, check_free, claimed
from gan_jax.studies.damage import cells_to_run, remove_needless_checkpoints, set_aside_damaged
from gan_jax.studies.folder import (
    check_inputs,
    check_versions,
    check_writable,
    open_folder,
    read_study,
)
from gan_jax.studies.one_cell import Observer, Outcome, Watch, run_cell
from gan_jax.studies.ray_cluster import OnRay
from gan_jax.studies.ray_engine import run_on_ray
from gan_jax.studies.results import STUDY_FILE, load_results
from gan_jax.studies.states import Keeper
from gan_jax.studies.study import Study
from gan_jax.training.checkpoints import EVERY
from gan_jax.training.interrupts import Signals, heard_signals

if TYPE_CHECKING:
    import xarray as xr

Engine = Callable[[Study, list[Cell], Path, Watch], None]
SELDOM = 1e9  # seconds: never, within a study


def run_local(study: Study, todo: list[Cell], folder: Path, watch: Watch) -> None:
    """Run cells in this process, one after the other, each over all local devices.

    A cell that fails is noted, and the others run; one that another process runs is left to it.

    Raises:
      StudyError: at the end, if any failed or are run elsewhere.
      Interrupted: once what is trained is kept, where a signal has asked for it.
    """
    from gan_jax.training.processes import LostError

    outcome = Outcome()
    for cell in todo:
        watch.signals.check()
        if cell.path(folder).exists():  # another process has been quicker
            continue
        try:
            with running(cell, folder):
                run_cell(study, cell, folder, watch)
        except TakenError as error:
            outcome.taken.append(str(error))
        except (ConfigError, OSError):
            raise  # the user's to mend, and most likely every other cell's too
        except Exception as error:
            outcome.fail(cell, error)
            if isinstance(error, LostError):  # no cell can be trained any more
                break
    outcome.conclude(len(todo))


# Name -> what runs cells, with its own defaults.
ENGINES: dict[str, Engine] = {"local": run_local, "ray": run_on_ray}


def check_settings(checkpoint_every: float, engine: str | OnRay = "local") -> None:
    """Refuse an engine that is none, and seconds between checkpoints that are none.

    Raises:
      ConfigError: saying what was expected.
    """
    if not isinstance(engine, OnRay) and engine not in ENGINES:
        raise ConfigError(f"engine: {engine!r} given; {nearest(engine, ENGINES)}")
    if engine != "local" and checkpoint_every != EVERY:
        raise ConfigError(
            "checkpoint_every: given with the engine ray, expected without: a cell that is lost "
            "with a machine is run from its beginning"
        )
    check_range("checkpoint_every", checkpoint_every, 0, SELDOM, f"seconds from 0 to {SELDOM:g}")


def check_devices(study: Study, folder: Path, engine: str | OnRay = "local") -> None:
    """Refuse to begin a study for which there are not the devices where its cells run.

    Raises:
      ConfigError: saying how many there are.
    """
    if engine != "local":
        settings = engine if isinstance(engine, OnRay) else OnRay()
        devices = settings.cell_gpus or settings.cell_cpus
        if devices % study.batch_devices:
            raise ConfigError(
                f"batch_devices: {study.batch_devices} given, expected a number that divides a "
                f"cell's {devices} (cell_cpus, or cell_gpus)"
            )
        return
    import jax

    spans = study.batch_devices > 1 or jax.distributed.is_initialized()
    if spans and not (folder / STUDY_FILE).exists():
        from gan_jax.training.rows import device_rows

        device_rows(study.batch_devices)


def run_study(
    study: Study,
    out: str | Path,
    engine: str | OnRay = "local",
    *,
    observer: Observer | None = None,
    keepers: Mapping[str, Keeper] | None = None,
    checkpoint_every: float = EVERY,
    command: str | None = None,
) -> xr.Dataset:
    """Run what is missing of a study in the folder `out`, and return the results of all of it.

    Args:
      study: what to run.
      out: the study's folder; made if need be. One that holds the same study is continued, or read
        if it is complete; one that holds some of its variants and seeds takes in the others, at the
        lanes it was begun with.
      engine: where to run: a key of ENGINES, or `OnRay` with its settings.
      observer: called after every segment, for progress.
      keepers: by name; they are shown every segment too, and what they keep outlives interruptions.
      checkpoint_every: seconds between checkpoints of what trains; 0: after every segment.
      command: what to record as the command; this process's by default.

    Returns:
      All curves and verdicts, as `load_results` reads them.

    Raises:
      ConfigError: before anything runs, when `out` holds another study (the differences are named)
        or other files, or cannot be written; or when the data's files are not there.
      StudyError: when some cells could not be run; the others are done.
    """
    check_settings(checkpoint_every, engine)
    run = partial(run_on_ray, settings=engine) if isinstance(engine, OnRay) else ENGINES[engine]
    folder = Path(out)
    check_devices(study, folder, engine)
    study = open_folder(study, folder, command)
    check_free(folder / RUNNING, str(folder))
    if not cells_to_run(study, folder) and is_assembled(study, folder):
        return load_results(folder)
    check_writable(folder)
    with claimed(folder / RUNNING, str(folder)), heard_signals() as signals:
        if read_study(folder).to_dict() != study.to_dict():
            raise ConfigError(
                f"{folder}: changed by another process while this one began; the same command "
                "again sees what it is now"
            )
        check_versions(folder)  # before anything is found to be of another version
        remove_temporaries(folder)
        for line in set_aside_damaged(study, folder):
            say(line)
        remove_needless_checkpoints(study, folder)
        todo = missing_cells(study, folder)
        if todo:
            watch = Watch(observer, keepers or {}, signals, checkpoint_every)
            run(study, todo, folder, watch)
        signals.check()
        assemble_study(study, folder, partial(_go_on, signals))
        signals.check()
        return load_results(folder)


def _go_on(signals: Signals) -> None:
    from gan_jax.studies.hosts import hold_on

    signals.check()
    hold_on()


def assemble_study(study: Study, folder: Path, between: Callable[[], None] = lambda: None) -> None:
    """Put a study's finished cells together: results.nc and seeds.csv.

    Args:
      study: the study.
      folder: its folder.
      between: called after each block of cells; may raise, and then nothing has been written.

    Raises:
      ConfigError: when no cell is done, or the data, the classifier or the versions of packages are
        not those it was begun with: what cells are measured against is computed now.
    """
    check_inputs(study, folder)
    check_versions(folder)
    from gan_jax.analysis import quality

    references = {}
    for name, experiments in study.groups().items():
        one = next(iter(experiments.values()))  # a group's variants share their evaluation
        references[name] = Reference(
            quality.floors(one),
            quality.final_floors(one),
            quality.samples_real(one),
            quality.labels(one),
            one.data_facts.kind,
        )
    versions = {"jax": version("jax"), "gan_jax": version("gan-jax")}
    assemble(study, folder, quality.QUALITY, references, versions, between)
