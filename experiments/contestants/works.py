"""The trainings that are compared, as plain numbers.

Every contestant builds the same game from a `Work`: dense players, the non-saturating loss, Adam,
alternating updates, latents and real samples drawn afresh at every step. So this file knows no
framework; a test compares its numbers with the `Experiment` that gan_jax trains.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

# Parameters of a player in a form that all contestants share: (kernel [in, out], bias [out]) a
# layer, first to last.
Layers = list[tuple[np.ndarray, np.ndarray]]

BETA2, EPSILON = 0.999, 1e-8
LEAKY_SLOPE = 0.2
RING_MODES, RING_DEVIATION = 8, 0.01


@dataclass(frozen=True, kw_only=True)
class Work:
    """One training.

    Attributes:
      name: a key of WORKS.
      seeds: how many seeds the contestants train.
      sample_size: numbers in a sample.
      latent_dim: of the generator's standard Gaussian input.
      generator_hidden, discriminator_hidden: widths of the hidden layers.
      batch_size: latents of a generator update.
      real_samples: real samples of a discriminator update, and as many generated ones.
      learning_rate, beta1: of both players' Adam.
      leaky: whether the discriminator and the generator have LeakyReLU (0.2), else ReLU.
      normalized: whether the generator's last hidden output is batch-normalised.
      tanh: whether the generator ends in tanh, else linear.
      record_every: steps between records at the preset's own length, a hundredth of it.
    """

    name: str
    seeds: int
    sample_size: int
    latent_dim: int
    generator_hidden: tuple[int, ...]
    discriminator_hidden: tuple[int, ...]
    batch_size: int
    real_samples: int
    learning_rate: float
    beta1: float
    leaky: bool = False
    normalized: bool = False
    tanh: bool = False
    record_every: int = 100

    @property
    def generator_widths(self) -> tuple[int, ...]:
        """Widths from the latent to the sample."""
        return self.latent_dim, *self.generator_hidden, self.sample_size

    @property
    def discriminator_widths(self) -> tuple[int, ...]:
        """Widths from the sample to the logit."""
        return self.sample_size, *self.discriminator_hidden, 1


WORKS = {
    "parabola": Work(
        name="parabola",
        seeds=128,
        sample_size=2,
        latent_dim=5,
        generator_hidden=(15,),
        discriminator_hidden=(25,),
        batch_size=128,
        real_samples=64,
        learning_rate=1e-3,
        beta1=0.9,
    ),
    "ring": Work(
        name="ring",
        seeds=16,
        sample_size=2,
        latent_dim=2,
        generator_hidden=(128, 128),
        discriminator_hidden=(128, 128),
        batch_size=256,
        real_samples=256,
        learning_rate=1e-3,
        beta1=0.9,
    ),
    "digits": Work(
        name="digits",
        seeds=1,
        sample_size=28 * 28,
        latent_dim=128,
        generator_hidden=(256, 512, 1024),
        discriminator_hidden=(512, 256),
        batch_size=128,
        real_samples=128,
        learning_rate=2e-4,
        beta1=0.5,
        leaky=True,
        normalized=True,
        tanh=True,
        record_every=250,
    ),
}


def initial_layers(widths: Sequence[int], random: np.random.Generator) -> Layers:
    """He-uniform kernels, U(-l, l) with l = sqrt(6 / inputs), and zero biases."""
    return [
        (
            random.uniform(-math.sqrt(6 / m), math.sqrt(6 / m), (m, n)).astype(np.float32),
            np.zeros(n, np.float32),
        )
        for m, n in pairwise(widths)
    ]


def ring_centres() -> np.ndarray:
    """The ring's modes [mode, 2], float32."""
    angles = 2 * np.pi * np.arange(RING_MODES) / RING_MODES
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
