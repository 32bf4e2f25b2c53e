"""Curves sent to an experiment tracker while a study trains: TensorBoard or Weights & Biases.

A tracker looks on: whatever goes wrong with it is said once, and the training goes on without it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gan_jax.fields import ConfigError, check_name
from gan_jax.studies.study import Study

if TYPE_CHECKING:
    from gan_jax.training.chunks import Segment

MOST_TRACKED = 16  # seeds of a variant: a tracker is looked at, it does not take statistics


class Tracker(Protocol):
    """Takes one seed's measures at one step."""

    def log(self, variant: str, seed: int, step: int, measures: Mapping[str, float]) -> None: ...

    def close(self) -> None: ...


class TensorBoard:
    """An event file a seed, RUN/tensorboard/VARIANT/seed-0000: `tensorboard --logdir RUN`."""

    def __init__(self, study: Study, folder: Path) -> None:
        from tensorboardX import SummaryWriter  # pyright: ignore[reportMissingImports]

        self._open, self._folder = SummaryWriter, folder / "tensorboard"
        self._writers: dict[tuple[str, int], Any] = {}

    def log(self, variant: str, seed: int, step: int, measures: Mapping[str, float]) -> None:
        key = variant, seed
        if key not in self._writers:
            place = self._folder / variant / f"seed-{seed:04d}"
            self._writers[key] = self._open(logdir=str(place))
        for name, value in measures.items():
            self._writers[key].add_scalar(name, value, step)

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()


class WeightsAndBiases:
    """A run a variant, grouped by the study; each seed's curves have a step axis of their own."""

    def __init__(self, study: Study, folder: Path) -> None:
        import wandb  # pyright: ignore[reportMissingImports]

        self._wandb, self._study, self._folder = wandb, study, folder
        self._runs: dict[str, Any] = {}

    def log(self, variant: str, seed: int, step: int, measures: Mapping[str, float]) -> None:
        if variant not in self._runs:
            self._runs[variant] = self._wandb.init(
                project="gan-jax",
                group=self._study.name,
                name=variant,
                dir=str(self._folder),
                config=self._study.experiments()[variant].to_dict(),
                reinit="create_new",
            )
        run, axis = self._runs[variant], f"seed-{seed:04d}/step"
        run.define_metric(f"seed-{seed:04d}/*", step_metric=axis)
        run.log({axis: step} | {f"seed-{seed:04d}/{name}": x for name, x in measures.items()})

    def close(self) -> None:
        for run in self._runs.values():
            run.finish()


TRACKERS: dict[str, Callable[[Study, Path], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
}


class Tracking:
    """Sends every segment's curves to a tracker: an observer for `run_study`.

    Of each variant the first MOST_TRACKED seeds; what is not finite is left out, as trackers have
    no place for it.

    Raises:
      ConfigError: at construction, for an unknown tracker, or one that is not installed.
    """

    def __init__(self, name: str, study: Study, folder: Path) -> None:
        check_name("track", name, TRACKERS)
        self._name, self._seeds = name, frozenset(study.seeds[:MOST_TRACKED])
        self._tracker: Tracker | None = None
        try:
            self._tracker = TRACKERS[name](study, folder)
        except ImportError as error:
            raise ConfigError(
                f"track: {name} needs {error.name}, expected after: pip install 'gan-jax[tracking]'"
            ) from None
        except Exception as error:
            self._give_up(error)

    def __call__(self, variant: str, segment: Segment) -> None:
        """Send a segment's records; what was trained before has been sent then."""
        if segment.resumed:
            return
        try:
            for place, seed in enumerate(segment.seeds.tolist()):
                if self._tracker is not None and seed in self._seeds:
                    self._send(self._tracker, variant, seed, place, segment)
        except Exception as error:
            self._give_up(error)

    def _send(
        self, tracker: Tracker, variant: str, seed: int, place: int, segment: Segment
    ) -> None:
        for record, step in enumerate(segment.steps.tolist()):
            values = {name: float(x[place, record]) for name, x in segment.records.items()}
            finite = {name: value for name, value in values.items() if np.isfinite(value)}
            if finite:
                tracker.log(variant, seed, step, finite)

    def close(self) -> None:
        """Let the tracker write what it still holds."""
        try:
            if self._tracker is not None:
                self._tracker.close()
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._tracker = None
        first = str(error).partition("\n")[0]
        words = f"{type(error).__name__}: {first}" if first else type(error).__name__
        print(f"tracking by {self._name} stopped ({words}); training goes on", file=sys.stderr)
