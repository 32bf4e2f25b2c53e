"""A study whose cells span several processes: the first runs it, the others take part in each cell.

The first process is the only one that reads or writes the study's folder, and that prints. It says
which cell is next; the others need nothing but that, the same packages, and the data.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import jax

from gan_jax.config import Experiment
from gan_jax.files.said import say
from gan_jax.training import processes
from gan_jax.training.interrupts import Interrupted, heard_signals


def announce(experiment: Experiment, seeds: tuple[int, ...], lanes: int, devices: int) -> None:
    """Let the other processes, if there are any, train a cell with this one: `train_seeds` next."""
    cell = {"experiment": experiment.to_dict(), "seeds": seeds, "lanes": lanes}
    processes.from_first(cell | {"batch_devices": devices})


@contextmanager
def leading() -> Iterator[None]:
    """Run studies here, the first process; when that ends, however it does, so do the others."""
    try:
        yield
    finally:
        with suppress(Exception):  # they may be gone, which is known by now
            processes.from_first(None)
        jax.distributed.shutdown()


def follow() -> None:
    """Take part in every cell that the first process announces, until it has no more.

    Raises:
      Interrupted: at the end, where a signal has ended the training.
    """
    interrupt = None
    with heard_signals():
        while (cell := processes.from_first(None)[0]) is not None:
            try:
                _take_part(cell)
            except Interrupted as error:
                interrupt = error
            except processes.ElsewhereError:
                pass  # said there, and by the first
            except Exception as error:
                say(f"{processes.here()}: {type(error).__name__}: {error}")
    jax.distributed.shutdown()
    if interrupt is not None:
        raise interrupt


def _take_part(cell: dict[str, Any]) -> None:
    from gan_jax.analysis import quality
    from gan_jax.training.seeds import train_seeds

    experiment = cell.pop("experiment")
    try:
        experiment = Experiment(**experiment)
        evaluation = quality.evaluation(experiment)
    except Exception as error:
        processes.agree(error=error)
        raise
    train_seeds(experiment, **cell, evaluation=evaluation)
