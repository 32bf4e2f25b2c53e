"""Claims that run out: how processes of several machines share a folder, without a server.

A lease is a claim (see `claims`) with a heartbeat: its holder touches the file every quarter of
LEASE seconds. Whoever sees it unchanged for as long, by the own clock (so that machines' clocks
need not agree), takes it over: renames the file away, which succeeds for one only, and creates the
own. A holder that was stopped, and goes on later, finds another's token in the file and drops its
work; if it writes before it looks, it writes what the other one will: a cell's bits do not depend
on who trains it.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax.studies.claims import TakenError, alive, alone, own_note, parsed, taken

LEASE = 60.0  # seconds
BEATS = 4  # in the seconds of a lease
CELL_RETRIES = 3  # of a cell whose process or machine was lost


class LostError(TakenError):
    """A lease that this process held is another's now."""


class Seen(NamedTuple):
    """A lease's file as it was read: any heartbeat makes it another.

    Attributes:
      text: its content.
      touched: when, by the clock of whoever keeps the file; in nanoseconds.
    """

    text: str
    touched: int


class Lease:
    """A lease this process holds; its heartbeat goes on in a thread.

    Attributes:
      note: what its file says.
      lost: whether it has been found to be another's.
    """

    def __init__(self, file: Path, note: Mapping[str, Any], seconds: float) -> None:
        self._file, self.note = file, note
        self._every, self._ended = seconds / BEATS, threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self.lost = False
        self._thread.start()

    def check(self) -> None:
        """Look at the file.

        Raises:
          LostError: when it is another's, or gone.
        """
        if self.lost or not self.held():
            self.lost = True
            raise LostError(f"{self._file.parent}: taken over by another process")

    def held(self) -> bool:
        """Whether the file is this process's."""
        seen = look(self._file)
        return seen is not None and parsed(seen.text).get("token") == self.note["token"]

    def end(self) -> None:
        """Stop the heartbeat, and remove the file if it is still this process's."""
        self._ended.set()
        self._thread.join()
        with suppress(OSError), alone(self._file.parent):
            if self.held():
                self._file.unlink()

    def _beat(self) -> None:
        while not self._ended.wait(self._every):
            with suppress(OSError):  # out of reach for now: the next beat may arrive
                if not self.held():
                    self.lost = True
                    return
                os.utime(self._file)


class Leases:
    """Takes leases for this process, and remembers what it has seen of others'.

    Args:
      seconds: without a heartbeat, after which this process's leases may be taken over.
      clock: seconds; it never goes back.
    """

    def __init__(self, seconds: float = LEASE, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self._clock = seconds, clock
        self._seen: dict[Path, tuple[Seen, float]] = {}

    @contextmanager
    def held(
        self,
        file: Path,
        what: str,
        more: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda gone: {},
    ) -> Iterator[Lease]:
        """Hold a lease while it goes on.

        Args:
          file: the lease.
          what: is held, in words.
          more: what else its file is to say, given what that of a holder who is gone said.

        Raises:
          TakenError: when another process has it.
        """
        gone: Mapping[str, Any] = {}
        file.parent.mkdir(parents=True, exist_ok=True)
        with alone(file.parent):
            there = look(file)
            if there is not None:
                if not self._gone(file, there):
                    raise taken(file, what, parsed(there.text))
                _put_away(file, there, what)
                gone = parsed(there.text)
            own = {"token": secrets.token_hex(8), "lease": self.seconds}
            note = {**own_note(), **own, **more(gone)}
            _create(file, note, what)
        self._seen.pop(file, None)
        lease = Lease(file, note, self.seconds)
        try:
            yield lease
        finally:
            lease.end()

    def _gone(self, file: Path, there: Seen) -> bool:
        """Whether the holder is gone: no such process here, or no heartbeat for its lease."""
        note = parsed(there.text)
        if note.get("host") == socket.gethostname() and not alive(note):
            return True
        if note and "lease" not in note:
            return False  # a claim without a heartbeat
        try:
            seconds = float(note.get("lease", self.seconds))
        except (TypeError, ValueError):
            seconds = self.seconds
        before, since = self._seen.get(file, (None, 0.0))
        if before != there:
            self._seen[file] = (there, self._clock())
            return False
        return self._clock() - since > seconds


def look(file: Path) -> Seen | None:
    """A lease as it is now; None if there is none.

    Opened, not only asked about: network file systems answer from memory else.
    """
    try:
        with file.open("rb") as opened:
            text = opened.read(10_000).decode("utf-8", errors="replace")
            return Seen(text, os.fstat(opened.fileno()).st_mtime_ns)
    except FileNotFoundError:
        return None


def silent_for(file: Path) -> float | None:
    """Seconds since a lease's last heartbeat, if that is longer than the lease.

    By this machine's clock and the file system's, which need not agree: to be told, not acted on.
    """
    seen = look(file)
    lease = parsed(seen.text).get("lease") if seen is not None else None
    if seen is None or not isinstance(lease, int | float):
        return None
    seconds = time.time() - seen.touched / 1e9
    return seconds if seconds > lease else None


def is_lease(file: Path) -> bool:
    """Whether there is a claim that may run out."""
    seen = look(file)
    return seen is not None and "lease" in parsed(seen.text)


def _put_away(file: Path, there: Seen, what: str) -> None:
    """Remove a lease that has run out; only if it is still the one that was seen.

    Raises:
      TakenError: when another process has been quicker.
    """
    away = file.with_name(f".{file.name}.{secrets.randbelow(10**18)}.tmp")
    try:
        file.rename(away)
    except FileNotFoundError:
        raise TakenError(f"{what}: just taken by another process") from None
    if look(away) != there:  # where the system has no locks: it has just been taken over, or beaten
        with suppress(OSError):
            os.link(away, file)  # unless there is a third one's
        away.unlink(missing_ok=True)
        raise TakenError(f"{what}: just taken by another process")
    away.unlink(missing_ok=True)


def _create(file: Path, note: Mapping[str, Any], what: str) -> None:
    """Create a lease of this process.

    Raises:
      TakenError: when another process has been quicker.
    """
    try:
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        raise TakenError(f"{what}: just taken by another process") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(json.dumps(note))
