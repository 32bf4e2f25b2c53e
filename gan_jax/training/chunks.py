"""A chunk of seeds on one row of devices: its segments dispatched and waited for by the host.

What it has come to at the end of a segment can be kept (`saved`), and a chunk made of that goes on
as if it had never ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax.config import Leaves
from gan_jax.fields import ConfigError
from gan_jax.game.program import Program
from gan_jax.game.state import GanState
from gan_jax.training.checkpoints import Saved
from gan_jax.training.lane import Lane
from gan_jax.training.lanes import RECORDS_PER_SEGMENT
from gan_jax.training.loop import Evaluation, Trained, init_lanes, train_lanes
from gan_jax.training.named import as_tree, by_name, mismatches
from gan_jax.training.rows import Row, known


class Segment(NamedTuple):
    """What the host sees after one segment of one chunk.

    Attributes:
      seeds: the chunk's seeds, without padding.
      start: steps taken before it.
      stop: steps taken after it.
      lane_states: the lanes' states after it, padding included.
      steps: the numbers of steps taken at its records [record].
      records: statistics and measures by name, each [seed, record].
      resumed: whether it stands for all that was trained before, as read from a checkpoint.
    """

    seeds: np.ndarray
    start: int
    stop: int
    lane_states: GanState
    steps: np.ndarray = np.zeros(0, int)
    records: Mapping[str, np.ndarray] = MappingProxyType({})
    resumed: bool = False

    @property
    def states(self) -> GanState:
        """The seeds' states, leading axis = seed."""
        return unpad(self.lane_states, len(self.seeds))


def unpad(tree: Any, n_seeds: int) -> Any:
    """Drop the lanes beyond the seeds."""
    return jax.tree.map(lambda x: x[:n_seeds], tree)


class Chunk:
    """The training of up to `lanes` seeds on one row, a segment at a time, one segment ahead.

    The host dispatches the next segment before it waits for the last one, so that the device never
    waits for the host. A chunk of fewer seeds is padded by repeating the last seed: lanes do not
    interact.

    Attributes:
      step: steps taken by the lanes that were waited for.
    """

    def __init__(
        self,
        program: Program,
        evaluation: Evaluation,
        leaves: Leaves,
        seeds: np.ndarray,
        lanes: int,
        row: Row,
        total_steps: int,
        log_every: int,
        saved: Saved | None = None,
    ) -> None:
        pad = lanes - len(seeds)
        padded = np.concatenate([seeds, np.repeat(seeds[-1:], pad)]).astype(np.uint32)
        leaves = jax.tree.map(lambda x: np.broadcast_to(np.asarray(x), (lanes,)), leaves)
        self.seeds, self.row, self.total_steps = seeds, row, total_steps
        self._statics = (program.parts, evaluation.measure)
        self._log_every = log_every
        shared = (leaves, program.training_set, evaluation.inputs)
        self._shared, self._seeds = row.put(shared), row.put(padded)
        self._waiting: list[tuple[int, int, Future[Trained]]] = []  # from which step to which
        self._records: list[dict[str, np.ndarray]] = []
        self._dispatched = 0
        self._last: Future[Trained]  # what was waited for; at first, the lanes as they begin
        if saved is None:
            # Weights are drawn on the default device for all: each would compile for itself.
            shapes, self._last = row.put_result(init_lanes, (program.parts,), (leaves, padded))
        else:
            shapes = init_lanes.eval_shape(program.parts, leaves, padded)
            lane, records = _restored(shapes[0], saved, record_steps(total_steps, log_every))
            self._last = known((row.put(lane), {}))
            self._records.append(records)
            self._dispatched = saved.step
        self._lane_shapes, self.step = shapes[0], self._dispatched
        self._ahead: Future[Trained] | None = None

    @property
    def lane(self) -> Lane:
        """The lanes after what was waited for, padding included; their first weights at first."""
        return self._last.result()[0]

    def begin(self) -> Segment | None:
        """Dispatch the first segment; return what was trained before, read from a checkpoint.

        A training from its beginning takes no step in it, and records the untrained state.
        """
        if not self._records:
            self._dispatch(stop=0)
            return None
        self._dispatch_next()
        (records,) = self._records
        n_records = next(iter(records.values())).shape[1]
        ends = np.minimum(self._log_every * np.arange(n_records), self.step)
        before = Segment(self.seeds, 0, self.step, self.lane.state, ends, records)
        return before._replace(resumed=True)

    @property
    def seen(self) -> bool:
        """Whether anything has been recorded, by this process or one before it."""
        return bool(self._records)

    def wait(self) -> None:
        """Wait for what has been dispatched."""
        jax.block_until_ready((self._ahead or self._last).result())

    def give_up(self) -> None:
        """Wait for what has been dispatched, whatever comes of it, and let go of it.

        Of a call that failed, the error, its traceback, this chunk and its arrays would otherwise
        keep one another until Python looks for such rings.
        """
        with suppress(Exception):
            self.wait()
        self._ahead, self._last = None, known(None)
        self._waiting.clear()

    @cached_property
    def _train(self) -> Callable[..., Trained]:
        arrays = (*self._shared, self._lane_shapes, self._seeds, self._boundaries(0, 0))
        return self.row.program(train_lanes, self._statics, arrays)

    def _boundaries(self, start: int, stop: int) -> np.ndarray:
        ends = start + self._log_every * np.arange(RECORDS_PER_SEGMENT + 1)
        return np.minimum(ends, stop).astype(np.int32)

    def _dispatch(self, stop: int) -> None:
        start, self._dispatched = self._dispatched, stop
        train, boundaries = self._train, self._boundaries(start, stop)
        before = [self._ahead or self._last]

        def call() -> Trained:
            # By no name, which an error would keep: neither the future, nor what it holds.
            return train(*self._shared, before.pop().result()[0], self._seeds, boundaries)

        self._ahead = self.row.submit(call)
        self._waiting.append((start, stop, self._ahead))

    def _dispatch_next(self) -> None:
        if self._dispatched < self.total_steps:
            length = RECORDS_PER_SEGMENT * self._log_every
            self._dispatch(min(self._dispatched + length, self.total_steps))

    def advance(self) -> Segment | None:
        """Dispatch the next segment, wait for the one before, return it; None when all are done."""
        self._dispatch_next()
        if not self._waiting:
            return None
        start, stop = self._waiting[0][:2]
        lane, records = self._waiting.pop(0)[2].result()  # by no name, which an error would keep
        # The last segment may have fewer records than the program has room for; the first has one.
        n_records = max(-(-(stop - start) // self._log_every), 1)
        on_host = unpad(self.row.fetch(records), len(self.seeds))
        seen = {name: x[:, :n_records] for name, x in on_host.items()}
        if self._records and {*seen} != {*self._records[0]}:
            changed = ", ".join(sorted({*seen} ^ {*self._records[0]}))
            raise ConfigError(f"evaluation: another than the checkpoint's: {changed}")
        self._records.append(seen)
        self._last, self.step = known((lane, {})), stop
        ends = np.minimum(start + self._log_every * np.arange(1, n_records + 1), stop)
        return Segment(self.seeds, start, stop, lane.state, ends, seen)

    def result(self) -> tuple[Lane, dict[str, np.ndarray]]:
        """The final lanes and the whole history [seed, record], on the host."""
        return unpad(self.row.fetch(self.lane), len(self.seeds)), self._history()

    def saved(self) -> Saved:
        """What is to be kept of it now: all lanes, padding included, and the history so far."""
        lane = {f"lane/{name}": x for name, x in by_name(self.lane).items()}
        records = {f"records/{name}": x for name, x in self._history().items()}
        return Saved(self.step, lane | records)

    def _history(self) -> dict[str, np.ndarray]:
        return {
            name: np.concatenate([records[name] for records in self._records], axis=1)
            for name in self._records[0]
        }


def _restored(
    template: Lane, saved: Saved, steps: np.ndarray
) -> tuple[Lane, dict[str, np.ndarray]]:
    """A checkpoint's lanes, in their tree, and its records.

    Raises:
      ConfigError: naming each array whose type or shape is not what the experiment has.
    """

    def part(prefix: str) -> dict[str, np.ndarray]:
        named = {name.partition("/"): x for name, x in saved.arrays.items()}
        return {name: x for (first, _, name), x in named.items() if first == prefix}

    lane, records = part("lane"), part("records")
    different = mismatches(template, lane)
    if different:
        raise ConfigError(f"the checkpoint's state is another's ({'; '.join(different[:5])})")
    n_records = int(np.searchsorted(steps, saved.step)) + 1
    for name, x in records.items():
        if x.shape[1] != n_records:
            raise ConfigError(
                f"the checkpoint at step {saved.step} has {x.shape[1]} records of {name}, "
                f"expected {n_records}"
            )
    return as_tree(template, lane), records


def record_steps(total_steps: int, log_every: int) -> np.ndarray:
    """The numbers of steps taken at each record: 0, log_every, ... and total_steps."""
    return np.append(np.arange(0, total_steps, log_every), total_steps)
