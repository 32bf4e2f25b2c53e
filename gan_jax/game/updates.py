"""Update rules: who moves when, given each player's gradient at any state.

A rule is a function `(static, players, state) -> (state, info)`: a step of the game, written with
nothing but the players' moves, so that it reads like its pseudo-code. The step counter is not a
rule's business.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import optax

from gan_jax.config import Static
from gan_jax.game.players import Batch, Move
from gan_jax.game.state import GanState, PlayerState, StepInfo


class Players(NamedTuple):
    """One step's batches, and what each player can do with them.

    Attributes:
      discriminator_batches: a batch for each discriminator update, stacked: [discriminator_steps,
        n, ...].
      generator_batch: the generator's batch.
      discriminator_move: the discriminator's gradient at a state.
      generator_move: the generator's gradient at a state.
      advance_discriminator: the discriminator after its optimiser has applied a move.
      advance_generator: likewise for the generator.
    """

    discriminator_batches: Batch
    generator_batch: Batch
    discriminator_move: Callable[[GanState, Batch], Move]
    generator_move: Callable[[GanState, Batch], Move]
    advance_discriminator: Callable[[PlayerState, Move], PlayerState]
    advance_generator: Callable[[PlayerState, Move], PlayerState]


class UpdateRule(Protocol):
    """One training step of the game; `info` tells what the applied gradients were."""

    def __call__(
        self, static: Static, players: Players, state: GanState
    ) -> tuple[GanState, StepInfo]: ...


def alternating(static: Static, players: Players, state: GanState) -> tuple[GanState, StepInfo]:
    """Update the discriminator `discriminator_steps` times, then the generator against the result.

    Source: Goodfellow et al. 2014, "Generative Adversarial Nets", algorithm 1.
    """
    state, reports = _train_discriminator(players, state, players.discriminator_batches)
    last = jax.tree.map(lambda x: x[-1], reports)
    move = players.generator_move(state, players.generator_batch)
    state = state._replace(generator=players.advance_generator(state.generator, move))
    return state, _info(last, _report(move))


def simultaneous(static: Static, players: Players, state: GanState) -> tuple[GanState, StepInfo]:
    """Update both players from gradients taken at the same point.

    With `discriminator_steps` = k > 1 the first k - 1 discriminator updates come before, as in
    `alternating`; the last one and the generator's share their point.

    Source: Goodfellow 2016, "NIPS 2016 Tutorial: Generative Adversarial Networks", section 3.2.
    """
    batches = players.discriminator_batches
    if static.discriminator_steps > 1:
        earlier = jax.tree.map(lambda x: x[:-1], batches)
        state, _ = _train_discriminator(players, state, earlier)
    discriminator_move = players.discriminator_move(state, jax.tree.map(lambda x: x[-1], batches))
    generator_move = players.generator_move(state, players.generator_batch)
    state = state._replace(
        generator=players.advance_generator(state.generator, generator_move),
        discriminator=players.advance_discriminator(state.discriminator, discriminator_move),
    )
    return state, _info(_report(discriminator_move), _report(generator_move))


class _Report(NamedTuple):
    """What is kept of a move once its gradient has been applied."""

    loss: jax.Array
    gradient_norm: jax.Array
    logit_real: jax.Array
    logit_fake: jax.Array


def _report(move: Move) -> _Report:
    seen = move.seen
    return _Report(seen.loss, optax.tree.norm(move.gradient), seen.logit_real, seen.logit_fake)


def _info(discriminator: _Report, generator: _Report) -> StepInfo:
    return StepInfo(
        discriminator_loss=discriminator.loss,
        generator_loss=generator.loss,
        discriminator_gradient_norm=discriminator.gradient_norm,
        generator_gradient_norm=generator.gradient_norm,
        logit_real=discriminator.logit_real,
        logit_fake=discriminator.logit_fake,
    )


def _train_discriminator(
    players: Players, state: GanState, batches: Batch
) -> tuple[GanState, _Report]:
    """One discriminator update a batch; returns a report of each, stacked."""

    def update(state: GanState, batch: Batch) -> tuple[GanState, Any]:
        move = players.discriminator_move(state, batch)
        discriminator = players.advance_discriminator(state.discriminator, move)
        return state._replace(discriminator=discriminator), _report(move)

    # A scan of one step is written out: a loop would hide the step from the compiler's fusions.
    return jax.lax.scan(update, state, batches, unroll=batches.z.shape[0] == 1)


UPDATES: dict[str, UpdateRule] = {"alternating": alternating, "simultaneous": simultaneous}
