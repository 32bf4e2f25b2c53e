"""The two players' losses and gradients, and the only two places that stop a gradient.

Why: a GAN's training is two minimisations that see each other frozen. What update rules combine is
here, as pure functions of a state and a batch: each player's loss (whole, for whoever studies the
game's vector field, and with the other player frozen), its gradient, and its optimiser's move.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from jax.lax import stop_gradient

from gan_jax.config import Leaves, Static
from gan_jax.data import Dataset
from gan_jax.game.optimizers import OptimizerBuilder
from gan_jax.game.state import GanState, PlayerState
from gan_jax.losses import LossFn


class Parts(NamedTuple):
    """The registry entries that an experiment's names stand for: every program's static argument.

    The entries themselves, not their names: whoever registers another function under a name gets a
    new compilation, not the old one.
    """

    static: Static
    dataset: Dataset
    generator: nn.Module
    discriminator: nn.Module
    discriminator_loss: LossFn
    generator_loss: LossFn
    optimizer: OptimizerBuilder
    update: Callable[..., Any]


class Batch(NamedTuple):
    """What one update of one player sees: real samples [n, *shape] and latents [n, latent_dim]."""

    x_real: jax.Array
    z: jax.Array


class Parameters(NamedTuple):
    """Both players' parameters: where the game's losses are taken."""

    generator: Any
    discriminator: Any


class Seen(NamedTuple):
    """What evaluating one player's loss shows besides its gradient.

    Attributes:
      model_state: that player's new model state.
      loss: the loss.
      logit_real: mean logit of the real batch.
      logit_fake: mean logit of the fakes.
    """

    model_state: Any
    loss: jax.Array
    logit_real: jax.Array
    logit_fake: jax.Array


class Move(NamedTuple):
    """One player's gradient at one point, and what was seen there."""

    gradient: Any
    seen: Seen


def current_parameters(state: GanState) -> Parameters:
    """Both players' parameters at a state."""
    return Parameters(state.generator.parameters, state.discriminator.parameters)


def join(x_real: jax.Array, x_fake: jax.Array) -> jax.Array:
    """Concatenate two batches; points features-first, so that XLA cancels the transposes."""
    if x_real.ndim == 2:
        return jnp.concatenate([x_real.T, x_fake.T], axis=1).T
    return jnp.concatenate([x_real, x_fake])


def apply(
    module: nn.Module, parameters: Any, model_state: Any, x: jax.Array, shape: tuple[int, ...]
) -> tuple[jax.Array, Any]:
    """Apply a network in training mode; return its output [batch, *shape] and its new model state.

    Raises:
      AssertionError: while tracing, when a registered network's output has another shape. Logits of
        [batch, 1], say, would broadcast against [batch] into a loss of every pair.
    """
    variables = {"params": parameters, **model_state}
    output, model_state = module.apply(  # pyright: ignore[reportAssignmentType]
        variables, x, train=True, mutable=list(model_state)
    )
    chex.assert_shape(output, (x.shape[0], *shape))
    return output, model_state


def fake_samples(
    parts: Parts, parameters: Any, model_state: Any, z: jax.Array
) -> tuple[jax.Array, Any]:
    """The generator's samples [batch, *shape] of latents, and its new model state."""
    return apply(parts.generator, parameters, model_state, z, parts.dataset.shape)


def discriminate_both(
    parts: Parts, parameters: Any, model_state: Any, x_real: jax.Array, x_fake: jax.Array
) -> tuple[jax.Array, jax.Array, Any]:
    """Logits of a real and of a fake batch, and the discriminator's new model state.

    One pass over both, except for networks with model state: batch statistics are each batch's own.
    """
    if model_state:
        logits_real, model_state = apply(parts.discriminator, parameters, model_state, x_real, ())
        logits_fake, model_state = apply(parts.discriminator, parameters, model_state, x_fake, ())
        return logits_real, logits_fake, model_state
    logits, _ = apply(parts.discriminator, parameters, model_state, join(x_real, x_fake), ())
    return logits[: x_real.shape[0]], logits[x_real.shape[0] :], model_state


def discriminator_loss(
    parts: Parts, leaves: Leaves, parameters: Parameters, state: GanState, batch: Batch
) -> tuple[jax.Array, Seen]:
    """The discriminator's loss at `parameters`, with nothing frozen."""
    statistics = state.discriminator.model_state
    x_fake, _ = fake_samples(parts, parameters.generator, state.generator.model_state, batch.z)
    logits_real, logits_fake, statistics = discriminate_both(
        parts, parameters.discriminator, statistics, batch.x_real, x_fake
    )
    loss = parts.discriminator_loss(logits_real, logits_fake, **leaves.loss_parameters)
    return loss, Seen(statistics, loss, logits_real.mean(), logits_fake.mean())


def generator_loss(
    parts: Parts, leaves: Leaves, parameters: Parameters, state: GanState, batch: Batch
) -> tuple[jax.Array, Seen]:
    """The generator's loss at `parameters`, with nothing frozen.

    The discriminator's own model state does not move here. Real samples go through it apart from
    the fakes, so that XLA removes that pass, and their drawing, for a loss that ignores them.
    """
    x_fake, model_state = fake_samples(
        parts, parameters.generator, state.generator.model_state, batch.z
    )
    discriminator = parts.discriminator, parameters.discriminator, state.discriminator.model_state
    logits_real, _ = apply(*discriminator, batch.x_real, ())
    logits_fake, _ = apply(*discriminator, x_fake, ())
    loss = parts.generator_loss(logits_real, logits_fake, **leaves.loss_parameters)
    return loss, Seen(model_state, loss, logits_real.mean(), logits_fake.mean())


def frozen_discriminator_loss(
    parts: Parts, leaves: Leaves, parameters: Parameters, state: GanState, batch: Batch
) -> tuple[jax.Array, Seen]:
    """The discriminator's loss with the generator, and so its fakes, frozen."""
    frozen = parameters._replace(generator=stop_gradient(parameters.generator))
    return discriminator_loss(parts, leaves, frozen, state, batch)


def frozen_generator_loss(
    parts: Parts, leaves: Leaves, parameters: Parameters, state: GanState, batch: Batch
) -> tuple[jax.Array, Seen]:
    """The generator's loss with the discriminator frozen: it passes gradients, and gets none."""
    frozen = parameters._replace(discriminator=stop_gradient(parameters.discriminator))
    return generator_loss(parts, leaves, frozen, state, batch)


def discriminator_move(parts: Parts, leaves: Leaves, state: GanState, batch: Batch) -> Move:
    """The discriminator's gradient at `state`."""
    here = current_parameters(state)

    def loss(discriminator: Any) -> tuple[jax.Array, Seen]:
        parameters = here._replace(discriminator=discriminator)
        return frozen_discriminator_loss(parts, leaves, parameters, state, batch)

    return Move(*jax.grad(loss, has_aux=True)(here.discriminator))


def generator_move(parts: Parts, leaves: Leaves, state: GanState, batch: Batch) -> Move:
    """The generator's gradient at `state`."""
    here = current_parameters(state)

    def loss(generator: Any) -> tuple[jax.Array, Seen]:
        parameters = here._replace(generator=generator)
        return frozen_generator_loss(parts, leaves, parameters, state, batch)

    return Move(*jax.grad(loss, has_aux=True)(here.generator))


def advance(
    optimizer: optax.GradientTransformation, player: PlayerState, move: Move
) -> PlayerState:
    """Let the player's optimiser apply the move."""
    updates, optimizer_state = optimizer.update(
        move.gradient, player.optimizer_state, player.parameters
    )
    parameters = optax.apply_updates(player.parameters, updates)
    return PlayerState(parameters, move.seen.model_state, optimizer_state)
