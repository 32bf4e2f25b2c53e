"""Ready-made experiments, by name: PRESETS."""

from __future__ import annotations

from typing import Any

from gan_jax.catalogue import nearest
from gan_jax.config import Experiment
from gan_jax.fields import ConfigError

# Each preset is what differs from Experiment's defaults, which are the parabola's.
PRESETS: dict[str, dict[str, Any]] = {
    "parabola": {},
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
    if name not in PRESETS:
        raise ConfigError(f"preset: {name!r} given; {nearest(name, PRESETS)}")
    return Experiment().replace(**(PRESETS[name] | overrides))
