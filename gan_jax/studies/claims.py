"""Who runs what: a file `running` that names a process, so that no two do the same.

A process that was killed leaves its claim behind. It is recognised as gone when there is no process
of that number on this machine, or one that started at another time; of another machine's processes
nothing is known from here, unless the claim is a lease (see `leases`): whoever knows that one is
gone removes the file.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RUNNING = "running"
LONGEST_LOCK = 10.0  # seconds: whoever holds one for longer has been stopped while it did


class StudyError(RuntimeError):
    """Some cells of a study could not be run; what is done is kept."""


class TakenError(StudyError):
    """Another process runs it."""


def running_process(file: Path) -> str | None:
    """Who holds a claim, in words; None if nobody does, or its process is gone."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    note = parsed(text)
    if not alive(note):
        return None
    return holder(note)


def holder(note: dict[str, Any]) -> str:
    """Who a claim names, in words."""
    return f"process {note.get('process')} on {note.get('host')} since {note.get('since')}"


def own_note() -> dict[str, Any]:
    """What a claim says of this process."""
    return {
        "host": socket.gethostname(),
        "process": os.getpid(),
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
        who = running_process(file)
        if who is not None:
            elsewhere = "" if note["host"] in who else f"; if that is gone, remove {file}"
            raise TakenError(f"{what}: run by {who}{elsewhere}")
        file.unlink(missing_ok=True)
        file.write_text(json.dumps(note), encoding="utf-8")
    try:
        yield
    finally:
        with suppress(OSError):  # the folder may be gone: what went wrong is said elsewhere
            file.unlink(missing_ok=True)


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


def alive(note: dict[str, Any]) -> bool:
    """Whether the process that a claim names may go on; of another machine's, True."""
    if note.get("host") != socket.gethostname():
        return bool(note)  # another machine's processes are not seen from here
    try:
        process = int(note["process"])
        os.kill(process, 0)
    except PermissionError:  # somebody else's process, so there is one
        pass
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return False
    began = note.get("began")
    return not began or began == _began(process)


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
