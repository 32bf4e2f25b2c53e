"""Signals that end a training: the first is noted, so that what runs can be finished and kept.

Python runs signal handlers between two instructions of its main thread, which may wait for a device
for minutes. So the numbers of signals are read from a pipe by a thread of their own, which hears
them at once, and ends the process itself where that is asked for a second time.
"""

from __future__ import annotations

import os
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# What each asks for: Ctrl-C, to end, the terminal is gone.
HEARD = ("SIGINT", "SIGTERM", "SIGHUP")
SIGNALLED = 128  # plus the signal's number: the exit code, as shells have it
SHOW_CURSOR = b"\x1b[?25h"  # DECTCEM, set
LAST = b"\0"  # no signal's number: the thread ends


class Interrupted(KeyboardInterrupt):
    """A signal has ended the training; what was trained is kept.

    Attributes:
      number: the signal's.
    """

    def __init__(self, number: int, words: str = "interrupted") -> None:
        super().__init__(words)
        self.number = number

    @property
    def exit_code(self) -> int:
        """130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
        return SIGNALLED + self.number


class Signals:
    """The first signal heard, if any.

    Attributes:
      number: its number.
      follows: what the first Ctrl-C is told will happen now.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.follows = "finishing what runs, to keep it"

    def check(self) -> None:
        """Raise Interrupted if there has been a signal: called where all is in order."""
        if self.number is not None:
            raise Interrupted(self.number)

    def hear(self, number: int) -> None:
        """Note a signal; a second Ctrl-C leaves at once."""
        if number == signal.SIGHUP:
            _leave_terminal()
        if self.number is None:
            self.number = number
            if number == signal.SIGINT:
                _say(f"{self.follows}; Ctrl-C again leaves at once")
        elif number == signal.SIGINT:
            _show_cursor()
            _say("left at once; the same command continues from the last checkpoint")
            os._exit(SIGNALLED + number)


_hearing: list[Signals] = []  # the outermost that goes on, if any


@contextmanager
def heard_signals() -> Iterator[Signals]:
    """Hear SIGINT, SIGTERM and SIGHUP while it goes on; what is ignored (nohup) stays ignored.

    In the main thread only: elsewhere, nothing is heard, and signals do what they did. Inside
    another, it is that one.
    """
    if threading.current_thread() is not threading.main_thread() or os.name != "posix":
        yield Signals()
    elif _hearing:
        yield _hearing[0]
    else:
        with _listening() as heard:
            _hearing.append(heard)
            try:
                yield heard
            finally:
                _hearing.clear()


def heard() -> int | None:
    """The number of the first signal heard, within `heard_signals`; None if there was none."""
    return _hearing[0].number if _hearing else None


@contextmanager
def _listening() -> Iterator[Signals]:
    heard = Signals()
    names = [name for name in HEARD if hasattr(signal, name)]
    numbers = [getattr(signal, name) for name in names]
    numbers = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    listener = threading.Thread(target=_listen, args=(reading, heard, {*numbers}), daemon=True)
    before = {number: signal.signal(number, _noted) for number in numbers}
    told_before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    listener.start()
    try:
        yield heard
    finally:
        signal.set_wakeup_fd(told_before)
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        os.write(writing, LAST)
        listener.join()
        os.close(reading)
        os.close(writing)


def _noted(number: int, frame: object) -> None:
    """Nothing: the pipe has the number already."""


def _listen(reading: int, heard: Signals, numbers: set[int]) -> None:
    while (byte := os.read(reading, 1)) not in (LAST, b""):
        if byte[0] in numbers:  # the pipe has every signal that Python handles
            heard.hear(byte[0])


def _say(words: str) -> None:
    with suppress(OSError):  # nobody reads
        os.write(2, f"\n{words}\n".encode())


def _show_cursor() -> None:
    """Show what a progress bar has hidden and cannot show any more."""
    for descriptor in (1, 2):
        with suppress(OSError):
            if os.isatty(descriptor):
                os.write(descriptor, SHOW_CURSOR)


def _leave_terminal() -> None:
    """Let what is printed go nowhere: the terminal is gone. Files and pipes are kept."""
    for descriptor in (0, 1, 2):
        try:
            if stat.S_ISCHR(os.fstat(descriptor).st_mode):
                nowhere = os.open(os.devnull, os.O_RDWR)
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
        except OSError:
            continue
