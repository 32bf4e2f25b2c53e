"""The training step against an independent implementation: float64 NumPy, gradients by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from setups import TINY, batches, set_up

import gan_jax
from gan_jax.game import draws
from gan_jax.game import gan as game
from gan_jax.game.program import make_program
from gan_jax.game.state import WATCHED

# An independent implementation of the saturating game's gradients: float64, batch-major, by hand.


def layers(parameters):
    return [
        np.asarray(parameters[f"FeaturesFirstLayer_{i}"][name], np.float64)
        for i in (0, 1)
        for name in ("kernel", "bias")
    ]


def forward(weights, x):
    w1, b1, w2, b2 = weights
    hidden = x @ w1.T + b1
    return hidden, np.maximum(hidden, 0) @ w2.T + b2


def backward(weights, x, hidden, d_out):
    """Gradients of the weights and of the input, given the output's."""
    w1, _, w2, _ = weights
    active = np.maximum(hidden, 0)
    d_hidden = (d_out @ w2) * (hidden > 0)
    gradients = [d_hidden.T @ x, d_hidden.sum(0), d_out.T @ active, d_out.sum(0)]
    return gradients, d_hidden @ w1


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def discriminator_gradient(g, d, x_real, z):
    _, x_fake = forward(g, z)
    hidden_real, real = forward(d, x_real)
    hidden_fake, fake = forward(d, x_fake)
    loss = np.log1p(np.exp(-real)).mean() + np.log1p(np.exp(fake)).mean()
    from_real, _ = backward(d, x_real, hidden_real, -sigmoid(-real) / len(real))
    from_fake, _ = backward(d, x_fake, hidden_fake, sigmoid(fake) / len(fake))
    return loss, [a + b for a, b in zip(from_real, from_fake, strict=True)]


def saturating_generator_gradient(g, d, z):
    hidden, x_fake = forward(g, z)
    hidden_fake, fake = forward(d, x_fake)
    _, d_x = backward(d, x_fake, hidden_fake, -sigmoid(fake) / len(fake))
    return -np.log1p(np.exp(fake)).mean(), backward(g, z, hidden, d_x)[0]


def norm(gradients):
    return np.sqrt(sum((x**2).sum() for x in gradients))


@pytest.mark.parametrize("update", ["alternating", "simultaneous"])
def test_one_step_is_the_hand_written_one(update):
    rate_d, rate_g = 0.3, 0.7
    program, key, state = set_up(
        loss="saturating",
        update=update,
        optimizer="sgd",
        discriminator_learning_rate=rate_d,
        generator_learning_rate=rate_g,
    )
    for_discriminator, for_generator = batches(program, key)
    as_double = lambda x: np.asarray(x, np.float64)  # noqa: E731
    g, d = layers(state.generator.parameters), layers(state.discriminator.parameters)
    loss_d, gradient_d = discriminator_gradient(
        g, d, as_double(for_discriminator.x_real), as_double(for_discriminator.z)
    )
    new_d = [w - rate_d * x for w, x in zip(d, gradient_d, strict=True)]
    seen_d = new_d if update == "alternating" else d
    loss_g, gradient_g = saturating_generator_gradient(g, seen_d, as_double(for_generator.z))
    new_g = [w - rate_g * x for w, x in zip(g, gradient_g, strict=True)]

    new, info = gan_jax.make_gan(
        gan_jax.Experiment(
            **TINY,
            **{
                "loss": "saturating",
                "update": update,
                "optimizer": "sgd",
                "discriminator_learning_rate": rate_d,
                "generator_learning_rate": rate_g,
            },
        )
    ).train_step(state, key)
    for ours, theirs in (
        (layers(new.discriminator.parameters), new_d),
        (layers(new.generator.parameters), new_g),
    ):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    measured = [
        info.discriminator_loss,
        info.generator_loss,
        info.discriminator_gradient_norm,
        info.generator_gradient_norm,
    ]
    np.testing.assert_allclose(measured, [loss_d, loss_g, norm(gradient_d), norm(gradient_g)], 1e-4)
    # Plain gradient steps: the rate times the gradient, over the weights before.
    ratios = [rate_d * norm(gradient_d) / norm(d), rate_g * norm(gradient_g) / norm(g)]
    np.testing.assert_allclose(
        [info.discriminator_update_ratio, info.generator_update_ratio], ratios, 1e-4
    )
    assert new.step == 1


def test_the_ratio_of_several_discriminator_updates_is_the_last_ones_after_clipping():
    rate, clip = 0.3, 0.2
    program, key, state = set_up(
        loss="saturating",
        optimizer="sgd",
        discriminator_steps=2,
        discriminator_learning_rate=rate,
        weight_clip=clip,
    )
    both, _ = draws.draw_batches(*program, key, 0)
    g, d = layers(state.generator.parameters), layers(state.discriminator.parameters)
    for x_real, z in zip(np.float64(both.x_real), np.float64(both.z), strict=True):
        gradient, old = discriminator_gradient(g, d, x_real, z)[1], d
        d = [np.clip(w - rate * x, -clip, clip) for w, x in zip(old, gradient, strict=True)]
    moved = norm([new - w for new, w in zip(d, old, strict=True)])
    _, info = game._train_step(*program, state, key, state.step)
    np.testing.assert_allclose(info.discriminator_update_ratio, moved / norm(old), rtol=1e-4)


def test_the_player_whose_turn_it_is_not_has_ratio_zero():
    program, key, state = set_up(update="phased", phase_steps=1)
    for step, resting in ((0, "generator"), (1, "discriminator")):
        _, info = game._train_step(*program, state, key, step)
        ratios = {
            "generator": info.generator_update_ratio,
            "discriminator": info.discriminator_update_ratio,
        }
        assert ratios.pop(resting) == 0
        assert min(ratios.values()) > 0


def test_weights_that_are_all_zero_have_ratio_zero():
    program, key, state = set_up(label_smoothing=0.2)  # else zeros are an equilibrium
    zeros = jax.tree.map(jnp.zeros_like, state.discriminator.parameters)
    state = state._replace(discriminator=state.discriminator._replace(parameters=zeros))
    new, info = game._train_step(*program, state, key, state.step)
    assert norm(layers(new.discriminator.parameters)) > 0
    assert info.discriminator_update_ratio == 0 and np.isfinite(info).all()


def test_batch_accuracies_are_those_of_the_logits_by_hand():
    program, key, state = set_up(batch_size=64)
    # A bias in the middle of both batches' logits, so that either has some told wrongly.
    g, d = layers(state.generator.parameters), layers(state.discriminator.parameters)
    of_discriminator, _ = batches(program, key)
    real = forward(d, np.float64(of_discriminator.x_real))[1]
    fake = forward(d, forward(g, np.float64(of_discriminator.z))[1])[1]
    parameters = jax.tree.map(jnp.copy, state.discriminator.parameters)
    middle = np.sort(np.concatenate([real, fake]).ravel())[30:32].mean()
    parameters["FeaturesFirstLayer_1"]["bias"] -= np.float32(middle)
    state = state._replace(discriminator=state.discriminator._replace(parameters=parameters))
    _, info = game._train_step(*program, state, key, state.step)
    right_real, right_fake = (real > middle).mean(), (fake < middle).mean()
    assert 0 < right_real < 1 and 0 < right_fake < 1
    np.testing.assert_allclose(info.batch_accuracy_real, right_real, rtol=1e-6)
    np.testing.assert_allclose(info.batch_accuracy_fake, right_fake, rtol=1e-6)
    np.testing.assert_allclose(info.logit_gap, real.mean() - fake.mean(), rtol=1e-4)


def test_three_steps_of_adam_are_the_hand_written_ones():
    rates = {"discriminator_learning_rate": 0.02, "generator_learning_rate": 0.05}
    decays = {"beta1": 0.5, "beta2": 0.9}
    program, key, state = set_up(loss="saturating", **rates, **decays)
    g, d = layers(state.generator.parameters), layers(state.discriminator.parameters)
    moments = {name: [[0.0] * 4, [0.0] * 4] for name in "gd"}

    def adam(name, weights, gradients, rate, count):
        first, second = moments[name]
        new = []
        for i, (w, x) in enumerate(zip(weights, gradients, strict=True)):
            first[i] = decays["beta1"] * first[i] + (1 - decays["beta1"]) * x
            second[i] = decays["beta2"] * second[i] + (1 - decays["beta2"]) * x**2
            mean = first[i] / (1 - decays["beta1"] ** count)
            square = second[i] / (1 - decays["beta2"] ** count)
            new.append(w - rate * mean / (np.sqrt(square) + 1e-8))
        return new

    for step in range(3):
        for_discriminator, for_generator = batches(program, key, step)
        x_real, z = (np.asarray(x, np.float64) for x in for_discriminator[:2])
        gradient = discriminator_gradient(g, d, x_real, z)[1]
        d = adam("d", d, gradient, rates["discriminator_learning_rate"], step + 1)
        z = np.asarray(for_generator.z, np.float64)
        gradient = saturating_generator_gradient(g, d, z)[1]
        g = adam("g", g, gradient, rates["generator_learning_rate"], step + 1)
        state, _ = game._train_step(*program, state, key, state.step)
    for player, weights in ((state.generator, g), (state.discriminator, d)):
        for one, other in zip(layers(player.parameters), weights, strict=True):
            np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-4)


@pytest.mark.bits
def test_golden_first_step_of_the_parabola():
    # Seed 0, preset as published. Pins initial weights, data, latents and Adam across versions.
    gan = gan_jax.make_gan(gan_jax.preset("parabola"))
    key = gan_jax.seed_key(0)
    state, info = gan.train_step(gan.init(key), key)
    golden = {
        "discriminator_loss": 1.44072,
        "generator_loss": 1.09471,
        "discriminator_gradient_norm": 1.80413,
        "generator_gradient_norm": 1.55585,
        "logit_real": -0.0384875,
        "logit_fake": -0.393187,
        "logit_gap": 0.354700,
        "batch_accuracy_real": 28 / 64,
        "batch_accuracy_fake": 41 / 64,
        "value": -1.44072,
        "discriminator_update_ratio": 1.38665e-3,
        "generator_update_ratio": 1.87734e-3,
    }
    assert set(golden) == set(info._fields)
    for name, value in golden.items():
        np.testing.assert_allclose(getattr(info, name), value, rtol=1e-4, err_msg=name)
    kernel = state.generator.parameters["FeaturesFirstLayer_1"]["kernel"]
    np.testing.assert_allclose(kernel[0, :3], [-0.280859, -0.225454, -0.0254124], rtol=1e-4)


@pytest.mark.bits
@pytest.mark.parametrize("update", gan_jax.UPDATES)
def test_a_step_nobody_watches_is_the_same_but_for_what_is_watched(update):
    parts, leaves, training_set = make_program(gan_jax.Experiment(update=update, batch_size=8))
    key = gan_jax.seed_key(3)
    state = game.init(parts, leaves, key)

    def step(watched):
        return jax.jit(
            lambda watched: game.train_step(parts, leaves, training_set, state, key, 0, watched)
        )(watched)

    (seen_state, seen), (unseen_state, unseen) = step(True), step(False)
    jax.tree.map(np.testing.assert_array_equal, unseen_state, seen_state)
    for name, value in unseen._asdict().items():
        if name in WATCHED:
            assert np.isnan(value) and np.isfinite(seen._asdict()[name])
        else:
            np.testing.assert_array_equal(value, seen._asdict()[name])
