"""Networks: parameter counts, values against the textbook formula, initial weights."""

import inspect

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from setups import SHAPES

import gan_jax
from gan_jax.networks import (
    ACTIVATIONS,
    INITIALIZATIONS,
    NETWORKS,
    NetworkSpec,
    parameter_count,
    parameter_table,
)
from gan_jax.networks.convolutions import double, halve

LATENT_DIM = 5
PLAYERS = ["generator", "discriminator"]


def built(name, player, hidden=(8, 8), packing=1, batch=6, **fields):
    """A network of an activation with a slope everywhere, and an input of standard Gaussians."""
    shape = SHAPES[name] if packing == 1 else (packing, *SHAPES[name])
    spec = NetworkSpec(player, hidden, "leaky_relu", shape, **fields)
    x = (batch, LATENT_DIM) if player == "generator" else (batch, *shape)
    return NETWORKS[name](spec), jax.random.normal(jax.random.key(0), x)


def supporting(option):
    return [
        name for name, builder in NETWORKS.items() if option in getattr(builder, "supports", ())
    ]


def all_finite(tree):
    return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(tree))


def shaken(parameters):
    """Parameters none of which is zero any more, biases above all."""
    leaves, tree = jax.tree.flatten(parameters)
    keys = jax.random.split(jax.random.key(7), len(leaves))
    moved = [x + 0.1 * jax.random.normal(key, x.shape) for x, key in zip(leaves, keys, strict=True)]
    return jax.tree.unflatten(tree, moved)


def test_the_parabola_networks_have_101_and_122_parameters():
    state = gan_jax.make_gan(gan_jax.preset("parabola")).init(gan_jax.seed_key(0))
    discriminator, generator = (
        sum(leaf.size for leaf in jax.tree.leaves(player.parameters))
        for player in (state.discriminator, state.generator)
    )
    assert (discriminator, generator, discriminator + generator) == (101, 122, 223)


def test_tables_say_the_same_and_are_plain_text(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    generator = NETWORKS["dense"](NetworkSpec("generator", (15,), "relu", (2,)))
    discriminator = NETWORKS["dense"](NetworkSpec("discriminator", (25,), "relu", (2,)))
    for module, inputs, counts in (
        (generator, 5, (90, 32, 122)),
        (discriminator, 2, (75, 26, 101)),
    ):
        table = parameter_table(module, jnp.zeros((1, inputs)), console_width=90)
        assert all(f"{n} ({4 * n} B)" in table for n in counts)
        assert "\x1b" not in table and max(map(len, table.splitlines())) <= 90
        assert parameter_count(module, jnp.zeros((1, inputs))) == counts[-1]


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


def first_kernel(initialization, deviation=None):
    """Of a dense layer from 50 to 400: [400, 50]."""
    spec = NetworkSpec("discriminator", (400,), "relu", (50,))
    spec = spec._replace(initialization=initialization, initial_deviation=deviation)
    module = NETWORKS["dense"](spec)
    layer = module.init(jax.random.key(0), jnp.zeros((1, 50)))["params"]["FeaturesFirstLayer_0"]
    assert not layer["bias"].any()
    return np.asarray(layer["kernel"])


def test_weights_start_he_uniform_and_biases_at_zero():
    kernel = first_kernel("he_uniform")
    limit = np.sqrt(6 / 50)  # a uniform variable on (-l, l) has standard deviation l / sqrt(3)
    assert np.abs(kernel).max() <= limit
    np.testing.assert_allclose(kernel.std(), limit / np.sqrt(3), rtol=0.02)


@pytest.mark.parametrize(("deviation", "expected"), [(None, 0.02), (0.5, 0.5)])
def test_normal_weights_start_with_the_deviation_given(deviation, expected):
    np.testing.assert_allclose(first_kernel("normal", deviation).std(), expected, rtol=0.02)


@pytest.mark.parametrize(("deviation", "gain"), [(None, 1.0), (3.0, 3.0)])
def test_orthogonal_weights_start_with_orthogonal_columns_of_the_gain_given(deviation, gain):
    kernel = first_kernel("orthogonal", deviation)
    np.testing.assert_allclose(kernel.T @ kernel, gain**2 * np.eye(50), atol=1e-4)


def test_convolutions_start_as_their_number_of_inputs_says():
    module, x = built("convolutional", "discriminator", hidden=(400, 4))
    kernel = jax.jit(module.init)(jax.random.key(0), x)["params"]["Convolution_0"]["kernel"]
    np.testing.assert_allclose(kernel.std(), np.sqrt(2 / (16 * 2)), rtol=0.02)
    module, x = built("convolutional", "discriminator", (9, 4), initialization="orthogonal")
    kernel = jax.jit(module.init)(jax.random.key(0), x)["params"]["Convolution_0"][
        "kernel"
    ].reshape(32, 9)
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(9), atol=1e-5)


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("name", list(NETWORKS))
def test_every_network_has_its_players_shapes_and_finite_gradients(name, player):
    module, x = built(name, player)
    variables = jax.jit(module.init)(jax.random.key(1), x)
    shape = (6,) if player == "discriminator" else (6, *SHAPES[name])
    assert module.apply(variables, x).shape == shape
    assert all_finite(jax.grad(lambda v: (module.apply(v, x) ** 2).sum())(variables))


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("name", list(NETWORKS))
def test_every_network_takes_together_all_that_it_says_it_supports(name, player):
    options = {
        "normalization": "layer",
        "spectral_norm": True,
        "output": "tanh",
        "initialization": "orthogonal",
        "dropout": 0.25,
    }
    fields = {option: value for option, value in options.items() if name in supporting(option)}
    packing = 2 if player == "discriminator" and name in supporting("packing") else 1
    module, x = built(name, player, packing=packing, **fields)
    variables = jax.jit(module.init)(jax.random.key(1), x)
    rest = [collection for collection in variables if collection != "params"]
    keys = {"dropout": jax.random.key(3)}
    output, moved = module.apply(variables, x, train=True, mutable=rest, rngs=keys)
    assert output.shape == ((6,) if player == "discriminator" else (6, *SHAPES[name]))
    assert all_finite((output, moved)) and set(moved) == set(rest)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_a_gradient_penalty_has_a_finite_gradient_that_is_right(name):
    """Against a difference quotient, along one direction."""
    module, x = built(name, "discriminator", batch=2)
    parameters = shaken(jax.jit(module.init)(jax.random.key(1), x)["params"])

    @jax.jit
    def penalty(parameters):
        slopes = jax.grad(lambda x: module.apply({"params": parameters}, x).sum())(x)
        return (slopes**2).sum()

    gradient = jax.grad(penalty)(parameters)
    assert all_finite(gradient)
    with jax.enable_x64(True):
        parameters, gradient, x = jax.tree.map(
            lambda x: jnp.asarray(x, jnp.float64), (parameters, gradient, x)
        )
        ahead, behind = (
            penalty(jax.tree.map(lambda p, g, e=e: p + e * g, parameters, gradient))
            for e in (1e-6, -1e-6)
        )
        along = sum((leaf**2).sum() for leaf in jax.tree.leaves(gradient))
        np.testing.assert_allclose((ahead - behind) / 2e-6, along, rtol=1e-3)


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("name", list(NETWORKS))
def test_a_seed_among_others_is_the_seed_alone(name, player):
    """Values, gradients and statistics of lane k, under a vmap, against those of a single run."""
    fields = {"normalization": "batch"} if name in supporting("normalization") else {}
    module, x = built(name, player, **fields)

    def run(key):
        variables = dict(module.init(key, x))
        parameters = variables.pop("params")

        def loss(parameters):
            output, moved = module.apply(
                {"params": parameters, **variables}, x, train=True, mutable=list(variables)
            )
            return (output**2).mean(), moved

        return jax.value_and_grad(loss, has_aux=True)(parameters)

    keys = jax.random.split(jax.random.key(5), 3)
    together = jax.jit(jax.vmap(run))(keys)
    (_, moved), _ = together
    assert ("batch_stats" in moved) == bool(fields)
    for k, key in enumerate(keys):
        lane = jax.tree.map(lambda leaf, k=k: leaf[k], together)
        chex.assert_trees_all_close(lane, jax.jit(run)(key), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", supporting("normalization"))
def test_batch_normalisation_before_the_output_is_of_what_the_last_layer_is_given(name):
    module, z = built(name, "generator", normalization="batch_before_output", batch=64)
    variables = jax.jit(module.init)(jax.random.key(1), z)
    assert list(variables["batch_stats"]) == ["BatchNorm_0"]
    plain, _ = built(name, "generator", batch=64)
    count = parameter_count(plain, z)
    assert parameter_count(module, z) == count + 2 * 8  # a scale and a shift of the last width
    # Whatever it is given, it passes on with mean 0: the output's mean is the last bias alone.
    layers = [key for key in variables["params"] if key != "BatchNorm_0"]
    biased = jax.tree.map(lambda x: x, variables)
    biased["params"][layers[-1]]["bias"] += 3.0
    x, moved = module.apply(biased, z, train=True, mutable=["batch_stats"])
    if name == "dense":
        np.testing.assert_allclose(x.mean(axis=0), 3.0, atol=1e-4)
    assert all(leaf.shape == (8,) for leaf in jax.tree.leaves(moved))


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


@pytest.mark.parametrize("name", supporting("output"))
def test_tanh_keeps_samples_within_one_and_is_of_the_linear_output(name):
    module, z = built(name, "generator", output="tanh")
    linear, _ = built(name, "generator")
    variables = jax.jit(module.init)(jax.random.key(1), z)
    x = module.apply(variables, 100 * z)
    assert np.abs(x).max() <= 1
    np.testing.assert_allclose(x, np.tanh(linear.apply(variables, 100 * z)), atol=1e-6)


@pytest.mark.parametrize("name", supporting("dropout"))
def test_dropout_is_of_training_alone_and_differs_by_key(name):
    module, x = built(name, "discriminator", dropout=0.5)
    plain, _ = built(name, "discriminator")
    variables = jax.jit(module.init)(jax.random.key(1), x)
    np.testing.assert_array_equal(module.apply(variables, x), plain.apply(variables, x))
    one, other = (
        module.apply(variables, x, train=True, rngs={"dropout": jax.random.key(k)}) for k in (1, 2)
    )
    assert not np.array_equal(one, other)


def test_dropout_drops_the_share_given_and_keeps_the_mean():
    spec = NetworkSpec("discriminator", (4000,), "relu", (1,), dropout=0.3)
    module, x = NETWORKS["dense"](spec), jnp.ones((5, 1))
    # Every hidden output is 1 and the last layer takes their mean.
    layers = [(jnp.ones((4000, 1)), jnp.zeros(4000)), (jnp.ones((1, 4000)) / 4000, jnp.zeros(1))]
    parameters = {
        f"FeaturesFirstLayer_{i}": {"kernel": kernel, "bias": bias}
        for i, (kernel, bias) in enumerate(layers)
    }
    keys = {"dropout": jax.random.key(1)}
    logits = module.apply({"params": parameters}, x, train=True, rngs=keys)
    kept = np.asarray(logits) * 0.7  # 7 in 10 stay, each counted 1 / 0.7
    np.testing.assert_allclose(kept, 0.7, atol=4 * np.sqrt(0.3 * 0.7 / 4000))
    assert len(set(kept.tolist())) > 1


def test_what_does_not_fit_is_refused():
    for shape, hidden in (((8, 6, 1), (4, 4)), ((8, 8), (4,)), ((8, 8, 1), ())):
        with pytest.raises(ValueError, match="expected images"):
            NETWORKS["convolutional"](NetworkSpec("generator", hidden, "relu", shape))
    for shape, hidden in (((8, 6, 1), (4,)), ((8,), ())):
        with pytest.raises(ValueError, match="expected sequences"):
            NETWORKS["gru"](NetworkSpec("discriminator", hidden, "relu", shape))


def test_every_initialization_says_what_it_makes_and_whose_it_is():
    assert all("Source:" in inspect.getdoc(entry) for entry in INITIALIZATIONS.values())
