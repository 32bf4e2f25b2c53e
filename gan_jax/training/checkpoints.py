"""Training state on disk, whole and verified, or not at all.

    FOLDER/chunk-0000/step-000000001200/state/         arrays by name, written by Orbax
    FOLDER/chunk-0000/step-000000001200/manifest.json  what they are, and the SHA-256 of every file

A checkpoint is one chunk of seeds at the end of a segment: its lanes, what has been recorded so
far, and what keepers have taken of it. The random stream is derived from (seed, step), so nothing
else need be stored. It is filled under another name and renamed when it is whole; the last two of a
chunk are kept, so that there is one to go back to. Nothing is pickled, and Orbax is shown a
checkpoint only after all its checksums have been found right.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from gan_jax.fields import ConfigError, differences
from gan_jax.files.said import say
from gan_jax.files.sums import sha256
from gan_jax.files.whole import free_space, sync_folder

FORMAT = 1
EVERY = 30.0  # seconds
KEPT = 2
LARGEST_SHARE = 0.05  # of the time may go into saving: what takes long is done more seldom
MANIFEST, STATE = "manifest.json", "state"
# Of a folder that is being filled or emptied; one that is left belongs to a process that was ended.
TEMPORARY = ".tmp"
LONGEST_MANIFEST = 16_000_000  # bytes


class Saved(NamedTuple):
    """One chunk's training at the end of a segment.

    Attributes:
      step: steps taken.
      arrays: its lanes, records and what was kept, by name.
    """

    step: int
    arrays: dict[str, np.ndarray]


class Keeper(Protocol):
    """Holds something of seeds at some steps, and can be given it back."""

    @property
    def steps(self) -> list[int]: ...

    def arrays(self, seeds: Sequence[int]) -> dict[str, np.ndarray]: ...

    def take_back(self, seeds: Sequence[int], arrays: Mapping[str, np.ndarray]) -> None: ...


class DamagedError(ValueError):
    """A checkpoint that is not whole: why, in words."""


def refuse(line: str) -> None:
    """What becomes of whole checkpoints of another training, where nothing else is said.

    Raises:
      ConfigError: always.
    """
    raise ConfigError(f"{line}; choose another folder, or remove it")


class Checkpoints:
    """Keeps the training of chunks of seeds in a folder, and finds it there again.

    Args:
      folder: holds the chunks' checkpoints and nothing else; made if need be.
      every: seconds between checkpoints, or more, where they take so long that saving would need
        more than LARGEST_SHARE of the time.
      keepers: by name; what they hold is part of each checkpoint.
      stopping: raises an exception, once all is kept, where the training is to end.
      say: called with a line on what could not be read or written; training goes on.
      differs: called with a line on a checkpoint that is whole but of another training, which is
        then not used; by default that is refused.
      clock: seconds; it never goes back.

    Attributes:
      seconds_before: how long earlier processes have trained what was found.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        every: float = EVERY,
        keepers: Mapping[str, Keeper] | None = None,
        stopping: Callable[[], None] = lambda: None,
        say: Callable[[str], None] = say,
        differs: Callable[[str], None] = refuse,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.seconds_before = 0.0
        self._every, self._keepers = every, keepers or {}
        self._stopping, self._say, self._differs, self._clock = stopping, say, differs, clock
        self._begun = clock()
        self._due = self._begun + every
        self._identities: dict[int, dict[str, Any]] = {}
        self._written: dict[int, int] = {}

    def find(self, chunk: int, identity: Mapping[str, Any]) -> Saved | None:
        """A chunk's newest whole checkpoint, its keepers' part given back to them; None if none.

        Args:
          chunk: its number.
          identity: what makes two trainings the same, as plain Python; "seeds" among it.

        Raises:
          ConfigError: from `differs`, naming every difference.
        """
        kept = {name: keeper.steps for name, keeper in self._keepers.items()}
        self._identities[chunk] = _plain({"format": FORMAT, **identity, "kept": kept})
        for place in reversed(checkpoints_in(self._place(chunk))):
            try:
                manifest = _read_manifest(place)
                there = manifest["identity"]
                different = differences(there, self._identities[chunk])
                if different:
                    self._differs(f"{place} is of another training ({'; '.join(different)})")
                    continue
                arrays = _read_arrays(place, manifest)
            except DamagedError as error:
                self._say(f"{place}: {error}; not used")
                continue
            for name, keeper in self._keepers.items():
                keeper.take_back(identity["seeds"], _part(arrays, f"kept/{name}/"))
            self.seconds_before = max(self.seconds_before, float(manifest["seconds"]))
            self._written[chunk] = manifest["step"]
            return Saved(manifest["step"], arrays)
        return None

    def seconds(self) -> float:
        """How long has been trained, by this process and those before it."""
        return self.seconds_before + self._clock() - self._begun

    def after_segment(self, chunks: Callable[[], Mapping[int, Saved]]) -> None:
        """Save every chunk if it is time to, or if the training is to end.

        Args:
          chunks: gives the training of each chunk that has gone on, by number.

        Raises:
          whatever `stopping` does, after saving.
        """
        try:
            self._stopping()
        except BaseException:
            self.save(chunks())
            raise
        if self._clock() >= self._due:
            self.save(chunks())

    def save(self, chunks: Mapping[int, Saved]) -> None:
        """Save chunks that have gone on since they were last saved.

        What goes wrong is said, and training goes on: there will be another time.
        """
        started = self._clock()
        for number, saved in chunks.items():
            if self.has(number, saved):
                continue
            try:
                self._write(number, saved)
                self._written[number] = saved.step
            except Exception as error:
                self._say(
                    f"{self._place(number)}: no checkpoint at step {saved.step:,} "
                    f"({_reason(error, self.folder)}); training goes on"
                )
                break
        now = self._clock()
        self._due = now + max(self._every, (now - started) / LARGEST_SHARE)

    def has(self, chunk: int, saved: Saved) -> bool:
        """Whether a chunk's training is kept as it is."""
        return self._written.get(chunk) == saved.step

    def _place(self, chunk: int) -> Path:
        return self.folder / f"chunk-{chunk:04d}"

    def _write(self, chunk: int, saved: Saved) -> None:
        place = self._place(chunk)
        identity, arrays = self._identities[chunk], dict(saved.arrays)
        for name, keeper in self._keepers.items():
            kept = keeper.arrays(identity["seeds"])
            arrays |= {f"kept/{name}/{key}": value for key, value in kept.items()}
        temporary = place / f"{TEMPORARY}{os.getpid()}"
        place.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            _fill(temporary, saved.step, identity, arrays, self.seconds())
            final = place / _step_name(saved.step)
            if final.exists():  # damaged, else it would have been used
                remove(final)
            temporary.rename(final)
            sync_folder(place)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        for old in checkpoints_in(place)[:-KEPT]:
            remove(old)


def _step_name(step: int) -> str:
    return f"step-{step:012d}"


def checkpoints_in(place: Path) -> list[Path]:
    """The checkpoints of a chunk's folder, oldest first; they need not be whole."""
    return sorted(place.glob("step-" + "[0-9]" * 12))


def newest_steps(folder: Path) -> list[int]:
    """The step of each chunk's newest checkpoint, in a folder of checkpoints."""
    newest = [checkpoints_in(place)[-1:] for place in sorted(folder.glob("chunk-*"))]
    return [int(place.name.removeprefix("step-")) for found in newest for place in found]


def remove(folder: Path) -> None:
    """Remove a folder, so that one who is killed meanwhile leaves none that looks whole."""
    gone = folder.with_name(f"{TEMPORARY}{os.getpid()}-{folder.name}")
    try:
        folder.rename(gone)
    except FileNotFoundError:
        return
    shutil.rmtree(gone, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what ended processes have left half written; only whoever holds the folder may."""
    for place in (folder, *folder.glob("chunk-*")):
        for left in place.glob(f"{TEMPORARY}*"):
            shutil.rmtree(left, ignore_errors=True)


def _reason(error: BaseException, folder: Path) -> str:
    """Why something was not written, in a line, and how much room there is."""
    words = getattr(error, "strerror", None) or str(error).strip().partition("\n")[0]
    return f"{(words or type(error).__name__)[:300]} ({free_space(folder)} free)"


def _plain(identity: Mapping[str, Any]) -> dict[str, Any]:
    """As it will be read back."""
    return json.loads(json.dumps(identity))


def _part(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): x for name, x in arrays.items() if name.startswith(prefix)}


def _checkpointer() -> Any:
    import orbax.checkpoint as ocp  # here: it loads slowly, and short trainings need none

    return ocp.Checkpointer(ocp.PyTreeCheckpointHandler())


def _fill(
    place: Path,
    step: int,
    identity: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    seconds: float,
) -> None:
    """Write a checkpoint's files, its manifest last, and see them onto the disk."""
    stored = {name: np.asarray(x) for name, x in arrays.items() if np.size(x)}
    with _checkpointer() as checkpointer:
        checkpointer.save(place / STATE, stored)
    files = _files(place)
    body = {
        "step": step,
        "seconds": seconds,
        "identity": identity,
        "arrays": {name: [str(x.dtype), list(x.shape)] for name, x in arrays.items()},
        "files": {name: sha256(file) for name, file in files.items()},
    }
    manifest = place / MANIFEST
    manifest.write_text(json.dumps({"sha256": _sum(body), "body": body}), encoding="utf-8")
    for file in (*files.values(), manifest):
        with file.open("rb") as opened:
            os.fsync(opened.fileno())


def _files(place: Path) -> dict[str, Path]:
    state = place / STATE
    found = (file for file in sorted(state.rglob("*")) if not file.is_dir())
    return {file.relative_to(place).as_posix(): file for file in found}


def _sum(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _read_manifest(place: Path) -> dict[str, Any]:
    """A checkpoint's manifest, once all its files have been found as it says.

    Raises:
      DamagedError: where they are not.
    """
    try:
        path = place / MANIFEST
        if path.stat().st_size > LONGEST_MANIFEST:
            raise DamagedError(f"{MANIFEST} is longer than any")
        document = json.loads(path.read_text(encoding="utf-8"))
        body, recorded = document["body"], document["sha256"]
        if _sum(body) != recorded:
            raise DamagedError(f"{MANIFEST} is damaged (its SHA-256 is another)")
        files = _files(place)
        for name, expected in body["files"].items():
            if name not in files:
                raise DamagedError(f"{name} is missing")
            if sha256(files[name]) != expected:
                raise DamagedError(f"{name} is damaged (its SHA-256 is another)")
        if len(files) > len(body["files"]):
            raise DamagedError(f"{min({*files} - {*body['files']})} is not its own")
    except DamagedError:
        raise
    except FileNotFoundError:
        raise DamagedError(f"{MANIFEST} is missing") from None
    except OSError as error:
        raise DamagedError(f"not readable ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DamagedError(f"{MANIFEST} is damaged") from None
    if place.name != _step_name(body["step"]):
        raise DamagedError(f"of step {body['step']}, whatever its name says")
    return body


def _read_arrays(place: Path, manifest: Mapping[str, Any]) -> dict[str, np.ndarray]:
    try:
        with _checkpointer() as checkpointer:
            stored = checkpointer.restore(place / STATE)
    except Exception as error:  # Orbax's and TensorStore's, of many types
        first = str(error).partition("\n")[0]
        raise DamagedError(f"not readable by Orbax ({first})") from None
    arrays = {}
    for name, (dtype, shape) in manifest["arrays"].items():
        arrays[name] = np.asarray(stored[name]) if name in stored else np.zeros(shape, dtype)
        if str(arrays[name].dtype) != dtype or list(arrays[name].shape) != shape:
            raise DamagedError(f"{name} is {arrays[name].dtype}{list(arrays[name].shape)}, expected "
                          f"{dtype}{shape}")  # fmt: skip
    return arrays
