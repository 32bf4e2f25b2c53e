"""One cell run, from its first step to its result in the folder: what every engine calls."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gan_jax.files.said import say
from gan_jax.studies.cells import Cell, origin_of, write_cell
from gan_jax.studies.claims import StudyError
from gan_jax.studies.damage import checkpoints_path
from gan_jax.studies.failures import in_a_line, is_out_of_memory, out_of_memory
from gan_jax.studies.snapshots import snapshot_keeper
from gan_jax.studies.states import Keeper, moment_steps, write_states
from gan_jax.studies.study import Study
from gan_jax.training.checkpoint_files import remove
from gan_jax.training.checkpoints import EVERY, Checkpoints
from gan_jax.training.interrupts import Signals

if TYPE_CHECKING:
    from gan_jax.game.state import GanState
    from gan_jax.training.chunks import Segment

# Called after each segment of each chunk with the variant's name.
Observer = Callable[[str, "Segment"], None]


class Watch(NamedTuple):
    """What looks on while cells run, and sees to it that nothing is lost.

    Attributes:
      observer: called after every segment.
      keepers: shown every segment; what they keep is part of the checkpoints.
      signals: what has been heard that is to end the training.
      checkpoint_every: seconds between checkpoints.
      before_writing: called before a result is written; raises where it must not be.
    """

    observer: Observer | None
    keepers: Mapping[str, Keeper]
    signals: Signals
    checkpoint_every: float = EVERY
    before_writing: Callable[[], None] = lambda: None


def run_cell(study: Study, cell: Cell, folder: Path, watch: Watch) -> None:
    """Train a cell's seeds, and write what they came to.

    Args:
      study: its study.
      cell: which.
      folder: the study's, or any other that is to have the cell: its checkpoints are continued.
      watch: what looks on.

    Raises:
      whatever training does; MemoryError saying what to lower where memory has run out.
    """
    import jax

    from gan_jax.analysis import quality
    from gan_jax.studies.hosts import announce
    from gan_jax.training.named import by_name
    from gan_jax.training.seeds import train_seeds

    experiment = study.experiments()[cell.variant]
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
    watch.before_writing()
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
        jax.local_devices()[0].device_kind,
        origin_of(study, cell.variant),
    )
    remove(place)


class Outcome:
    """What became of some cells: those that failed, and those that are run elsewhere."""

    def __init__(self) -> None:
        self.failed: list[tuple[Cell, str, Exception]] = []
        self.taken: list[str] = []

    def fail(self, cell: Cell, error: Exception, host: str | None = None) -> None:
        """Note a failure, and the machine it happened on; by default this one."""
        self.failed.append((cell, host or socket.gethostname(), error))

    def conclude(self, total: int) -> None:
        """Say what has gone wrong with some of so many cells, if anything has.

        Raises:
          StudyError: naming the machine, the cell and its seeds.
        """
        if self.failed:
            cell, host, error = self.failed[0]
            raise StudyError(
                f"{len(self.failed)} of {total} cells failed, the first of variant {cell.variant} "
                f"at {_seeds(cell)} on {host}: {in_a_line(error)}; the rest is "
                "kept, and the same command tries them again"
            ) from error
        if self.taken:
            raise StudyError(
                f"{len(self.taken)} of {total} cells are run elsewhere ({self.taken[0]}); the rest "
                "is done, and the same command puts all together once those are"
            )


def _seeds(cell: Cell) -> str:
    first, *others = cell.seeds
    return f"seeds {first} to {others[-1]}" if others else f"seed {first}"
