"""Recurrent networks for sequences [time] of one number a step, for either player."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax.networks.initializations import orthogonal
from gan_jax.networks.layers import dropped
from gan_jax.networks.spec import OUTPUTS, NetworkSpec

# Flax's, and as it starts them, with orthogonal recurrent kernels; these are drawn one seed after
# another (see `decompositions`).
_ORTHOGONAL = orthogonal(None, in_axis=-2, out_axis=-1)
GRU_CELL = partial(nn.GRUCell, recurrent_kernel_init=_ORTHOGONAL)
LSTM_CELL = partial(nn.OptimizedLSTMCell, recurrent_kernel_init=_ORTHOGONAL)


class RecurrentGenerator(nn.Module):
    """Latents [batch, latent_dim] to sequences [batch, time].

    The latent is every step's input and, through an affine map and tanh, each layer's first state:
    so it may say where a sequence begins, and steer all of it. An affine read-out, the same at
    every step, makes the numbers.
    """

    spec: NetworkSpec
    cell: Callable[[int], nn.RNNCellBase]
    states: int  # arrays [batch, width] in the cell's carry

    @nn.compact
    def __call__(self, z: jax.Array, train: bool = False) -> jax.Array:
        (time,) = self.spec.data_shape
        x = jnp.broadcast_to(z[:, None], (z.shape[0], time, z.shape[1]))
        for width in self.spec.hidden:
            first = nn.tanh(nn.Dense(width * self.states)(z))
            outputs = unrolled(self.cell(width), jnp.split(first, self.states, axis=1), x)
            x = dropped(self.spec, outputs, train)
        return OUTPUTS[self.spec.output](nn.Dense(1)(x)[..., 0])


class RecurrentDiscriminator(nn.Module):
    """Sequences [batch, time], or packs of them [batch, packing, time], to logits [batch].

    A pack is one sequence of `packing` numbers a step. The logit is the mean of every step's affine
    read-out: the states' mean, read out.
    """

    spec: NetworkSpec
    cell: Callable[[int], nn.RNNCellBase]
    states: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        x = x[..., None] if x.ndim == 2 else jnp.swapaxes(x, 1, 2)
        for width in self.spec.hidden:
            nothing = jnp.zeros((x.shape[0], width), x.dtype)
            outputs = unrolled(self.cell(width), [nothing] * self.states, x)
            x = dropped(self.spec, outputs, train)
        return OUTPUTS[self.spec.output](nn.Dense(1)(x.mean(axis=1))[:, 0])


def unrolled(cell: nn.RNNCellBase, first: list[jax.Array], x: jax.Array) -> jax.Array:
    """The cell's outputs [batch, time, width] for inputs [batch, time, n], from its first states.

    Given even where they are zero: Flax's own are float32 whatever the inputs are.
    """
    carry = tuple(first) if len(first) > 1 else first[0]
    # Traced once but for the first weights: `nn.RNN` does it twice, to see that they stand still.
    scan = nn.scan(
        lambda cell, carry, x: cell(carry, x),
        variable_broadcast="params",
        split_rngs={"params": False},
        in_axes=1,
        out_axes=1,
        check_constancy_invariants=cell.is_initializing(),
    )
    return scan(cell, carry, x)[1]


def gru(spec: NetworkSpec) -> nn.Module:
    """Build a player of gated recurrent units, stacked layers of `spec.hidden` widths.

    Flax's cell and its own initial weights; `spec.activation` says nothing here.

    Raises:
      ValueError: for data that are not sequences [time].

    Source: Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder"; as GAN
    players, Esteban, Hyland and Rätsch 2017 (RCGAN).
    """
    return _recurrent(spec, GRU_CELL, states=1)


def lstm(spec: NetworkSpec) -> nn.Module:
    """Build a player of long short-term memory cells, stacked layers of `spec.hidden` widths.

    Flax's cell and its own initial weights; `spec.activation` says nothing here.

    Raises:
      ValueError: for data that are not sequences [time].

    Source: Hochreiter and Schmidhuber 1997, "Long Short-Term Memory"; as GAN players, Mogren 2016
    (C-RNN-GAN).
    """
    return _recurrent(spec, LSTM_CELL, states=2)


def _recurrent(spec: NetworkSpec, cell: Callable[[int], nn.RNNCellBase], states: int) -> nn.Module:
    packs = spec.player == "discriminator" and len(spec.data_shape) == 2
    shape = spec.data_shape[1:] if packs else spec.data_shape
    if not spec.hidden or len(shape) != 1:
        raise ValueError(
            f"data of shape {shape} and hidden layers {spec.hidden} given, expected sequences "
            "[time] and at least one hidden layer"
        )
    of_player = {"generator": RecurrentGenerator, "discriminator": RecurrentDiscriminator}
    return of_player[spec.player](spec, cell, states)


gru.supports = lstm.supports = ("sequences", "packing", "output", "dropout")
