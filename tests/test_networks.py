"""Networks: what each promises, its options, initial weights, tables."""

import inspect
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from setups import SHAPES, built, shaken

import gan_jax
from gan_jax.networks import (
    INITIALIZATIONS,
    NETWORKS,
    NetworkSpec,
    parameter_count,
    parameter_table,
)

PLAYERS = ["generator", "discriminator"]


def supporting(option):
    return [
        name for name, builder in NETWORKS.items() if option in getattr(builder, "supports", ())
    ]


def all_finite(tree):
    return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(tree))


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
    assert jax.eval_shape(module.apply, variables, x).shape == shape
    assert all_finite(jax.jit(jax.grad(lambda v: (module.apply(v, x) ** 2).sum()))(variables))


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
    apply = jax.jit(partial(module.apply, train=True, mutable=rest))
    output, moved = apply(variables, x, rngs=keys)
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

    gradient = jax.jit(jax.grad(penalty))(parameters)
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


# Of 8 features dense networks normalise 5 samples as rows, 4 x 5 or 64 as columns.
@pytest.mark.parametrize("batch", [5, 64])
@pytest.mark.parametrize("name", supporting("normalization"))
def test_batch_normalisation_before_the_output_is_of_what_the_last_layer_is_given(name, batch):
    module, z = built(name, "generator", normalization="batch_before_output", batch=batch)
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
    # The same samples four times have the same statistics.
    again, moved_again = module.apply(
        biased, jnp.tile(z, (4, *[1] * (z.ndim - 1))), train=True, mutable=["batch_stats"]
    )
    np.testing.assert_allclose(again, jnp.tile(x, (4, *[1] * (x.ndim - 1))), rtol=1e-4, atol=1e-5)
    chex.assert_trees_all_close(moved_again, moved, rtol=1e-4, atol=1e-6)


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
