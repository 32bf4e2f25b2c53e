"""Convolutional networks for images [height, width, channels], as DCGAN's, for either player."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer

from gan_jax.networks.convolutions import SIDE, double, halve
from gan_jax.networks.initializations import kernel_initializer
from gan_jax.networks.layers import dropped, transformed
from gan_jax.networks.normalizations import Normalization, not_normalized, places
from gan_jax.networks.spec import ACTIVATIONS, OUTPUTS, NetworkSpec


class Convolution(nn.Module):
    """`halve` or `double` with a kernel [4, 4, in, channels], plus a bias that starts at zero."""

    channels: int
    resample: Callable[[jax.Array, jax.Array], jax.Array]
    kernel_init: Initializer

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        kernel = self.param("kernel", self.kernel_init, (SIDE, SIDE, x.shape[-1], self.channels))
        bias = self.param("bias", nn.initializers.zeros, (self.channels,))
        return self.resample(x, kernel) + bias[None, None, None]


class ConvolutionalGenerator(nn.Module):
    """Latents [batch, latent_dim] to images: an affine map, then each layer doubles the sides.

    The affine map makes `hidden[0]` channels, the layers `hidden[1:]` and the image's; all but the
    last are normalised, activated, dropped out.
    """

    spec: NetworkSpec

    @nn.compact
    def __call__(self, z: jax.Array, train: bool = False) -> jax.Array:
        (height, width, channels), hidden = self.spec.data_shape, self.spec.hidden
        kernel_init = kernel_initializer(self.spec)
        normalize, normalize_last = places(self.spec.normalization)
        smallest = height // 2 ** len(hidden), width // 2 ** len(hidden), hidden[0]
        affine = nn.Dense(math.prod(smallest), kernel_init=kernel_init)
        x = transformed(self.spec, affine, z, train).reshape(z.shape[0], *smallest)
        for more in hidden[1:]:
            x = finished(self.spec, normalize, x, train)
            x = transformed(self.spec, Convolution(more, double, kernel_init), x, train)
        x = normalize_last(finished(self.spec, normalize, x, train), train, -1)
        x = transformed(self.spec, Convolution(channels, double, kernel_init), x, train)
        return OUTPUTS[self.spec.output](x)


class ConvolutionalDiscriminator(nn.Module):
    """Images [batch, height, width, channels] to logits [batch]: each layer halves the sides.

    Layers of `hidden` channels are normalised (but the first), activated, dropped out; an affine
    map of all that is left makes the logit. Of a pack, [batch, packing, ...], the images' channels
    are stacked.
    """

    spec: NetworkSpec

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        kernel_init = kernel_initializer(self.spec)
        normalize, normalize_last = places(self.spec.normalization)
        if len(self.spec.data_shape) == 4:
            x = jnp.moveaxis(x, 1, -2)
            x = x.reshape(*x.shape[:3], -1)
        for number, channels in enumerate(self.spec.hidden):
            x = transformed(self.spec, Convolution(channels, halve, kernel_init), x, train)
            x = finished(self.spec, normalize if number else not_normalized, x, train)
        x = normalize_last(x, train, -1).reshape(x.shape[0], -1)
        x = transformed(self.spec, nn.Dense(1, kernel_init=kernel_init), x, train)
        return OUTPUTS[self.spec.output](x[:, 0])


def finished(spec: NetworkSpec, normalize: Normalization, x: jax.Array, train: bool) -> jax.Array:
    """A hidden layer's x [batch, height, width, channels], normalised, activated, dropped out."""
    return dropped(spec, ACTIVATIONS[spec.activation](normalize(x, train, -1)), train)


def convolutional(spec: NetworkSpec) -> nn.Module:
    """Build a DCGAN's player: strided convolutions 4 x 4, `spec.hidden` channels, first to last.

    As published: batch normalisation everywhere but at the generator's output and the
    discriminator's input, and kernels from N(0, 0.02^2); here both are the caller's choice.

    Raises:
      ValueError: for images that do not halve as often as there are hidden layers.

    Source: Radford, Metz and Chintala 2016, "Unsupervised Representation Learning with Deep
    Convolutional Generative Adversarial Networks"; 4 x 4 in place of its code's 5 x 5.
    """
    packs = spec.player == "discriminator" and len(spec.data_shape) == 4
    shape = spec.data_shape[1:] if packs else spec.data_shape
    if (
        not spec.hidden
        or len(shape) != 3
        or any(side % 2 ** len(spec.hidden) for side in shape[:2])
    ):
        raise ValueError(
            f"data of shape {shape} and hidden layers {spec.hidden} given, expected images "
            "[height, width, channels] whose height and width divide by 2 once for each hidden "
            "layer, of which there is at least one"
        )
    of_player = {"generator": ConvolutionalGenerator, "discriminator": ConvolutionalDiscriminator}
    return of_player[spec.player](spec)


convolutional.supports = (
    "images",
    "halving",
    "activation",
    "packing",
    "normalization",
    "spectral_norm",
    "output",
    "initialization",
    "dropout",
)
