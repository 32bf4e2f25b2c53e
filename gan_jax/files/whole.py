"""Files written whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# What a file system answers that cannot set room aside.
CANNOT_TELL = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Numbers of processes are a machine's own, and machines may share the folder.
    temporary = path.with_name(f".{path.name}.{os.getpid()}{secrets.randbelow(10**9):09d}.tmp")
    try:
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        if error.filename is None and error.errno is not None:  # a full disk's has none
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):  # what went wrong before is what matters
            temporary.unlink(missing_ok=True)


def free_space(path: Path) -> str:
    """Room where a path is, or would be: "12.3 MB"."""
    try:
        there = next(place for place in (path, *path.absolute().parents) if place.exists())
        return f"{shutil.disk_usage(there).free / 1e6:,.1f} MB"
    except (OSError, StopIteration):
        return "unknown space"


def check_room(folder: Path, size: int) -> None:
    """See that a folder has room for so many bytes: they are asked for, and given back.

    Raises:
      OSError: what the system says where they cannot be had.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno not in CANNOT_TELL:
                raise


def remove_temporaries(folder: Path) -> None:
    """Remove what processes that were ended left half written; for whoever holds the folder."""
    for left in folder.glob(".*.tmp"):
        left.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """See a folder's entries onto the disk, where the system can: a rename is one."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    with suppress(OSError):  # some file systems cannot
        os.fsync(descriptor)
    os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole, as UTF-8."""
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
