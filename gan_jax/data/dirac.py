"""The data of Dirac-GAN: one point. The generator's error is its distance from it."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from gan_jax.data.dataset import Dataset


def _sample(key: jax.Array, n: int) -> jax.Array:
    del key
    return jnp.zeros((1, n)).T


# Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", definition 2.1.
dirac = Dataset(_sample, shape=(1,), point=True, labels=("x",))
