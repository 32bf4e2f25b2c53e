"""GAN losses as plain maths on logits, by name: LOSSES.

Why: the loss is what most studies vary; it must be readable beside its paper, and replaceable.
Knows: arrays of logits. Does not know: networks, configurations, keys, or which player is frozen;
nothing here calls `stop_gradient`, so a vector field can differentiate the very same functions.

Everywhere r = D(x_real) and f = D(x_fake) are logits of shape [batch], sigma is the sigmoid, sp the
softplus, and both players minimise a mean over the batch. log sigma(t) is written -sp(-t): finite,
with a finite gradient, at any finite t, where log(sigmoid(t)) in float32 is -inf from about
t = -100 on.
"""

from gan_jax.losses.alpha import (
    alpha_cross_entropy,
    alpha_non_saturating_generator,
    alpha_saturating_generator,
    smoothed_alpha_cross_entropy,
)
from gan_jax.losses.classic import (
    cross_entropy,
    hinge_discriminator,
    least_squares_discriminator,
    least_squares_generator,
    non_saturating_generator,
    saturating_generator,
    smoothed_cross_entropy,
    smoothed_least_squares_discriminator,
    wasserstein_discriminator,
    wasserstein_generator,
)
from gan_jax.losses.divergences import (
    jensen_shannon_discriminator,
    jensen_shannon_generator,
    kl_discriminator,
    kl_generator,
    pearson_discriminator,
    pearson_generator,
    reverse_kl_discriminator,
    reverse_kl_generator,
    smoothed_jensen_shannon_discriminator,
    squared_hellinger_discriminator,
    squared_hellinger_generator,
)
from gan_jax.losses.gan_loss import GanLoss, LossFn
from gan_jax.losses.relativistic import (
    relativistic_average_discriminator,
    relativistic_average_generator,
    relativistic_average_hinge_discriminator,
    relativistic_average_hinge_generator,
    relativistic_average_least_squares_discriminator,
    relativistic_average_least_squares_generator,
    relativistic_discriminator,
    relativistic_generator,
)

ALPHAS = {"alpha_d": 1.0, "alpha_g": 1.0}

LOSSES: dict[str, GanLoss] = {
    "saturating": GanLoss(
        cross_entropy, saturating_generator, smoothed_discriminator=smoothed_cross_entropy
    ),
    "non_saturating": GanLoss(
        cross_entropy, non_saturating_generator, smoothed_discriminator=smoothed_cross_entropy
    ),
    "least_squares": GanLoss(
        least_squares_discriminator,
        least_squares_generator,
        smoothed_discriminator=smoothed_least_squares_discriminator,
    ),
    "wasserstein": GanLoss(wasserstein_discriminator, wasserstein_generator),
    "hinge": GanLoss(hinge_discriminator, wasserstein_generator),
    "relativistic": GanLoss(relativistic_discriminator, relativistic_generator),
    "relativistic_average": GanLoss(
        relativistic_average_discriminator, relativistic_average_generator, averages=True
    ),
    "relativistic_average_hinge": GanLoss(
        relativistic_average_hinge_discriminator,
        relativistic_average_hinge_generator,
        averages=True,
    ),
    "relativistic_average_least_squares": GanLoss(
        relativistic_average_least_squares_discriminator,
        relativistic_average_least_squares_generator,
        averages=True,
    ),
    "alpha_saturating": GanLoss(
        alpha_cross_entropy,
        alpha_saturating_generator,
        ALPHAS,
        smoothed_discriminator=smoothed_alpha_cross_entropy,
    ),
    "alpha_non_saturating": GanLoss(
        alpha_cross_entropy,
        alpha_non_saturating_generator,
        ALPHAS,
        smoothed_discriminator=smoothed_alpha_cross_entropy,
    ),
    "kl": GanLoss(kl_discriminator, kl_generator),
    "reverse_kl": GanLoss(reverse_kl_discriminator, reverse_kl_generator),
    "pearson": GanLoss(pearson_discriminator, pearson_generator),
    "squared_hellinger": GanLoss(squared_hellinger_discriminator, squared_hellinger_generator),
    "jensen_shannon": GanLoss(
        jensen_shannon_discriminator,
        jensen_shannon_generator,
        smoothed_discriminator=smoothed_jensen_shannon_discriminator,
    ),
}

__all__ = ["LOSSES", "GanLoss", "LossFn"]
