"""What a network builder is told, and the activations it may use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn


class NetworkSpec(NamedTuple):
    """The request for one player's network.

    Attributes:
      player: "generator" (latents [batch, latent_dim] to samples) or "discriminator" (samples to
        logits).
      hidden: widths of the hidden layers, first to last.
      activation: a name in ACTIVATIONS.
      data_shape: shape of one sample of the data; of a pack of them, [packing, *shape], for a
        discriminator that judges several at once.
      normalization: a name in NORMALIZATIONS, between hidden layers.
      spectral_norm: whether each kernel is divided by its largest singular value.
      output: a generator's last function: "linear", or "tanh" for data within [-1, 1].
      initialization: a name in INITIALIZATIONS: how kernels start; biases start at zero.
      initial_deviation: the deviation (the gain, of orthogonal kernels) they start with, of the
        initializations that have one; None for their default.
      dropout: the share of each hidden layer's outputs that is dropped in training; None for no
        dropout.
    """

    player: Literal["generator", "discriminator"]
    hidden: tuple[int, ...]
    activation: str
    data_shape: tuple[int, ...]
    normalization: str = "none"
    spectral_norm: bool = False
    output: Literal["linear", "tanh"] = "linear"
    initialization: str = "he_uniform"
    initial_deviation: float | None = None
    dropout: float | None = None

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one output: a sample for the generator, a scalar logit for the discriminator."""
        return self.data_shape if self.player == "generator" else ()


# A builder returns a Flax module called as `module(x, train=bool)`: `train` is True inside a
# training step only. Whatever the module keeps besides "params" (batch statistics, say) becomes
# model state. Which of "activation", "packing", "normalization", "spectral_norm", "output",
# "initialization", "dropout" and "maxout" it heeds, that it takes "images" or "sequences" only, and
# the "halving" of an image's sides by every layer, a builder declares in an attribute `supports`, a
# tuple; an `Experiment` refuses the others.
NetworkBuilder = Callable[[NetworkSpec], nn.Module]


@jax.custom_jvp
def relu(x: jax.Array) -> jax.Array:
    """max(x, 0), with derivative 0 at 0: `jax.nn.relu`, but that -0 stays -0.

    On a CPU, which compares subnormal numbers as zeros, so do negative ones of those. A maximum,
    which has the signs of zeros to consider, is several instructions there, this is one: a step of
    the parabola takes 1 % less time.
    """
    return jnp.where(x < 0, jnp.zeros_like(x), x)


relu.defjvps(lambda tangent, _, x: jnp.where(x > 0, tangent, jnp.zeros_like(tangent)))


def leaky_relu(x: jax.Array) -> jax.Array:
    """LeakyReLU with slope 0.2 below zero, as GANs use since DCGAN (Radford et al. 2016)."""
    return nn.leaky_relu(x, negative_slope=0.2)


def maxout(x: jax.Array) -> jax.Array:
    """The largest of 5 pieces: x [5 * width, ...], piece after piece, to [width, ...].

    Not elementwise: a network that takes it computes `maxout.pieces` times its widths, features
    first.

    Source: Goodfellow et al. 2013, "Maxout Networks"; 5 pieces as Lin et al. 2018 (PacGAN).
    """
    return x.reshape(maxout.pieces, x.shape[0] // maxout.pieces, *x.shape[1:]).max(axis=0)


maxout.pieces = 5


def linear(x: jax.Array) -> jax.Array:
    """x as it is."""
    return x


ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": relu,
    "leaky_relu": leaky_relu,
    "tanh": nn.tanh,
    "elu": nn.elu,
    "gelu": nn.gelu,
    "silu": nn.silu,
    "maxout": maxout,
}

# A network's last function.
OUTPUTS: dict[str, Callable[[jax.Array], jax.Array]] = {"linear": linear, "tanh": nn.tanh}
