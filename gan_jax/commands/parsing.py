"""A command line parsed by tyro, whose refusals, boxes of many lines, are said in one."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import tyro

from gan_jax.fields import ConfigError

FRAME, RULE = "╭╮╰╯│ ", "─-"  # the latter where the output knows no others


def parse(commands: Any, arguments: Sequence[str], **options: Any) -> tuple[Any, list[str]]:
    """What `tyro.cli` makes of arguments, and those that it does not know.

    Args:
      commands: a type, or a union of subcommands' types.
      arguments: the words after the program's name.
      **options: further ones of `tyro.cli`.

    Raises:
      ConfigError: in one line, where it refuses.
      SystemExit: once help is printed.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(commands, args=arguments, return_unknown_args=True, **options)
    except SystemExit as end:
        if not end.code:
            raise
        raise ConfigError(in_a_line(said.getvalue())) from None


def in_a_line(box: str) -> str:
    """A box's first paragraph, without its title."""
    words: list[str] = []
    for line in box.strip().splitlines()[1:]:
        bare = line.strip(FRAME)
        if bare.strip(RULE):
            words.append(bare)
        elif words:
            break
    return " ".join(words).removeprefix("Error parsing ") or " ".join(box.split())
