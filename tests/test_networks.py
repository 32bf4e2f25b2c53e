"""Networks: parameter counts, values against the textbook formula, initial weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gan_jax
from gan_jax.networks import ACTIVATIONS, NETWORKS, NetworkSpec


def count(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def test_the_parabola_networks_have_101_and_122_parameters():
    state = gan_jax.make_gan(gan_jax.preset("parabola")).init(gan_jax.seed_key(0))
    discriminator = count(state.discriminator.parameters)
    generator = count(state.generator.parameters)
    assert (discriminator, generator, discriminator + generator) == (101, 122, 223)


def test_a_dense_network_computes_the_textbook_formula():
    spec = NetworkSpec("generator", (7, 6), "tanh", (3,))
    module = NETWORKS["dense"](spec)
    z = jax.random.normal(jax.random.key(1), (9, 4))
    parameters = module.init(jax.random.key(2), z)["params"]
    biases = jax.tree.map(lambda x: x + 0.1 if x.ndim == 1 else x, parameters)
    h = np.asarray(z, np.float64)
    layers = [biases[f"FeaturesFirstLayer_{i}"] for i in range(3)]
    for i, layer in enumerate(layers):
        h = h @ np.asarray(layer["kernel"], np.float64).T + np.asarray(layer["bias"], np.float64)
        h = np.tanh(h) if i < 2 else h
    np.testing.assert_allclose(module.apply({"params": biases}, z), h, rtol=1e-5, atol=1e-6)


def test_leaky_relu_has_slope_a_fifth():
    np.testing.assert_allclose(ACTIVATIONS["leaky_relu"](jnp.array([-1.0, 2.0])), [-0.2, 2.0])


def test_weights_start_he_uniform_and_biases_at_zero():
    spec = NetworkSpec("discriminator", (400,), "relu", (50,))
    module = NETWORKS["dense"](spec)
    layer = module.init(jax.random.key(0), jnp.zeros((1, 50)))["params"]["FeaturesFirstLayer_0"]
    limit = np.sqrt(6 / 50)  # a uniform variable on (-l, l) has standard deviation l / sqrt(3)
    assert np.abs(layer["kernel"]).max() <= limit
    np.testing.assert_allclose(layer["kernel"].std(), limit / np.sqrt(3), rtol=0.02)
    assert not layer["bias"].any()


@pytest.mark.parametrize("player", ["generator", "discriminator"])
@pytest.mark.parametrize("name", list(NETWORKS))
def test_every_network_has_its_players_shapes_and_finite_gradients(name, player):
    spec = NetworkSpec(player, (8, 8), "leaky_relu", (2,))
    module = NETWORKS[name](spec)
    x = jax.random.normal(jax.random.key(0), (6, 2 if player == "discriminator" else 5))
    variables = module.init(jax.random.key(1), x)
    assert module.apply(variables, x).shape == ((6,) if player == "discriminator" else (6, 2))
    gradients = jax.grad(lambda v: (module.apply(v, x) ** 2).sum())(variables)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))
