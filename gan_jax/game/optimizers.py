"""Optimisers from Optax by name, with their rates and decays as traced numbers.

Each is built inside the traced code: an Optax transformation closed over Python numbers would
compile anew for every learning rate.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import optax

from gan_jax.config import Leaves

# (learning_rate, leaves) -> transformation; the rate is the player's own, the decays are shared.
OptimizerBuilder = Callable[[jax.Array, Leaves], optax.GradientTransformation]


def adam(learning_rate: jax.Array, leaves: Leaves) -> optax.GradientTransformation:
    """Adam (Kingma and Ba 2015), epsilon 1e-8 outside the root."""
    return optax.adam(learning_rate, b1=leaves.beta1, b2=leaves.beta2)


def sgd(learning_rate: jax.Array, leaves: Leaves) -> optax.GradientTransformation:
    """Plain gradient descent: the set-up of the theory."""
    del leaves
    return optax.sgd(learning_rate)


OPTIMIZERS: dict[str, OptimizerBuilder] = {"adam": adam, "sgd": sgd}
