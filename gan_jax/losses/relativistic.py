"""Losses that ask whether a real sample looks more real than a generated one.

Only differences of logits matter, so the discriminator's output has no absolute level. The
averaging losses carry the factor 1/2 of the paper's general form; code that leaves it out trains
with twice the learning rate.

Source of all: Jolicoeur-Martineau 2019, "The relativistic discriminator: a key element missing from
standard GAN".
"""

from __future__ import annotations

import jax
from jax.nn import relu

from gan_jax.losses.softplus import softplus


def relativistic_discriminator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """Rank each real sample above its fake partner: mean sp(-(r - f)), paired in batch order.

    Source: Jolicoeur-Martineau 2019, "The relativistic discriminator", section 4 (RSGAN); Huang
    et al. 2024, "The GAN is dead; long live the GAN!" (RpGAN).
    """
    return softplus(logits_fake - logits_real).mean()


def relativistic_generator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """Rank each fake above its real partner: mean sp(-(f - r)).

    Source: Jolicoeur-Martineau 2019, "The relativistic discriminator", section 4 (RSGAN).
    """
    return softplus(logits_real - logits_fake).mean()


def relativistic_average_discriminator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """Real above the average fake, fake below the average real.

    1/2 [mean sp(-(r - mean f)) + mean sp(f - mean r)]: cross-entropy on relativistic logits.

    Source: Jolicoeur-Martineau 2019, "The relativistic discriminator", section 4 (RaSGAN).
    """
    above = softplus(logits_fake.mean() - logits_real).mean()
    below = softplus(logits_fake - logits_real.mean()).mean()
    return 0.5 * (above + below)


def relativistic_average_generator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """The discriminator's loss with real and fake exchanged.

    1/2 [mean sp(r - mean f) + mean sp(-(f - mean r))]. Code that keeps the second term only is not
    relativistic: the reals get no say.

    Source: Jolicoeur-Martineau 2019, "The relativistic discriminator", section 4 (RaSGAN).
    """
    return relativistic_average_discriminator(logits_fake, logits_real)


def relativistic_average_hinge_discriminator(
    logits_real: jax.Array, logits_fake: jax.Array
) -> jax.Array:
    """Separate from the other side's average by a margin.

    1/2 [mean relu(1 - (r - mean f)) + mean relu(1 + f - mean r)].

    Source: Jolicoeur-Martineau 2019, "The relativistic discriminator", appendix (RaHingeGAN).
    """
    above = relu(1 - logits_real + logits_fake.mean()).mean()
    below = relu(1 + logits_fake - logits_real.mean()).mean()
    return 0.5 * (above + below)


def relativistic_average_hinge_generator(
    logits_real: jax.Array, logits_fake: jax.Array
) -> jax.Array:
    """The discriminator's loss with real and fake exchanged.

    1/2 [mean relu(1 + r - mean f) + mean relu(1 - (f - mean r))].

    Source: Jolicoeur-Martineau 2019, "The relativistic discriminator", appendix (RaHingeGAN).
    """
    return relativistic_average_hinge_discriminator(logits_fake, logits_real)


def relativistic_average_least_squares_discriminator(
    logits_real: jax.Array, logits_fake: jax.Array
) -> jax.Array:
    """Regress to one above, and to one below, the other side's average.

    1/2 [mean (r - mean f - 1)^2 + mean (f - mean r + 1)^2].

    Source: Jolicoeur-Martineau 2019, "The relativistic discriminator", appendix (RaLSGAN).
    """
    above = ((logits_real - logits_fake.mean() - 1) ** 2).mean()
    below = ((logits_fake - logits_real.mean() + 1) ** 2).mean()
    return 0.5 * (above + below)


def relativistic_average_least_squares_generator(
    logits_real: jax.Array, logits_fake: jax.Array
) -> jax.Array:
    """The discriminator's loss with real and fake exchanged.

    1/2 [mean (r - mean f + 1)^2 + mean (f - mean r - 1)^2].

    Source: Jolicoeur-Martineau 2019, "The relativistic discriminator", appendix (RaLSGAN).
    """
    return relativistic_average_least_squares_discriminator(logits_fake, logits_real)
