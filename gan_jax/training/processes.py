"""Several processes that train together, each with devices of its own: kept in step.

Every process of `jax.distributed` runs the same training and dispatches the same programs in the
same order; a program that only some of them dispatch would wait for the others for ever. So before
each segment they agree to go on: a signal that one of them has heard, or an error, ends the
training in all. Everything here is nothing where there is one process.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from gan_jax.fields import ConfigError
from gan_jax.training.interrupts import Interrupted
from gan_jax.training.named import digest

GOES_ON, FAILED = 0, -1  # what a process says of itself, besides a signal's number
WORDS = 512  # bytes of an error that are told to the others
PIECE = 2**24  # bytes sent at a time


class ElsewhereError(RuntimeError):
    """Another process has failed."""


class LostError(ElsewhereError):
    """Another process cannot be reached any more."""


class _AgreedInterrupt(Interrupted):
    """A signal that every process knows of."""


AGREED = (ElsewhereError, _AgreedInterrupt)


def several() -> bool:
    """Whether other processes train with this one."""
    return jax.process_count() > 1


def is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return jax.process_index() == 0


def here() -> str:
    """This process, in words."""
    return f"process {jax.process_index()} on {socket.gethostname()}"


def start(coordinator: str | None, processes: int | None, process: int | None) -> None:
    """Join the processes that train together, before JAX is used for anything else.

    Args:
      coordinator: HOST:PORT at which the first of them listens, without asking who calls: an
        address of a private network, and on that address only. With None of all three, JAX finds
        them out, where it knows the scheduler (SLURM, Open MPI, Kubernetes, Cloud TPU).
      processes: how many.
      process: which one this is, from 0.

    Raises:
      ConfigError: when they cannot be joined.
    """
    # JAX itself would listen on every address of the machine.
    bind = os.environ.get("JAX_COORDINATOR_BIND_ADDRESS", coordinator)
    try:
        jax.distributed.initialize(coordinator, processes, process, coordinator_bind_address=bind)
    except (ValueError, RuntimeError) as error:
        first = str(error).partition("\n")[0]
        who = "JAX found no scheduler it knows" if coordinator is None else f"process {process}"
        raise ConfigError(f"coordinator: {who} could not join the others: {first}") from None


def agree(number: int | None = None, error: BaseException | None = None) -> None:
    """Wait for every process to come here, and go on if all of them do.

    Args:
      number: of a signal that this process has heard.
      error: why this process does not go on; the others are told.

    Raises:
      Interrupted: when one of them has heard a signal; not where there is an `error`, which is the
        caller's to raise.
      ElsewhereError: when another has failed, naming it; likewise.
    """
    if not several():
        return
    code = number or GOES_ON
    if error is not None:
        code = error.number if isinstance(error, Interrupted) else FAILED
    codes = _gathered(np.array([code], np.int32))[:, 0]
    failed = codes == FAILED
    if failed.any():
        words = _told(error)
        if error is None:
            raise ElsewhereError("; ".join(words[i] for i in np.flatnonzero(failed)))
    elif codes.any() and error is None:
        raise _AgreedInterrupt(int(codes.max()))


def _told(error: BaseException | None) -> list[str]:
    """What every process says of its error, if it has one."""
    words = "" if error is None else f"{here()}: {type(error).__name__}: {error}"
    said = words.partition("\n")[0].encode()[:WORDS]
    rows = _gathered(np.frombuffer(said.ljust(WORDS, b"\0"), np.uint8))
    return [row.tobytes().rstrip(b"\0").decode(errors="replace") for row in rows]


@contextmanager
def together() -> Iterator[None]:
    """An exception in here is told to the other processes, whose next `agree` then raises.

    Raises:
      LostError: in an exception's place, where it cannot be told: its cause most likely.
    """
    try:
        yield
        agree()
    except AGREED:
        raise
    except BaseException as error:
        agree(error=error)
        raise


def check_same(what: str, tree: Any) -> None:
    """Refuse arrays that every process has made for itself where they are not the same.

    Raises:
      ElsewhereError: in every process, naming the first that differs.
    """
    if not several():
        return
    agree()
    digests = _gathered(np.frombuffer(bytes.fromhex(digest(tree)), np.uint8))
    different = np.flatnonzero((digests != digests[0]).any(axis=1))
    if len(different):
        raise ElsewhereError(
            f"{what}: process {different[0]} has others than process 0; expected the same files, "
            "packages and kind of processor everywhere"
        )


def from_first(
    message: Any, arrays: Mapping[str, np.ndarray] | None = None
) -> tuple[Any, dict[str, np.ndarray]]:
    """What the first process says: plain Python, as JSON has it, and arrays by name.

    What the others give is not used. Bit for bit: JAX's own way sums over processes, to which -0.0
    is 0.0, so what is sent are bytes.
    """
    if not several():
        return message, dict(arrays or {})
    agree()
    content = _packed(message, arrays or {}) if is_first() else b""
    size = int(_sent(np.array([len(content) >> 30, len(content) % 2**30], np.uint32)) @ [2**30, 1])
    pieces = [_sent_bytes(content[at : at + PIECE], size - at) for at in range(0, size, PIECE)]
    return _unpacked(b"".join(pieces)[:size])


def _packed(message: Any, arrays: Mapping[str, np.ndarray]) -> bytes:
    headers = [[name, x.dtype.str, x.shape] for name, x in arrays.items()]
    header = json.dumps([message, headers]).encode()
    return b"".join([header, b"\n", *(x.tobytes() for x in arrays.values())])


def _unpacked(content: bytes) -> tuple[Any, dict[str, np.ndarray]]:
    at = content.index(b"\n") + 1
    message, headers = json.loads(content[:at])
    arrays = {}
    for name, kind, shape in headers:
        count, dtype = int(np.prod(shape)), np.dtype(kind)
        arrays[name] = np.frombuffer(content, dtype, count, at).reshape(shape).copy()
        at += count * dtype.itemsize
    return message, arrays


def _sent_bytes(piece: bytes, left: int) -> bytes:
    """A piece of the first process's bytes, in a size for which a program has been compiled."""
    size = min(max(1 << (left - 1).bit_length(), 2**12), PIECE)
    return _sent(np.frombuffer(piece.ljust(size, b"\0"), np.uint32)).tobytes()


def _sent(x: np.ndarray) -> np.ndarray:
    """The first process's x."""
    with _unless_lost():
        return np.asarray(multihost_utils.broadcast_one_to_all(x))


def _gathered(x: np.ndarray) -> np.ndarray:
    """Every process's x, stacked in their order."""
    with _unless_lost():
        return np.asarray(multihost_utils.process_allgather(x))


@contextmanager
def _unless_lost() -> Iterator[None]:
    """Say who lost the others, and not at which address they were."""
    try:
        yield
    except Exception as error:
        raise LostError(f"{here()} has lost another process: it was ended, or failed") from error
