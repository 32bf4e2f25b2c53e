"""The states of a cell's seeds at some moments of training, on disk: what spectra are computed of.

    cells/VARIANT/seeds-0000-0063/states.npz   arrays [seed, ...] named STEP/PATH/IN/GANSTATE

Written before the cell's result, so that a finished cell has them. Never pickled.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_jax.config import Experiment
from gan_jax.fields import ConfigError
from gan_jax.files.arrays import HEADER, parse_header
from gan_jax.files.paths import regular_file
from gan_jax.files.sums import write_summed
from gan_jax.studies.cells import Cell
from gan_jax.training.lanes import RECORDS_PER_SEGMENT

if TYPE_CHECKING:
    from gan_jax.game.state import GanState
    from gan_jax.training.chunks import Segment

STATES = "states.npz"


def moment_steps(experiment: Experiment, moments: int) -> list[int]:
    """The steps whose states are kept: evenly spaced, each moved to the nearest end of a segment.

    The host sees states there only, and before the first step; so a short training has fewer.
    """
    last = experiment.total_steps
    segment = RECORDS_PER_SEGMENT * experiment.record_every
    ends = np.append(np.arange(0, last, segment), last)
    if moments == 1:
        return [last]
    wanted = np.linspace(0, last, moments)
    return sorted({int(ends[abs(ends - step).argmin()]) for step in wanted})


class Keeper:
    """Keeps something of one cell's seeds at some steps: shown every segment of training.

    Args:
      steps: at which; those at which a segment ends.
      take: what to keep of the states of a chunk's lanes [lane, ...]: NumPy arrays by name, leading
        axis = lane. Of all lanes, padding included: a program's bits depend on how many.
    """

    def __init__(
        self, steps: Sequence[int], take: Callable[[GanState], Mapping[str, np.ndarray]]
    ) -> None:
        self._seen: dict[int, dict[int, dict[str, np.ndarray]]] = {step: {} for step in steps}
        self._take = take

    @property
    def steps(self) -> list[int]:
        """The steps at which it keeps something."""
        return list(self._seen)

    def __call__(self, segment: Segment) -> None:
        """Keep what is to be kept of a segment, if it ends at one of the steps."""
        import jax

        if segment.stop in self._seen and not segment.resumed:
            # From the host: whatever `take` compiles, it compiles for one device.
            taken = self._take(jax.device_get(segment.lane_states))
            for place, seed in enumerate(segment.seeds.tolist()):
                one = {name: np.array(x[place]) for name, x in taken.items()}
                self._seen[segment.stop][seed] = one

    def has(self, seeds: Sequence[int]) -> bool:
        """Whether all has been seen of the seeds."""
        return all(seed in seen for seen in self._seen.values() for seed in seeds)

    def kept(self, seeds: Sequence[int]) -> dict[int, dict[str, np.ndarray]]:
        """Step -> what was kept of the seeds by name, stacked in that order."""
        return {step: self._stacked(step, seeds) for step in self._seen}

    def _stacked(self, step: int, seeds: Sequence[int]) -> dict[str, np.ndarray]:
        seen = self._seen[step]
        return {name: np.stack([seen[seed][name] for seed in seeds]) for name in seen[seeds[0]]}

    def arrays(self, seeds: Sequence[int]) -> dict[str, np.ndarray]:
        """All that has been kept of the seeds so far, STEP/NAME: for a checkpoint."""
        return {
            f"{step}/{name}": x
            for step, seen in self._seen.items()
            if all(seed in seen for seed in seeds)
            for name, x in self._stacked(step, seeds).items()
        }

    def take_back(self, seeds: Sequence[int], arrays: Mapping[str, np.ndarray]) -> None:
        """Hold again what `arrays` gave of the seeds."""
        for key, values in arrays.items():
            step, _, name = key.partition("/")
            for seed, value in zip(seeds, values, strict=True):
                self._seen[int(step)].setdefault(seed, {})[name] = value


def states_path(cell: Cell, folder: Path) -> Path:
    """Where a cell's states are."""
    return cell.folder(folder) / STATES


def write_states(cell: Cell, folder: Path, states: Mapping[int, Mapping[str, np.ndarray]]) -> None:
    """Store states by step and name, each with a leading axis of the cell's seeds."""
    if not states:
        return
    arrays = {f"{step}/{name}": x for step, named in states.items() for name, x in named.items()}

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    write_summed(states_path(cell, folder), write)


def _array(file: zipfile.ZipFile, name: str, expected: Any) -> np.ndarray:
    """One array of an opened npz file, read no further than the expected shape and type.

    Raises:
      ValueError: when it is of another; or what zipfile and NumPy raise of what is damaged.
    """
    size = math.prod(expected.shape) * expected.dtype.itemsize
    with file.open(f"{name}.npy") as member:
        content = member.read(2 * HEADER + size)  # whatever it would expand to
    header = parse_header(content)
    if (header.shape, header.dtype) != (expected.shape, expected.dtype):
        raise ValueError(f"{name} is {header.dtype} {header.shape}, expected {expected}")
    if len(content) != header.end + size:
        raise ValueError(f"{name} is {len(content)} bytes, expected {header.end + size}")
    order = "F" if header.fortran_order else "C"
    flat = np.frombuffer(content, header.dtype, offset=header.end).copy()
    return flat.reshape(header.shape, order=order)


def read_states(cell: Cell, folder: Path, experiment: Experiment, step: int) -> GanState:
    """A cell's states at a step, leading axis = the cell's seeds.

    Raises:
      ConfigError: in one line, when they are not there, not readable, or another network's.
    """
    import jax

    from gan_jax.config import split
    from gan_jax.game.draws import seed_key
    from gan_jax.game.gan import init
    from gan_jax.game.program import look_up
    from gan_jax.training.named import leaf_name

    (static, numbers), path = split(experiment), states_path(cell, folder)
    parts = look_up(static)

    def one(seed: Any) -> GanState:
        return init(parts, numbers, seed_key(seed))

    template = jax.eval_shape(one, np.uint32(0))
    leaves, structure = jax.tree_util.tree_flatten_with_path(template)
    found = []
    regular_file(path)
    try:
        with zipfile.ZipFile(path) as file:
            for place, leaf in leaves:
                name = f"{step}/{leaf_name(place)}"
                shape = (len(cell.seeds), *leaf.shape)
                found.append(_array(file, name, jax.ShapeDtypeStruct(shape, leaf.dtype)))
    # Archives and headers that are damaged fail in a dozen ways.
    except Exception as error:
        why = str(error) or type(error).__name__
        raise ConfigError(f"{path}: not readable as states ({why})") from None
    return jax.tree_util.tree_unflatten(structure, found)
