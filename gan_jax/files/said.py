"""Lines for the user beside a command's own output: on stderr, if somebody reads there."""

from __future__ import annotations

import sys
from contextlib import suppress


def say(line: str) -> None:
    """Say in a line what the user should know, where it does not end what goes on."""
    with suppress(OSError):  # the terminal is gone: what is said there must not end a training
        print(line, file=sys.stderr, flush=True)
