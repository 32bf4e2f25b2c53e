"""Losses that score real and generated samples each by their own logit."""

from __future__ import annotations

import jax
from jax.nn import relu

from gan_jax.losses.softplus import softplus


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


def smoothed_cross_entropy(
    logits_real: jax.Array, logits_fake: jax.Array, label_smoothing: jax.Array
) -> jax.Array:
    """Classify real as 1 - s and fake as 0: mean [(1 - s) sp(-r) + s sp(r)] + mean sp(f).

    s = `label_smoothing`. One-sided: smoothing the fakes' label too, as some libraries do by
    default (0.25, both sides), rewards the generator for its present mistakes.

    Source: Salimans et al. 2016, "Improved Techniques for Training GANs", section 3.4.
    """
    real = (1 - label_smoothing) * softplus(-logits_real) + label_smoothing * softplus(logits_real)
    return real.mean() + softplus(logits_fake).mean()


def least_squares_discriminator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """Regress real to 1 and fake to 0: 1/2 mean (r - 1)^2 + 1/2 mean f^2.

    On logits, the discriminator's plain output: applied to sigmoid outputs, as in some published
    code, it saturates again, which it was made to avoid. Codes without the 1/2 train with twice
    the learning rate.

    Source: Mao et al. 2017, "Least Squares Generative Adversarial Networks", equation 9.
    """
    return 0.5 * ((logits_real - 1) ** 2).mean() + 0.5 * (logits_fake**2).mean()


def smoothed_least_squares_discriminator(
    logits_real: jax.Array, logits_fake: jax.Array, label_smoothing: jax.Array
) -> jax.Array:
    """Regress real to 1 - s and fake to 0: 1/2 mean (r - 1 + s)^2 + 1/2 mean f^2.

    s = `label_smoothing`.

    Source: Salimans et al. 2016, "Improved Techniques for Training GANs", section 3.4, applied to
    the labels of Mao et al. 2017.
    """
    real = (logits_real - 1 + label_smoothing) ** 2
    return 0.5 * real.mean() + 0.5 * (logits_fake**2).mean()


def least_squares_generator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """Bring the fakes' outputs to the real ones' label: 1/2 mean (f - 1)^2.

    Source: Mao et al. 2017, "Least Squares Generative Adversarial Networks", equation 9.
    """
    del logits_real
    return 0.5 * ((logits_fake - 1) ** 2).mean()


def wasserstein_discriminator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """Tell the means apart: mean f - mean r, minus an estimate of the Wasserstein-1 distance.

    An estimate only where the discriminator is kept 1-Lipschitz: by `weight_clip` (the paper's) or
    a gradient penalty. Alone it is unbounded below.

    Source: Arjovsky et al. 2017, "Wasserstein GAN", equation 2 and algorithm 1.
    """
    return logits_fake.mean() - logits_real.mean()


def wasserstein_generator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """Raise the fakes' mean output: -mean f. Also the hinge loss's generator.

    Source: Arjovsky et al. 2017, "Wasserstein GAN", algorithm 1.
    """
    del logits_real
    return -logits_fake.mean()


def hinge_discriminator(logits_real: jax.Array, logits_fake: jax.Array) -> jax.Array:
    """Separate by a margin: mean relu(1 - r) + mean relu(1 + f).

    Its generator minimises -f, without a margin; code that applies a hinge there too stops the
    generator's gradient where it fools best.

    Source: Lim and Ye 2017, "Geometric GAN"; Miyato et al. 2018, "Spectral Normalization for
    Generative Adversarial Networks", equation 16.
    """
    return relu(1 - logits_real).mean() + relu(1 + logits_fake).mean()
