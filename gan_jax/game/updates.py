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
from jax import lax

from gan_jax.config import Static
from gan_jax.game.parts import Batch, Move, Parameters
from gan_jax.game.report import Report, reported, step_info
from gan_jax.game.state import GanState, PlayerState, StepInfo


class Players(NamedTuple):
    """One step's batches, and what each player can do with them.

    Attributes:
      step: the number of training steps taken before, int32, the same for every seed.
      watched: whether anybody looks at what of this step is in `state.WATCHED`, likewise.
      discriminator_batches: a batch for each discriminator update, stacked: [discriminator_steps,
        n, ...].
      generator_batch: the generator's batch.
      discriminator_move: the discriminator's gradient at a state.
      generator_move: the generator's gradient at a state.
      advance_discriminator: the discriminator after its optimiser has applied a move.
      advance_generator: likewise for the generator.
      unrolled_move: the generator's gradient at a state, looking ahead on the first batch.
      consensus_gradient: what consensus adds to both players' gradients at a state.
    """

    step: jax.Array
    watched: bool | jax.Array
    discriminator_batches: Batch
    generator_batch: Batch
    discriminator_move: Callable[[GanState, Batch], Move]
    generator_move: Callable[[GanState, Batch], Move]
    advance_discriminator: Callable[[PlayerState, Move], PlayerState]
    advance_generator: Callable[[PlayerState, Move], PlayerState]
    unrolled_move: Callable[[GanState, Batch, Batch], Move]
    consensus_gradient: Callable[[GanState, Batch, Batch], Parameters]


class UpdateRule(Protocol):
    """One training step of the game; `info` tells what the applied gradients were."""

    def __call__(
        self, static: Static, players: Players, state: GanState
    ) -> tuple[GanState, StepInfo]: ...


def alternating(static: Static, players: Players, state: GanState) -> tuple[GanState, StepInfo]:
    """Update the discriminator `discriminator_steps` times, then the generator against the result.

    Source: Goodfellow et al. 2014, "Generative Adversarial Nets", algorithm 1.
    """
    state, last = _train_discriminator(players, state, players.discriminator_batches)
    move = players.generator_move(state, players.generator_batch)
    generator = players.advance_generator(state.generator, move)
    report = reported(players.watched, move, state.generator, generator)
    return state._replace(generator=generator), step_info(players.watched, last, report)


def simultaneous(static: Static, players: Players, state: GanState) -> tuple[GanState, StepInfo]:
    """Update both players from gradients taken at the same point.

    With `discriminator_steps` = k > 1 the first k - 1 discriminator updates come before, as in
    `alternating`; the last one and the generator's share their point. So it is in every rule below
    but `phased`.

    A step of size h maps an eigenvector of the field's Jacobian with eigenvalue a to 1 + h a times
    it: contraction is |1 + h a| < 1, which no imaginary a fulfils.

    Source: Goodfellow 2016, "NIPS 2016 Tutorial: Generative Adversarial Networks", section 3.2.
    """
    state, batch = _all_but_the_last_update(static, players, state)
    return _apply(players, state, *_moves(players, state, batch))


def phased(static: Static, players: Players, state: GanState) -> tuple[GanState, StepInfo]:
    """Update the discriminator alone for `phase_steps` steps, then the generator alone, and so on.

    Both gradients are taken, and reported, at every step; one of them is applied. The player whose
    turn it is not keeps its parameters, model state and optimiser state.

    Source: Google Developers, "GAN Training" (Machine Learning, Advanced Courses).
    """
    _, batch = _all_but_the_last_update(static, players, state)
    discriminator_move, generator_move = _moves(players, state, batch)
    discriminators_turn = players.step // static.phase_steps % 2 == 0
    # A real condition, not a choice between two results, as long as `step` is one number.
    new = lax.cond(
        discriminators_turn,
        lambda: state._replace(
            discriminator=players.advance_discriminator(state.discriminator, discriminator_move)
        ),
        lambda: state._replace(
            generator=players.advance_generator(state.generator, generator_move)
        ),
    )
    return new, _both(players, state, new, discriminator_move, generator_move)


def unrolled(static: Static, players: Players, state: GanState) -> tuple[GanState, StepInfo]:
    """Update both from one point, the generator against the discriminator it would meet.

    The generator descends its loss after `unrolled_steps` = k differentiable gradient steps of the
    discriminator, of size e = `unrolled_learning_rate` (see `field.unrolled_generator_loss`); the
    discriminator then takes its ordinary update only. k = 0 is `simultaneous`.

    Near Dirac-GAN's equilibrium the look-ahead adds -k e/2 to the generator's own entry of the
    Jacobian: eigenvalues -k e/4 +- sqrt(k^2 e^2/16 - 1/4).

    Source: Metz et al. 2017, "Unrolled Generative Adversarial Networks", section 2.
    """
    state, batch = _all_but_the_last_update(static, players, state)
    discriminator_move = players.discriminator_move(state, batch)
    generator_move = players.unrolled_move(state, batch, players.generator_batch)
    return _apply(players, state, discriminator_move, generator_move)


def extragradient(static: Static, players: Players, state: GanState) -> tuple[GanState, StepInfo]:
    """Look where a simultaneous update would lead, and apply the gradients found there from here.

    Both evaluations are on the same batches. The extrapolation uses the optimiser's moments but
    does not move them: they average the gradients that are applied. (In ExtraAdam both evaluations
    move them, and each has a batch of its own.) Likewise for model state.

    An eigenvector of the field's Jacobian with eigenvalue a is mapped to 1 + h a + h^2 a^2 times
    it. For a = i w the square of its modulus is 1 - (h w)^2 + (h w)^4: a contraction for
    0 < h w < 1, where the simultaneous step expands by sqrt(1 + (h w)^2).

    Source: Korpelevich 1976, "The extragradient method for finding saddle points and other
    problems"; Gidel et al. 2019, "A Variational Inequality Perspective on GANs"; one batch for
    both: Mishchenko et al. 2020, "Revisiting Stochastic Extragradient".
    """
    state, batch = _all_but_the_last_update(static, players, state)
    ahead, _ = _apply(players, state, *_moves(players, state, batch))
    # The players stand there with their parameters only.
    there = state._replace(
        generator=state.generator._replace(parameters=ahead.generator.parameters),
        discriminator=state.discriminator._replace(parameters=ahead.discriminator.parameters),
    )
    return _apply(players, state, *_moves(players, there, batch))


def optimistic(static: Static, players: Players, state: GanState) -> tuple[GanState, StepInfo]:
    """Update both from one point, each by twice its optimiser's update minus the one before.

    u(t) becomes 2 u(t) - u(t-1); the first update is u(0). The previous one is kept in the
    optimiser's state (see `gan.player_optimizer`). With sgd this is optimistic gradient descent,
    with adam the paper's Optimistic Adam. Gradients reported are the plain ones.

    An eigenvector of the field's Jacobian with eigenvalue a evolves by the roots of
    m^2 - (1 + 2 h a) m + h a = 0. For a = i w and x = h w <= 1/2 the larger has square modulus
    (1 + sqrt(1 - 4 x^2))/2 < 1; beyond, (1 + (2 x + sqrt(4 x^2 - 1))^2)/4, which reaches 1 at
    x = 1/sqrt(3): it contracts for 0 < h w < 1/sqrt(3).

    Source: Daskalakis et al. 2018, "Training GANs with Optimism", algorithm 1.
    """
    return simultaneous(static, players, state)


def consensus(static: Static, players: Players, state: GanState) -> tuple[GanState, StepInfo]:
    """Update both from one point, gamma/2 |v|^2 added to both losses, gamma = `consensus_weight`.

    v is the field of both players' own gradients, on this step's batches; losses reported are
    without the addition, gradient norms with it.

    Source: Mescheder et al. 2017, "The Numerics of GANs", algorithm 1.
    """
    state, batch = _all_but_the_last_update(static, players, state)
    added = players.consensus_gradient(state, batch, players.generator_batch)
    discriminator_move, generator_move = _moves(players, state, batch)
    return _apply(
        players,
        state,
        _plus(discriminator_move, added.discriminator),
        _plus(generator_move, added.generator),
    )


def _plus(move: Move, gradient: Any) -> Move:
    return move._replace(gradient=optax.tree.add(move.gradient, gradient))


def _all_but_the_last_update(
    static: Static, players: Players, state: GanState
) -> tuple[GanState, Batch]:
    """The state after all discriminator updates but the last, and the last one's batch."""
    batches = players.discriminator_batches
    if static.discriminator_steps > 1:
        earlier = jax.tree.map(lambda x: x[:-1], batches)
        state, _ = _train_discriminator(players, state, earlier)
    return state, jax.tree.map(lambda x: x[-1], batches)


def _moves(players: Players, state: GanState, batch: Batch) -> tuple[Move, Move]:
    """The discriminator's move and the generator's, from one point."""
    generator_move = players.generator_move(state, players.generator_batch)
    return players.discriminator_move(state, batch), generator_move


def _apply(
    players: Players, state: GanState, discriminator_move: Move, generator_move: Move
) -> tuple[GanState, StepInfo]:
    new = state._replace(
        generator=players.advance_generator(state.generator, generator_move),
        discriminator=players.advance_discriminator(state.discriminator, discriminator_move),
    )
    return new, _both(players, state, new, discriminator_move, generator_move)


def _both(
    players: Players, old: GanState, new: GanState, discriminator_move: Move, generator_move: Move
) -> StepInfo:
    return step_info(
        players.watched,
        reported(players.watched, discriminator_move, old.discriminator, new.discriminator),
        reported(players.watched, generator_move, old.generator, new.generator),
    )


def _train_discriminator(
    players: Players, state: GanState, batches: Batch
) -> tuple[GanState, Report]:
    """One discriminator update a batch; returns the last one's report."""

    def update(state: GanState, batch: Batch) -> tuple[GanState, Report]:
        move = players.discriminator_move(state, batch)
        discriminator = players.advance_discriminator(state.discriminator, move)
        report = reported(players.watched, move, state.discriminator, discriminator)
        return state._replace(discriminator=discriminator), report

    if batches.z.shape[0] == 1:
        # A loop of one would hide the step from the compiler's fusions, and be traced once more.
        return update(state, jax.tree.map(lambda x: x[0], batches))
    state, reports = lax.scan(update, state, batches)
    return state, jax.tree.map(lambda x: x[-1], reports)


UPDATES: dict[str, UpdateRule] = {
    "alternating": alternating,
    "simultaneous": simultaneous,
    "phased": phased,
    "unrolled": unrolled,
    "extragradient": extragradient,
    "optimistic": optimistic,
    "consensus": consensus,
}
