"""What each field may be: the registry it names, or the range of its number."""

from __future__ import annotations

import numpy as np

from gan_jax.fields import LARGEST_FLOAT32

# field -> key of CATALOGUE
NAMED_FIELDS = {
    "data": "data",
    "generator": "networks",
    "generator_activation": "activations",
    "generator_normalization": "normalizations",
    "discriminator": "networks",
    "discriminator_activation": "activations",
    "initialization": "initializations",
    "discriminator_normalization": "normalizations",
    "loss": "losses",
    "penalty": "penalties",
    "update": "updates",
    "optimizer": "optimizers",
    "learning_rate_schedule": "schedules",
}
ALPHA_LOSSES = ("alpha_saturating", "alpha_non_saturating")

COUNT = (1, 2**31 - 1, "a whole number from 1 to 2147483647")
RATE = (float(np.finfo(np.float32).tiny), LARGEST_FLOAT32, "a finite number greater than 0")
FROM_ZERO = (0.0, LARGEST_FLOAT32, "a finite number from 0 on")
SHARE = (0.0, 0.99, "a number from 0 to 0.99")
DECAY = (0.0, 1.0 - 2**-24, "a number from 0 to 0.99999994, the last below 1 in float32")
# field -> lowest, highest, in words; NaN lies in no range
RANGES: dict[str, tuple[float, float, str]] = {
    "n_train": COUNT,
    "latent_pool": COUNT,
    "generator_dropout": SHARE,
    "discriminator_dropout": SHARE,
    "initial_deviation": RATE,
    "generator_hidden": COUNT,
    "discriminator_hidden": COUNT,
    "latent_dim": COUNT,
    "packing": COUNT,
    "penalty_every": COUNT,
    "penalty_weight": FROM_ZERO,
    "discriminator_steps": COUNT,
    "unrolled_steps": (0, *COUNT[1:2], "a whole number from 0 to 2147483647"),
    "unrolled_learning_rate": RATE,
    "phase_steps": COUNT,
    "consensus_weight": FROM_ZERO,
    "weight_clip": RATE,
    "label_smoothing": (0.0, 0.5, "a number from 0 to 0.5, where real and fake labels are as far"),
    "instance_noise": FROM_ZERO,
    "instance_noise_steps": COUNT,
    "gradient_clip": RATE,
    "generator_ema": DECAY,
    "batch_size": COUNT,
    "evaluation_samples": COUNT,
    "generator_learning_rate": RATE,
    "discriminator_learning_rate": RATE,
    "beta1": DECAY,
    "beta2": DECAY,
    "steps": COUNT,
    "epochs": COUNT,
    "log_every": COUNT,
    "data_seed": (0, 2**32 - 1, "a whole number from 0 to 4294967295"),
}
