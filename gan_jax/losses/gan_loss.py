"""What a GAN loss is: two functions of logits, and what else is to be known of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax

# One player's loss: (logits_real [batch], logits_fake [batch], **parameters) -> scalar, to be
# minimised. `parameters` are the entries of `GanLoss.parameters`, as traced scalars. A generator's
# loss that ignores `logits_real` pays nothing for them: the compiler removes what they would need.
LossFn = Callable[..., jax.Array]


class GanLoss(NamedTuple):
    """The two players' losses and the default values of their shared parameters.

    Attributes:
      discriminator: what the discriminator minimises.
      generator: what the generator minimises; same signature, since relativistic losses need both
        logits.
      parameters: defaults by name; `Experiment.loss_parameters` overrides them. Every loss
        function of the pair receives all of them as keyword arguments.
      smoothed_discriminator: `discriminator` with one-sided label smoothing, its strength a keyword
        argument `label_smoothing`; None where the loss has no labels to smooth.
      averages: whether a logit is compared with a mean over the batch, so that a batch of one is
        another loss.
    """

    discriminator: LossFn
    generator: LossFn
    parameters: dict[str, float] = {}  # noqa: RUF012 - a NamedTuple's default, never mutated
    smoothed_discriminator: LossFn | None = None
    averages: bool = False

    @property
    def supports(self) -> tuple[str, ...]:
        """What `gan_jax.catalogue.Entry.supports` says of this loss."""
        smooths = ("label_smoothing",) if self.smoothed_discriminator is not None else ()
        return smooths + (("batch_average",) if self.averages else ())
