"""Fully connected networks for either player, computed features-first.

Why features-first: under a vmap over seeds on a CPU, `kernel [out, in] @ h [in, batch]` keeps the
long batch axis innermost, where it vectorises, whereas these networks' features are few (2, 5, 15,
25). The layout is this file's private matter: the interface stays batch-first.
"""

from __future__ import annotations

import math
from collections.abc import Callable

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


def batch_normalized(columns: jax.Array, train: bool) -> jax.Array:
    """Normalise each feature of columns [features, batch] over the batch, then scale and shift.

    In training by the batch's own mean and variance, which also move the running ones by a tenth;
    else by the running ones.

    Source: Ioffe and Szegedy 2015, "Batch Normalization".
    """
    return nn.BatchNorm(use_running_average=not train, momentum=0.9, axis=0)(columns)


def layer_normalized(columns: jax.Array, train: bool) -> jax.Array:
    """Normalise each sample of columns [features, batch] over its features, then scale and shift.

    Source: Ba, Kiros and Hinton 2016, "Layer Normalization".
    """
    del train
    return nn.LayerNorm(reduction_axes=0, feature_axes=0)(columns)


def not_normalized(columns: jax.Array, train: bool) -> jax.Array:
    """Columns as they are."""
    del train
    return columns


# Called inside a network: (columns [features, batch], train) -> columns.
NORMALIZATIONS: dict[str, Callable[[jax.Array, bool], jax.Array]] = {
    "none": not_normalized,
    "batch": batch_normalized,
    "layer": layer_normalized,
}


class DenseNetwork(nn.Module):
    """A multilayer perceptron: `[batch, ...] -> [batch, *output_shape]`.

    Hidden layers are affine, normalised, activated; the last is affine. With `spectral_norm` every
    kernel is divided by an estimate of its largest singular value, one power iteration a pass in
    training (Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks").
    """

    hidden: tuple[int, ...]
    activation: str
    output_shape: tuple[int, ...]
    normalization: str = "none"
    spectral_norm: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        columns = x.reshape(x.shape[0], -1).T
        for width in self.hidden:
            columns = self.affine(width, columns, train)
            columns = NORMALIZATIONS[self.normalization](columns, train)
            columns = ACTIVATIONS[self.activation](columns)
        columns = self.affine(math.prod(self.output_shape), columns, train)
        return columns.T.reshape(x.shape[0], *self.output_shape)

    def affine(self, features: int, columns: jax.Array, train: bool) -> jax.Array:
        """One layer's affine map, spectrally normalised where asked for."""
        layer = FeaturesFirstLayer(features)
        if not self.spectral_norm:
            return layer(columns)
        # A collection of its own: unlike batch statistics, it does not depend on the batch.
        normalized = nn.SpectralNorm(layer, collection_name="spectral_norm")
        return normalized(columns, update_stats=train)


def dense(spec: NetworkSpec) -> nn.Module:
    """Build a multilayer perceptron of `spec.hidden` widths; its last layer is linear.

    Source: initial weights of He et al. 2015, "Delving Deep into Rectifiers".
    """
    return DenseNetwork(
        spec.hidden, spec.activation, spec.output_shape, spec.normalization, spec.spectral_norm
    )


dense.supports = ("packing", "normalization", "spectral_norm")
batch_normalized.supports = ("batch_statistics",)
