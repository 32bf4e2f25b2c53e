"""Optimisers: a small network's parameters are one vector to them, and nothing else changes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gan_jax
from gan_jax.config import split
from gan_jax.game.optimizers import FLATTENED, OPTIMIZERS, flattened


def tree(size):
    """Parameters of two leaves, so many numbers in all."""
    return {"kernel": jnp.linspace(-1.0, 2.0, size - 3).reshape(1, -1), "bias": jnp.ones(3)}


def path(optimizer, parameters):
    """Where four steps along changing gradients lead, and the last state."""
    state = optimizer.init(parameters)
    for step in range(4):
        gradient = jax.tree.map(lambda x, s=(-1) ** step: s * (2 + jnp.sin(3 * x)), parameters)
        updates, state = optimizer.update(gradient, state, parameters)
        parameters = jax.tree.map(jnp.add, parameters, updates)
    return parameters, state


@pytest.mark.parametrize("size", [10, FLATTENED, FLATTENED + 1])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_flattened_optimisers_go_the_same_way(name, size):
    _, leaves = split(gan_jax.Experiment())
    plain = OPTIMIZERS[name](jnp.float32(0.01), leaves)
    expected, expected_state = path(plain, tree(size))
    found, state = path(flattened(plain), tree(size))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-6), found, expected)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    # A small one's state is vectors; a larger one's is laid out as its parameters are.
    shapes = {x.shape for x in jax.tree.leaves(state) if x.ndim}
    if shapes:
        assert (shapes == {(size,)}) == (size <= FLATTENED)
    if size > FLATTENED:
        assert jax.tree.structure(state) == jax.tree.structure(expected_state)
