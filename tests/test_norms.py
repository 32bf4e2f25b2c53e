"""Sums over trees: by hand, across shapes and within one, of nothing."""

import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from gan_jax.game.norms import euclidean_norm, inner_product, sums_by_shape
from gan_jax.training.lane import all_finite

TREE = {
    "kernel": np.full((2, 3), 1, np.float32),
    "moments": [np.full((2, 3), 2, np.float32), np.full((3, 2), 3, np.float32)],
    "bias": np.full((3,), 4, np.float32),
    "rate": np.float32(5),
}


def test_arrays_of_one_shape_are_one_sum():
    # 6 numbers and 12; and 18, 12 and 5.
    assert sorted(sums_by_shape(TREE).tolist()) == [5, 12, 18, 18]
    assert sums_by_shape({}).tolist() == [0]


def test_products_and_norms_are_those_of_all_numbers_in_a_row():
    row, _ = ravel_pytree(TREE)
    twice = {name: 2 * np.asarray(x) for name, x in TREE.items() if name != "moments"}
    twice["moments"] = [2 * x for x in TREE["moments"]]
    np.testing.assert_allclose(inner_product(TREE, twice), 2 * row @ row, rtol=1e-6)
    np.testing.assert_allclose(euclidean_norm(TREE), np.linalg.norm(row), rtol=1e-6)
    assert euclidean_norm({}) == inner_product({}, {}) == 0


@pytest.mark.parametrize("tree", [{}, {"count": np.int32(3)}])
def test_what_has_no_real_numbers_is_finite(tree):
    assert all_finite(tree)
