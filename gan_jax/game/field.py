"""The game as a vector field: both players' gradients as functions of both players' parameters.

Why: what the other player would answer matters to consensus optimisation, to unrolled steps and to
whoever computes the game's eigenvalues. So nothing here is frozen: a gradient of one player may be
differentiated again with respect to the other. Model state (running statistics, power iterations)
is held at the given state's. Piecewise-linear activations are welcome: derivatives are meant almost
everywhere.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax

from gan_jax.config import Leaves
from gan_jax.game.parts import Batch, Parameters, Parts, Seen
from gan_jax.game.players import discriminator_loss, generator_loss
from gan_jax.game.state import GanState


def game_gradient(
    parts: Parts,
    leaves: Leaves,
    parameters: Parameters,
    state: GanState,
    discriminator_batch: Batch,
    generator_batch: Batch,
) -> Parameters:
    """Each player's gradient of its own loss in its own parameters: -v, where v is the field."""

    def own_discriminator_loss(discriminator: Any) -> jax.Array:
        there = parameters._replace(discriminator=discriminator)
        return discriminator_loss(parts, leaves, there, state, discriminator_batch)[0]

    def own_generator_loss(generator: Any) -> jax.Array:
        there = parameters._replace(generator=generator)
        return generator_loss(parts, leaves, there, state, generator_batch)[0]

    return Parameters(
        generator=jax.grad(own_generator_loss)(parameters.generator),
        discriminator=jax.grad(own_discriminator_loss)(parameters.discriminator),
    )


def consensus_gradient(
    parts: Parts,
    leaves: Leaves,
    parameters: Parameters,
    state: GanState,
    discriminator_batch: Batch,
    generator_batch: Batch,
) -> Parameters:
    """The gradient of gamma/2 |v|^2 in both players' parameters, gamma = `consensus_weight`.

    Source: Mescheder et al. 2017, "The Numerics of GANs", section 4.
    """

    def half_square(parameters: Parameters) -> jax.Array:
        gradient = game_gradient(
            parts, leaves, parameters, state, discriminator_batch, generator_batch
        )
        return 0.5 * sum(jnp.vdot(g, g) for g in jax.tree.leaves(gradient))  # pyright: ignore[reportReturnType]

    return optax.tree.scale(leaves.consensus_weight, jax.grad(half_square)(parameters))


def unrolled_generator_loss(
    parts: Parts,
    leaves: Leaves,
    parameters: Parameters,
    state: GanState,
    discriminator_batch: Batch,
    generator_batch: Batch,
) -> tuple[jax.Array, Seen]:
    """The generator's loss against the discriminator after `unrolled_steps` steps, differentiable.

    The inner steps are plain gradient descent of size `unrolled_learning_rate` on the
    discriminator's loss, all on its one batch: differentiating through Adam would take the root of
    a second moment at zero.

    Source: Metz et al. 2017, "Unrolled Generative Adversarial Networks", equations 4 to 7.
    """

    def loss(discriminator: Any) -> jax.Array:
        there = parameters._replace(discriminator=discriminator)
        return discriminator_loss(parts, leaves, there, state, discriminator_batch)[0]

    def inner_step(discriminator: Any, _: None) -> tuple[Any, None]:
        gradient = jax.grad(loss)(discriminator)
        step = optax.tree.scale(leaves.unrolled_learning_rate, gradient)
        return optax.tree.sub(discriminator, step), None

    ahead, _ = lax.scan(
        inner_step, parameters.discriminator, None, length=parts.static.unrolled_steps
    )
    there = parameters._replace(discriminator=ahead)
    return generator_loss(parts, leaves, there, state, generator_batch)


def consensus_descent(parts: Parts, leaves: Leaves, *point: Any) -> Parameters:
    """What both players descend under consensus optimisation: -v + gamma grad(1/2 |v|^2)."""
    own = game_gradient(parts, leaves, *point)
    return optax.tree.add(own, consensus_gradient(parts, leaves, *point))


def unrolled_descent(
    parts: Parts, leaves: Leaves, parameters: Parameters, state: GanState, *batches: Batch
) -> Parameters:
    """What both players descend in an unrolled game: the generator looks ahead."""
    own = game_gradient(parts, leaves, parameters, state, *batches)

    def loss(generator: Any) -> jax.Array:
        there = parameters._replace(generator=generator)
        return unrolled_generator_loss(parts, leaves, there, state, *batches)[0]

    return own._replace(generator=jax.grad(loss)(parameters.generator))
