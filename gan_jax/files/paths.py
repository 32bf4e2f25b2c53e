"""Paths as a user gives them: a plain file that is there, or one line saying what is instead."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from gan_jax.fields import ConfigError


def absolute(path: Path | str) -> Path:
    """A path as the system takes it: ~ is a user's home.

    Raises:
      ConfigError: when there is no such user.
    """
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError as error:
        raise ConfigError(f"{path}: {error}") from None


def regular_file(path: Path) -> os.stat_result:
    """Return the status of a plain file that can be read.

    Raises:
      ConfigError: nothing there, no plain file, or not readable.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"{path}: {reason}, expected a file") from None
    # A pipe or a device would be waited for, or read without end.
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"{path}: a folder or a device, expected a file")
    if not os.access(path, os.R_OK):
        raise ConfigError(f"{path}: no permission to read it")
    return status
