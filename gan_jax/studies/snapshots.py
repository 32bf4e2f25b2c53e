"""A few samples of every seed at some moments of training: what a gallery shows of a study."""

from __future__ import annotations

import numpy as np

from gan_jax.config import Experiment
from gan_jax.game.state import GanState
from gan_jax.studies.cells import SHOWN
from gan_jax.studies.states import Keeper, moment_steps

MOMENTS = 11


def snapshot_keeper(experiment: Experiment) -> Keeper:
    """What keeps snapshots of one cell: [seed, shown, *shape] at up to MOMENTS steps.

    Float32 in data units; of images the grey values 0 .. 255 of [-1, 1], black where not finite.
    """
    from gan_jax.analysis import quality

    kind = experiment.data_facts.kind
    shown = min(SHOWN[kind], experiment.evaluation_samples)

    def take(states: GanState) -> dict[str, np.ndarray]:
        x = quality.samples(experiment, states, shown)
        return {"samples": grey_values(x) if kind == "images" else x}

    return Keeper(moment_steps(experiment, MOMENTS), take)


def grey_values(x: np.ndarray) -> np.ndarray:
    """Images in [-1, 1] as grey values 0 .. 255, rounded; what is not finite is black."""
    return np.clip(np.round(127.5 * (np.nan_to_num(x, nan=-1.0) + 1)), 0, 255).astype(np.uint8)
