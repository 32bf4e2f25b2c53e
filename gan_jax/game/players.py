"""The two players' losses and gradients, and the only two places that stop a gradient.

Why: a GAN's training is two minimisations that see each other frozen. What update rules combine is
here, as pure functions of a state and a batch: each player's loss (whole, for whoever studies the
game's vector field, and with the other player frozen), its gradient, and its optimiser's move.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from jax import lax
from jax.lax import stop_gradient

from gan_jax.config import Leaves
from gan_jax.game.parts import Batch, Move, Parameters, Parts, Seen, current_parameters
from gan_jax.game.state import GanState, PlayerState
from gan_jax.penalties import none


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


def shown(parts: Parts, x: jax.Array, noise: jax.Array | None) -> jax.Array:
    """Samples [n, *shape] as the discriminator is shown them in training: with noise, in packs."""
    return packed(parts.static.packing, x if noise is None else x + noise)


def packed(packing: int, x: jax.Array) -> jax.Array:
    """Group samples [n, *shape] into packs [n / packing, packing, *shape]; 1 leaves them alone."""
    return x if packing == 1 else x.reshape(x.shape[0] // packing, packing, *x.shape[1:])


def discriminate_both(
    parts: Parts, parameters: Any, model_state: Any, x_real: jax.Array, x_fake: jax.Array
) -> tuple[jax.Array, jax.Array, Any]:
    """Logits of a real and of a fake batch, and the discriminator's new model state.

    One pass over both, except for networks with batch statistics, which are each batch's own.
    """
    if "batch_stats" in model_state:
        logits_real, model_state = apply(parts.discriminator, parameters, model_state, x_real, ())
        logits_fake, model_state = apply(parts.discriminator, parameters, model_state, x_fake, ())
        return logits_real, logits_fake, model_state
    both = join(x_real, x_fake)
    logits, model_state = apply(parts.discriminator, parameters, model_state, both, ())
    return logits[: x_real.shape[0]], logits[x_real.shape[0] :], model_state


def discriminator_loss(
    parts: Parts, leaves: Leaves, parameters: Parameters, state: GanState, batch: Batch
) -> tuple[jax.Array, Seen]:
    """The discriminator's loss at `parameters`, its penalty included, with nothing frozen."""
    statistics = state.discriminator.model_state
    x_fake, _ = fake_samples(parts, parameters.generator, state.generator.model_state, batch.z)
    x_real = shown(parts, batch.x_real, batch.noise_real)
    x_fake = shown(parts, x_fake, batch.noise_fake)
    logits_real, logits_fake, new_statistics = discriminate_both(
        parts, parameters.discriminator, statistics, x_real, x_fake
    )
    if leaves.label_smoothing is None or parts.smoothed_discriminator_loss is None:
        loss = parts.discriminator_loss(logits_real, logits_fake, **leaves.loss_parameters)
    else:
        loss = parts.smoothed_discriminator_loss(
            logits_real,
            logits_fake,
            label_smoothing=leaves.label_smoothing,
            **leaves.loss_parameters,
        )
    if parts.penalty is not none:

        def discriminate(x: jax.Array) -> jax.Array:
            return apply(parts.discriminator, parameters.discriminator, statistics, x, ())[0]

        def penalty() -> jax.Array:
            key = batch.penalty_key
            return leaves.penalty_weight * parts.penalty(discriminate, x_real, x_fake, key)  # pyright: ignore[reportArgumentType]

        loss = loss + scaled(penalty, batch.penalty_scale)
    return loss, Seen(new_statistics, loss, logits_real.mean(), logits_fake.mean())


def scaled(penalty: Callable[[], jax.Array], scale: jax.Array | None) -> jax.Array:
    """A penalty times its scale, not computed where that is 0; see `Batch.penalty_scale`."""
    if scale is None:
        return penalty()
    return lax.cond(scale > 0, lambda: scale * penalty(), lambda: jnp.zeros_like(scale))


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
    x_real = shown(parts, batch.x_real, batch.noise_real)
    x_fake = shown(parts, x_fake, batch.noise_fake)
    discriminator = parts.discriminator, parameters.discriminator, state.discriminator.model_state
    logits_real, _ = apply(*discriminator, x_real, ())
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
    optimizer: optax.GradientTransformation,
    weight_clip: jax.Array | None,
    player: PlayerState,
    move: Move,
) -> PlayerState:
    """Let the player's optimiser apply the move; then clip its parameters, where asked for."""
    updates, optimizer_state = optimizer.update(
        move.gradient, player.optimizer_state, player.parameters
    )
    parameters = optax.apply_updates(player.parameters, updates)
    if weight_clip is not None:
        parameters = optax.tree.clip(parameters, -weight_clip, weight_clip)
    return PlayerState(parameters, move.seen.model_state, optimizer_state)
