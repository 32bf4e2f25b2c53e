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
from gan_jax.game.sharding import devices_of_batch, shared_out
from gan_jax.game.state import GanState, PlayerState
from gan_jax.penalties import none


def join(x_real: jax.Array, x_fake: jax.Array) -> jax.Array:
    """Concatenate two batches; points features-first, so that XLA cancels the transposes."""
    if x_real.ndim == 2:
        return jnp.concatenate([x_real.T, x_fake.T], axis=1).T
    return jnp.concatenate([x_real, x_fake])


def interleave(x_real: jax.Array, x_fake: jax.Array) -> jax.Array:
    """The same in turns, real, fake, real, ...: of batches that are shared out among devices, each
    device has its part of both already, where one after the other they would have to be moved."""
    pairs = jnp.stack([x_real, x_fake], axis=1)
    return shared_out(pairs.reshape(-1, *x_real.shape[1:]))


# Uses of a batch's dropout key: each pass through a network drops its own.
GENERATOR, BOTH, REAL, FAKE, PENALTY = 0, 1, 2, 3, 4


def apply(
    module: nn.Module,
    parameters: Any,
    model_state: Any,
    x: jax.Array,
    shape: tuple[int, ...],
    batch: Batch,
    use: int,
) -> tuple[jax.Array, Any]:
    """Apply a network in training mode; return its output [batch, *shape] and its new model state.

    What dropout drops is drawn from the batch's key, for a use of it.

    Raises:
      AssertionError: while tracing, when a registered network's output has another shape. Logits of
        [batch, 1], say, would broadcast against [batch] into a loss of every pair.
    """
    variables = {"params": parameters, **model_state}
    key = batch.dropout_key
    output, model_state = module.apply(  # pyright: ignore[reportAssignmentType]
        variables,
        x,
        train=True,
        mutable=list(model_state),
        rngs=None if key is None else {"dropout": jax.random.fold_in(key, use)},
    )
    chex.assert_shape(output, (x.shape[0], *shape))
    return output, model_state


def fake_samples(
    parts: Parts, parameters: Any, model_state: Any, batch: Batch
) -> tuple[jax.Array, Any]:
    """The generator's samples [batch, *shape] of a batch's latents, and its new model state."""
    shape = parts.dataset.shape
    return apply(parts.generator, parameters, model_state, batch.z, shape, batch, GENERATOR)


def shown(parts: Parts, x: jax.Array, noise: jax.Array | None) -> jax.Array:
    """Samples [n, *shape] as the discriminator is shown them in training: with noise, in packs."""
    return packed(parts.static.packing, x if noise is None else x + noise)


def packed(packing: int, x: jax.Array) -> jax.Array:
    """Group samples [n, *shape] into packs [n / packing, packing, *shape]; 1 leaves them alone."""
    return x if packing == 1 else x.reshape(x.shape[0] // packing, packing, *x.shape[1:])


def discriminate_apart(
    parts: Parts, parameters: Any, state: Any, x_real: jax.Array, x_fake: jax.Array, batch: Batch
) -> tuple[jax.Array, jax.Array, Any]:
    """Logits of a real and a fake batch, a pass each, and the discriminator's new model state."""
    network = parts.discriminator
    logits_real, state = apply(network, parameters, state, x_real, (), batch, REAL)
    logits_fake, state = apply(network, parameters, state, x_fake, (), batch, FAKE)
    return logits_real, logits_fake, state


def discriminate_together(
    parts: Parts, parameters: Any, state: Any, x_real: jax.Array, x_fake: jax.Array, batch: Batch
) -> tuple[jax.Array, jax.Array, Any]:
    """The same in one pass over both; batch statistics, if there are any, are then of both."""
    # Dropout goes by a sample's place in the batch, which is one device's then.
    if devices_of_batch() > 1 and batch.dropout_key is None:
        both = interleave(x_real, x_fake)
        logits, state = apply(parts.discriminator, parameters, state, both, (), batch, BOTH)
        real_and_fake = logits.reshape(-1, 2)
        return real_and_fake[:, 0], real_and_fake[:, 1], state
    both = join(x_real, x_fake)
    logits, state = apply(parts.discriminator, parameters, state, both, (), batch, BOTH)
    logits_real, logits_fake = lax.split(logits, (x_real.shape[0], x_fake.shape[0]))
    return logits_real, logits_fake, state


def discriminator_loss(
    parts: Parts, leaves: Leaves, parameters: Parameters, state: GanState, batch: Batch
) -> tuple[jax.Array, Seen]:
    """The discriminator's loss at `parameters`, its penalty included, with nothing frozen."""
    statistics = state.discriminator.model_state
    x_fake, _ = fake_samples(parts, parameters.generator, state.generator.model_state, batch)
    x_real = shown(parts, batch.x_real, batch.noise_real)
    x_fake = shown(parts, x_fake, batch.noise_fake)
    # One pass is the quicker; a network with batch statistics tells what goes into it together.
    apart = "batch_stats" in statistics and parts.static.discriminator_statistics == "apart"
    discriminate_both = discriminate_apart if apart else discriminate_together
    logits_real, logits_fake, new_statistics = discriminate_both(
        parts, parameters.discriminator, statistics, x_real, x_fake, batch
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
            network = parts.discriminator, parameters.discriminator, statistics
            return apply(*network, x, (), batch, PENALTY)[0]

        def penalty() -> jax.Array:
            key = batch.penalty_key
            return leaves.penalty_weight * parts.penalty(discriminate, x_real, x_fake, key)  # pyright: ignore[reportArgumentType]

        loss = loss + scaled(penalty, batch.penalty_scale)
    return loss, Seen(new_statistics, loss, logits_real, logits_fake)


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
    the fakes, so that XLA removes that pass, and their drawing, for a loss that ignores them;
    unless batch statistics are of both together.
    """
    x_fake, model_state = fake_samples(
        parts, parameters.generator, state.generator.model_state, batch
    )
    x_real = shown(parts, batch.x_real, batch.noise_real)
    x_fake = shown(parts, x_fake, batch.noise_fake)
    frozen = parameters.discriminator, state.discriminator.model_state
    if parts.static.discriminator_statistics == "together":
        both = discriminate_together(parts, *frozen, x_real, x_fake, batch)
        logits_real, logits_fake, _ = both
    else:
        logits_real, _ = apply(parts.discriminator, *frozen, x_real, (), batch, REAL)
        logits_fake, _ = apply(parts.discriminator, *frozen, x_fake, (), batch, FAKE)
    loss = parts.generator_loss(logits_real, logits_fake, **leaves.loss_parameters)
    return loss, Seen(model_state, loss, logits_real, logits_fake)


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
