"""Losses: an independent float64 implementation of each paper's formula, and values by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from setups import loss_parameters

from gan_jax.losses import LOSSES

PLAYERS = ("discriminator", "generator")

# An independent implementation: float64 NumPy, each loss as its paper writes it, on probabilities
# where the paper does.


def log_sigmoid(t):
    return np.log(1 / (1 + np.exp(-t)))


def numpy_alpha(p, alpha):
    return alpha / (alpha - 1) * (1 - p ** ((alpha - 1) / alpha))


def numpy_losses(name, r, f):
    """(discriminator, generator) at real logits r and fake logits f."""
    p_real, p_fake = 1 / (1 + np.exp(-r)), 1 / (1 + np.exp(-f))
    value = np.mean(np.log(p_real)) + np.mean(np.log(1 - p_fake))
    above, below = r - f.mean(), f - r.mean()
    alpha_d = np.mean(numpy_alpha(p_real, 0.6)) + np.mean(numpy_alpha(1 - p_fake, 0.6))
    return {
        "saturating": (-value, np.mean(np.log(1 - p_fake))),
        "non_saturating": (-value, -np.mean(np.log(p_fake))),
        "least_squares": (
            np.mean((r - 1) ** 2) / 2 + np.mean(f**2) / 2,
            np.mean((f - 1) ** 2) / 2,
        ),
        "wasserstein": (f.mean() - r.mean(), -f.mean()),
        "hinge": (
            -np.mean(np.minimum(0, r - 1)) - np.mean(np.minimum(0, -f - 1)),
            -f.mean(),
        ),
        "relativistic": (-np.mean(log_sigmoid(r - f)), -np.mean(log_sigmoid(f - r))),
        "relativistic_average": (
            -np.mean(log_sigmoid(above)) / 2 - np.mean(np.log(1 - 1 / (1 + np.exp(-below)))) / 2,
            -np.mean(log_sigmoid(below)) / 2 - np.mean(np.log(1 - 1 / (1 + np.exp(-above)))) / 2,
        ),
        "relativistic_average_hinge": (
            np.mean(np.maximum(0, 1 - above)) / 2 + np.mean(np.maximum(0, 1 + below)) / 2,
            np.mean(np.maximum(0, 1 - below)) / 2 + np.mean(np.maximum(0, 1 + above)) / 2,
        ),
        "relativistic_average_least_squares": (
            np.mean((above - 1) ** 2) / 2 + np.mean((below + 1) ** 2) / 2,
            np.mean((below - 1) ** 2) / 2 + np.mean((above + 1) ** 2) / 2,
        ),
        "alpha_saturating": (alpha_d, -np.mean(numpy_alpha(1 - p_fake, 3.0))),
        "alpha_non_saturating": (alpha_d, np.mean(numpy_alpha(p_fake, 3.0))),
        # f-GAN: -E[T(r)] + E[f*(T(f))] from each divergence's T and conjugate f*.
        **{
            divergence: (
                -np.mean(activation(r)) + np.mean(conjugate(activation(f))),
                -np.mean(conjugate(activation(f))),
            )
            for divergence, (activation, conjugate) in CONJUGATES.items()
        },
    }[name]


CONJUGATES = {
    "kl": (lambda v: v, lambda t: np.exp(t - 1)),
    "reverse_kl": (lambda v: -np.exp(-v), lambda t: -1 - np.log(-t)),
    "pearson": (lambda v: v, lambda t: t**2 / 4 + t),
    "squared_hellinger": (lambda v: 1 - np.exp(-v), lambda t: t / (1 - t)),
    "jensen_shannon": (
        lambda v: np.log(2) - np.log(1 + np.exp(-v)),
        lambda t: -np.log(2 - np.exp(t)),
    ),
}


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("name", list(LOSSES))
def test_every_loss_is_its_papers_formula_in_value_and_gradient(name, player):
    generator = np.random.default_rng(3)
    real, fake = generator.normal(0.3, 1.5, 5), generator.normal(-0.4, 1.5, 5)
    place = PLAYERS.index(player)
    loss = getattr(LOSSES[name], player)
    as_float32 = jnp.asarray(real, jnp.float32), jnp.asarray(fake, jnp.float32)
    value, gradients = jax.value_and_grad(loss, argnums=(0, 1))(
        *as_float32, **loss_parameters(name)
    )
    expected = numpy_losses(name, real, fake)[place]
    np.testing.assert_allclose(value, expected, rtol=2e-6, atol=1e-6)
    # Central differences of the independent implementation.
    for which, gradient in enumerate(gradients):
        for i in range(5):
            ends = []
            for sign in (1, -1):
                moved = [real.copy(), fake.copy()]
                moved[which][i] += sign * 1e-6
                ends.append(numpy_losses(name, *moved)[place])
            np.testing.assert_allclose(gradient[i], (ends[0] - ends[1]) / 2e-6, atol=3e-6)


def test_losses_at_logits_worked_out_by_hand():
    # sigmoid(log 3) = 3/4, softplus(log 3) = log 4, e^(log 3) = 3; r = log 3, f = -log 3.
    log3, log4 = np.log(3.0), np.log(4.0)
    real, fake = jnp.array([log3], jnp.float32), jnp.array([-log3], jnp.float32)
    both = 2 * np.log(4 / 3)  # -log sigma(r) - log(1 - sigma(f))
    expected = {
        "saturating": (both, -np.log(4 / 3)),
        "non_saturating": (both, log4),
        "least_squares": ((log3 - 1) ** 2 / 2 + log3**2 / 2, (log3 + 1) ** 2 / 2),
        "wasserstein": (-2 * log3, log3),
        "hinge": (0.0, log3),  # both beyond the margin, since log 3 > 1
        "relativistic": (np.log(10 / 9), np.log(10)),  # e^(2 log 3) = 9
        "relativistic_average": (np.log(10 / 9), np.log(10)),
        "relativistic_average_hinge": (0.0, 1 + 2 * log3),
        "relativistic_average_least_squares": ((2 * log3 - 1) ** 2, (2 * log3 + 1) ** 2),
        # c = (1/2 - 1)/(1/2) = -1: l = 1/p - 1, with p = 3/4 or 1/4.
        "alpha_saturating": (2 / 3, -1 / 3),
        "alpha_non_saturating": (2 / 3, 3.0),
        "kl": (-log3 + 1 / (3 * np.e), -1 / (3 * np.e)),
        "reverse_kl": (1 / 3 - log3 - 1, 1 + log3),
        "pearson": (-log3 + log3**2 / 4 - log3, -(log3**2) / 4 + log3),
        "squared_hellinger": (1 / 3 + 1 / 3 - 2, 1 - 1 / 3),
        "jensen_shannon": (both - np.log(4), np.log(2) - np.log(4 / 3)),
    }
    assert list(expected) == list(LOSSES)
    for name, values in expected.items():
        parameters = dict.fromkeys(LOSSES[name].parameters, 0.5)
        for player, value in zip(PLAYERS, values, strict=True):
            ours = getattr(LOSSES[name], player)(real, fake, **parameters)
            np.testing.assert_allclose(ours, value, rtol=1e-6, atol=1e-6, err_msg=name)
