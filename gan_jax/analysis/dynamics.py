"""The game's dynamics at a state: its field's Jacobian, eigenvalues, rotation; its next updates.

Of the scaled field, see `game_field`. Everything but the updates is computed in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.flatten_util import ravel_pytree

from gan_jax.analysis.game_field import field_batches, scaling, vector_field
from gan_jax.analysis.stability import eigenvalues_of, rotation_share
from gan_jax.config import Experiment, Leaves
from gan_jax.game.draws import seed_key
from gan_jax.game.gan import train_step
from gan_jax.game.parts import Batch, Parts, TrainingSet, current_parameters
from gan_jax.game.program import make_program
from gan_jax.game.state import GanState

# Up to so many parameters the whole Jacobian is made; beyond, products with it only.
MOST_EXACT = 3000
N_LEADING = 20
COLUMNS_AT_ONCE = 64
# The Jacobians made at once, float64: so many entries, 128 MiB.
ENTRIES_AT_ONCE = 2**24


class Spectra(NamedTuple):
    """Eigenvalues and more of many seeds' games at one moment; NumPy, leading axis = seed.

    Attributes:
      eigenvalues: of the scaled field's Jacobian, complex [seed, n]; all of them where `exact`,
        else the N_LEADING of largest real part and the N_LEADING of largest modulus.
      rotation_share: |A|^2 / |J|^2 [seed], Frobenius norms, where J = S + A, S symmetric (the part
        that contracts or expands) and A antisymmetric (the part that rotates); 0 for a gradient
        field, 1 for a purely rotating one. NaN where not `exact`.
      contraction: v.J v / v.v [seed], the rate at which the field grows (or, negative, shrinks)
        along itself; NaN where v vanishes.
      rotation: |A v| / |v| [seed], the rate at which the antisymmetric part turns it.
      exact: whether the Jacobians were made whole.
      preconditioned: whether second moments are in the scaling.
    """

    eigenvalues: np.ndarray
    rotation_share: np.ndarray
    contraction: np.ndarray
    rotation: np.ndarray
    exact: bool
    preconditioned: bool


def _batches_at(experiment: Experiment, states: GanState) -> tuple[Batch, Batch]:
    # A diverged seed stands still at an earlier step than the others.
    return field_batches(experiment, step=int(np.max(states.step)))


class _Local(NamedTuple):
    """The scaled field about one state, on flat vectors [n]: its value, and products with J."""

    value: jax.Array
    forward: Callable[[jax.Array], jax.Array]
    backward: Callable[[jax.Array], jax.Array]


def _local(parts: Parts, leaves: Leaves, state: GanState, *batches: Batch) -> _Local:
    flat, unravel = ravel_pytree(current_parameters(state))
    diagonal, _ = ravel_pytree(scaling(parts, leaves, state, *batches))

    def scaled_field(flat: jax.Array) -> jax.Array:
        value = vector_field(parts, leaves, unravel(flat), state, *batches)
        return diagonal * ravel_pytree(value)[0]

    value, forward = jax.linearize(scaled_field, flat)
    transposed = jax.linear_transpose(forward, flat)
    return _Local(value, forward, lambda cotangent: transposed(cotangent)[0])


@partial(jax.jit, static_argnums=0)
def _jacobians(parts: Parts, leaves: Leaves, states: GanState, *batches: Batch) -> jax.Array:
    def jacobian(state: GanState) -> jax.Array:
        local = _local(parts, leaves, state, *batches)
        n = local.value.size
        columns = lax.map(local.forward, jnp.eye(n), batch_size=min(n, COLUMNS_AT_ONCE))
        return columns.T

    n = n_parameters(states)
    # Several small games at once; of a large one, one at a time.
    return lax.map(jacobian, states, batch_size=max(COLUMNS_AT_ONCE // n, 1))


@partial(jax.jit, static_argnums=0)
def _product(
    parts: Parts, leaves: Leaves, state: GanState, batches: tuple[Batch, Batch], x: jax.Array
) -> jax.Array:
    return _local(parts, leaves, state, *batches).forward(x)


@partial(jax.jit, static_argnums=0)
def _along_field(
    parts: Parts, leaves: Leaves, states: GanState, *batches: Batch
) -> tuple[jax.Array, jax.Array]:
    def one(state: GanState) -> tuple[jax.Array, jax.Array]:
        local = _local(parts, leaves, state, *batches)
        direction = local.value / jnp.linalg.norm(local.value)
        pushed, pulled = local.forward(direction), local.backward(direction)
        return direction @ pushed, jnp.linalg.norm(pushed - pulled) / 2

    return lax.map(one, states)


def n_parameters(states: GanState) -> int:
    """Parameters of both players together, of states with a leading axis of seeds."""
    return sum(x[0].size for x in jax.tree.leaves(current_parameters(states)))


def as_float64(tree: Any) -> Any:
    """A tree with its floating-point leaves in float64; inside `jax.enable_x64` only."""

    def cast(x: Any) -> Any:
        return jnp.asarray(x, jnp.float64) if jnp.issubdtype(x.dtype, jnp.floating) else x

    return jax.tree.map(cast, tree)


def jacobians(
    experiment: Experiment, states: GanState, batches: tuple[Batch, Batch] | None = None
) -> np.ndarray:
    """The scaled field's Jacobian at every state [seed, n, n], float64.

    Parameters are ordered as `ravel_pytree` of (generator, discriminator) orders them.

    Args:
      experiment: the game.
      states: a leading axis of seeds.
      batches: what defines the field; `field_batches` at the states' step by default.
    """
    program, defining = make_program(experiment), batches or _batches_at(experiment, states)
    with jax.enable_x64(True):
        leaves, states, defining = as_float64((program.leaves, states, defining))
        return np.asarray(_jacobians(program.parts, leaves, states, *defining))


def spectra(
    experiment: Experiment,
    states: GanState,
    batches: tuple[Batch, Batch] | None = None,
    *,
    most_exact: int = MOST_EXACT,
) -> Spectra:
    """Eigenvalues of every state's game, its rotation and contraction.

    Args:
      experiment: the game.
      states: a leading axis of seeds.
      batches: what defines the field; `field_batches` at the states' step by default.
      most_exact: with more parameters than this, only leading eigenvalues are found, by Arnoldi's
        iteration (SciPy) on products with the Jacobian.
    """
    program, defining = make_program(experiment), batches or _batches_at(experiment, states)
    n, n_seeds = n_parameters(states), len(states.step)
    eigenvalues, shares = [], np.full(n_seeds, np.nan)
    with jax.enable_x64(True):
        leaves, states, defining = as_float64((program.leaves, states, defining))
        rest = program.parts, leaves
        contraction, rotation = _along_field(*rest, states, *defining)
        if n <= most_exact:
            size = min(max(ENTRIES_AT_ONCE // n**2, 1), n_seeds)
            for first in range(0, n_seeds, size):
                # The last ones again, where they are fewer: one program.
                places = np.minimum(np.arange(first, first + size), n_seeds - 1)
                some = jax.tree.map(lambda x: x[places], states)  # noqa: B023
                matrices = np.asarray(_jacobians(*rest, some, *defining))[: n_seeds - first]
                eigenvalues.append(eigenvalues_of(matrices))
                shares[first : first + size] = rotation_share(matrices)
        else:
            for place in range(n_seeds):
                state = jax.tree.map(lambda x: x[place], states)  # noqa: B023
                eigenvalues.append(_leading(*rest, state, defining)[None])
    second_moments = optax.tree.get(states.discriminator.optimizer_state, "nu") is not None
    return Spectra(
        np.concatenate(eigenvalues),
        shares,
        np.asarray(contraction),
        np.asarray(rotation),
        exact=n <= most_exact,
        preconditioned=second_moments,
    )


def _leading(
    parts: Parts, leaves: Leaves, state: GanState, batches: tuple[Batch, Batch]
) -> np.ndarray:
    """The eigenvalues of largest real part, then those of largest modulus; NaN if not converged."""
    from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, LinearOperator, eigs

    n = ravel_pytree(current_parameters(state))[0].size
    product = partial(_product, parts, leaves, state, batches)
    # Its constructor makes an operator of another class, with arguments of its own.
    operator: Any = LinearOperator(  # pyright: ignore[reportCallIssue]
        (n, n),
        matvec=lambda x: np.asarray(product(x.ravel())),  # pyright: ignore[reportCallIssue]
        dtype=float,  # pyright: ignore[reportCallIssue]
    )
    start = np.random.default_rng(0).standard_normal(n)  # ARPACK's own is not reproducible
    found = np.full((2, N_LEADING), np.nan, np.complex128)
    if not np.isfinite(product(start)).all():  # a diverging seed's gradients may overflow
        return found.ravel()
    for row, which in enumerate(("LR", "LM")):
        try:
            values = eigs(operator, N_LEADING, which=which, v0=start, return_eigenvectors=False)
        except ArpackNoConvergence as error:
            values = error.eigenvalues
        except ArpackError:
            continue
        values = np.asarray(values)
        order = np.argsort(-np.real(values) if which == "LR" else -np.abs(values))
        found[row, : len(values)] = values[order]
    return found.ravel()


@partial(jax.jit, static_argnums=0)
def _alignments(
    parts: Parts,
    leaves: Leaves,
    training_set: TrainingSet,
    states: GanState,
    seeds: jax.Array,
) -> jax.Array:
    def one(state: GanState, seed: jax.Array) -> jax.Array:
        flat = [ravel_pytree(current_parameters(state))[0]]
        for _ in range(2):
            state, _ = train_step(parts, leaves, training_set, state, seed_key(seed), state.step)
            flat.append(ravel_pytree(current_parameters(state))[0])
        first, second = flat[1] - flat[0], flat[2] - flat[1]
        return first @ second / (jnp.linalg.norm(first) * jnp.linalg.norm(second))

    return jax.vmap(one)(states, seeds)


def update_alignments(
    experiment: Experiment, states: GanState, seeds: Sequence[int] | np.ndarray
) -> np.ndarray:
    """Cosine [seed] between the next two updates of both players' parameters together.

    The updates are those that training would make, on its own batches, optimisers included: near 1
    it goes straight on, near -1 to and fro. 0 at a change of turns in `phased`; NaN where nothing
    moves, as after a schedule that ends at 0.
    """
    program = make_program(experiment)
    return np.asarray(_alignments(*program, states, np.asarray(seeds, np.uint32)))
