"""The contract of every registry entry, one module for all: it trains, under seeds, as promised."""

import re
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from setups import BLOBS, LAWS, TAKES, TINY, batches

import gan_jax
from gan_jax.game import draws, players
from gan_jax.game import gan as game
from gan_jax.game.optimizers import SCHEDULES
from gan_jax.game.parts import current_parameters
from gan_jax.networks import ACTIVATIONS, INITIALIZATIONS, NORMALIZATIONS
from gan_jax.training.lane import all_finite

# A field of Experiment for every registry, and what its entries need besides.
REGISTRIES = {
    "loss": gan_jax.LOSSES,
    "penalty": gan_jax.PENALTIES,
    "update": gan_jax.UPDATES,
    "optimizer": gan_jax.OPTIMIZERS,
    "learning_rate_schedule": SCHEDULES,
    "generator": gan_jax.NETWORKS,
    "discriminator": gan_jax.NETWORKS,
    "generator_activation": ACTIVATIONS,
    "discriminator_activation": ACTIVATIONS,
    "generator_normalization": NORMALIZATIONS,
    "discriminator_normalization": NORMALIZATIONS,
    "initialization": INITIALIZATIONS,
    "data": LAWS,
}
ENTRIES = [(field, name) for field, registry in REGISTRIES.items() for name in registry]
# Every traced number, moved.
MOVED = {
    "generator_learning_rate": 2e-3,
    "discriminator_learning_rate": 3e-3,
    "beta1": 0.5,
    "beta2": 0.99,
    "penalty_weight": 3.0,
    "consensus_weight": 2.0,
    "steps": 7,
}


@pytest.mark.parametrize(("field", "name"), ENTRIES, ids=["-".join(entry) for entry in ENTRIES])
def test_every_entry_keeps_the_contract(field, name, registered):
    registered(gan_jax.DATASETS, "blobs", BLOBS)
    fields = {"data": TAKES.get(name, "parabola"), "evaluation_samples": 16, "steps": 5}
    experiment = gan_jax.Experiment(**TINY | fields | {field: name})
    program, key = game.make_program(experiment), draws.seed_key(1)
    shape = program.parts.dataset.shape
    traces = []

    def step(leaves, state, key, number):
        traces.append(1)
        return game.train_step(program.parts, leaves, program.training_set, state, key, number)

    train = jax.jit(jax.vmap(step, (None, 0, 0, None)))
    keys = jax.vmap(draws.seed_key)(jnp.arange(3))
    states = jax.jit(jax.vmap(lambda key: game.init(program.parts, program.leaves, key)))(keys)
    begun = states
    for number in range(2):
        states, info = train(program.leaves, states, keys, number)
    assert all_finite((states, info)) and all(x.shape == (3,) for x in info)

    # Every seed is its own run: in another order, so in other company, it goes the same way.
    turned = jax.tree.map(lambda x: x[::-1], begun)
    for number in range(2):
        turned, _ = train(program.leaves, turned, keys[::-1], number)
    chex.assert_trees_all_equal(jax.tree.map(lambda x: x[::-1], turned), states)

    # Traced numbers change the outcome without another compilation.
    before = len(traces)
    moved = game.make_program(experiment.replace(**MOVED)).leaves
    other, _ = train(moved, begun, keys, 0)
    again, _ = train(program.leaves, begun, keys, 0)
    assert len(traces) == before
    if name != "warmup":  # whose first rate is 0 whatever it is multiplied with
        assert not np.array_equal(
            *(jax.tree.leaves(s.discriminator.parameters)[0] for s in (other, again))
        )

    # Shapes, and freezing: no gradient of one player's loss reaches the other.
    state = jax.tree.map(lambda x: x[1], states)
    z = jnp.zeros((4, experiment.latent_dim))
    x = jax.eval_shape(partial(game.generate, program.parts), state, z)
    logits = jax.eval_shape(partial(game.discriminate, program.parts), state, x)
    assert x.shape == (4, *shape) and logits.shape == (4,)
    gradients = jax.jit(lambda state: frozen_gradients(program, state, *batches(program, key)))
    for other_players in gradients(state):
        assert all(not x.any() for x in jax.tree.leaves(other_players))


def frozen_gradients(program, state, for_discriminator, for_generator):
    """The gradient of each player's loss, as it is trained on, in the other's parameters."""
    rest = current_parameters(state), state
    of_discriminator, of_generator = (
        jax.grad(loss, argnums=2, has_aux=True)(*program[:2], *rest, batch)[0]
        for loss, batch in (
            (players.frozen_discriminator_loss, for_discriminator),
            (players.frozen_generator_loss, for_generator),
        )
    )
    return of_discriminator.generator, of_generator.discriminator


# What else may be combined with everything.
STABILISERS = {
    "spectral_norm": True,
    "packing": 2,
    "weight_clip": 0.05,
    "instance_noise": 0.1,
    "gradient_clip": 1.0,
    "generator_ema": 0.9,
    "generator_normalization": "batch",
    "generator_dropout": 0.2,
    "penalty_every": 3,
    "discriminator_batch": "full",
}
PENALTIES, UPDATES, OPTIMIZERS, LOSSES = (
    list(registry)
    for registry in (gan_jax.PENALTIES, gan_jax.UPDATES, gan_jax.OPTIMIZERS, gan_jax.LOSSES)
)


def crossing(row, column):
    """Every penalty with every update; optimisers in a Latin square, so any two meet."""
    place = row * len(UPDATES) + column
    fields = {
        "penalty": PENALTIES[row],
        "update": UPDATES[column],
        "optimizer": OPTIMIZERS[(row + column) % len(OPTIMIZERS)],
        "loss": LOSSES[place % len(LOSSES)],
    }
    if fields["update"] == "optimistic":
        fields["optimizer"] = fields["optimizer"].removeprefix("optimistic_")
    return fields | (STABILISERS if place % 4 == 0 else {})


@pytest.mark.slow
@pytest.mark.parametrize("column", range(len(UPDATES)), ids=UPDATES)
@pytest.mark.parametrize("row", range(len(PENALTIES)), ids=PENALTIES)
def test_entries_work_with_one_another_under_seeds(row, column):
    experiment = gan_jax.Experiment(**TINY, **crossing(row, column))
    program, keys = game.make_program(experiment), jax.vmap(draws.seed_key)(jnp.arange(2))

    def run(key):
        state = game.init(program.parts, program.leaves, key)
        return game.train_step(*program, state, key, 0)

    state, info = jax.jit(jax.vmap(run))(keys)
    assert all_finite((state, info)) and info.generator_loss.shape == (2,)


# The entries that do nothing have no one to name.
NOBODYS = ("constant", "none")


@pytest.mark.parametrize("registry", [gan_jax.LOSSES, gan_jax.PENALTIES, gan_jax.UPDATES])
def test_every_entry_of_the_game_names_its_source(registry):
    for entry in registry.values():
        functions = entry[:2] if isinstance(entry, gan_jax.GanLoss) else [entry]
        assert all("Source:" in function.__doc__ for function in functions)


@pytest.mark.parametrize(
    "registry", [gan_jax.OPTIMIZERS, SCHEDULES, gan_jax.NETWORKS, NORMALIZATIONS]
)
def test_every_part_names_who_it_is_of(registry):
    for name, entry in registry.items():
        if name not in NOBODYS:
            assert re.search(r"(19|20)\d\d", entry.__doc__), name
