"""Where compiled programs are kept between processes: the second start of a training is quick.

JAX's own cache, with a place and a bound; whoever has set its place otherwise is left alone.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from contextlib import suppress
from pathlib import Path

VARIABLE = "JAX_COMPILATION_CACHE_DIR"
SETTINGS = {
    "jax_persistent_cache_min_compile_time_secs": 0.2,  # below, reading costs as much
    "jax_compilation_cache_max_size": 2**30,  # bytes; the least recently used go first
}


def keep_compiled_programs() -> Path | None:
    """Let JAX keep what it compiles, in the user's cache; return the folder.

    One folder a kind of processor: a program compiled for another might not run. None, and nothing
    is kept, where the folder cannot be written to. If JAX_COMPILATION_CACHE_DIR is set, that is
    where; set it to nothing and there is none.
    """
    if VARIABLE in os.environ:
        return Path(os.environ[VARIABLE]) if os.environ[VARIABLE] else None
    import pooch  # here: help and mistakes answer without it

    folder = Path(pooch.os_cache("gan_jax")) / "compiled" / processor()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    if not os.access(folder, os.W_OK):
        return None
    _remove_torn(folder)
    settings = {VARIABLE.lower(): str(folder), **SETTINGS}
    if "jax" in sys.modules:
        import jax

        for name, value in settings.items():
            jax.config.update(name, value)
    else:
        os.environ.update({name.upper(): str(value) for name, value in settings.items()})
    return folder


def _remove_torn(folder: Path) -> None:
    """Remove entries that were not written to their end, of which JAX would warn for ever.

    Under its lock JAX writes an entry, then when it was used (jax/_src/lru_cache.py): one without
    the second belongs to a process that was ended, or to a disk that was full.
    """
    import filelock

    with suppress(OSError, filelock.Timeout), filelock.FileLock(folder / ".lockfile", timeout=10):
        for entry in folder.glob("*-cache"):
            if not entry.with_name(f"{entry.name.removesuffix('-cache')}-atime").exists():
                entry.unlink(missing_ok=True)


def processor() -> str:
    """A name of what this machine's processor can do, for a folder."""
    facts = platform.machine() + platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        facts += "".join(sorted({x for x in lines if x.startswith(("model name", "flags"))}))
    return f"{platform.machine()}-{hashlib.sha256(facts.encode()).hexdigest()[:12]}"
