"""What a training step carries, and what it reports.

State is just what the next step needs, arrays only, so that every leaf vmaps over seeds and a
checkpoint is a tree of arrays. What a scientist looks at is `StepInfo`: returned, not carried.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax


class PlayerState(NamedTuple):
    """One player: trained parameters, model state (batch statistics; {} for most), Optax state."""

    parameters: Any
    model_state: Any
    optimizer_state: Any


class Averaged(NamedTuple):
    """Exponential moving averages of a player: of its parameters, and of its model state too,
    since running statistics of other weights would not fit the averaged ones."""

    parameters: Any
    model_state: Any


class GanState(NamedTuple):
    """Both players and the number of steps taken, int32.

    `generator_ema` is what `generate` uses where it is kept (`Experiment.generator_ema`); else
    None.
    """

    step: jax.Array
    generator: PlayerState
    discriminator: PlayerState
    generator_ema: Averaged | None = None


class StepInfo(NamedTuple):
    """Measures of one training step, float32 scalars.

    Losses, gradients and logits are those of the gradients the step applied, before it applied
    them and before any clipping; with several discriminator updates a step, those of the last one.
    What is in `WATCHED` is NaN of a step inside `train_seeds` that no record is of.

    Attributes:
      discriminator_loss: what the discriminator minimised, its penalty included.
      generator_loss: what the generator minimised.
      discriminator_gradient_norm: Euclidean norm over all the discriminator's parameters.
      generator_gradient_norm: likewise for the generator.
      logit_real: mean logit of the discriminator's real batch.
      logit_fake: mean logit of its fake batch.
      logit_gap: logit_real - logit_fake, how far apart the discriminator holds the two.
      batch_accuracy_real: share of its real batch that it told rightly, logit > 0, before the
        update; with packing, of its packs.
      batch_accuracy_fake: likewise of its fake batch, logit < 0.
      value: V(D, G) = mean log D(x) + mean log(1 - D(G(z))) on the discriminator's batches, with
        D = sigmoid(logit), whatever the loss (Goodfellow et al. 2014, equation 1). -2 log 2 where
        the discriminator cannot tell, near 0 where it always can.
      discriminator_update_ratio: Euclidean norm of what was added to the discriminator's
        parameters, over theirs before; after its optimiser and any clipping. 0 for a player that
        did not move, and where they were all zero.
      generator_update_ratio: likewise for the generator.
    """

    discriminator_loss: jax.Array
    generator_loss: jax.Array
    discriminator_gradient_norm: jax.Array
    generator_gradient_norm: jax.Array
    logit_real: jax.Array
    logit_fake: jax.Array
    logit_gap: jax.Array
    batch_accuracy_real: jax.Array
    batch_accuracy_fake: jax.Array
    value: jax.Array
    discriminator_update_ratio: jax.Array
    generator_update_ratio: jax.Array


# Measures of a step that follow from its others, its logits and its updates: no later step needs
# them, and they are computed of steps that somebody looks at.
WATCHED = (
    "logit_gap",
    "batch_accuracy_real",
    "batch_accuracy_fake",
    "value",
    "discriminator_update_ratio",
    "generator_update_ratio",
)
