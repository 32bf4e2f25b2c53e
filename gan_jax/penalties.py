"""Gradient penalties, by name: PENALTIES. What the discriminator's loss is regularised with.

A penalty is a function `(discriminate, x_real, x_fake, key) -> scalar`, WITHOUT its weight:
`discriminate` maps samples [batch, *shape] to logits [batch], and gradients are of the logit, never
of a probability or of a softplus of it. Norms are each sample's own, over all its axes: the norm
over the whole batch, as in some published code, is another and much weaker penalty. The
discriminator must treat each sample apart, which batch normalisation does not.

The gradient of a norm at zero is NaN; where a sample's gradient vanishes (dead ReLU units) the norm
here has gradient zero, the least of its subgradients.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.nn import relu

Discriminate = Callable[[jax.Array], jax.Array]
PenaltyFn = Callable[[Discriminate, jax.Array, jax.Array, jax.Array], jax.Array]


def squared_gradient_norms(discriminate: Discriminate, x: jax.Array) -> jax.Array:
    """Each sample's squared gradient norm |grad D(x_i)|^2 [batch], for x [batch, *shape]."""
    # Each logit depends on its own sample alone: the gradient of the sum is that of each.
    gradients = jax.grad(lambda x: discriminate(x).sum())(x)
    return (gradients**2).sum(axis=tuple(range(1, x.ndim)))


def gradient_norms(discriminate: Discriminate, x: jax.Array) -> jax.Array:
    """Each sample's gradient norm |grad D(x_i)| [batch], with gradient zero where it is zero."""
    squares = squared_gradient_norms(discriminate, x)
    # Both branches of a `where` are differentiated: the unused one must not take a root of zero.
    positive = squares > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1.0)), 0.0)


def none(
    discriminate: Discriminate, x_real: jax.Array, x_fake: jax.Array, key: jax.Array
) -> jax.Array:
    """No penalty: 0.

    Source: Goodfellow et al. 2014, "Generative Adversarial Nets", which has none.
    """
    del discriminate, x_fake, key
    return jnp.zeros((), x_real.dtype)


def r1(
    discriminate: Discriminate, x_real: jax.Array, x_fake: jax.Array, key: jax.Array
) -> jax.Array:
    """1/2 mean |grad D(x_real)|^2.

    With the 1/2 of the paper: its gamma is `penalty_weight`. The authors' code leaves the 1/2 out,
    so that its gamma = 10 is the paper's 20.

    Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", eq. 9.
    """
    del x_fake, key
    return 0.5 * squared_gradient_norms(discriminate, x_real).mean()


def r2(
    discriminate: Discriminate, x_real: jax.Array, x_fake: jax.Array, key: jax.Array
) -> jax.Array:
    """1/2 mean |grad D(x_fake)|^2.

    Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", eq. 10.
    """
    del x_real, key
    return 0.5 * squared_gradient_norms(discriminate, x_fake).mean()


def r1_r2(
    discriminate: Discriminate, x_real: jax.Array, x_fake: jax.Array, key: jax.Array
) -> jax.Array:
    """r1 + r2.

    Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?",
    section 4; Huang et al. 2024, "The GAN is dead; long live the GAN!", uses both.
    """
    return r1(discriminate, x_real, x_fake, key) + r2(discriminate, x_real, x_fake, key)


def between(x_real: jax.Array, x_fake: jax.Array, key: jax.Array) -> jax.Array:
    """A point between each real sample and its fake partner, uniform on the segment."""
    share = jax.random.uniform(key, (x_real.shape[0], *[1] * (x_real.ndim - 1)), x_real.dtype)
    return share * x_real + (1 - share) * x_fake


def gradient_penalty(
    discriminate: Discriminate, x_real: jax.Array, x_fake: jax.Array, key: jax.Array
) -> jax.Array:
    """mean (|grad D(x)| - 1)^2 at x uniform between a real and a fake sample.

    Source: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", equation 3.
    """
    x = between(x_real, x_fake, key)
    return ((gradient_norms(discriminate, x) - 1) ** 2).mean()


def gradient_penalty_one_sided(
    discriminate: Discriminate, x_real: jax.Array, x_fake: jax.Array, key: jax.Array
) -> jax.Array:
    """mean relu(|grad D(x)| - 1)^2 at x uniform between a real and a fake sample.

    Source: Petzka et al. 2018, "On the regularization of Wasserstein GANs" (WGAN-LP).
    """
    x = between(x_real, x_fake, key)
    return (relu(gradient_norms(discriminate, x) - 1) ** 2).mean()


def dragan(
    discriminate: Discriminate, x_real: jax.Array, x_fake: jax.Array, key: jax.Array
) -> jax.Array:
    """mean (|grad D(x)| - 1)^2 at x = x_real + 1/2 std(x_real) U, U uniform on [0, 1], each entry.

    std is one number, over the whole batch and all features, as in the authors' code. (That code
    then also draws x between x_real and the point above; other codes take U on [-1, 1].)

    Source: Kodali et al. 2017, "On Convergence and Stability of GANs", algorithm 1.
    """
    del x_fake
    noise = jax.random.uniform(key, x_real.shape, x_real.dtype)
    x = x_real + 0.5 * x_real.std() * noise
    return ((gradient_norms(discriminate, x) - 1) ** 2).mean()


PENALTIES: dict[str, PenaltyFn] = {
    "none": none,
    "r1": r1,
    "r2": r2,
    "r1_r2": r1_r2,
    "gradient_penalty": gradient_penalty,
    "gradient_penalty_one_sided": gradient_penalty_one_sided,
    "dragan": dragan,
}
