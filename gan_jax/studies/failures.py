"""What a machine runs out of, said in a line that helps: memory, and room on a disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from gan_jax.config import Experiment
from gan_jax.files.whole import free_space

# What a program's memory grows with, besides the number of lanes.
SIZES = ("batch_size", "evaluation_samples", "generator_hidden", "discriminator_hidden")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory has run out: Python's own, or XLA's."""
    words = str(error)[:1000]
    says_so = "RESOURCE_EXHAUSTED" in words or "out of memory" in words.lower()
    return isinstance(error, MemoryError) or says_so


def out_of_memory(error: BaseException, experiment: Experiment, lanes: int) -> str:
    """What to lower, in a line."""
    sizes = {"lanes": lanes} | {name: getattr(experiment, name) for name in SIZES}
    given = ", ".join(
        f"{name} {list(x) if isinstance(x, tuple) else x}" for name, x in sizes.items()
    )
    return f"{no_memory(error)}; lower one of: {given}"


def no_memory(error: BaseException) -> str:
    """That memory has run out, in a line."""
    words = str(error).strip().partition("\n")[0][:200]
    return f"out of memory ({words or type(error).__name__})"


def in_a_line(error: BaseException) -> str:
    """An error's type, there if it happened elsewhere, and the first line of its words."""
    name = getattr(error, "type_name", type(error).__name__)
    return f"{name}: {str(error).partition(chr(10))[0]}"


def not_written(error: OSError) -> str:
    """What could not be written or read and why, in a line; and of a full disk, how full."""
    words = error.strerror or str(error).strip().partition("\n")[0] or type(error).__name__
    if error.filename is None:
        return words
    path = Path(os.fsdecode(error.filename))
    line = f"{path}: {words}"
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return line
    free = free_space(path)
    return f"{line} ({free} free there); what is done is kept, and the same command continues"
