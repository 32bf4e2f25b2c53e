"""Checksums of files: SHA-256, kept beside a file as `sha256sum` writes and checks them.

results.nc.sha256   "<64 hexadecimal digits>  results.nc"
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from gan_jax.files.whole import write_text, write_whole

SUFFIX = ".sha256"


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sum_path(path: Path) -> Path:
    """Where a file's checksum is kept."""
    return path.with_name(path.name + SUFFIX)


def write_summed(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole, and its checksum before it: where the file is, so is its checksum.

    Killed between the two, an older file there does not fit the checksum: it is then taken for
    damaged, which is safe, since something was about to replace it.
    """

    def write_both(temporary: Path) -> None:
        write(temporary)
        write_text(sum_path(path), f"{sha256(temporary)}  {path.name}\n")

    write_whole(path, write_both)


def damage(path: Path) -> str | None:
    """What is wrong with a file that was written with its checksum, in words; None if nothing.

    One without a checksum is "without its checksum".
    """
    try:
        if not path.stat().st_size:
            return "empty"
        recorded = sum_path(path).read_text(encoding="utf-8", errors="replace").partition(" ")[0]
    except FileNotFoundError:
        return "without its checksum" if path.exists() else "not there"
    found = sha256(path)
    if found == recorded:
        return None
    return f"damaged (SHA-256 {found[:12]}..., expected {recorded[:12]}...)"
