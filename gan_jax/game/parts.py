"""What one GAN is made of, and what its players are given and give: the types of a game.

Trees of arrays, and the registry entries that shape the program; no computation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from flax import linen as nn

from gan_jax.config import Static
from gan_jax.data import Dataset
from gan_jax.game.optimizers import OptimizerBuilder, Schedule
from gan_jax.game.state import GanState
from gan_jax.losses import LossFn
from gan_jax.penalties import PenaltyFn


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
    smoothed_discriminator_loss: LossFn | None
    generator_loss: LossFn
    penalty: PenaltyFn
    optimizer: OptimizerBuilder
    update: Callable[..., Any]
    schedule: Schedule


class TrainingSet(NamedTuple):
    """What batches are drawn from, the same for every seed; None of either: drawn fresh.

    Attributes:
      x: rows [n, ...] of samples, as they are stored: uint8 grey values or float32.
      z: latents [m, latent_dim].
    """

    x: jax.Array | None = None
    z: jax.Array | None = None


class Batch(NamedTuple):
    """What one update of one player sees: everything random in it is here.

    Attributes:
      x_real: real samples [n, *shape], as the networks are shown them: scaled, where data are.
      z: latents [n, latent_dim].
      noise_real: instance noise [n, *shape] that the real samples are shown with; None where there
        is none.
      noise_fake: likewise, for the generated samples.
      penalty_key: what the penalty draws from; None where there is no penalty.
      penalty_scale: of a penalty that is not applied at every update: 0 at most of them, where it
        is not computed, the number of updates it stands for at the others. None is 1, always.
      dropout_key: what dropout draws from; None where there is none.
    """

    x_real: jax.Array
    z: jax.Array
    noise_real: jax.Array | None = None
    noise_fake: jax.Array | None = None
    penalty_key: jax.Array | None = None
    penalty_scale: jax.Array | None = None
    dropout_key: jax.Array | None = None


class Parameters(NamedTuple):
    """Both players' parameters: where the game's losses are taken."""

    generator: Any
    discriminator: Any


class Seen(NamedTuple):
    """What evaluating one player's loss shows besides its gradient.

    Attributes:
      model_state: that player's new model state.
      loss: the loss.
      logits_real: the real batch's logits [n / packing].
      logits_fake: the fakes' [n / packing].
    """

    model_state: Any
    loss: jax.Array
    logits_real: jax.Array
    logits_fake: jax.Array


class Move(NamedTuple):
    """One player's gradient at one point, and what was seen there."""

    gradient: Any
    seen: Seen


def current_parameters(state: GanState) -> Parameters:
    """Both players' parameters at a state."""
    return Parameters(state.generator.parameters, state.discriminator.parameters)
