"""gan_jax through its public API, a whole run a time, with everything on.

Metrics of every step, the isolation of diverged seeds, history, and an evaluation at every record,
as often as at the preset's own length. The option "bare" leaves evaluation and records out, to tell
what they cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from contestants.protocol import serve
from contestants.works import Work


def fields(work: Work, rows: Path | None) -> dict[str, Any]:
    """What gan_jax's Experiment is told of a work, beside a preset."""
    if work.name == "ring":
        return {
            "data": "ring",
            "latent_dim": 2,
            "generator_hidden": (128, 128),
            "discriminator_hidden": (128, 128),
            "batch_size": 256,
            "discriminator_batch": "full",
        }
    return {"data": str(rows)} if work.name == "digits" and rows is not None else {}


PRESET_OF = {"parabola": "parabola", "ring": "parabola", "digits": "mnist"}


class GanJax:
    """Trains from the start at every call, as `gan_jax.train_seeds` does."""

    def __init__(
        self, work: Work, seeds: int, rows: Path | None, options: Mapping[str, Any]
    ) -> None:
        import jax

        import gan_jax

        gan_jax.use_all_cores()  # before anything computes; of no effect on another device
        from gan_jax.analysis import quality

        self.bare = bool(options.get("bare", False))
        self.work, self.seeds, self.lanes = work, seeds, options.get("lanes")
        given = fields(work, rows) | dict(options.get("fields", {}))
        self.experiment = gan_jax.preset(PRESET_OF[work.name], **given)
        self.evaluation = None if self.bare else quality.evaluation(self.experiment)
        self.versions = {"gan_jax": version("gan-jax"), "jax": jax.__version__}
        self.note = "without evaluation and records" if self.bare else "everything on"

    def run(self, steps: int) -> dict[str, float]:
        from gan_jax import train_seeds

        every = steps if self.bare else min(self.work.record_every, steps)
        run = train_seeds(
            self.experiment.replace(steps=steps, log_every=every),
            self.seeds,
            self.lanes,
            evaluation=self.evaluation,
        )
        names = ("discriminator_loss", "generator_loss")
        return {name: float(np.nanmean(run.history[name][:, -1])) for name in names}


if __name__ == "__main__":
    serve(GanJax)
