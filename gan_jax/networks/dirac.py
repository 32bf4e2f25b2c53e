"""The two smallest networks there are: Dirac-GAN's, one parameter each on one-dimensional data.

Why: theory gives this game's eigenvalues in closed form, so the very training step that trains
everything else can be held against it.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax.networks.spec import NetworkSpec


class Point(nn.Module):
    """The generator: x = theta [*shape] for every latent; theta starts standard Gaussian."""

    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, z: jax.Array, train: bool = False) -> jax.Array:
        del train
        theta = self.param("theta", nn.initializers.normal(1.0), self.shape)
        return jnp.broadcast_to(theta[None], (z.shape[0], *self.shape))


class Linear(nn.Module):
    """The discriminator: D(x) = psi . x, without a bias; psi starts standard Gaussian."""

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        del train
        psi = self.param("psi", nn.initializers.normal(1.0), x.shape[1:])
        return (psi[None] * x).reshape(x.shape[0], -1).sum(axis=1)


def dirac(spec: NetworkSpec) -> nn.Module:
    """Build a player of Dirac-GAN, as many parameters as the data have features.

    `spec.hidden` and `spec.activation` say nothing here.

    Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?",
    definition 2.1.
    """
    return Point(spec.data_shape) if spec.player == "generator" else Linear()
