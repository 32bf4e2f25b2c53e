"""Who runs what: a file `running` that names a process, so that no two do the same.

A process that was killed leaves its claim behind. It is recognised as gone when there is no process
of that number on this machine, or one that started at another time; of the processes of another
machine, or of another container on this one, nothing is known from here, unless the claim is a
lease (see `leases`): whoever knows that one is gone removes the file.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gan_jax.files.whole import write_text

RUNNING = "running"
LONGEST_LOCK = 10.0  # seconds: whoever holds one for longer has been stopped while it did


class StudyError(RuntimeError):
    """Some cells of a study could not be run; what is done is kept."""


class TakenError(StudyError):
    """Another process runs it."""


def running_process(file: Path) -> str | None:
    """Who holds a claim, in words; None if nobody does, or its process is gone."""
    note = _read(file)
    return holder(note) if alive(note) else None


def check_free(file: Path, what: str) -> None:
    """Refuse what another process holds.

    Args:
      file: the claim.
      what: is held, in words.

    Raises:
      TakenError: naming the process, and what to do.
    """
    note = _read(file)
    if alive(note):
        raise taken(file, what, note)


def taken(file: Path, what: str, note: Mapping[str, Any]) -> TakenError:
    """The refusal of what is held by the process that a claim names."""
    do = "wait for it, or end it" if _is_seen_from_here(note) else f"if that is gone, remove {file}"
    return TakenError(f"{what}: run by {holder(note)}; {do}")


def holder(note: Mapping[str, Any]) -> str:
    """Who a claim names, in words."""
    return f"process {note.get('process')} on {note.get('host')} since {note.get('since')}"


def own_note() -> dict[str, Any]:
    """What a claim says of this process."""
    return {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "numbers": _numbers(),
        "began": _began(os.getpid()),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@contextmanager
def claimed(file: Path, what: str) -> Iterator[None]:
    """Hold a claim for this process while it goes on.

    Args:
      file: the claim.
      what: is held, in words.

    Raises:
      TakenError: when another process has it; the claim of one that is gone is taken over.
    """
    note = own_note()
    file.parent.mkdir(parents=True, exist_ok=True)
    with alone(file.parent):  # else two that find the same process gone could both take over
        check_free(file, what)
        write_text(file, json.dumps(note))
    try:
        yield
    finally:
        with suppress(OSError), alone(file.parent):  # the folder may be gone
            if _read(file) == note:
                file.unlink()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes out of this block for the same folder, where the system can."""
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        until = time.monotonic() + LONGEST_LOCK
        while time.monotonic() < until:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.01)
            except OSError:  # some network file systems have no locks
                break
        yield
    finally:
        os.close(descriptor)


def parsed(text: str) -> dict[str, Any]:
    """What a claim says; {} of one that cannot be read."""
    try:
        note = json.loads(text)
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}


def _read(file: Path) -> dict[str, Any]:
    try:
        return parsed(file.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return {}


def alive(note: Mapping[str, Any]) -> bool:
    """Whether the process that a claim names may go on; of one that is not seen from here, True."""
    if not _is_seen_from_here(note):
        return bool(note)
    try:
        process = int(note["process"])
        os.kill(process, 0)
    except PermissionError:  # somebody else's process, so there is one
        pass
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return False
    began = note.get("began")
    return not began or began == _began(process)


def _is_seen_from_here(note: Mapping[str, Any]) -> bool:
    """Whether a claim's process has a number here: that of another machine or container has not."""
    if note.get("host") != socket.gethostname():
        return False
    began, numbers = str(note.get("began", "")), note.get("numbers", _numbers())
    restarted = began.partition(" ")[0] != _began(os.getpid()).partition(" ")[0]
    return restarted or numbers == _numbers()  # all that ran before this machine's start is gone


def _numbers() -> str:
    """By what processes are numbered here: a container has its own (Linux, pid_namespaces(7))."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _began(process: int) -> str:
    """When a process began: which start of the machine, and ticks since then; "" if unknown.

    Field 22 of /proc/PID/stat (Linux, proc(5)); the second field may hold spaces and brackets.
    """
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{boot} {status.rpartition(')')[2].split()[19]}"
    except (OSError, IndexError):
        return ""
