"""Losses: theory, extreme logits, smoothing, vmap."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special
from setups import loss_parameters

from gan_jax.losses import LOSSES
from gan_jax.losses.alpha import alpha_loss
from gan_jax.losses.softplus import LOG_ONE_PLUS, softplus

LOGITS = jnp.array([-1.0, 0.0, 2.0]), jnp.array([0.5, -3.0, 1.0])
PLAYERS = ("discriminator", "generator")


def test_softplus_and_its_derivatives_in_double_precision():
    x = np.concatenate([np.linspace(-87, 100, 200_001), np.linspace(-2, 2, 200_001)])
    x = x.astype(np.float32)
    exact = np.logaddexp(x, 0, dtype=float), special.expit(x, dtype=float)
    first = jax.grad(softplus)
    for function, values in zip((softplus, first), exact, strict=True):
        errors = np.asarray(jax.vmap(function)(x), float) - values
        assert np.abs(errors / np.spacing(np.float32(values))).max() < 3
    second = jax.vmap(jax.grad(first))(x)
    np.testing.assert_allclose(second, exact[1] * (1 - exact[1]), rtol=0, atol=1e-7)


def test_softplus_polynomials_own_error_is_what_its_comment_says():
    u = np.linspace(1e-6, 1, 100_001)
    assert 2e-8 < np.abs(np.polyval(LOG_ONE_PLUS, u) * u / np.log1p(u) - 1).max() < 2.5e-8


def test_softplus_at_its_ends():
    x = jnp.array([-jnp.inf, -0.0, 0.0, jnp.inf, jnp.nan])
    np.testing.assert_array_equal(softplus(x), jax.nn.softplus(x))
    np.testing.assert_array_equal(jax.vmap(jax.grad(softplus))(x), [0, 0.5, 0.5, 1, jnp.nan])
    with jax.enable_x64(True):
        x = jnp.linspace(-700, 700, 1001, dtype=jnp.float64)
        np.testing.assert_array_equal(softplus(x), jax.nn.softplus(x))


def test_cross_entropy_of_an_undecided_discriminator_is_two_log_two():
    zeros = jnp.zeros(4)
    for name in ("saturating", "non_saturating"):
        np.testing.assert_allclose(LOSSES[name].discriminator(zeros, zeros), 2 * np.log(2), 1e-6)


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


@pytest.mark.parametrize("name", ["kl", "reverse_kl", "pearson", "squared_hellinger"])
def test_an_f_gan_generator_minimises_minus_the_fake_term(name):
    real, fake = LOGITS
    gan = LOSSES[name]
    total = [gan.discriminator(real, x) + gan.generator(real, x) for x in (fake, fake + 0.7)]
    np.testing.assert_allclose(*total, rtol=1e-5)


def test_jensen_shannon_is_the_saturating_game_but_for_a_constant():
    saturating, js = LOSSES["saturating"], LOSSES["jensen_shannon"]
    for player, constant in (("discriminator", -2 * np.log(2)), ("generator", np.log(2))):
        difference = getattr(js, player)(*LOGITS) - getattr(saturating, player)(*LOGITS)
        np.testing.assert_allclose(difference, constant, rtol=1e-5)
        gradients = [jax.grad(getattr(loss, player), 1)(*LOGITS) for loss in (js, saturating)]
        np.testing.assert_array_equal(*gradients)


@pytest.mark.parametrize("kind", ["saturating", "non_saturating"])
def test_alpha_to_one_is_the_log_loss(kind):
    alpha, log = LOSSES[f"alpha_{kind}"], LOSSES[kind]
    for player in PLAYERS:
        limit = getattr(log, player)(*LOGITS)
        at_one = getattr(alpha, player)(*LOGITS, alpha_d=1.0, alpha_g=1.0)
        np.testing.assert_array_equal(at_one, limit)
        # First order in alpha - 1: the error falls with it, down to float32's rounding.
        for distance in (1e-2, 1e-4, 1e-6):
            for side in (1 + distance, 1 - distance):
                near = getattr(alpha, player)(*LOGITS, alpha_d=side, alpha_g=side)
                np.testing.assert_allclose(near, limit, atol=6 * distance + 1e-6)


def test_each_player_uses_its_own_alpha():
    for name in ("alpha_saturating", "alpha_non_saturating"):
        for player, own, other in (
            ("discriminator", "alpha_d", "alpha_g"),
            ("generator", "alpha_g", "alpha_d"),
        ):
            loss = getattr(LOSSES[name], player)
            base = loss(*LOGITS, alpha_d=0.5, alpha_g=0.5)
            assert loss(*LOGITS, **{own: 2.0, other: 0.5}) != base
            assert loss(*LOGITS, **{own: 0.5, other: 2.0}) == base


def test_the_gradient_of_the_alpha_loss_is_right_at_alpha_one_too():
    x = jnp.linspace(-5.0, 5.0, 11)
    for alpha in (0.3, 1.0, 4.0):
        gradient = jax.grad(lambda x, alpha=alpha: alpha_loss(x, alpha).sum())(x)
        p = 1 / (1 + np.exp(-np.asarray(x, np.float64)))
        np.testing.assert_allclose(gradient, -(p ** (1 - 1 / alpha)) * (1 - p), rtol=1e-5)


def test_relativistic_average_with_a_batch_of_one_is_relativistic():
    for real, fake in ((1.3, -0.4), (-2.0, 0.7)):
        one = jnp.array([real]), jnp.array([fake])
        for player in PLAYERS:
            np.testing.assert_allclose(
                getattr(LOSSES["relativistic_average"], player)(*one),
                getattr(LOSSES["relativistic"], player)(*one),
                rtol=1e-6,
            )


@pytest.mark.parametrize("name", [n for n in LOSSES if n.startswith("relativistic")])
def test_relativistic_losses_see_differences_only(name):
    for player in PLAYERS:
        loss = getattr(LOSSES[name], player)
        moved = [logits + 2.0 for logits in LOGITS]
        np.testing.assert_allclose(loss(*moved), loss(*LOGITS), rtol=1e-5)


# Where float32 itself ends: e^|logit| of these, at logits beyond about 88.
EXPONENTIAL = {"kl", "reverse_kl", "squared_hellinger"}


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("name", list(LOSSES))
def test_every_loss_is_finite_at_extreme_logits_unless_its_formula_is_not(name, player):
    loss = getattr(LOSSES[name], player)
    for alpha in (0.5, 1.0, 3.0):
        parameters = dict.fromkeys(LOSSES[name].parameters, alpha)
        # c = (1/2 - 1)/(1/2) = -1: the alpha-loss is e^softplus - 1.
        exceeds = name in EXPONENTIAL or (parameters and alpha < 1)
        for size in (1.0, 50.0, 1e2, 1e4):
            for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                real, fake = (jnp.full(3, sign * size) for sign in signs)
                value, gradients = jax.value_and_grad(loss, argnums=(0, 1))(
                    real, fake, **parameters
                )
                chex.assert_shape(value, ())
                assert not any(np.isnan(x).any() for x in (value, *gradients))
                if not exceeds or size <= 50:
                    chex.assert_tree_all_finite((value, gradients))


def test_a_formula_that_exceeds_float32_is_infinite_with_its_sign():
    high = jnp.full(2, 1e4)
    assert LOSSES["kl"].discriminator(high, high) == np.inf
    assert LOSSES["kl"].generator(high, high) == -np.inf
    assert LOSSES["kl"].discriminator(high, -high) == -1e4
    assert LOSSES["reverse_kl"].discriminator(-high, high) == np.inf
    assert LOSSES["squared_hellinger"].discriminator(high, -high) == -2


@pytest.mark.parametrize("name", [n for n in LOSSES if LOSSES[n].smoothed_discriminator])
def test_label_smoothing_is_one_sided_and_off_at_zero(name):
    parameters = loss_parameters(name)
    plain = functools.partial(LOSSES[name].discriminator, **parameters)
    smoothed = functools.partial(LOSSES[name].smoothed_discriminator, **parameters)
    np.testing.assert_allclose(smoothed(*LOGITS, label_smoothing=0.0), plain(*LOGITS), 1e-6)
    for which in (0, 1):
        gradients = [
            jax.grad(lambda r, f, s=s: smoothed(r, f, label_smoothing=s), which)(*LOGITS)
            for s in (0.0, 0.25)
        ]
        assert np.array_equal(*gradients) == (which == 1)  # the fakes' label stays 0
    # Linear in s: at s = 1 a real sample would be labelled 0, so at 1/2 it is both alike.
    values = [smoothed(*LOGITS, label_smoothing=s) for s in (0.0, 0.25, 0.5)]
    if name != "least_squares":
        np.testing.assert_allclose(values[1], (values[0] + values[2]) / 2, rtol=1e-6)
    if parameters:
        return
    # At its best a real logit's probability is 1 - s: for the log loss sigma(log 3) = 3/4; for
    # least squares the output itself.
    best = jnp.full(1, 0.75 if name == "least_squares" else np.log(3.0))
    np.testing.assert_allclose(
        jax.grad(lambda r: smoothed(r, jnp.zeros(1), label_smoothing=0.25))(best), 0, atol=1e-6
    )


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("name", list(LOSSES))
def test_every_loss_is_the_same_under_vmap(name, player):
    loss = getattr(LOSSES[name], player)
    real, fake = jnp.stack([LOGITS[0], LOGITS[1]]), jnp.stack([LOGITS[1], LOGITS[0]])
    parameters = loss_parameters(name)
    batched = jax.vmap(lambda r, f: loss(r, f, **parameters))(real, fake)
    one_by_one = [loss(r, f, **parameters) for r, f in zip(real, fake, strict=True)]
    np.testing.assert_allclose(batched, one_by_one, rtol=1e-6)
