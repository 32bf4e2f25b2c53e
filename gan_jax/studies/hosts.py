"""A study whose cells span several processes: the first runs it, the others take part in each cell.

The first process is the only one that reads or writes the study's folder, and that prints. It says
which cell is next; the others need nothing but that, the same packages, and the data.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

from gan_jax.config import Experiment
from gan_jax.files.said import say
from gan_jax.studies.claims import StudyError
from gan_jax.training import processes
from gan_jax.training.interrupts import Interrupted, heard_signals

WAIT = "wait"  # said where a cell would be


def announce(experiment: Experiment, seeds: tuple[int, ...], lanes: int, devices: int) -> None:
    """Let the other processes, if there are any, train a cell with this one: `train_seeds` next."""
    cell = {"experiment": experiment.to_dict(), "seeds": seeds, "lanes": lanes}
    processes.from_first(cell | {"batch_devices": devices})


def hold_on() -> None:
    """Let the other processes know, if there are any, that more is to come: they would give up.

    Raises:
      StudyError: when one of them is gone.
    """
    try:
        processes.from_first(WAIT)
    except processes.LostError as error:
        raise StudyError(str(error)) from None


@contextmanager
def leading() -> Iterator[None]:
    """Run studies here, the first process; when that ends, however it does, so do the others."""
    try:
        yield
    finally:
        try:
            processes.from_first(None)
            jax.distributed.shutdown()
        except processes.LostError:  # which is known by now
            atexit.register(_leave)


def follow() -> None:
    """Take part in every cell that the first process announces, until it has no more.

    Raises:
      Interrupted: at the end, where a signal has ended the training.
      StudyError: when the first process, or another, is gone.
    """
    interrupt = None
    try:
        with heard_signals():
            while (cell := processes.from_first(None)[0]) is not None:
                if cell != WAIT:
                    interrupt = _take_part(cell)
    except processes.LostError as error:
        atexit.register(_leave)
        raise StudyError(str(error)) from None
    jax.distributed.shutdown()
    if interrupt is not None:
        raise interrupt


def _leave() -> None:
    """End this process: JAX would wait at its end for those that are gone, and then abort."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def _take_part(cell: dict[str, Any]) -> Interrupted | None:
    """Train a cell with the others; what goes wrong here is told them, and said."""
    try:
        _train(**cell)
    except Interrupted as interrupt:
        return interrupt
    except processes.LostError:
        raise
    except processes.ElsewhereError:
        pass  # said there, and by the first
    except Exception as error:
        say(f"{processes.here()}: {type(error).__name__}: {error}")
    return None


def _train(experiment: dict[str, Any], **cell: Any) -> None:
    from gan_jax.analysis import quality
    from gan_jax.training.seeds import train_seeds

    try:
        whole = Experiment(**experiment)
        evaluation = quality.evaluation(whole)
    except Exception as error:
        processes.agree(error=error)
        raise
    train_seeds(whole, **cell, evaluation=evaluation)
