"""What is done between a network's layers to keep their outputs in scale.

Why apart from the networks: told which axis is the features', each is written once for columns
[features, batch], for rows [batch, features] and for images [batch, height, width, channels].
Transposing images into columns' order and back instead costs a convolutional network a third of
its step.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
from flax import linen as nn

# Called inside a network: (x, train, axis of the features) -> x. The batch is the first other axis.
Normalization = Callable[[jax.Array, bool, int], jax.Array]


def not_normalized(x: jax.Array, train: bool, axis: int) -> jax.Array:
    """The array as it is."""
    del train, axis
    return x


def batch_normalized(x: jax.Array, train: bool, axis: int) -> jax.Array:
    """Normalise each feature over all else, then scale and shift it.

    In training by the batch's own mean and variance, which also move the running ones by a tenth;
    else by the running ones.

    Source: Ioffe and Szegedy 2015, "Batch Normalization".
    """
    return nn.BatchNorm(use_running_average=not train, momentum=0.9, axis=axis)(x)


def batch_normalized_before_output(x: jax.Array, train: bool, axis: int) -> jax.Array:
    """As `batch_normalized`, but once in a network: of what its last layer is given.

    So do the dense generators of MNIST tutorials, after the last activation.

    Source: Ioffe and Szegedy 2015, "Batch Normalization".
    """
    return batch_normalized(x, train, axis)


def layer_normalized(x: jax.Array, train: bool, axis: int) -> jax.Array:
    """Normalise each sample over all else, then scale and shift each feature.

    Source: Ba, Kiros and Hinton 2016, "Layer Normalization".
    """
    del train
    batch = 1 if axis == 0 else 0
    of_sample = tuple(other for other in range(x.ndim) if other != batch)
    return nn.LayerNorm(reduction_axes=of_sample, feature_axes=axis)(x)


batch_normalized.supports = ("batch_statistics",)
batch_normalized_before_output.supports = ("batch_statistics",)
batch_normalized_before_output.before_output = True

NORMALIZATIONS: dict[str, Normalization] = {
    "none": not_normalized,
    "batch": batch_normalized,
    "batch_before_output": batch_normalized_before_output,
    "layer": layer_normalized,
}


def places(name: str) -> tuple[Normalization, Normalization]:
    """What a named normalisation does after each hidden layer, and before the output layer."""
    normalize = NORMALIZATIONS[name]
    if getattr(normalize, "before_output", False):
        return not_normalized, normalize
    return normalize, not_normalized
