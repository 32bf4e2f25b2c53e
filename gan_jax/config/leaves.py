"""An experiment taken apart: what shapes the program, and the numbers it is fed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from gan_jax.config.experiment import Experiment
from gan_jax.config.static import Static


class Leaves(NamedTuple):
    """The traced numbers of an experiment: float32, a scalar each or one value a lane.

    None where a stabiliser is off: it is then not in the program.
    """

    generator_learning_rate: Any
    discriminator_learning_rate: Any
    beta1: Any
    beta2: Any
    loss_parameters: dict[str, Any]
    penalty_weight: Any
    consensus_weight: Any
    unrolled_learning_rate: Any
    weight_clip: Any
    label_smoothing: Any
    instance_noise: Any
    instance_noise_steps: Any  # infinite where the noise is constant
    gradient_clip: Any
    generator_ema: Any
    total_steps: Any  # what a learning rate's schedule is stretched over


def split(experiment: Experiment) -> tuple[Static, Leaves]:
    """Take an experiment apart into what shapes the program and what the program is fed.

    Two experiments with equal `Static`, and the same stabilisers on, run the same compiled program,
    whatever their leaves.
    """
    static = {field.name: getattr(experiment, field.name) for field in dataclasses.fields(Static)}
    values = vars(experiment) | {
        "loss_parameters": experiment.all_loss_parameters(),
        "unrolled_learning_rate": experiment.unrolled_learning_rate
        or experiment.discriminator_learning_rate,
        "instance_noise_steps": experiment.instance_noise_steps or np.inf,
        "total_steps": experiment.total_steps,
    }
    if experiment.instance_noise is None:
        values["instance_noise_steps"] = None
    return Static(**static), Leaves(*(_as_float32(values[name]) for name in Leaves._fields))


def _as_float32(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: np.float32(number) for name, number in value.items()}
    return None if value is None else np.float32(value)
