"""The checks of a single training: samples and the discriminator's accuracy every so many steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from gan_jax.config import Experiment
from gan_jax.fields import ConfigError
from gan_jax.studies.states import Keeper
from gan_jax.training.lanes import RECORDS_PER_SEGMENT

if TYPE_CHECKING:
    import xarray as xr

    from gan_jax.game.state import GanState

CHECK_EVERY = 2000
MOST_CHECKS = 20
MOST_FRAMES = 60
COLUMNS = ("accuracy_real", "accuracy_fake", "sliced_wasserstein", "diversity", "coverage")


def fitting_check_every(log_every: int, wanted: int = CHECK_EVERY) -> int:
    """The first number from the wanted one on at which a check falls between segments."""
    segment = RECORDS_PER_SEGMENT * log_every
    return -(-wanted // segment) * segment


def fitting_log_every(check_every: int) -> int:
    """Steps between records such that a check is one or two segments long, or else 1."""
    for segments in (2, 1):
        log_every, rest = divmod(check_every, segments * RECORDS_PER_SEGMENT)
        if log_every > 0 and not rest:
            return log_every
    return 1


def with_checks(experiment: Experiment, check_every: int | None) -> tuple[Experiment, int]:
    """An experiment whose records fit checks, and the steps between those, where neither is set."""
    usual = CHECK_EVERY * -(-experiment.total_steps // (CHECK_EVERY * MOST_CHECKS))
    if experiment.log_every is None:
        check_every = usual if check_every is None else check_every
        return experiment.replace(log_every=fitting_log_every(check_every)), check_every
    fitting = fitting_check_every(experiment.log_every, usual)
    return experiment, fitting if check_every is None else check_every


class Snapshots:
    """Collects samples at the checks, and frames between them: `keepers` for `run_study`.

    Attributes:
      steps: the steps at which there is a check: every `check_every`, and the last.
      frame_steps: the steps of the animation's frames: the ends of segments, thinned.
      keepers: of the samples at each, by name.

    Raises:
      ConfigError: unless `check_every` is a whole number of segments: the host sees states between
        them only.
    """

    def __init__(self, experiment: Experiment, check_every: int) -> None:
        segment = RECORDS_PER_SEGMENT * experiment.record_every
        if check_every < 1 or check_every % segment:
            nearest = max(round(check_every / segment), 1) * segment
            raise ConfigError(
                f"check_every: {check_every} given, expected a multiple of "
                f"{RECORDS_PER_SEGMENT} log_every = {segment}; the nearest is {nearest}"
            )
        last = experiment.total_steps
        self.steps = sorted({*range(check_every, last + 1, check_every), last})
        if len(self.steps) > MOST_CHECKS:
            raise ConfigError(
                f"check_every: {check_every} given, which makes {len(self.steps)} checks, expected "
                f"at most {MOST_CHECKS}"
            )
        self.frame_steps = thinned([*range(0, last, segment), last], MOST_FRAMES)
        from gan_jax.reports.samples import SHOWN

        shown = SHOWN[experiment.data_facts.kind]

        def take(states: GanState) -> dict[str, np.ndarray]:
            from gan_jax.analysis.quality import samples

            return {"samples": samples(experiment, states)}

        def take_some(states: GanState) -> dict[str, np.ndarray]:
            return {"samples": take(states)["samples"][:, :shown]}

        self._checks, self._frames = Keeper(self.steps, take), Keeper(self.frame_steps, take_some)
        self.keepers = {"checks": self._checks, "frames": self._frames}

    def save(self, results: xr.Dataset, folder: Path) -> list[Path]:
        """Draw figures/checks.png and animation.gif; return those of which all has been seen."""
        from gan_jax.reports.animation import save_animation
        from gan_jax.reports.figures import save_figure
        from gan_jax.reports.samples import look_of, training_checks
        from gan_jax.reports.style import elide

        (variant,), seeds = (results[name].values.tolist() for name in ("variant", "seed"))
        paths = []
        if self._checks.has(seeds):
            stacked = {step: x["samples"] for step, x in self._checks.kept(seeds).items()}
            checks = training_checks(results, stacked)
            paths.append(save_figure(checks, folder / "figures" / "checks.png"))
        if self._frames.has(seeds[:1]):
            kept = self._frames.kept(seeds[:1])
            frames = {step: x["samples"][0] for step, x in kept.items()}
            path, title = folder / "figures" / "animation.gif", f"{elide(variant)}, seed {seeds[0]}"
            paths.append(save_animation(look_of(results), frames, title, path))
        return paths


def thinned(steps: Sequence[int], most: int) -> list[int]:
    """At most so many of the steps, evenly spaced, the first and the last among them."""
    places = np.linspace(0, len(steps) - 1, min(most, len(steps)))
    return [steps[place] for place in places.round().astype(int)]


def final_lines(results: xr.Dataset) -> list[str]:
    """What else is known of the last samples of a study of one variant: a line a measure."""
    last = results.isel(variant=0, step=-1)
    lines = []
    for floor in results:
        name = str(floor).removeprefix("floor_")
        if name != floor and name in results and name not in COLUMNS:
            values = ", ".join(f"{value:.3g}" for value in last[name].values)
            usual = float(np.median(results[floor]))
            lines.append(f"{name.replace('_', ' ')}: {values}; real against real {usual:.3g}")
    return lines


def check_table(results: xr.Dataset, steps: list[int]) -> Table:
    """A row a seed and check, of a study of one variant."""
    chosen = results.isel(variant=0).sel(step=steps)
    columns = [name for name in COLUMNS if name in chosen]
    n = results.sizes["sample"]
    table = Table(
        caption=f"each measure from {n} real and {n} generated samples",
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=0,
    )
    for heading in ("seed", "step", *columns, "verdict"):
        table.add_column(heading.replace("_", "\n"), justify="right", overflow="fold")
    for seed in chosen["seed"].values:
        row = chosen.sel(seed=seed)
        for step in steps:
            values = [f"{float(row[name].sel(step=step)):.3f}" for name in columns]
            verdict = str(row["verdict"].item()) if step == steps[-1] else ""
            table.add_row(str(seed), f"{step:,}", *values, verdict)
        table.add_section()
    return table
