"""The (alpha_D, alpha_G)-GAN: each player's log loss replaced by a tunable alpha-loss.

Both alphas are traced numbers, so a sweep over them is one program. alpha < 1 punishes confident
mistakes harder than the log loss, up to float32's range; alpha > 1 more mildly, with a bounded
loss. Every function receives both alphas, and uses its own player's.

Source of all: Welfert, Kurri, Otstot and Sankar 2024, "Addressing GAN Training Instabilities via
Tunable Classification Losses". The published code works on probabilities, with logs cut off at
-100; on logits nothing needs to be cut off.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from gan_jax.losses.softplus import softplus


def alpha_loss(logits: jax.Array, alpha: jax.Array) -> jax.Array:
    """The alpha-loss of the probability p = sigma(x) of what is true, for logits x [batch].

    l(x) = (1 - p^c) / c with c = (alpha - 1) / alpha, computed as -expm1(-c sp(-x)) / c, which
    does not cancel near alpha = 1; there it is the log loss -log p = sp(-x).

    Source: Welfert et al. 2024, "Addressing GAN Training Instabilities via
    Tunable Classification Losses".
    """
    c = (alpha - 1) / alpha
    log_loss = softplus(-logits)
    # Both branches of a `where` are differentiated: the unused one must not divide by zero.
    nonzero = jnp.where(c == 0, 1.0, c)
    return jnp.where(c == 0, log_loss, -jnp.expm1(-nonzero * log_loss) / nonzero)


def alpha_cross_entropy(
    logits_real: jax.Array, logits_fake: jax.Array, alpha_d: jax.Array, alpha_g: jax.Array
) -> jax.Array:
    """Classify real as 1 and fake as 0 with the alpha-loss: mean l(r) + mean l(-f), alpha_d.

    Source: Welfert et al. 2024, "Addressing GAN Training Instabilities via
    Tunable Classification Losses".
    """
    del alpha_g
    return alpha_loss(logits_real, alpha_d).mean() + alpha_loss(-logits_fake, alpha_d).mean()


def smoothed_alpha_cross_entropy(
    logits_real: jax.Array,
    logits_fake: jax.Array,
    label_smoothing: jax.Array,
    alpha_d: jax.Array,
    alpha_g: jax.Array,
) -> jax.Array:
    """Classify real as 1 - s and fake as 0: mean [(1 - s) l(r) + s l(-r)] + mean l(-f), alpha_d.

    s = `label_smoothing`.

    Source: Salimans et al. 2016, "Improved Techniques for Training GANs", section 3.4, applied to
    Welfert et al. 2024.
    """
    del alpha_g
    as_real, as_fake = alpha_loss(logits_real, alpha_d), alpha_loss(-logits_real, alpha_d)
    real = (1 - label_smoothing) * as_real + label_smoothing * as_fake
    return real.mean() + alpha_loss(-logits_fake, alpha_d).mean()


def alpha_saturating_generator(
    logits_real: jax.Array, logits_fake: jax.Array, alpha_d: jax.Array, alpha_g: jax.Array
) -> jax.Array:
    """Minus the fake term: -mean l(-f), alpha_g.

    Source: Welfert et al. 2024, "Addressing GAN Training Instabilities via
    Tunable Classification Losses".
    """
    del logits_real, alpha_d
    return -alpha_loss(-logits_fake, alpha_g).mean()


def alpha_non_saturating_generator(
    logits_real: jax.Array, logits_fake: jax.Array, alpha_d: jax.Array, alpha_g: jax.Array
) -> jax.Array:
    """The fake term with its label turned round: mean l(f), alpha_g.

    Source: Welfert et al. 2024, "Addressing GAN Training Instabilities via
    Tunable Classification Losses", the non-saturating variant.
    """
    del logits_real, alpha_d
    return alpha_loss(logits_fake, alpha_g).mean()
