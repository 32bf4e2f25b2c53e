"""GAN losses as plain maths on logits.

Why: the loss is what most studies vary; it must be readable beside its paper, and replaceable.
Knows: arrays of logits. Does not know: networks, configurations, keys, or which player is frozen;
nothing here calls `stop_gradient`, so a vector field can differentiate the very same functions.

Everywhere r = D(x_real) and f = D(x_fake) are logits of shape [batch], sigma is the sigmoid, and
both players minimise. log sigma(t) is written -softplus(-t): finite, with a finite gradient, at
any finite t, where log(sigmoid(t)) in float32 is -inf from about t = -100 on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
from jax.nn import softplus

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
    """

    discriminator: LossFn
    generator: LossFn
    parameters: dict[str, float] = {}  # noqa: RUF012 - a NamedTuple's default, never mutated


def cross_entropy(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """Classify real as 1 and fake as 0: mean softplus(-r) + mean softplus(f).

    The negative of the value function V(D, G) = E log sigma(r) + E log(1 - sigma(f)), so 2 log 2 =
    1.386 for a discriminator that cannot tell. It is the sum of the two means; tutorials that
    train on one combined batch report the mean over it, which is half of this.

    Source: Goodfellow et al. 2014, "Generative Adversarial Nets", equation 1.
    """
    return softplus(-logits_real).mean() + softplus(logits_fake).mean()


def saturating_generator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """Minimise the probability of being recognised: mean log(1 - sigma(f)) = -mean softplus(f).

    The zero-sum form: minus the only term of V through which the generator is seen. Its derivative
    with respect to f is -sigma(f), which vanishes where the discriminator rejects confidently (f
    << 0). Some libraries name the non-saturating loss "minimax"; this is the real one.

    Source: Goodfellow et al. 2014, "Generative Adversarial Nets", algorithm 1.
    """
    del logits_real
    return -softplus(logits_fake).mean()


def non_saturating_generator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """Maximise the probability of passing as real: -mean log sigma(f) = mean softplus(-f).

    Same fixed point as the saturating loss. Its derivative with respect to f is -sigma(-f), which
    tends to -1 where the discriminator rejects confidently; the saturating derivative is e^f times
    this one.

    Source: Goodfellow et al. 2014, "Generative Adversarial Nets", section 3 (the -log D form).
    """
    del logits_real
    return softplus(-logits_fake).mean()


LOSSES: dict[str, GanLoss] = {
    "saturating": GanLoss(cross_entropy, saturating_generator),
    "non_saturating": GanLoss(cross_entropy, non_saturating_generator),
}
