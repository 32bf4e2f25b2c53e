"""The two players' losses and gradients, and the only two places that stop a gradient.

Why: one GAN is two minimisations that see each other frozen. Everything an update rule needs to
combine, a batch, a player's gradient, a player's move, is here as pure functions of (state,
batch).
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


class Move(NamedTuple):
    """One player's gradient at one point, and what was seen on the way."""

    gradient: Any
    model_state: Any
    loss: jax.Array
    logit_real: jax.Array
    logit_fake: jax.Array


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
    parts: Parts,
    leaves: Leaves,
    generator_parameters: Any,
    discriminator_parameters: Any,
    state: GanState,
    batch: Batch,
) -> tuple[jax.Array, tuple[Any, jax.Array, jax.Array]]:
    """The discriminator's loss, its fakes frozen, and (new model state, mean real, fake logit)."""
    x_fake, _ = fake_samples(parts, generator_parameters, state.generator.model_state, batch.z)
    logits_real, logits_fake, model_state = discriminate_both(
        parts,
        discriminator_parameters,
        state.discriminator.model_state,
        batch.x_real,
        stop_gradient(x_fake),
    )
    loss = parts.discriminator_loss(logits_real, logits_fake, **leaves.loss_parameters)
    return loss, (model_state, logits_real.mean(), logits_fake.mean())


def generator_loss(
    parts: Parts,
    leaves: Leaves,
    generator_parameters: Any,
    discriminator_parameters: Any,
    state: GanState,
    batch: Batch,
) -> tuple[jax.Array, tuple[Any, jax.Array, jax.Array]]:
    """The generator's loss, the discriminator frozen, and (new model state, mean real, fake logit).

    The discriminator's own model state does not move here. Real samples go through it apart from
    the fakes, so that XLA removes that pass, and their drawing, for a loss that ignores them.
    """
    frozen = stop_gradient(discriminator_parameters)
    x_fake, model_state = fake_samples(
        parts, generator_parameters, state.generator.model_state, batch.z
    )
    statistics = state.discriminator.model_state
    logits_real, _ = apply(parts.discriminator, frozen, statistics, batch.x_real, ())
    logits_fake, _ = apply(parts.discriminator, frozen, statistics, x_fake, ())
    loss = parts.generator_loss(logits_real, logits_fake, **leaves.loss_parameters)
    return loss, (model_state, logits_real.mean(), logits_fake.mean())


def discriminator_move(parts: Parts, leaves: Leaves, state: GanState, batch: Batch) -> Move:
    """The discriminator's gradient at `state`."""
    (loss, (model_state, real, fake)), gradient = jax.value_and_grad(
        discriminator_loss, argnums=3, has_aux=True
    )(parts, leaves, state.generator.parameters, state.discriminator.parameters, state, batch)
    return Move(gradient, model_state, loss, real, fake)


def generator_move(parts: Parts, leaves: Leaves, state: GanState, batch: Batch) -> Move:
    """The generator's gradient at `state`."""
    (loss, (model_state, real, fake)), gradient = jax.value_and_grad(
        generator_loss, argnums=2, has_aux=True
    )(parts, leaves, state.generator.parameters, state.discriminator.parameters, state, batch)
    return Move(gradient, model_state, loss, real, fake)


def advance(
    optimizer: optax.GradientTransformation, player: PlayerState, move: Move
) -> PlayerState:
    """Let the player's optimiser apply the move."""
    updates, optimizer_state = optimizer.update(
        move.gradient, player.optimizer_state, player.parameters
    )
    parameters = optax.apply_updates(player.parameters, updates)
    return PlayerState(parameters, move.model_state, optimizer_state)
