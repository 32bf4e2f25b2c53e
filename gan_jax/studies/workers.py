"""Any number of processes, on any number of machines, that share a study's folder.

Each takes a cell that nobody has, by a lease, until there is none; a cell whose worker is gone is
taken over, and goes on from its last checkpoint. Whoever finds all cells done puts them together.
What the machines need in common is the folder, on a file system that knows exclusive creation.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_jax.fields import ConfigError, check_range, check_whole
from gan_jax.files.said import say
from gan_jax.studies.assembly import is_assembled
from gan_jax.studies.cells import FAILED, Cell, cells, missing_cells, noted
from gan_jax.studies.claims import RUNNING, StudyError, TakenError
from gan_jax.studies.damage import remove_needless_checkpoints, set_aside_damaged, trained_steps
from gan_jax.studies.engines import assemble_study
from gan_jax.studies.failures import in_a_line
from gan_jax.studies.folder import check_versions, inputs_of, open_folder
from gan_jax.studies.leases import (
    CELL_RETRIES,
    LEASE,
    Lease,
    Leases,
    LostError,
    Seen,
    is_lease,
    look,
)
from gan_jax.studies.one_cell import Observer, Watch, run_cell
from gan_jax.studies.study import Study
from gan_jax.training.checkpoints import EVERY
from gan_jax.training.interrupts import Signals, heard_signals

if TYPE_CHECKING:
    from gan_jax.training.chunks import Segment

LEASES = (1.0, 86_400.0)  # seconds
DOZE = 0.1  # seconds between two looks at signals


def run_worker(
    study: Study,
    out: str | Path,
    *,
    lease_seconds: float = LEASE,
    checkpoint_every: float = EVERY,
    cell_retries: int = CELL_RETRIES,
    observer: Observer | None = None,
    command: str | None = None,
) -> None:
    """Run cells of a study beside other workers, until all are done and put together.

    Args:
      study: what to run; the same for every worker.
      out: the study's folder, on a file system that all workers share.
      lease_seconds: without a sign of life from a worker, after which its cell is taken over.
      checkpoint_every: seconds between checkpoints: what is lost with a machine.
      cell_retries: how often in a row a cell is taken over whose workers were lost before it had
        come any further; then it has failed.
      observer: called after every segment.
      command: what to record as the command, if this worker is the first.

    Raises:
      ConfigError: as `run_study` does.
      StudyError: when a cell could not be run, by whichever worker; all others are done.
      Interrupted: once what is trained is kept, where a signal has asked for it.
    """
    low, high = LEASES
    check_range("lease_seconds", lease_seconds, low, high, f"seconds from {low:g} to {high:g}")
    check_whole("cell_retries", cell_retries, 0)
    folder, leases = Path(out), Leases(lease_seconds)
    inputs_of(study)  # refused before anything is made
    folder.mkdir(parents=True, exist_ok=True)
    with heard_signals() as signals:
        with _folder_held(folder, leases, signals, is_lease):
            study = open_folder(study, folder, command, held=True)
            check_versions(folder)
        worker = _Worker(study, folder, leases, signals, checkpoint_every, cell_retries, observer)
        while not worker.finished():
            worker.run_cells()


class WorkersLostError(RuntimeError):
    """A cell that seems to end whatever process trains it."""


class _Worker:
    """One process's part in a study."""

    def __init__(
        self,
        study: Study,
        folder: Path,
        leases: Leases,
        signals: Signals,
        checkpoint_every: float,
        cell_retries: int,
        observer: Observer | None,
    ) -> None:
        self._study, self._folder, self._leases, self._signals = study, folder, leases, signals
        self._checkpoint_every, self._observer = checkpoint_every, observer
        self._cell_retries = cell_retries
        # What had failed before is tried once more; what fails from now on is not.
        self._failed_before = {cell: self._failure(cell) for cell in cells(study)}

    def run_cells(self) -> None:
        """Run what nobody runs, until every cell is done or has failed."""
        left = [cell for cell in cells(self._study) if not self._settled(cell)]
        start = random.randrange(len(left)) if left else 0  # workers begin in different places
        left = left[start:] + left[:start]
        while left:
            ran = [self._run(cell) for cell in left if not self._settled(cell)]
            left = [cell for cell in left if not self._settled(cell)]
            if left and not any(ran):
                doze(self._leases.seconds / 8, self._signals)

    def finished(self) -> bool:
        """Put the study together, if all its cells are done; False if some are to be run again.

        Raises:
          StudyError: naming the first cell that has failed, if any have.
        """
        failed = missing_cells(self._study, self._folder)
        if any(not self._settled(cell) for cell in failed):
            return False
        if failed:
            raise self._failures(failed)
        with _folder_held(self._folder, self._leases, self._signals, lambda file: True) as waited:
            if waited and is_assembled(self._study, self._folder):
                return True  # whoever held it has seen to that
            for line in set_aside_damaged(self._study, self._folder):
                say(line)
            if missing_cells(self._study, self._folder):
                return False
            remove_needless_checkpoints(self._study, self._folder)
            if not is_assembled(self._study, self._folder):
                assemble_study(self._study, self._folder, self._signals.check)
        return True

    def _run(self, cell: Cell) -> bool:
        """Run a cell, unless somebody else does; whether that took time."""
        self._signals.check()
        file = cell.folder(self._folder) / RUNNING
        named = f"{cell.variant}, seeds {cell.seeds[0]} to {cell.seeds[-1]}"
        begun = time.monotonic()
        try:
            with self._leases.held(file, named, partial(self._losses, cell)) as lease:
                if self._settled(cell):  # while this process was taking it
                    return True
                at = max(trained_steps(cell, self._folder), default=0)
                say(f"{named}: " + (f"taken up at step {at:,}" if at else "begun"))
                self._train(cell, lease)
        except LostError:
            say(f"{named}: taken over by another worker; dropped here")
        except TakenError:
            return False
        except (ConfigError, OSError):
            raise  # this machine's, and most likely every other cell's here too
        except Exception as error:
            say(f"{named}: {in_a_line(error)}; noted as failed")
        else:
            say(f"{named}: done in {time.monotonic() - begun:.1f} s")
        return True

    def _train(self, cell: Cell, lease: Lease) -> None:
        def observe(variant: str, segment: Segment) -> None:
            if lease.lost:
                lease.check()
            if self._observer is not None:
                self._observer(variant, segment)

        watch = Watch(observe, {}, self._signals, self._checkpoint_every, lease.check)
        try:
            with noted(cell, self._folder, lease.check):
                if lease.note["losses"] > self._cell_retries:
                    raise WorkersLostError(
                        f"its worker was lost {lease.note['losses']} times in a row before it had "
                        "come any further"
                    )
                run_cell(self._study, cell, self._folder, watch)
        except (ConfigError, OSError):
            # No failure of the cell: other machines may have what this one lacks.
            with suppress(OSError):
                (cell.folder(self._folder) / FAILED).unlink(missing_ok=True)
            raise

    def _losses(self, cell: Cell, gone: Mapping[str, Any]) -> dict[str, int]:
        """How often in a row a cell's worker was lost, and how far the cell was then.

        What kills its process (out of memory) would else end one worker after the other.
        """
        trained = sum(trained_steps(cell, self._folder))
        further = trained > _whole(gone.get("trained"))
        losses = 0 if not gone or further else 1 + _whole(gone.get("losses"))
        return {"losses": losses, "trained": trained}

    def _settled(self, cell: Cell) -> bool:
        """Whether a cell is done, or has failed since this worker began."""
        if cell.path(self._folder).exists():
            return True
        failure = self._failure(cell)
        return failure is not None and failure != self._failed_before[cell]

    def _failure(self, cell: Cell) -> Seen | None:
        return look(cell.folder(self._folder) / FAILED)

    def _failures(self, failed: list[Cell]) -> StudyError:
        cell = failed[0]
        note = self._failure(cell)
        why = note.text.strip() if note is not None else "its worker is gone"
        return StudyError(
            f"{len(failed)} of {len(cells(self._study))} cells failed, the first of variant "
            f"{cell.variant} at seeds {cell.seeds[0]} to {cell.seeds[-1]}: {why}; the rest is "
            "kept, and the same command tries them again"
        )


def _whole(number: Any) -> int:
    """A number from a file that may hold anything."""
    return number if isinstance(number, int) else 0


@contextmanager
def _folder_held(
    folder: Path, leases: Leases, signals: Signals, wait_for: Callable[[Path], bool]
) -> Iterator[bool]:
    """Hold a whole study for a moment; yield whether that took waiting for another process.

    Raises:
      TakenError: when it is held by a process that is not to be waited for.
    """
    file, waited = folder / RUNNING, False
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(leases.held(file, str(folder)))
                break
            except TakenError:
                if file.exists() and not wait_for(file):
                    raise
            waited = True
            doze(min(leases.seconds / 8, 1.0), signals)
        yield waited


def doze(seconds: float, signals: Signals) -> None:
    """Wait, but not for a signal.

    Raises:
      Interrupted: when there is one.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        signals.check()
        time.sleep(DOZE)
    signals.check()
