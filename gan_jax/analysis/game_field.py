"""The game's vector field at a state, and the batches and scaling that define it.

Why: whether a GAN's training settles is decided by this field, not by either loss. It is
v = -(gradient of the generator's loss in its own parameters, gradient of the discriminator's in its
own), as the experiment's update follows it: with consensus its addition, with unrolling the
generator's look-ahead (a script's own rule is taken to follow each player's own gradient). The
batch that defines v is fixed, drawn from `data_seed`: the same for every seed, state, and variant
of the same data and batch size.

An update multiplies each gradient by a positive diagonal: the learning rates, of an adaptive
optimiser divided by the root of its second moment. The *scaled* field is D v, where D = diag(rate
of the player / rate of the discriminator) for gradient descent, with or without momentum; so with
equal rates it is v itself. An adaptive optimiser's D also has 1 / (sqrt(nu) + epsilon), its second
moments nu frozen as its next update on this batch would have them: the preconditioned field, whose
momentum is left out, as gradient clipping is. So a simultaneous step of the discriminator's rate h
multiplies an eigenvector of the scaled field's Jacobian with eigenvalue a by 1 + h a.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from gan_jax.config import Experiment, Leaves
from gan_jax.game import field, updates
from gan_jax.game.draws import data_key, draw_batches
from gan_jax.game.gan import player_optimizer
from gan_jax.game.optimizers import SCHEDULES
from gan_jax.game.parts import Batch, Parameters, Parts, current_parameters
from gan_jax.game.program import make_program
from gan_jax.game.state import GanState

# A use of the data seed's key; the others are the evaluation's.
FIELD = 5
# Optimiser -> what it adds to a second moment under the root, and to the root.
EPSILONS = {"adabelief": (1e-16, 1e-16)}
# What an update rule descends, where that is not each player's own gradient.
DESCENTS: dict[Any, Callable[..., Parameters]] = {
    updates.consensus: field.consensus_descent,
    updates.unrolled: field.unrolled_descent,
}


def field_batches(
    experiment: Experiment, batch_size: int | None = None, step: int = 0
) -> tuple[Batch, Batch]:
    """The batches that define the field: the discriminator's, and the generator's.

    As a first training step would draw them from the data seed. A lazy penalty is taken at every
    update, with its plain weight: what it is on average.

    Args:
      experiment: the game.
      batch_size: the experiment's if None.
      step: steps taken, on which instance noise that decays depends, and nothing else.
    """
    # So that variants that differ in discriminator_steps have the same batches.
    experiment = experiment.replace(discriminator_steps=1)
    if batch_size is not None:
        experiment = experiment.replace(batch_size=batch_size)
    program, key = make_program(experiment), data_key(experiment.data_seed, FIELD)
    leaves = program.leaves
    if leaves.instance_noise is not None:
        remaining = max(1 - step / float(leaves.instance_noise_steps), 0)
        leaves = leaves._replace(
            instance_noise=leaves.instance_noise * np.float32(remaining),
            instance_noise_steps=np.float32(np.inf),
        )
    batches, of_generator = draw_batches(program.parts, leaves, program.training_set, key, 0)
    of_discriminator = jax.tree.map(lambda x: x[0], batches)
    return of_discriminator._replace(penalty_scale=None), of_generator


def learning_rate(experiment: Experiment, step: int) -> float:
    """The discriminator's learning rate in force after so many steps, by its schedule."""
    factor = SCHEDULES[experiment.learning_rate_schedule](
        jnp.float32(step / experiment.total_steps)
    )
    return float(experiment.discriminator_learning_rate * factor)


def vector_field(
    parts: Parts, leaves: Leaves, parameters: Parameters, state: GanState, *batches: Batch
) -> Parameters:
    """The field v at `parameters`: minus what each player's update descends, with nothing frozen.

    Model state is `state`'s; batches are the discriminator's and the generator's.
    """
    descent = DESCENTS.get(parts.update, field.game_gradient)
    return optax.tree.scale(-1.0, descent(parts, leaves, parameters, state, *batches))


def scaling(parts: Parts, leaves: Leaves, state: GanState, *batches: Batch) -> Parameters:
    """The diagonal D of the scaled field, at a state; see the module's docstring."""
    here = current_parameters(state)
    gradient = optax.tree.scale(-1.0, vector_field(parts, leaves, here, state, *batches))
    unit = leaves.discriminator_learning_rate

    def of(player: Any, gradient: Any, rate: jax.Array) -> Any:
        optimizer = player_optimizer(parts, leaves, rate)
        _, after = optimizer.update(gradient, player.optimizer_state, player.parameters)
        moments = optax.tree.get(after, "nu")
        if moments is None:
            return jax.tree.map(lambda x: jnp.full_like(x, rate / unit), gradient)
        count = optax.tree.get(after, "count")
        correction = 1.0 if count is None else 1 - leaves.beta2**count
        under_root, epsilon = EPSILONS.get(parts.static.optimizer, (0.0, 1e-8))
        # A small network's optimiser sees one vector (game.optimizers.flattened), a large one's the
        # tree; either way in the order of `ravel_pytree`.
        flat, _ = ravel_pytree(moments)
        root = jnp.sqrt(flat / correction + under_root) + epsilon
        return ravel_pytree(gradient)[1](rate / unit / root)

    return Parameters(
        of(state.generator, gradient.generator, leaves.generator_learning_rate),
        of(state.discriminator, gradient.discriminator, leaves.discriminator_learning_rate),
    )
