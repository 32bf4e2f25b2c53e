"""Losses: hand-derived values and gradients, theory, extreme logits; a contract for every entry."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.losses import LOSSES

LOGITS = jnp.array([-1.0, 0.0, 2.0]), jnp.array([0.5, -3.0, 1.0])
PLAYERS = ("discriminator", "generator")


def test_cross_entropy_of_an_undecided_discriminator_is_two_log_two():
    zeros = jnp.zeros(4)
    for name in ("saturating", "non_saturating"):
        np.testing.assert_allclose(LOSSES[name].discriminator(zeros, zeros), 2 * np.log(2), 1e-6)


def test_losses_at_logits_worked_out_by_hand():
    # sigmoid(log 3) = 3/4: the discriminator loses log 4/3 on a real one, log 4 on a fake one.
    log3 = jnp.array([np.log(3.0)], jnp.float32)
    expected = {
        "saturating": (np.log(4 / 3) + np.log(4), -np.log(4)),
        "non_saturating": (np.log(4 / 3) + np.log(4), np.log(4 / 3)),
    }
    for name, (discriminator, generator) in expected.items():
        np.testing.assert_allclose(LOSSES[name].discriminator(log3, log3), discriminator, 1e-6)
        np.testing.assert_allclose(LOSSES[name].generator(log3, log3), generator, 1e-6)


def test_losses_agree_with_the_probabilities_they_stand_for():
    real, fake = (np.asarray(logits, np.float64) for logits in LOGITS)
    p_real, p_fake = 1 / (1 + np.exp(-real)), 1 / (1 + np.exp(-fake))
    value = np.log(p_real).mean() + np.log(1 - p_fake).mean()
    for name, generator in {
        "saturating": np.log(1 - p_fake).mean(),
        "non_saturating": -np.log(p_fake).mean(),
    }.items():
        np.testing.assert_allclose(LOSSES[name].discriminator(*LOGITS), -value, 1e-6)
        np.testing.assert_allclose(LOSSES[name].generator(*LOGITS), generator, 1e-6)


@pytest.mark.parametrize("fake", np.linspace(-20, 20, 17))
def test_saturating_gradient_is_e_to_the_logit_times_the_non_saturating_one(fake):
    def gradient(name):
        return jax.grad(LOSSES[name].generator, argnums=1)(jnp.zeros(1), jnp.full(1, fake))[0]

    np.testing.assert_allclose(
        gradient("saturating") / gradient("non_saturating"), np.exp(fake), rtol=1e-4
    )


def test_the_zero_sum_generator_minimises_minus_the_fake_term():
    real, fake = LOGITS
    gan = LOSSES["saturating"]
    total = gan.discriminator(real, fake) + gan.generator(real, fake)
    np.testing.assert_allclose(total, jax.nn.softplus(-real).mean(), rtol=1e-6)


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("name", list(LOSSES))
def test_every_loss_is_a_finite_scalar_with_finite_gradients(name, player):
    loss = getattr(LOSSES[name], player)
    parameters = LOSSES[name].parameters
    for size in (1.0, 1e2, 1e4):
        for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            real, fake = (jnp.full(3, sign * size) for sign in signs)
            value, gradients = jax.value_and_grad(loss, argnums=(0, 1))(real, fake, **parameters)
            chex.assert_shape(value, ())
            chex.assert_tree_all_finite((value, gradients))


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("name", list(LOSSES))
def test_every_loss_is_the_same_under_vmap_and_documented(name, player):
    loss = getattr(LOSSES[name], player)
    real, fake = jnp.stack([LOGITS[0], LOGITS[1]]), jnp.stack([LOGITS[1], LOGITS[0]])
    parameters = LOSSES[name].parameters
    batched = jax.vmap(lambda r, f: loss(r, f, **parameters))(real, fake)
    one_by_one = [loss(r, f, **parameters) for r, f in zip(real, fake, strict=True)]
    np.testing.assert_allclose(batched, one_by_one, rtol=1e-6)
    assert "Source:" in loss.__doc__
