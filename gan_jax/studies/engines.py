"""Where a study's cells run, and the running of a study: only what is missing, each cell once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gan_jax.catalogue import nearest
from gan_jax.config import Experiment
from gan_jax.fields import ConfigError, check_range
from gan_jax.files.said import say
from gan_jax.files.whole import remove_temporaries
from gan_jax.studies.assembly import Reference, assemble, is_assembled
from gan_jax.studies.cells import Cell, missing_cells, origin_of, running, write_cell
from gan_jax.studies.claims import RUNNING, StudyError, TakenError, claimed
from gan_jax.studies.damage import (
    cells_to_run,
    checkpoints_path,
    remove_needless_checkpoints,
    set_aside_damaged,
)
from gan_jax.studies.failures import is_out_of_memory, out_of_memory
from gan_jax.studies.folder import (
    check_free,
    check_inputs,
    check_versions,
    check_writable,
    open_folder,
)
from gan_jax.studies.results import STUDY_FILE, load_results
from gan_jax.studies.snapshots import snapshot_keeper
from gan_jax.studies.states import Keeper, moment_steps, write_states
from gan_jax.studies.study import Study
from gan_jax.training.checkpoint_files import remove
from gan_jax.training.checkpoints import EVERY, Checkpoints
from gan_jax.training.interrupts import Signals, heard_signals

if TYPE_CHECKING:
    import xarray as xr

    from gan_jax.game.state import GanState
    from gan_jax.training.chunks import Segment

# Called after each segment of each chunk with the variant's name.
Observer = Callable[[str, "Segment"], None]
SELDOM = 1e9  # seconds: never, within a study


class Watch(NamedTuple):
    """What looks on while cells run, and sees to it that nothing is lost.

    Attributes:
      observer: called after every segment.
      keepers: shown every segment; what they keep is part of the checkpoints.
      signals: what has been heard that is to end the training.
      checkpoint_every: seconds between checkpoints.
    """

    observer: Observer | None
    keepers: Mapping[str, Keeper]
    signals: Signals
    checkpoint_every: float


def run_local(study: Study, todo: list[Cell], folder: Path, watch: Watch) -> None:
    """Run cells in this process, one after the other, each over all local devices.

    A cell that fails is noted, and the others run; one that another process runs is left to it.

    Raises:
      StudyError: at the end, if any failed or are run elsewhere.
      Interrupted: once what is trained is kept, where a signal has asked for it.
    """
    experiments, failures, taken = study.experiments(), [], []
    for cell in todo:
        watch.signals.check()
        if cell.path(folder).exists():  # another process has been quicker
            continue
        try:
            with running(cell, folder):
                _run_cell(study, cell, experiments[cell.variant], folder, watch)
        except TakenError as error:
            taken.append(str(error))
        except (ConfigError, OSError):
            raise  # the user's to mend, and most likely every other cell's too
        except Exception as error:
            failures.append((cell, error))
    if failures:
        cell, error = failures[0]
        raise StudyError(
            f"{len(failures)} of {len(todo)} cells failed, the first of variant {cell.variant} at "
            f"seed {cell.seeds[0]}: {type(error).__name__}: {str(error).partition(chr(10))[0]}; "
            "the rest is kept, and the same command tries them again"
        ) from error
    if taken:
        raise StudyError(
            f"{len(taken)} of {len(todo)} cells are run elsewhere ({taken[0]}); the rest is done, "
            "and the same command puts all together once those are"
        )


def _run_cell(study: Study, cell: Cell, experiment: Experiment, folder: Path, watch: Watch) -> None:
    from gan_jax.analysis import quality
    from gan_jax.studies.hosts import announce
    from gan_jax.training.named import by_name
    from gan_jax.training.seeds import train_seeds

    last = experiment.total_steps

    def finals_of(states: GanState) -> dict[str, Any]:
        samples = quality.samples(experiment, states)
        return {"samples": samples} | quality.final_measures(experiment, states, samples)

    states = Keeper(moment_steps(experiment, study.moments), by_name)
    snapshots, finals = snapshot_keeper(experiment), Keeper([last], finals_of)
    own = {"states": states, "snapshots": snapshots, "finals": finals}

    def on_segment(segment: Segment) -> None:
        for keep in (*own.values(), *watch.keepers.values()):
            keep(segment)
        if watch.observer is not None:
            watch.observer(cell.variant, segment)

    place = checkpoints_path(cell, folder)
    checkpoints = Checkpoints(
        place,
        every=watch.checkpoint_every,
        keepers={**own, **watch.keepers},
        stopping=watch.signals.check,
        differs=lambda line: say(f"{line}; not used"),
    )
    evaluation = quality.evaluation(experiment)
    announce(experiment, cell.seeds, study.lanes, study.batch_devices)
    try:
        run = train_seeds(
            experiment,
            cell.seeds,
            study.lanes,
            evaluation=evaluation,
            on_segment=on_segment,
            batch_devices=study.batch_devices,
            checkpoints=checkpoints,
        )
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryError(out_of_memory(error, experiment, study.lanes)) from error
        raise
    write_states(cell, folder, states.kept(cell.seeds))
    samples = {step: kept["samples"] for step, kept in snapshots.kept(cell.seeds).items()}
    write_cell(
        cell,
        folder,
        run.history,
        run.steps,
        finals.kept(cell.seeds)[last],
        samples,
        run.first_nonfinite_step,
        checkpoints.seconds(),
        origin_of(study, cell.variant),
    )
    remove(place)


ENGINES = {"local": run_local}


def check_devices(study: Study, folder: Path) -> None:
    """Refuse to begin a study for which there are not the devices here.

    Raises:
      ConfigError: saying how many there are.
    """
    import jax

    spans = study.batch_devices > 1 or jax.distributed.is_initialized()
    if spans and not (folder / STUDY_FILE).exists():
        from gan_jax.training.rows import device_rows

        device_rows(study.batch_devices)


def run_study(
    study: Study,
    out: str | Path,
    engine: str = "local",
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
      engine: where to run, a key of ENGINES.
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
    check_range("checkpoint_every", checkpoint_every, 0, SELDOM, f"seconds from 0 to {SELDOM:g}")
    if engine not in ENGINES:
        raise ConfigError(f"engine: {engine!r} given; {nearest(engine, ENGINES)}")
    folder = Path(out)
    check_devices(study, folder)
    study = open_folder(study, folder, command)
    check_free(folder)
    if not cells_to_run(study, folder) and is_assembled(study, folder):
        return load_results(folder)
    check_writable(folder)
    with claimed(folder / RUNNING, str(folder)), heard_signals() as signals:
        remove_temporaries(folder)
        for line in set_aside_damaged(study, folder):
            say(line)
        remove_needless_checkpoints(study, folder)
        todo = missing_cells(study, folder)
        if todo:
            check_versions(folder)
            watch = Watch(observer, keepers or {}, signals, checkpoint_every)
            ENGINES[engine](study, todo, folder, watch)
        signals.check()
        return assemble_study(study, folder)


def assemble_study(study: Study, folder: Path) -> xr.Dataset:
    """Put a study's finished cells together: results.nc and seeds.csv; return the results.

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
    return assemble(study, folder, quality.QUALITY, references, versions)
