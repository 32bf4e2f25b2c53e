"""What runs on a cluster's machines: one cell in a folder of its own, given back as its files."""

from __future__ import annotations

import socket
import tempfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax.fields import ConfigError, differences
from gan_jax.files.compiled import keep_compiled_programs
from gan_jax.files.sums import SUFFIX
from gan_jax.packages import versions
from gan_jax.studies.cells import RESULT, Cell
from gan_jax.studies.folder import inputs_of
from gan_jax.studies.one_cell import Watch, run_cell
from gan_jax.studies.states import STATES
from gan_jax.studies.study import Study
from gan_jax.training.interrupts import Signals

FILES = (STATES, STATES + SUFFIX, RESULT, RESULT + SUFFIX)
BOARD = 10.0  # seconds
NEVER = 1e9  # seconds: what is lost with a machine is one cell, from its beginning


class Order(NamedTuple):
    """What all cells of a study have in common.

    Attributes:
      study: as plain Python.
      inputs: SHA-256 of its data and classifiers where it was begun.
      packages: their versions there.
      x64: whether numbers have 64 bits there.
      cpus: JAX CPU devices of each cell.
      imports: modules that register what it names.
    """

    study: dict[str, Any]
    inputs: dict[str, str]
    packages: dict[str, str]
    x64: bool
    cpus: int
    imports: tuple[str, ...]


class Answer(NamedTuple):
    """What a cell has come to.

    Attributes:
      host: the name of the machine that ran it.
      files: its files by name, if it is done.
      failed: else whose fault it is ("cell", "machine", or the user's "mistake"), the error's type,
        and the first line of its words.
    """

    host: str
    files: dict[str, bytes]
    failed: tuple[str, str, str] | None


class Board:
    """Knows which cell was begun on which machine: an actor."""

    def __init__(self) -> None:
        self._where: dict[int, str] = {}

    def begun(self, number: int, host: str) -> None:
        """Take note."""
        self._where[number] = host

    def where(self, numbers: list[int]) -> dict[int, str]:
        """The machines of those cells that have begun."""
        return {number: self._where[number] for number in numbers if number in self._where}


def run_task(order: Order, cell: Cell, number: int, board: Any) -> Answer:
    """Run a cell and give back its files; no exception leaves it, so that Ray retries none."""
    from ray.exceptions import RayError  # here: this module is also where there is no Ray

    host = socket.gethostname()
    # Waited for: a process that dies at once is known by where it was. Not by `ray.get`, which
    # gives this cell's cores to the next one meanwhile.
    with suppress(RayError, TimeoutError):
        board.begun.remote(number, host).future().result(timeout=BOARD)
    try:
        return Answer(host, _files(order, cell), None)
    except Exception as error:
        kinds = {ConfigError: "mistake", OSError: "machine"}
        kind = next((words for kind, words in kinds.items() if isinstance(error, kind)), "cell")
        return Answer(host, {}, (kind, type(error).__name__, str(error).partition("\n")[0]))


def _files(order: Order, cell: Cell) -> dict[str, bytes]:
    for module in order.imports:
        import_module(module)
    keep_compiled_programs()
    import jax

    if jax.config.values["jax_num_cpu_devices"] != order.cpus:
        jax.config.update("jax_num_cpu_devices", order.cpus)
    jax.config.update("jax_enable_x64", order.x64)
    study = Study.from_dict(order.study)
    _check_alike(order, study)
    with tempfile.TemporaryDirectory(prefix="gan-jax-") as place:
        folder = Path(place)
        run_cell(study, cell, folder, Watch(None, {}, Signals(), NEVER))
        paths = [cell.folder(folder) / name for name in FILES]
        return {path.name: path.read_bytes() for path in paths if path.exists()}


def _check_alike(order: Order, study: Study) -> None:
    """Refuse to run a study where its numbers would be others.

    Raises:
      ConfigError: naming the package or the data that differs.
    """
    found = differences(order.packages, versions())
    if found:
        raise ConfigError(f"other versions here than where the study was begun: {'; '.join(found)}")
    here = inputs_of(study)
    for name, fingerprint in order.inputs.items():
        if here.get(name) != fingerprint:
            raise ConfigError(f"another {name} here than where the study was begun")
