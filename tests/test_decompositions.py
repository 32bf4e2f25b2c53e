"""Decompositions of many seeds' matrices: LAPACK is handed one at a time, and programs end."""

import re
import subprocess
import sys

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

import gan_jax
from gan_jax.analysis import image_measures
from gan_jax.config import Experiment
from gan_jax.decompositions import one_at_a_time
from gan_jax.game.program import make_program
from gan_jax.networks.initializations import orthogonal
from gan_jax.training.loop import init_lane

SEQUENCES = gan_jax.preset("sequence", generator_hidden=(4,), discriminator_hidden=(4,))


def lapack_operands(f, *arguments):
    """The shapes that a function, vmapped and compiled for a CPU, has decomposed by LAPACK."""
    text = jax.jit(jax.vmap(f)).lower(*arguments).as_text()
    operands = re.findall(r"custom_call @lapack_.* : \(tensor<([0-9x]+)x[cf]\d+>", text)
    return [tuple(map(int, shape.split("x"))) for shape in operands]


def test_a_batch_is_seen_as_one():
    assert lapack_operands(jnp.linalg.svdvals, jnp.ones((5, 3, 2))) == [(5, 3, 2)]


@pytest.mark.parametrize("decompose", [jnp.linalg.eigh, jnp.linalg.svdvals, jnp.linalg.qr])
def test_one_at_a_time_is_the_same_for_a_lane_at_a_time(decompose):
    x = jax.random.normal(jax.random.key(0), (2, 5, 4, 4))
    x = x + x.mT  # symmetric, for all to take
    lone = one_at_a_time(decompose)
    assert lapack_operands(jax.vmap(lone), x) == [(4, 4)] * len(lapack_operands(decompose, x[0]))
    chex.assert_trees_all_close(jax.jit(jax.vmap(jax.vmap(lone)))(x), decompose(x), atol=1e-5)


@pytest.mark.parametrize(
    "experiment",
    [
        SEQUENCES,
        SEQUENCES.replace(generator="lstm", discriminator="lstm"),
        Experiment(initialization="orthogonal", initial_deviation=2.0),
    ],
    ids=["gru", "lstm", "dense"],
)
def test_orthogonal_weights_of_many_seeds_are_drawn_one_by_one(experiment):
    parts, leaves, _ = make_program(experiment)
    shapes = lapack_operands(lambda seed: init_lane(parts, leaves, seed), jnp.arange(16))
    assert shapes and {len(shape) for shape in shapes} == {2}


@pytest.mark.bits
@pytest.mark.parametrize("shape", [(7, 3), (64, 64)])
def test_orthogonal_weights_are_those_of_flax(shape):
    keys = jax.random.split(jax.random.key(0), 4)

    def drawn(initializer):
        return jax.jit(jax.vmap(lambda key: initializer(key, shape)))(keys)

    theirs = nn.initializers.orthogonal(2.0, -1)
    np.testing.assert_array_equal(drawn(orthogonal(2.0, -2, -1)), drawn(theirs))


def test_features_of_many_seeds_are_decomposed_one_by_one():
    def distance(features):
        moments = image_measures.moments(features)
        return image_measures.frechet_distance(moments, moments)

    shapes = lapack_operands(distance, jnp.ones((16, 9, 4)))
    assert shapes == [(4, 4)] * 2  # eigh and svd


# Twice the program of 16 seeds' first weights, on two cores: XLA has as many threads.
BESIDE_EACH_OTHER = """
import os
import threading
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
import jax
jax.config.update("jax_num_cpu_devices", 2)
import gan_jax
from gan_jax.game.program import make_program
from gan_jax.training.loop import init_lanes

parts, leaves, _ = make_program(gan_jax.preset("sequence"))
seeds = jax.numpy.arange(16)
leaves = jax.tree.map(lambda x: jax.numpy.full(16, x), leaves)
init = init_lanes.lower(parts, leaves, seeds).compile()

def often():
    for _ in range(100):
        jax.block_until_ready(init(leaves, seeds))

threads = [threading.Thread(target=often, daemon=True) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("ended")
"""


def test_two_programs_of_many_seeds_end():
    done = subprocess.run(
        [sys.executable, "-c", BESIDE_EACH_OTHER], stdout=subprocess.PIPE, text=True, timeout=100
    )
    assert done.stdout == "ended\n"
