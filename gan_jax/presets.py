"""Ready-made experiments, by name: PRESETS."""

from __future__ import annotations

from typing import Any

from gan_jax.catalogue import nearest
from gan_jax.config import Experiment
from gan_jax.fields import ConfigError, shown

# Lin et al. 2018, "PacGAN", section 4.1: the mixtures' networks and training.
PACGAN_MIXTURES: dict[str, Any] = {
    "latent_dim": 2,
    "n_train": 100_000,
    "generator_hidden": (400, 400, 400, 400),
    "generator_normalization": "batch",
    "discriminator_hidden": (200, 200, 200),
    "discriminator_activation": "maxout",
    "initialization": "normal",
    "initial_deviation": 0.02,
    "update": "simultaneous",
    "generator_learning_rate": 1e-4,
    "discriminator_learning_rate": 1e-4,
    "beta1": 0.8,
    "batch_size": 100,
    "discriminator_batch": "full",
    "evaluation_samples": 2_500,
    "steps": 400_000,
}
# Radford et al. 2016, "DCGAN": Adam, weights, LeakyReLU, tanh, for images.
ADAM_OF_DCGAN: dict[str, Any] = {
    "generator_learning_rate": 2e-4,
    "discriminator_learning_rate": 2e-4,
    "beta1": 0.5,
    "generator_output": "tanh",
    "discriminator_activation": "leaky_relu",
    "batch_size": 128,
    "discriminator_batch": "full",
}

# Each preset is what differs from Experiment's defaults, which are the parabola's.
PRESETS: dict[str, dict[str, Any]] = {
    "parabola": {},
    "ring": {"data": "ring", **PACGAN_MIXTURES},
    "grid": {"data": "grid", **PACGAN_MIXTURES},
    # The dense networks of the tutorials on handwritten digits.
    "mnist": {
        "data": "mnist",
        "latent_dim": 128,
        "generator_hidden": (256, 512, 1024),
        "generator_activation": "leaky_relu",
        "generator_normalization": "batch_before_output",
        "discriminator_hidden": (512, 256),
        **ADAM_OF_DCGAN,
        "steps": 25_000,
    },
    "mnist_dcgan": {
        "data": "mnist",
        "latent_dim": 100,
        "generator": "convolutional",
        "generator_hidden": (64, 32),
        "generator_normalization": "batch",
        "discriminator": "convolutional",
        "discriminator_hidden": (32, 64),
        "discriminator_normalization": "batch",
        "initialization": "normal",
        **ADAM_OF_DCGAN,
        "steps": 5_000,
    },
    # Recurrent players on noisy sines.
    "sequence": {
        "data": "sine_waves",
        "latent_dim": 8,
        "generator": "gru",
        "generator_hidden": (32,),
        "discriminator": "gru",
        "discriminator_hidden": (32,),
        "generator_learning_rate": 1e-3,
        "discriminator_learning_rate": 1e-3,
        "beta1": 0.5,
        "batch_size": 64,
        "discriminator_batch": "full",
        "steps": 10_000,
    },
    # Mescheder et al. 2018: one parameter a player, zero-sum, gradient descent on both at once.
    "dirac": {
        "data": "dirac",
        "generator": "dirac",
        "discriminator": "dirac",
        "latent_dim": 1,
        "loss": "saturating",
        "update": "simultaneous",
        "optimizer": "sgd",
        "generator_learning_rate": 0.1,
        "discriminator_learning_rate": 0.1,
        "batch_size": 1,
        "discriminator_batch": "full",
        "evaluation_samples": 2,
        "steps": 1000,
    },
}


def preset(name: str, **overrides: Any) -> Experiment:
    """Return a ready-made experiment, with any of its fields overridden.

    Raises:
      ConfigError: when there is no preset of that name, or an override is refused.
    """
    if not isinstance(name, str) or name not in PRESETS:
        raise ConfigError(f"preset: {shown(name)} given; {nearest(name, PRESETS)}")
    return Experiment().replace(**(PRESETS[name] | overrides))
