"""One checkpoint on disk: arrays by name and a manifest of them, whole and verified, or not at all.

    step-000000001200/state/         arrays by name, written by Orbax
    step-000000001200/manifest.json  what they are, and the SHA-256 of every file, its own too

It is filled under another name and renamed when it is whole. Nothing is pickled, and Orbax is shown
a checkpoint only after all its checksums have been found right.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gan_jax.files.sums import sha256
from gan_jax.files.whole import check_room, sync_folder

MANIFEST, STATE = "manifest.json", "state"
# Of a folder that is being filled or emptied; one that is left belongs to a process that was ended.
TEMPORARY = ".tmp"
LONGEST_MANIFEST = 16_000_000  # bytes
OVERHEAD = 100_000  # bytes of a checkpoint that are not arrays; 50,000 of one of 200 arrays


class DamagedError(ValueError):
    """A checkpoint that is not whole: why, in words."""


class Manifest(NamedTuple):
    """What a checkpoint says of itself.

    Attributes:
      step: steps taken.
      seconds: how long that took.
      identity: of which training it is.
      arrays: name -> type and shape.
      files: name -> SHA-256.
    """

    step: int
    seconds: float
    identity: dict[str, Any]
    arrays: dict[str, tuple[str, list[int]]]
    files: dict[str, str]


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where a checkpoint of a step is, in a chunk's folder."""
    return folder / f"step-{step:012d}"


def checkpoints_in(folder: Path) -> list[Path]:
    """The checkpoints of a chunk's folder, oldest first; they need not be whole."""
    return sorted(folder.glob("step-" + "[0-9]" * 12))


def write_checkpoint(
    folder: Path,
    step: int,
    seconds: float,
    identity: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
) -> None:
    """Write a checkpoint into a chunk's folder, whole or not at all; see it onto the disk."""
    temporary, final = folder / _temporary(), checkpoint_path(folder, step)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(temporary, ignore_errors=True)
    # Orbax writes in threads of its own, which print tracebacks where a disk is full.
    check_room(folder, 2 * sum(x.nbytes for x in arrays.values()) + OVERHEAD)
    try:
        with _checkpointer() as checkpointer:
            # Orbax stores no empty arrays: the manifest alone has those.
            checkpointer.save(temporary / STATE, {n: x for n, x in arrays.items() if x.size})
        files = _files(temporary)
        manifest = Manifest(
            step,
            seconds,
            dict(identity),
            {name: (str(x.dtype), list(x.shape)) for name, x in arrays.items()},
            {name: sha256(file) for name, file in files.items()},
        )
        _write_manifest(temporary / MANIFEST, manifest)
        for file in (*files.values(), temporary / MANIFEST):
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
        if final.exists():  # damaged, else training would have gone on from it
            remove(final)
        temporary.rename(final)
        sync_folder(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_manifest(place: Path) -> Manifest:
    """A checkpoint's manifest, once all its files have been found as it says.

    Raises:
      DamagedError: where they are not.
    """
    manifest = _read_manifest(place / MANIFEST)
    try:
        files = _files(place)
        for name, expected in manifest.files.items():
            if name not in files:
                raise DamagedError(f"{name} is missing")
            if sha256(files[name]) != expected:
                raise DamagedError(f"{name} is damaged: its SHA-256 is another")
    except OSError as error:
        raise DamagedError(f"not readable: {error.strerror}") from None
    if len(files) > len(manifest.files):
        raise DamagedError(f"{min({*files} - {*manifest.files})} is not its own")
    if place.name != checkpoint_path(place, manifest.step).name:
        raise DamagedError(f"of step {manifest.step}, whatever its name says")
    return manifest


def read_arrays(place: Path, manifest: Manifest) -> dict[str, np.ndarray]:
    """The arrays of a checkpoint whose manifest has been read.

    Raises:
      DamagedError: when Orbax cannot read them, or as something else.
    """
    try:
        with _checkpointer() as checkpointer:
            stored = checkpointer.restore(place / STATE)
    except Exception as error:  # Orbax's and TensorStore's, of many types
        first = str(error).partition("\n")[0]
        raise DamagedError(f"not readable by Orbax: {first}") from None
    arrays = {}
    for name, (dtype, shape) in manifest.arrays.items():
        x = np.asarray(stored[name]) if name in stored else np.zeros(shape, dtype)
        if str(x.dtype) != dtype or list(x.shape) != shape:
            found = f"{x.dtype}{list(x.shape)}"
            raise DamagedError(f"{name} is {found}, expected {dtype}{shape}")
        arrays[name] = x
    return arrays


def remove(folder: Path) -> None:
    """Remove a folder, so that one who is killed meanwhile leaves none that looks whole."""
    gone = folder.with_name(f"{_temporary()}-{folder.name}")
    try:
        folder.rename(gone)
    except FileNotFoundError:
        return
    shutil.rmtree(gone, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what ended processes have left half written; only whoever holds the folder may."""
    for left in folder.glob(f"{TEMPORARY}*"):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _checkpointer() -> Iterator[Any]:
    import jax
    import orbax.checkpoint as ocp  # here: it loads slowly, and short trainings need none

    # It logs what goes wrong with whole tracebacks, besides raising it; we say it in a line.
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        # Of several processes this one alone writes; Orbax would have all of them come here.
        me = jax.process_index()
        alone = ocp.options.MultiprocessingOptions(primary_host=me, active_processes={me})
        handler = ocp.PyTreeCheckpointHandler(multiprocessing_options=alone)
        with ocp.Checkpointer(handler, multiprocessing_options=alone) as checkpointer:
            yield checkpointer
    finally:
        logger.setLevel(before)


def _temporary() -> str:
    """A name that nobody has: machines that share a folder may have processes of one number."""
    return f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(4)}"


def _files(place: Path) -> dict[str, Path]:
    found = (file for file in sorted((place / STATE).rglob("*")) if not file.is_dir())
    return {file.relative_to(place).as_posix(): file for file in found}


def _sum(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _write_manifest(path: Path, manifest: Manifest) -> None:
    body = manifest._asdict()
    path.write_text(json.dumps({"sha256": _sum(body), "body": body}), encoding="utf-8")


def _read_manifest(path: Path) -> Manifest:
    try:
        if path.stat().st_size > LONGEST_MANIFEST:
            raise DamagedError(f"{MANIFEST} is longer than any")
        document = json.loads(path.read_text(encoding="utf-8"))
        if _sum(document["body"]) != document["sha256"]:
            raise DamagedError(f"{MANIFEST} is damaged: its SHA-256 is another")
        return Manifest(**document["body"])
    except DamagedError:
        raise
    except FileNotFoundError:
        raise DamagedError(f"{MANIFEST} is missing") from None
    except OSError as error:
        raise DamagedError(f"{MANIFEST} is not readable: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DamagedError(f"{MANIFEST} is damaged") from None
