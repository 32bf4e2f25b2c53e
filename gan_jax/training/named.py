"""Trees as arrays by name, PATH/IN/TREE: how states are stored, and how they come back.

A name and an array need no code to be read; the tree they belong to is known from the experiment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np


def leaf_name(path: Any) -> str:
    """The name of a leaf: generator/parameters/Dense_0/kernel."""
    return jax.tree_util.keystr(path, simple=True, separator="/")


def by_name(tree: Any) -> dict[str, np.ndarray]:
    """A tree's leaves, on the host, by name."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(jax.device_get(tree))
    return {leaf_name(path): np.asarray(leaf) for path, leaf in leaves}


def digest(tree: Any) -> str:
    """SHA-256 of a tree's leaves: their names, types, shapes and bits."""
    found = hashlib.sha256()
    for name, x in by_name(tree).items():
        found.update(f"{name} {x.dtype} {x.shape}".encode() + x.tobytes())
    return found.hexdigest()


def mismatches(template: Any, arrays: Mapping[str, np.ndarray]) -> list[str]:
    """In words, where arrays by name are not the leaves of a tree of shapes and types."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(template)
    expected = {leaf_name(path): f"{leaf.dtype}{list(leaf.shape)}" for path, leaf in leaves}
    given = {name: f"{x.dtype}{list(x.shape)}" for name, x in arrays.items()}
    return [
        f"{name}: {given.get(name, 'nothing')} there, {expected.get(name, 'nothing')} here"
        for name in sorted({*expected, *given})
        if expected.get(name) != given.get(name)
    ]


def as_tree(template: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The tree of a template's structure whose leaves are the arrays of those names."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(template)
    return jax.tree_util.tree_unflatten(structure, [arrays[leaf_name(path)] for path, _ in leaves])
