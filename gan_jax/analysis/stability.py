"""What a game's Jacobian says of its training: eigenvalues, rotation, and which steps contract.

NumPy only: stored spectra are judged and drawn without JAX.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def eigenvalues_of(matrices: np.ndarray) -> np.ndarray:
    """Eigenvalues [seed, n] of matrices [seed, n, n]; NaN for one that is not finite."""
    found = np.full(matrices.shape[:2], np.nan, np.complex128)
    finite = np.isfinite(matrices).all(axis=(1, 2))
    found[finite] = np.linalg.eigvals(matrices[finite])
    return found


def rotation_share(matrices: np.ndarray) -> np.ndarray:
    """|A|^2 / |J|^2 [seed] of matrices J [seed, n, n] with antisymmetric part A = (J - J^T)/2.

    NaN where J is zero or not finite.

    Source: Balduzzi et al. 2018, "The Mechanics of n-Player Differentiable Games", lemma 1.
    """
    finite = np.isfinite(matrices).all(axis=(1, 2), keepdims=True)
    matrices = np.where(finite, matrices, 0.0)
    antisymmetric = (matrices - matrices.swapaxes(1, 2)) / 2
    squares = (matrices**2).sum(axis=(1, 2))
    return (antisymmetric**2).sum(axis=(1, 2)) / np.where(squares > 0, squares, np.nan)


# Update rule -> how much one step of plain gradient descent stretches an eigenvector, as a function
# of z = h a: step size times eigenvalue. Derived in the rules' docstrings. `alternating` and
# `phased` do not depend on the eigenvalue alone.
AMPLIFICATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "simultaneous": lambda z: abs(1 + z),
    "unrolled": lambda z: abs(1 + z),
    "consensus": lambda z: abs(1 + z),
    "extragradient": lambda z: abs(1 + z + z**2),
    "optimistic": lambda z: _largest_root(1 + 2 * z, z),
}


def _largest_root(sum_: np.ndarray, product: np.ndarray) -> np.ndarray:
    """The larger modulus of the roots of m^2 - sum m + product."""
    root = np.sqrt(sum_**2 - 4 * product + 0j)
    return np.maximum(abs(sum_ + root), abs(sum_ - root)) / 2


def amplification(
    update: str, optimizer: str, beta1: float
) -> Callable[[np.ndarray], np.ndarray] | None:
    """How much one step stretches an eigenvector, as a function of z = h a; None if not known.

    An adaptive optimiser is taken without its momentum. The heavy ball's factor is the larger root
    of m^2 - (1 + beta1 + z) m + beta1, an optimistic optimiser's the optimistic rule's, each under
    a rule whose step is otherwise simultaneous.
    """
    plain = update in ("simultaneous", "unrolled", "consensus")
    if optimizer == "momentum":
        return (lambda z: _largest_root(1 + beta1 + z, z * 0 + beta1)) if plain else None
    if optimizer.startswith("optimistic_"):
        return AMPLIFICATIONS["optimistic"] if plain else None
    return AMPLIFICATIONS.get(update)


def critical_step_size(eigenvalues: np.ndarray) -> np.ndarray:
    """The step size below which a simultaneous step contracts: min 2 |Re a| / |a|^2 [seed].

    Over eigenvalues [seed, n]; 0 where one of them has no negative real part, NaN where none is
    known. Eigenvalues of less than 1e-9 times the largest modulus are flat directions, and left
    out. Of leading eigenvalues only, it is an upper bound.

    Source: Mescheder et al. 2017, "The Numerics of GANs", lemma 4.
    """
    modulus = np.where(np.isfinite(eigenvalues), abs(eigenvalues), 0.0)
    counted = modulus > 1e-9 * modulus.max(axis=1, keepdims=True)
    limits = -2 * np.real(eigenvalues) / np.where(counted, modulus, 1.0) ** 2
    smallest = np.where(counted, limits, np.inf).min(axis=1)
    return np.where(counted.any(axis=1), np.maximum(smallest, 0), np.nan)
