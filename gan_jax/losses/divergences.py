"""f-GAN: losses whose best discriminator measures an f-divergence of the data from the samples.

The discriminator minimises E[f*(T(f))] - E[T(r)], minus a lower bound of the divergence, where T is
the output activation that maps a logit into the domain of the convex conjugate f*. Generators are
in the saturating form, the exact negative of the only term they reach, -E[f*(T(f))]; the paper also
proposes -E[T(f)], its non-saturating trick, which is another game.

The exponentials of kl, reverse_kl and squared_hellinger exceed float32 from a logit of about 88
on; there, and only there, losses are infinite: +inf for the discriminator, -inf for a generator.

Source of all: Nowozin, Cseke and Tomioka 2016, "f-GAN: Training Generative Neural Samplers using
Variational Divergence Minimization", tables 1, 2 and 6.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from gan_jax.losses.classic import cross_entropy, smoothed_cross_entropy
from gan_jax.losses.softplus import softplus


def kl_discriminator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """-mean r + mean e^(f - 1): T(v) = v, f*(t) = e^(t - 1).

    Source: Nowozin et al. 2016, "f-GAN", table 2, Kullback-Leibler.
    """
    return -logits_real.mean() + jnp.exp(logits_fake - 1).mean()


def kl_generator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """-mean e^(f - 1).

    Source: Nowozin et al. 2016, "f-GAN", table 2, Kullback-Leibler.
    """
    del logits_real
    return -jnp.exp(logits_fake - 1).mean()


def reverse_kl_discriminator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """mean e^(-r) + mean f - 1: T(v) = -e^(-v), f*(t) = -1 - log(-t), so f*(T(v)) = v - 1.

    T increases, as every T here: a high logit means real. With T(v) = -e^v, which some tables
    print, it would mean generated.

    Source: Nowozin et al. 2016, "f-GAN", table 2, reverse KL.
    """
    return jnp.exp(-logits_real).mean() + logits_fake.mean() - 1


def reverse_kl_generator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """1 - mean f.

    Source: Nowozin et al. 2016, "f-GAN", table 2, reverse KL.
    """
    del logits_real
    return 1 - logits_fake.mean()


def pearson_discriminator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """-mean r + mean (f^2/4 + f): T(v) = v, f*(t) = t^2/4 + t.

    Source: Nowozin et al. 2016, "f-GAN", table 2, Pearson chi-squared.
    """
    return -logits_real.mean() + (logits_fake**2 / 4 + logits_fake).mean()


def pearson_generator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """-mean (f^2/4 + f).

    Source: Nowozin et al. 2016, "f-GAN", table 2, Pearson chi-squared.
    """
    del logits_real
    return -(logits_fake**2 / 4 + logits_fake).mean()


def squared_hellinger_discriminator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """mean e^(-r) + mean e^f - 2: T(v) = 1 - e^(-v), f*(t) = t / (1 - t), f*(T(v)) = e^v - 1.

    Source: Nowozin et al. 2016, "f-GAN", table 2, squared Hellinger.
    """
    return jnp.exp(-logits_real).mean() + jnp.exp(logits_fake).mean() - 2


def squared_hellinger_generator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """1 - mean e^f.

    Source: Nowozin et al. 2016, "f-GAN", table 2, squared Hellinger.
    """
    del logits_real
    return 1 - jnp.exp(logits_fake).mean()


def jensen_shannon_discriminator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """mean sp(-r) + mean sp(f) - 2 log 2: T(v) = log 2 - sp(-v), f*(t) = -log(2 - e^t).

    The saturating game's cross-entropy but for the constant, which makes its least value minus
    twice the Jensen-Shannon divergence.

    Source: Nowozin et al. 2016, "f-GAN", table 2, Jensen-Shannon.
    """
    return cross_entropy(logits_real, logits_fake) - 2 * math.log(2)


def smoothed_jensen_shannon_discriminator(
    logits_real: jax.Array, logits_fake: jax.Array, label_smoothing: jax.Array
) -> jax.Array:
    """mean [(1 - s) sp(-r) + s sp(r)] + mean sp(f) - 2 log 2, s = `label_smoothing`.

    Source: Salimans et al. 2016, "Improved Techniques for Training GANs", section 3.4, applied to
    Nowozin et al. 2016.
    """
    return smoothed_cross_entropy(logits_real, logits_fake, label_smoothing) - 2 * math.log(2)


def jensen_shannon_generator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """log 2 - mean sp(f).

    Source: Nowozin et al. 2016, "f-GAN", table 2, Jensen-Shannon.
    """
    del logits_real
    return math.log(2) - softplus(logits_fake).mean()
