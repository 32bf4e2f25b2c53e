"""Cells on a Ray cluster: a task each, which gives back the cell's files; the driver writes them.

So the machines need share no file system, a result is written once whoever ran it, and a driver
that is killed has lost nothing of what it has written. Ray runs a cell again when its process or
its machine is lost; what a cell itself does wrong is noted, as everywhere, and not tried again.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax.fields import ConfigError
from gan_jax.files.said import say
from gan_jax.files.sums import SUFFIX, write_summed
from gan_jax.packages import versions
from gan_jax.studies.cells import RESULT, Cell, running
from gan_jax.studies.claims import StudyError, TakenError
from gan_jax.studies.damage import checkpoints_path
from gan_jax.studies.failures import in_a_line
from gan_jax.studies.folder import inputs_of
from gan_jax.studies.one_cell import Outcome, Watch
from gan_jax.studies.ray_cluster import OnRay, connected, imported_ray
from gan_jax.studies.ray_task import Answer, Board, Order, run_task
from gan_jax.studies.states import STATES
from gan_jax.studies.study import Study
from gan_jax.training.checkpoint_files import remove

TURN = 0.5  # seconds between two looks at signals
TOLD_EVERY = 3.0  # seconds between lines of progress
HEAD = {"node:__internal_head__": 0.001}  # a place that is there as long as the cluster is


class ElsewhereError(RuntimeError):
    """What went wrong with a cell on another machine.

    Attributes:
      type_name: of the error there.
      host: the machine's name.
    """

    def __init__(self, host: str, type_name: str, words: str) -> None:
        super().__init__(words)
        self.host, self.type_name = host, type_name


def run_on_ray(
    study: Study, todo: list[Cell], folder: Path, watch: Watch, settings: OnRay | None = None
) -> None:
    """Run cells as tasks of a Ray cluster, and write what they give back into the folder.

    Raises:
      ConfigError: where Ray is not installed or does not answer, or a machine lacks what the study
        needs; or for an observer or keepers, which would have to look on from here.
      StudyError: at the end, if any failed or are run elsewhere; at once where a machine has no
        room, since it would fail cell after cell.
      Interrupted: where a signal has asked for it; what is done is written.
    """
    settings = OnRay() if settings is None else settings
    if watch.observer is not None or watch.keepers:
        raise ConfigError(
            "observer, keepers: given, expected none with the engine ray: its cells are trained "
            "by other processes, which nothing here looks into"
        )
    watch.signals.follows = "calling off what runs, keeping what is done"
    ray = imported_ray(settings)
    with connected(ray, settings):
        _Fleet(ray, study, todo, folder, watch, settings).run()


class _Flight(NamedTuple):
    """A cell that has been sent off: its number, and the claim that is held for it here."""

    cell: Cell
    number: int
    claim: ExitStack


class _Fleet:
    """Sends cells off, so many at a time, and takes what comes back."""

    def __init__(
        self,
        ray: Any,
        study: Study,
        todo: list[Cell],
        folder: Path,
        watch: Watch,
        settings: OnRay,
    ) -> None:
        self._ray, self._folder, self._watch, self._settings = ray, folder, watch, settings
        self._total, self._done, self._outcome = len(todo), 0, Outcome()
        self._waiting = deque(enumerate(todo))
        self._flying: dict[Any, _Flight] = {}
        self._line, self._told = "", time.monotonic()
        import jax

        inputs = inputs_of(study)
        x64 = bool(jax.config.values["jax_enable_x64"])
        cpus, imports = settings.cell_cpus, settings.imports
        order = Order(study.to_dict(), inputs, versions(), x64, cpus, imports)
        self._order = ray.put(order)
        self._board = ray.remote(num_cpus=0, resources=HEAD)(Board).remote()
        self._task = ray.remote(
            num_cpus=settings.cell_cpus,
            num_gpus=settings.cell_gpus,
            max_retries=settings.cell_retries,
            retry_exceptions=False,
            scheduling_strategy="SPREAD",
            # Processes are used again, but with as many devices as they began with.
            runtime_env={"env_vars": {"JAX_NUM_CPU_DEVICES": str(settings.cell_cpus)}},
        )(run_task)

    def run(self) -> None:
        """Until every cell is done, failed, or found to be run elsewhere."""
        try:
            while self._waiting or self._flying:
                self._watch.signals.check()
                self._send()
                if self._flying:
                    ready, _ = self._ray.wait(list(self._flying), timeout=TURN)
                    for reference in ready:
                        self._take(reference)
                self._tell()
        finally:
            self._leave()
        self._outcome.conclude(self._total)

    def _send(self) -> None:
        """Send off as many as the machines have room for, and as many again to follow them."""
        ahead = 2 * max(self._slots(), 1)
        while self._waiting and len(self._flying) < ahead:
            number, cell = self._waiting.popleft()
            if cell.path(self._folder).exists():  # another process has been quicker
                continue
            claim = ExitStack()
            try:
                claim.enter_context(running(cell, self._folder))
            except TakenError as error:
                self._outcome.taken.append(str(error))
                continue
            reference = self._task.remote(self._order, cell, number, self._board)
            self._flying[reference] = _Flight(cell, number, claim)

    def _slots(self) -> int:
        """How many cells the cluster's machines can run at a time, as they are now."""
        asked = {"CPU": self._settings.cell_cpus, "GPU": self._settings.cell_gpus}
        machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return sum(
            min(int(has.get(kind, 0)) // n for kind, n in asked.items() if n) for has in machines
        )

    def _take(self, reference: Any) -> None:
        """Write what a cell has come to, or note what went wrong with it."""
        flight = self._flying.pop(reference)
        try:
            with flight.claim:
                answer = self._answer(reference, flight)
                write_files(flight.cell, self._folder, answer.files)
                remove(checkpoints_path(flight.cell, self._folder))
                self._done += 1
        except (ConfigError, StudyError, OSError):
            raise
        except Exception as error:
            host = getattr(error, "host", None)
            self._outcome.fail(flight.cell, error, host)
            place = f" on {host}" if host else ""
            say(f"{_named(flight.cell)}{place}: {in_a_line(error)}; noted as failed")

    def _answer(self, reference: Any, flight: _Flight) -> Answer:
        try:
            answer: Answer = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            # In our words: Ray's have addresses in them.
            host = self._where([flight.number]).get(flight.number, "a machine that is gone")
            words = f"its process or machine was lost {self._settings.cell_retries + 1} times"
            if isinstance(error, self._ray.exceptions.RayTaskError):
                words = f"its process could not begin it ({type(error.cause).__name__}); "
                words += "has that machine gan-jax, in the same version?"
            raise ElsewhereError(host, type(error).__name__, words) from None
        if answer.failed is None:
            return answer
        kind, type_name, words = answer.failed
        if kind == "mistake":
            raise ConfigError(f"{_named(flight.cell)} on {answer.host}: {words}")
        if kind == "machine":
            raise StudyError(f"{_named(flight.cell)} on {answer.host}: {type_name}: {words}")
        raise ElsewhereError(answer.host, type_name, words)

    def _where(self, numbers: list[int]) -> dict[int, str]:
        """On which machines cells have begun, as far as that is known."""
        try:
            return self._ray.get(self._board.where.remote(numbers), timeout=TURN)
        except self._ray.exceptions.RayError:
            return {}

    def _tell(self) -> None:
        """Say how far it is, where that has changed."""
        now = time.monotonic()
        if now - self._told < TOLD_EVERY and (self._waiting or self._flying):
            return
        where = self._where([flight.number for flight in self._flying.values()])
        machines = ", ".join(
            f"{n} on {host}" for host, n in sorted(Counter(where.values()).items())
        )
        line = f"{self._done} of {self._total} cells done, {len(where)} running"
        line += f" ({machines})" if machines else ""
        line += f", {len(self._outcome.failed)} failed" if self._outcome.failed else ""
        if (self._waiting or self._flying) and not self._slots():
            line += f"; no machine there has {self._settings.cell_cpus} CPUs"
            line += f" and {self._settings.cell_gpus} GPUs" if self._settings.cell_gpus else ""
        if line != self._line:
            say(line)
        self._line, self._told = line, now

    def _leave(self) -> None:
        """Where it ends early: write what has come back, and call off the others."""
        if self._flying:
            back, _ = self._ray.wait(list(self._flying), num_returns=len(self._flying), timeout=0)
            for reference in back:
                try:
                    self._take(reference)
                except (ConfigError, StudyError, OSError) as error:
                    say(in_a_line(error))  # what ends it is already on its way
        for reference, flight in self._flying.items():
            self._ray.cancel(reference, force=True)
            flight.claim.close()
        self._flying.clear()


def _named(cell: Cell) -> str:
    return f"{cell.variant}, seeds {cell.seeds[0]} to {cell.seeds[-1]}"


def write_files(cell: Cell, folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a cell's files as another machine has made them: its result last, each with its sum.

    Raises:
      RuntimeError: when one is not as it was sent.
    """
    for name in (STATES, RESULT):
        if name not in files:
            continue
        content, expected = files[name], files[name + SUFFIX].decode().partition(" ")[0]
        if hashlib.sha256(content).hexdigest() != expected:
            raise RuntimeError(f"{name}: damaged on its way")

        def write(temporary: Path, content: bytes = content) -> None:
            temporary.write_bytes(content)

        write_summed(cell.folder(folder) / name, write)
