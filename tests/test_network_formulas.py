"""Networks: values and parameter counts against the textbook's formulas, written out once more."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from setups import built, shaken

from gan_jax.networks import ACTIVATIONS, NETWORKS, NetworkSpec, parameter_count
from gan_jax.networks.convolutions import double, halve


def counted(name, player, **fields):
    return parameter_count(*built(name, player, **fields))


def test_convolutional_networks_have_as_many_parameters_as_kernels_and_biases_say():
    of_generator = (5 + 1) * (2 * 3 * 6) + (16 * 6 + 1) * 4 + (16 * 4 + 1) * 2
    assert counted("convolutional", "generator", hidden=(6, 4)) == of_generator
    of_discriminator = (16 * 2 + 1) * 4 + (16 * 4 + 1) * 6 + (2 * 3 * 6 + 1)
    assert counted("convolutional", "discriminator", hidden=(4, 6)) == of_discriminator
    # Batch normalisation: a scale and a shift for each channel, but of the discriminator's first.
    batch = {"normalization": "batch"}
    assert counted("convolutional", "generator", hidden=(6, 4), **batch) == of_generator + 2 * 10
    assert (
        counted("convolutional", "discriminator", hidden=(4, 6), **batch)
        == of_discriminator + 2 * 6
    )


@pytest.mark.parametrize(
    ("name", "gates", "biases", "states"), [("gru", 3, 4, 1), ("lstm", 4, 4, 2)]
)
def test_recurrent_networks_have_as_many_parameters_as_their_gates_say(name, gates, biases, states):
    def cell(inputs, width):  # of a GRU's gates, the candidate has a bias on either side
        return gates * width * (inputs + width) + biases * width

    beginnings = (5 + 1) * states * (6 + 4)
    of_generator = cell(5, 6) + cell(6, 4) + beginnings + (4 + 1)
    assert counted(name, "generator", hidden=(6, 4)) == of_generator
    of_discriminator = cell(1, 6) + cell(6, 4) + (4 + 1)
    assert counted(name, "discriminator", hidden=(6, 4)) == of_discriminator


def test_a_dense_network_computes_the_textbook_formula():
    spec = NetworkSpec("generator", (7, 6), "tanh", (3,))
    module = NETWORKS["dense"](spec)
    z = jax.random.normal(jax.random.key(1), (9, 4))
    parameters = jax.jit(module.init)(jax.random.key(2), z)["params"]
    biases = jax.tree.map(lambda x: x + 0.1 if x.ndim == 1 else x, parameters)
    h = np.asarray(z, np.float64)
    layers = [biases[f"FeaturesFirstLayer_{i}"] for i in range(3)]
    for i, layer in enumerate(layers):
        h = h @ np.asarray(layer["kernel"], np.float64).T + np.asarray(layer["bias"], np.float64)
        h = np.tanh(h) if i < 2 else h
    np.testing.assert_allclose(module.apply({"params": biases}, z), h, rtol=1e-5, atol=1e-6)


IMAGES = ("NHWC", "HWIO", "NHWC")


def test_halving_and_doubling_are_laxs_strided_convolutions():
    x = jax.random.normal(jax.random.key(1), (3, 4, 6, 5))
    kernel = jax.random.normal(jax.random.key(2), (4, 4, 5, 7))
    halved = lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=IMAGES)
    np.testing.assert_allclose(halve(x, kernel), halved, rtol=1e-4, atol=1e-4)
    turned = kernel[::-1, ::-1]
    doubled = lax.conv_transpose(x, turned, (2, 2), "SAME", dimension_numbers=IMAGES)
    np.testing.assert_allclose(double(x, kernel), doubled, rtol=1e-4, atol=1e-4)


def test_a_convolutional_discriminator_computes_the_textbook_formula():
    module, x = built("convolutional", "discriminator", hidden=(3,), packing=2)
    parameters = shaken(jax.jit(module.init)(jax.random.key(2), x)["params"])
    layer, last = parameters["Convolution_0"], parameters["Dense_0"]
    channels = jnp.concatenate([x[:, 0], x[:, 1]], axis=-1)  # a pack's images, one on the other
    h = lax.conv_general_dilated(
        channels, layer["kernel"], (2, 2), [(1, 1), (1, 1)], dimension_numbers=IMAGES
    )
    h = np.asarray(h) + np.asarray(layer["bias"])
    h = np.where(h > 0, h, 0.2 * h).reshape(6, -1)
    logits = h @ np.asarray(last["kernel"])[:, 0] + np.asarray(last["bias"])
    computed = module.apply({"params": parameters}, x)
    np.testing.assert_allclose(computed, logits, rtol=1e-4, atol=1e-4)


def test_a_convolutional_generator_computes_the_textbook_formula():
    module, z = built("convolutional", "generator", hidden=(3,), output="tanh")
    parameters = shaken(jax.jit(module.init)(jax.random.key(2), z)["params"])
    first, layer = parameters["Dense_0"], parameters["Convolution_0"]
    h = np.asarray(z) @ np.asarray(first["kernel"]) + np.asarray(first["bias"])
    h = jnp.asarray(np.where(h > 0, h, 0.2 * h).reshape(6, 4, 6, 3))
    turned = layer["kernel"][::-1, ::-1]
    images = lax.conv_transpose(h, turned, (2, 2), "SAME", dimension_numbers=IMAGES)
    images = np.tanh(np.asarray(images) + np.asarray(layer["bias"]))
    computed = module.apply({"params": parameters}, z)
    np.testing.assert_allclose(computed, images, rtol=1e-4, atol=1e-4)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru_step(cell, h, x):
    """Cho et al. 2014; the candidate's recurrent part is gated after its product, with a bias."""

    def affine(name, of):
        return of @ cell[name]["kernel"] + cell[name].get("bias", 0.0)

    reset = sigmoid(affine("ir", x) + affine("hr", h))
    update = sigmoid(affine("iz", x) + affine("hz", h))
    candidate = np.tanh(affine("in", x) + reset * affine("hn", h))
    return (1 - update) * candidate + update * h


def lstm_step(cell, states, x):
    """Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000."""
    c, h = states
    gate = {
        name: x @ cell[f"i{name}"]["kernel"]
        + h @ cell[f"h{name}"]["kernel"]
        + cell[f"h{name}"]["bias"]
        for name in "ifgo"
    }
    c = sigmoid(gate["f"]) * c + sigmoid(gate["i"]) * np.tanh(gate["g"])
    return c, sigmoid(gate["o"]) * np.tanh(c)


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_recurrent_networks_compute_the_textbook_formula(name):
    cell_name = {"gru": "GRUCell_0", "lstm": "OptimizedLSTMCell_0"}[name]

    def step(cell, states, x):
        states = gru_step(cell, states, x) if name == "gru" else lstm_step(cell, states, x)
        return states, states if name == "gru" else states[1]

    def read_out(layer, h):
        return (h @ layer["kernel"] + layer["bias"])[:, 0]

    def shaken_network(player, **fields):
        module, x = built(name, player, hidden=(3,), **fields)
        parameters = shaken(jax.jit(module.init)(jax.random.key(2), x)["params"])
        computed = jax.jit(module.apply)({"params": parameters}, x)
        return jax.tree.map(np.asarray, (parameters, x, computed))

    parameters, x, computed = shaken_network("discriminator", packing=2)
    nothing = np.zeros((6, 3))
    states, logits = nothing if name == "gru" else (nothing, nothing), 0
    for time in range(5):
        states, h = step(parameters[cell_name], states, x[:, :, time])
        logits += read_out(parameters["Dense_0"], h) / 5
    np.testing.assert_allclose(computed, logits, rtol=1e-4, atol=1e-5)

    parameters, z, computed = shaken_network("generator", output="tanh")
    begun = np.tanh(z @ parameters["Dense_0"]["kernel"] + parameters["Dense_0"]["bias"])
    states = begun if name == "gru" else (begun[:, :3], begun[:, 3:])
    for time in range(5):
        states, h = step(parameters[cell_name], states, z)
        number = np.tanh(read_out(parameters["Dense_1"], h))
        np.testing.assert_allclose(computed[:, time], number, rtol=1e-4, atol=1e-5)


def test_relu_is_jaxs_and_so_are_its_derivatives():
    relu, x = ACTIVATIONS["relu"], jnp.array([-jnp.inf, -2.0, -1e-30, -0.0, 0.0, 3.0, jnp.inf])
    np.testing.assert_array_equal(relu(x), jax.nn.relu(x))
    for ours, jaxs in [(relu, jax.nn.relu), (jax.grad(relu), jax.grad(jax.nn.relu))]:
        np.testing.assert_array_equal(jax.vmap(jax.grad(ours))(x), jax.vmap(jax.grad(jaxs))(x))
    assert np.isnan(relu(jnp.nan))


def test_leaky_relu_has_slope_a_fifth():
    np.testing.assert_allclose(ACTIVATIONS["leaky_relu"](jnp.array([-1.0, 2.0])), [-0.2, 2.0])


def test_maxout_takes_the_largest_of_five_affine_maps():
    pieces = jnp.array([[3, 0], [1, 5], [9, -4], [2, 2], [-1, 4]]) * 1.0  # [piece, width]
    columns = jnp.stack([pieces, -pieces], axis=-1).reshape(10, 2)
    np.testing.assert_array_equal(ACTIVATIONS["maxout"](columns), [[9, 1], [5, 4]])

    spec = NetworkSpec("discriminator", (2,), "maxout", (1,))
    module, x = NETWORKS["dense"](spec), jnp.array([[-1.0], [2.0]])
    assert parameter_count(module, x) == 5 * 2 * 2 + 3
    slopes = jnp.array([1, 0, -1, 0, 2, 0, 0, 0, 0, 1])[:, None] * 1.0
    layers = [(slopes, jnp.zeros(10)), (jnp.array([[1.0, 10.0]]), jnp.zeros(1))]
    parameters = {
        f"FeaturesFirstLayer_{i}": {"kernel": kernel, "bias": bias}
        for i, (kernel, bias) in enumerate(layers)
    }
    # At -1 the pieces' largest are 1 (slope -1) and 0; at 2 they are 4 (slope 2) and 2 (slope 1).
    np.testing.assert_allclose(module.apply({"params": parameters}, x), [1, 24])


@pytest.mark.parametrize(("name", "axes"), [("batch", (0, 1, 2)), ("layer", (1, 2, 3))])
def test_images_are_normalised_over_the_axes_that_are_stated(name, axes):
    """By their moments, while scales are still 1 and shifts 0."""
    module, z = built("convolutional", "generator", hidden=(4,), normalization=name)
    variables = jax.jit(module.init)(jax.random.key(1), z)
    rest = [collection for collection in variables if collection != "params"]
    _, seen = module.apply(
        variables, z, train=True, mutable=[*rest, "intermediates"], capture_intermediates=True
    )
    layer = "BatchNorm_0" if name == "batch" else "LayerNorm_0"
    (x,) = seen["intermediates"][layer]["__call__"]
    assert x.shape == (6, 4, 6, 4)
    np.testing.assert_allclose(x.mean(axis=axes), 0, atol=1e-5)
    np.testing.assert_allclose((x**2).mean(axis=axes), 1, atol=1e-3)
