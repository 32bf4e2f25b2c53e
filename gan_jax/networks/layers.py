"""What several networks do with their layers, called inside a module."""

from __future__ import annotations

import jax
from flax import linen as nn

from gan_jax.networks.spec import NetworkSpec


def transformed(spec: NetworkSpec, layer: nn.Module, x: jax.Array, train: bool) -> jax.Array:
    """The layer's map of x, its kernel divided by its largest singular value where asked for.

    An estimate of it, by one power iteration a pass in training; a convolution's kernel counts as
    the matrix [positions and inputs, outputs].

    Source: Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks".
    """
    if not spec.spectral_norm:
        return layer(x)
    # A collection of its own: unlike batch statistics, it does not depend on the batch.
    normalized = nn.SpectralNorm(layer, collection_name="spectral_norm")
    return normalized(x, update_stats=train)


def dropped(spec: NetworkSpec, x: jax.Array, train: bool) -> jax.Array:
    """x with a share of its entries zero, in training, and the others scaled to keep its mean.

    Draws from the stream "dropout".

    Source: Srivastava et al. 2014, "Dropout".
    """
    if spec.dropout is None:
        return x
    return nn.Dropout(spec.dropout, deterministic=not train)(x)
