"""The training of one chunk of seeds: a compiled segment, dispatched again and again by the host.

A segment is a fixed number of records; a record is up to `log_every` steps and what was seen at
their end. The bounds are traced numbers, so every segment of every length is one compiled program.
A step and its measures are written for one seed, a *lane*, and vmapped; the loops around them are
of all lanes, and take what a vmap gives as it is: nothing in either can mix seeds' numbers.

A lane whose step turns non-finite is frozen at its last finite state (how: `stretches`), and its
measures are NaN from then on. Once all of a chunk have failed, no more steps are taken. What takes
two steps in a row to tell is measured here, at records: a state is only what the next step needs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from gan_jax.config import Leaves
from gan_jax.fields import ConfigError
from gan_jax.game import gan
from gan_jax.game.draws import seed_key
from gan_jax.game.norms import euclidean_norm, inner_product
from gan_jax.game.parts import Parameters, Parts, TrainingSet
from gan_jax.game.report import computed_if
from gan_jax.game.sharding import everywhere
from gan_jax.game.state import GanState, StepInfo
from gan_jax.training.lane import NEVER, Lane
from gan_jax.training.stretches import take_steps


class Evaluation(NamedTuple):
    """Measures of a state beyond what its steps report, taken at every record.

    Attributes:
      measure: `(parts, inputs, state) -> {name: scalar}`; a module-level function, since it is a
        static argument. It decomposes matrices by `decompositions.one_at_a_time`.
      inputs: arrays it needs, the same for every seed and record: fixed latents, real samples.
    """

    measure: Callable[[Parts, Any, GanState], dict[str, jax.Array]] | None = None
    inputs: Any = ()


# Lanes, and their records [lane, record].
Trained = tuple[Lane, dict[str, jax.Array]]


def init_lane(parts: Parts, leaves: Leaves, seed: jax.Array) -> Lane:
    """A lane at step 0."""
    state = gan.init(parts, leaves, seed_key(seed))
    return Lane(state, jnp.full((), NEVER, jnp.int32))


def update_cosines(earlier: Parameters, update: Parameters) -> dict[str, jax.Array]:
    """Cosine between two updates of each player, u.v / |u| |v| over all its parameters.

    1 where it goes straight on, -1 to and fro; NaN where either update is exactly zero.

    Some passes over the parameters a record: 7 ms for the 2 million of the dense networks of digits
    (2 cores), 2 % of their training with a record every 20 steps, 20 % with one every 2.
    """
    return {
        "generator_update_cosine": _cosine(earlier.generator, update.generator),
        "discriminator_update_cosine": _cosine(earlier.discriminator, update.discriminator),
    }


def _cosine(x: Any, y: Any) -> jax.Array:
    return inner_product(x, y) / (euclidean_norm(x) * euclidean_norm(y))


def take_step(
    parts: Parts,
    training_set: TrainingSet,
    number: jax.Array,
    last: jax.Array,
    leaves: Leaves,
    key: jax.Array,
    lane: Lane,
) -> tuple[Lane, StepInfo]:
    """Take one lane's step after `number` of them, and note whether it is its first to fail.

    `last` is the number after which what is in `state.WATCHED` will be looked at.
    """
    state, info = gan.train_step(
        parts, leaves, training_set, lane.state, key, number, watched=number == last
    )
    return lane.moved_on(number + 1, state, info), info


def measure_lane(
    parts: Parts, measure: Callable[..., dict[str, jax.Array]] | None, inputs: Any, state: GanState
) -> dict[str, jax.Array]:
    """What an evaluation's function measures of one lane's state.

    Raises:
      ConfigError: when that is not a number by each name.
    """
    measures = measure(parts, inputs, state) if measure else {}
    for name, value in measures.items():
        if jnp.ndim(value):
            raise ConfigError(
                f"evaluation: {name} of shape {jnp.shape(value)} given, expected one number a state"
            )
    return measures


# Compiled in half the time without LLVM's last optimisations; it runs once.
@partial(jax.jit, static_argnums=0, compiler_options={"xla_backend_optimization_level": 1})
def init_lanes(parts: Parts, leaves: Leaves, seeds: jax.Array) -> Trained:
    """Lanes at step 0, and no records."""
    return jax.vmap(partial(init_lane, parts))(leaves, seeds), {}


# Wide vectors, where the processor has them: LLVM's own choice is half of AVX-512's width.
@partial(jax.jit, static_argnums=(0, 1), compiler_options={"xla_cpu_prefer_vector_width": 512})
def train_lanes(
    parts: Parts,
    measure: Callable[..., dict[str, jax.Array]] | None,
    leaves: Leaves,
    training_set: TrainingSet,
    inputs: Any,
    lanes: Lane,
    seeds: jax.Array,
    boundaries: jax.Array,
) -> Trained:
    """Train lanes from the first boundary to the last; return them and their records.

    `leaves`, `lanes` and `seeds` have a leading axis of lanes. Record r [lane, record] covers the
    steps from boundaries[r] up to boundaries[r + 1]. Where the two are equal it covers none, and is
    NaN throughout, but for the first, which measures the state; one that begins with no lane alive
    covers none either. Its cosines between successive
    updates are of its last two steps; NaN where it covers fewer.
    """
    # What is done with one lane is vmapped; the loops around it are of all.
    keys = jax.vmap(seed_key)(seeds)
    nothing_seen = StepInfo(*[jnp.full(seeds.shape, jnp.nan)] * len(StepInfo._fields))

    def step(last: jax.Array, number: jax.Array, lanes: Lane) -> tuple[Lane, StepInfo]:
        of_lane = partial(take_step, parts, training_set, number, last)
        stepped, info = jax.vmap(of_lane)(leaves, keys, lanes)
        return everywhere(stepped), info

    def measured(lanes: Lane, updates: tuple[Parameters, Parameters]) -> dict[str, jax.Array]:
        measures = jax.vmap(partial(measure_lane, parts, measure, inputs))(lanes.state)
        return measures | jax.vmap(update_cosines, axis_size=len(seeds))(*updates)

    def record(
        lanes: Lane, bounds: tuple[jax.Array, jax.Array, jax.Array]
    ) -> tuple[Lane, dict[str, jax.Array]]:
        start, stop, is_first = bounds
        # Of lanes that have all failed every record is NaN, whatever would be computed.
        alive = lanes.alive.any()
        stop = jnp.where(alive, stop, start)
        of_record = partial(step, stop - 1)
        lanes, info, updates = take_steps(of_record, lanes, nothing_seen, start, stop)
        # A real condition: what a segment has room for beyond its last record is not computed.
        taken = alive & (is_first | (stop > start))
        measures = computed_if(taken, partial(measured, lanes, updates))
        seen = info._asdict() | measures
        return lanes, {name: jnp.where(lanes.alive, value, jnp.nan) for name, value in seen.items()}

    is_first = jnp.arange(len(boundaries) - 1) == 0
    lanes, records = lax.scan(record, lanes, (boundaries[:-1], boundaries[1:], is_first))
    return everywhere((lanes, jax.tree.map(jnp.transpose, records)))
