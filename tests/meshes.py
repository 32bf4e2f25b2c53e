"""Batches shared out among devices, compared with one device; also run by a process that has eight.

python tests/meshes.py   with the project on the path: prints what it has seen, as JSON
"""

import json
import re
import sys
from functools import partial

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from setups import set_up

import gan_jax
from gan_jax.analysis import quality
from gan_jax.game import draws, gan, players
from gan_jax.game.sharding import batch_mesh
from gan_jax.training.loop import Evaluation, init_lanes, train_lanes
from gan_jax.training.rows import Row, device_rows
from gan_jax.training.seeds import train_seeds

# Of each number its sum over a batch is taken in another order: some roundings, each 2^-24 of what
# is added up, of a leaf's largest entries at most.
ROUNDING = 1e-5


def largest(tree):
    """The largest of all entries."""
    return max(np.abs(x[np.isfinite(x)]).max(initial=0.0) for x in jax.tree.leaves(tree))


def farthest(found, expected, least=1e-3):
    """The largest difference of two trees' arrays, each in units of its largest entry, or `least`.

    What is NaN must be so in both.
    """

    def of(x, y):
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        there = np.isfinite(y)
        assert x.shape == y.shape and (there == np.isfinite(x)).all()
        unit = max(np.abs(y[there]).max(initial=0.0), least)
        return np.abs(x - y)[there].max(initial=0.0) / unit

    pairs = jax.tree.map(of, jax.device_get(found), jax.device_get(expected))
    return max(jax.tree.leaves(pairs))


def disagreement(shared, alone):
    """How far two of `both_ways` are apart.

    A bias before a batch normalisation, or that a relativistic loss cancels, has no gradient but
    the rounding of others' terms: so what counts is a share of its player's largest entries.
    """
    (gradients, stepped), (expected, stepped_alone) = shared, alone
    pairs = zip(gradients, expected, strict=True)
    of_gradients = [farthest(x, y, least=0.5 * largest(y)) for x, y in pairs]
    return max(*of_gradients, farthest(stepped, stepped_alone))


def moves_and_step(program):
    """Both players' gradients on a step's batches, and the whole step, of two lanes."""
    parts, leaves, training_set = program

    def one(training_set, state, key):
        step = np.int32(0)
        batches, own = draws.draw_batches(parts, leaves, training_set, key, step)
        batch = jax.tree.map(lambda x: x[0], batches)
        gradients = (
            players.discriminator_move(parts, leaves, state, batch).gradient,
            players.generator_move(parts, leaves, state, own).gradient,
        )
        return gradients, gan.train_step(parts, leaves, training_set, state, key, step)

    return jax.jit(jax.vmap(one, (None, 0, 0))), training_set


def both_ways(devices, **fields):
    """(gradients, (state, info)) of two seeds, first by one device, then by `devices` together.

    Plain gradient descent: Adam's first steps are signs, and a sign may turn on any rounding.
    """
    program, _, _ = set_up(**({"batch_size": 64, "optimizer": "sgd"} | fields))
    compute, training_set = moves_and_step(program)
    keys = jax.vmap(draws.seed_key)(np.arange(2, dtype=np.uint32))
    states = jax.vmap(partial(gan.init, program.parts, program.leaves))(keys)
    alone = jax.device_get(compute(training_set, states, keys))
    mesh = batch_mesh(devices)
    whole = jax.device_put((training_set, states, keys), NamedSharding(mesh, PartitionSpec()))
    with jax.set_mesh(mesh):
        shared = compute(*whole)
    return alone, jax.device_get(shared)


def compiled_training(devices, lanes=1, **fields):
    """The compiled text of the training program for a row of devices, without measures."""
    program, _, _ = set_up(**fields)
    row, seeds = Row(devices), np.arange(lanes, dtype=np.uint32)
    leaves = jax.tree.map(lambda x: np.broadcast_to(np.asarray(x), (lanes,)), program.leaves)
    lane, _ = row.put(init_lanes(program.parts, leaves, seeds))
    shared = row.put((leaves, program.training_set, Evaluation().inputs))
    boundaries = np.arange(0, 55, 5, dtype=np.int32)
    with row.tracing():
        lowered = train_lanes.lower(program.parts, None, *shared, lane, row.put(seeds), boundaries)
        return lowered.compile().as_text()


def collectives(text):
    """Which communication a compiled program has."""
    return sorted({*re.findall(r" (all-\w+|collective-\w+|reduce-scatter)(?:-start)?\(", text)})


def sizes(text):
    """Every length of an axis of an array of floats in a compiled program."""
    shapes = re.findall(r"f32\[([\d,]+)\]", text)
    return {int(length) for shape in shapes for length in shape.split(",")}


def trained(experiment, seeds, lanes, **where):
    """All that a training comes to, as a tree."""
    evaluation = quality.evaluation(experiment)
    run = train_seeds(experiment, seeds, lanes, evaluation=evaluation, **where)
    return run.states, dict(run.history), run.first_nonfinite_step


def identical(one, other):
    """Whether two trees are the same, bit for bit."""
    same = jax.tree.map(lambda x, y: np.array_equal(x, y, equal_nan=True), one, other)
    return all(jax.tree.leaves(same))


# 104 samples of either kind a discriminator update, 208 a generator's: 13 and 26 on each of eight
# devices, numbers that nothing else in the program has.
ODD = {"batch_size": 208, "discriminator_hidden": (6, 7), "generator_hidden": (4, 5)}


BATCH_NORM_AND_PACKS = {
    "generator_normalization": "batch",
    "discriminator_normalization": "batch",
    "discriminator_batch": "full",
    "packing": 2,
}


SHORT = gan_jax.Experiment(steps=20, log_every=5, batch_size=64)


def short(seeds, **where):
    """All that a short training comes to."""
    run = train_seeds(SHORT, seeds, lanes=1, **where)
    return run.states, dict(run.history), run.first_nonfinite_step


def rows():
    """Eight devices, each alone and in rows, against fewer."""
    one = short(8, devices=jax.devices()[:1])
    return {
        "devices": len(jax.devices()),
        "rows": [len(device_rows(2)), len(device_rows(2, seed_devices=2))],
        "eight are one": identical(short(8), one),
        "four rows are two": identical(
            short(5, batch_devices=2), short(5, batch_devices=2, seed_devices=2)
        ),
    }


def sums():
    """Eight devices that share a batch, against one, and what they tell each other."""
    eight = jax.devices()
    alone, shared = both_ways(eight, **BATCH_NORM_AND_PACKS)
    text = compiled_training(eight, **ODD)
    return {
        "difference": disagreement(shared, alone),
        "after 20 steps": farthest(short(2, batch_devices=8), short(2, devices=eight[:1])),
        "collectives": collectives(text),
        "sizes": sorted(sizes(text)),
    }


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", 8)
    jax.config.update("jax_numpy_rank_promotion", "raise")
    print(json.dumps({"rows": rows, "sums": sums}[sys.argv[1]]()))
