"""The training of one chunk of seeds: a compiled segment, dispatched again and again by the host.

A segment is a fixed number of records; a record is up to `log_every` steps and what was seen at
their end. The bounds are traced numbers, so every segment of every length is one compiled program.
It is written for one seed, a *lane*, and vmapped: nothing in it can mix seeds.

A lane whose step turns non-finite is frozen at its last finite state; its measures are NaN from
then on. What takes two steps in a row to tell is measured here, at records: a state is only what
the next step needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from gan_jax.config import Leaves
from gan_jax.fields import ConfigError
from gan_jax.game import gan
from gan_jax.game.draws import seed_key
from gan_jax.game.parts import Parameters, Parts, TrainingSet, current_parameters
from gan_jax.game.program import Program
from gan_jax.game.state import GanState, StepInfo
from gan_jax.training.checkpoints import Saved
from gan_jax.training.lanes import RECORDS_PER_SEGMENT
from gan_jax.training.named import as_tree, by_name, mismatches

NEVER = -1


class Evaluation(NamedTuple):
    """Measures of a state beyond what its steps report, taken at every record.

    Attributes:
      measure: `(parts, inputs, state) -> {name: scalar}`; a module-level function, since it is a
        static argument.
      inputs: arrays it needs, the same for every seed and record: fixed latents, real samples.
    """

    measure: Callable[[Parts, Any, GanState], dict[str, jax.Array]] | None = None
    inputs: Any = ()


class Lane(NamedTuple):
    """One seed's training state, and its first step that was not finite (NEVER if none)."""

    state: GanState
    first_nonfinite_step: jax.Array


def init_lane(parts: Parts, leaves: Leaves, seed: jax.Array) -> Lane:
    """A lane at step 0."""
    state = gan.init(parts, leaves, seed_key(seed))
    return Lane(state, jnp.full((), NEVER, jnp.int32))


def all_finite(tree: Any) -> jax.Array:
    """Whether every floating-point number in a tree is finite."""
    leaves = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.floating)]
    return jnp.stack([jnp.isfinite(x).all() for x in leaves]).all()


def step_is_finite(state: GanState, info: StepInfo) -> jax.Array:
    """Whether a step has led to finite numbers: its new state, losses, gradients and logits.

    What is derived from those does not count: squares of large finite weights may overflow.
    """
    derived = ("logit_gap", "discriminator_update_ratio", "generator_update_ratio")
    return all_finite((state, info._replace(**dict.fromkeys(derived))))


def update_cosines(points: Parameters) -> dict[str, jax.Array]:
    """Cosine between each player's last two updates, given three points [3, ...] of its path.

    (x2 - x1).(x1 - x0) / |x2 - x1| |x1 - x0| over all its parameters: 1 where it goes straight on,
    -1 to and fro; NaN where either update is exactly zero.

    Some passes over the parameters a record: 7 ms for the 2 million of the dense networks of digits
    (2 cores), 5 % of their training with a record every 20 steps, 20 % with one every 2.
    """
    return {
        "generator_update_cosine": _cosine(points.generator),
        "discriminator_update_cosine": _cosine(points.discriminator),
    }


def _cosine(points: Any) -> jax.Array:
    first = jax.tree.map(lambda x: x[1] - x[0], points)
    last = jax.tree.map(lambda x: x[2] - x[1], points)
    lengths = optax.tree.norm(first) * optax.tree.norm(last)
    return jnp.divide(optax.tree.vdot(first, last), lengths)


def train_lane(
    parts: Parts,
    measure: Callable[..., dict[str, jax.Array]] | None,
    leaves: Leaves,
    training_set: TrainingSet,
    inputs: Any,
    lane: Lane,
    seed: jax.Array,
    boundaries: jax.Array,
) -> tuple[Lane, dict[str, jax.Array]]:
    """Train one seed from the first boundary to the last; return the lane and its records.

    Record r [record] covers the steps from boundaries[r] up to boundaries[r + 1]. Where the two
    are equal it covers none, and is NaN throughout, but for the first, which measures the state.
    Its cosines between successive updates are of its last two steps; NaN where it covers fewer.
    """
    key = seed_key(seed)
    nothing_seen = StepInfo(*[jnp.full((), jnp.nan)] * len(StepInfo._fields))

    def step(
        last: jax.Array, number: jax.Array, carry: tuple[Lane, StepInfo]
    ) -> tuple[Lane, StepInfo]:
        lane, _ = carry
        state, info = gan.train_step(
            parts, leaves, training_set, lane.state, key, number, watched=number == last
        )
        alive = lane.first_nonfinite_step == NEVER
        finite = step_is_finite(state, info)
        # The barrier: else XLA works the verdict out anew for every array that hangs on it.
        moves = lax.optimization_barrier(alive & finite)
        kept = jax.tree.map(partial(jnp.where, moves), state, lane.state)
        first = jnp.where(alive & ~finite, number + 1, lane.first_nonfinite_step)
        return Lane(kept, first), info

    def play(
        last: jax.Array, carry: tuple[Lane, StepInfo], bounds: tuple[jax.Array, jax.Array]
    ) -> tuple[tuple[Lane, StepInfo], Parameters]:
        lane, info = lax.fori_loop(*bounds, partial(step, last), carry)
        return (lane, info), current_parameters(lane.state)

    def measured(lane: Lane) -> dict[str, jax.Array]:
        return measure(parts, inputs, lane.state) if measure else {}

    def unmeasured(lane: Lane) -> dict[str, jax.Array]:
        return {name: jnp.full((), jnp.nan) for name in jax.eval_shape(measured, lane)}

    def record(
        lane: Lane, bounds: tuple[jax.Array, jax.Array, jax.Array]
    ) -> tuple[Lane, dict[str, jax.Array]]:
        # Rounds of one compiled loop, of all steps but two, of one, and of one: no step has to
        # keep an update for the next. A round that has no step leaves the update zero.
        start, stop, is_first = bounds
        ends = jnp.maximum(stop - jnp.array([2, 1, 0]), start)
        rounds = jnp.append(start, ends[:-1]), ends
        (lane, info), points = lax.scan(partial(play, stop - 1), (lane, nothing_seen), rounds)
        # A real condition: what a segment has room for beyond its last record is not computed.
        measures = lax.cond(is_first | (stop > start), measured, unmeasured, lane)
        seen = info._asdict() | measures | update_cosines(points)
        alive = lane.first_nonfinite_step == NEVER
        return lane, {name: jnp.where(alive, value, jnp.nan) for name, value in seen.items()}

    is_first = jnp.arange(len(boundaries) - 1) == 0
    return lax.scan(record, lane, (boundaries[:-1], boundaries[1:], is_first))


_lanes_at_zero = jax.vmap(init_lane, (None, 0, 0))
# Compiled in half the time without LLVM's last optimisations; it runs once.
_init_lanes = jax.jit(
    _lanes_at_zero,
    static_argnums=0,
    compiler_options={"xla_backend_optimization_level": 1},
)


# Wide vectors, where the processor has them: LLVM's own choice is half of AVX-512's width.
@partial(jax.jit, static_argnums=(0, 1), compiler_options={"xla_cpu_prefer_vector_width": 512})
def _train_lanes(parts: Parts, measure: Any, *arrays: Any) -> tuple[Lane, dict[str, jax.Array]]:
    # leaves, training_set, inputs, lane, seed, boundaries: axis 0 is a lane's own
    axes = (0, None, None, 0, 0, None)
    return jax.vmap(partial(train_lane, parts, measure), axes)(*arrays)


class Segment(NamedTuple):
    """What the host sees after one segment of one chunk.

    Attributes:
      seeds: the chunk's seeds, without padding.
      start: steps taken before it.
      stop: steps taken after it.
      lane_states: the lanes' states after it, padding included.
      steps: the numbers of steps taken at its records [record]; none of them before it was waited
        for.
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
    """The training of up to `lanes` seeds on one device, a segment at a time, one segment ahead.

    The host dispatches the next segment before it waits for the last one, so that the device never
    waits for the host. A chunk of fewer seeds is padded by repeating the last seed: lanes do not
    interact.
    """

    def __init__(
        self,
        program: Program,
        evaluation: Evaluation,
        leaves: Leaves,
        seeds: np.ndarray,
        lanes: int,
        device: Any,
        total_steps: int,
        log_every: int,
        saved: Saved | None = None,
    ) -> None:
        pad = lanes - len(seeds)
        padded = np.concatenate([seeds, np.repeat(seeds[-1:], pad)]).astype(np.uint32)
        leaves = jax.tree.map(lambda x: np.broadcast_to(np.asarray(x), (lanes,)), leaves)
        self.seeds, self.device, self.total_steps = seeds, device, total_steps
        self._statics = (program.parts, evaluation.measure)
        self._log_every = log_every
        shared = (leaves, program.training_set, evaluation.inputs)
        self._shared = jax.device_put(shared, device)
        self._seeds = jax.device_put(padded, device)
        self._waiting: list[tuple[Segment, Lane, dict[str, jax.Array]]] = []
        self._records: list[dict[str, np.ndarray]] = []
        self._dispatched = 0
        if saved is None:
            # Weights are drawn on the default device for all: each would compile for itself.
            lane = _init_lanes(program.parts, leaves, padded)
        else:
            template = jax.eval_shape(partial(_lanes_at_zero, program.parts), leaves, padded)
            lane, records = _restored(template, saved, record_steps(total_steps, log_every))
            self._records.append(records)
            self._dispatched = saved.step
        self._lane = jax.device_put(lane, device)
        self._arrived, self.step = self._lane, self._dispatched  # after what was waited for

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
        before = Segment(self.seeds, 0, self.step, self._arrived.state, ends, records)
        return before._replace(resumed=True)

    @property
    def seen(self) -> bool:
        """Whether anything has been recorded, by this process or one before it."""
        return bool(self._records)

    def wait(self) -> None:
        """Wait for what has been dispatched."""
        jax.block_until_ready(self._lane)

    def _dispatch(self, stop: int) -> None:
        start, self._dispatched = self._dispatched, stop
        boundaries = start + self._log_every * np.arange(RECORDS_PER_SEGMENT + 1)
        boundaries = np.minimum(boundaries, stop).astype(np.int32)
        self._lane, records = _train_lanes(
            *self._statics, *self._shared, self._lane, self._seeds, boundaries
        )
        segment = Segment(self.seeds, start, stop, self._lane.state)
        self._waiting.append((segment, self._lane, records))

    def _dispatch_next(self) -> None:
        if self._dispatched < self.total_steps:
            length = RECORDS_PER_SEGMENT * self._log_every
            self._dispatch(min(self._dispatched + length, self.total_steps))

    def advance(self) -> Segment | None:
        """Dispatch the next segment, wait for the one before, return it; None when all are done."""
        self._dispatch_next()
        if not self._waiting:
            return None
        segment, lane, records = self._waiting.pop(0)
        # The last segment may have fewer records than the program has room for; the first has one.
        n_records = max(-(-(segment.stop - segment.start) // self._log_every), 1)
        on_host = unpad(jax.device_get(records), len(self.seeds))
        seen = {name: x[:, :n_records] for name, x in on_host.items()}
        if self._records and {*seen} != {*self._records[0]}:
            changed = ", ".join(sorted({*seen} ^ {*self._records[0]}))
            raise ConfigError(f"evaluation: another than the checkpoint's: {changed}")
        self._records.append(seen)
        self._arrived, self.step = lane, segment.stop
        ends = segment.start + self._log_every * np.arange(1, n_records + 1)
        return segment._replace(steps=np.minimum(ends, segment.stop), records=seen)

    def result(self) -> tuple[Lane, dict[str, np.ndarray]]:
        """The final lanes and the whole history [seed, record], on the host."""
        return unpad(jax.device_get(self._lane), len(self.seeds)), self._history()

    def saved(self) -> Saved:
        """What is to be kept of it now: all lanes, padding included, and the history so far."""
        lane = {f"lane/{name}": x for name, x in by_name(self._arrived).items()}
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
