"""Fully connected networks for either player, computed features-first.

Why features-first: under a vmap over seeds on a CPU, `kernel [out, in] @ h [in, batch]` keeps the
long batch axis innermost, where it vectorises, whereas these networks' features are few (2, 5, 15,
25). The layout is this file's private matter: the interface stays batch-first.
"""

from __future__ import annotations

import math

import jax
from flax import linen as nn

from gan_jax.networks.spec import ACTIVATIONS, NetworkSpec


class FeaturesFirstLayer(nn.Module):
    """An affine map of columns: `[in, batch] -> [features, batch]`, kernel stored `[features, in]`.

    The kernel starts He-uniform, U(-l, l) with l = sqrt(6 / in) (He et al. 2015), the bias at zero.
    """

    features: int

    @nn.compact
    def __call__(self, columns: jax.Array) -> jax.Array:
        he_uniform = nn.initializers.he_uniform(in_axis=-1, out_axis=-2)
        kernel = self.param("kernel", he_uniform, (self.features, columns.shape[0]))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return kernel @ columns + bias[:, None]


class DenseNetwork(nn.Module):
    """A multilayer perceptron: `[batch, ...] -> [batch, *output_shape]`."""

    hidden: tuple[int, ...]
    activation: str
    output_shape: tuple[int, ...]

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        del train
        columns = x.reshape(x.shape[0], -1).T
        for width in self.hidden:
            columns = ACTIVATIONS[self.activation](FeaturesFirstLayer(width)(columns))
        columns = FeaturesFirstLayer(math.prod(self.output_shape))(columns)
        return columns.T.reshape(x.shape[0], *self.output_shape)


def dense(spec: NetworkSpec) -> nn.Module:
    """Build a multilayer perceptron of `spec.hidden` widths; its last layer is linear."""
    return DenseNetwork(spec.hidden, spec.activation, spec.output_shape)
