"""Training state, kept while it is trained: a study that is interrupted goes on where it was.

    FOLDER/chunk-0000/step-000000001200/   see `checkpoint_files`

A checkpoint is one chunk of seeds at the end of a segment: its lanes, what has been recorded so
far, and what keepers have taken of it. The random stream is derived from (seed, step), so nothing
else need be stored. The last two of a chunk are kept, so that there is one to go back to.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from gan_jax.fields import ConfigError, differences
from gan_jax.files.said import say
from gan_jax.files.whole import free_space
from gan_jax.training.checkpoint_files import (
    DamagedError,
    checkpoint_path,
    checkpoints_in,
    read_arrays,
    read_manifest,
    remove,
    remove_leftovers,
    write_checkpoint,
)

FORMAT = 1
EVERY = 30.0  # seconds
KEPT = 2
LARGEST_SHARE = 0.05  # of the time may go into saving: what takes long is done more seldom


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
        more than LARGEST_SHARE of the time; 0: after every segment.
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
        self._not_used: dict[int, list[Path]] = {}

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
        remove_leftovers(self._place(chunk))
        for place in reversed(checkpoints_in(self._place(chunk))):
            try:
                manifest = read_manifest(place)
                different = differences(manifest.identity, self._identities[chunk])
                if different:
                    self._differs(f"{place} is of another training ({'; '.join(different)})")
                    self._not_used.setdefault(chunk, []).append(place)
                    continue
                arrays = read_arrays(place, manifest)
            except DamagedError as error:
                self._say(f"{place}: {error}; not used")
                self._not_used.setdefault(chunk, []).append(place)
                continue
            for name, keeper in self._keepers.items():
                keeper.take_back(identity["seeds"], _part(arrays, f"kept/{name}/"))
            self.seconds_before = max(self.seconds_before, manifest.seconds)
            self._written[chunk] = manifest.step
            return Saved(manifest.step, arrays)
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
        if not self._every or self._clock() >= self._due:
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
        place, identity = self._place(chunk), self._identities[chunk]
        arrays = dict(saved.arrays)
        for name, keeper in self._keepers.items():
            kept = keeper.arrays(identity["seeds"])
            arrays |= {f"kept/{name}/{key}": value for key, value in kept.items()}
        write_checkpoint(place, saved.step, self.seconds(), identity, arrays)
        # Those that could not be used may be of later steps: they would take the places of two.
        for old in self._not_used.pop(chunk, []):
            if old != checkpoint_path(place, saved.step):
                remove(old)
        for old in checkpoints_in(place)[:-KEPT]:
            remove(old)


def newest_steps(folder: Path) -> list[int]:
    """The step of each chunk's newest checkpoint, in a folder of checkpoints."""
    newest = [checkpoints_in(place)[-1:] for place in sorted(folder.glob("chunk-*"))]
    return [int(place.name.removeprefix("step-")) for found in newest for place in found]


def _reason(error: BaseException, folder: Path) -> str:
    """Why something was not written, in a line, and how much room there is."""
    words = getattr(error, "strerror", None) or str(error).strip().partition("\n")[0]
    return f"{(words or type(error).__name__)[:300]} ({free_space(folder)} free)"


def _plain(identity: Mapping[str, Any]) -> dict[str, Any]:
    """As it will be read back."""
    return json.loads(json.dumps(identity))


def _part(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): x for name, x in arrays.items() if name.startswith(prefix)}
