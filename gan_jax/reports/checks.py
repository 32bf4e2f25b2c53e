"""The checks of a single training: samples and the discriminator's accuracy every so many steps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from gan_jax.config import Experiment
from gan_jax.fields import ConfigError
from gan_jax.training.lanes import RECORDS_PER_SEGMENT

if TYPE_CHECKING:
    import xarray as xr

    from gan_jax.training.loop import Segment

CHECK_EVERY = 2000
MOST_CHECKS = 20
COLUMNS = ("accuracy_real", "accuracy_fake", "sliced_wasserstein", "diversity", "coverage")


def fitting_check_every(log_every: int) -> int:
    """The number nearest CHECK_EVERY at which a check falls between segments."""
    segment = RECORDS_PER_SEGMENT * log_every
    return max(round(CHECK_EVERY / segment), 1) * segment


def fitting_log_every(check_every: int) -> int:
    """Steps between records such that a check is one or two segments long, or else 1."""
    for segments in (2, 1):
        log_every, rest = divmod(check_every, segments * RECORDS_PER_SEGMENT)
        if log_every > 0 and not rest:
            return log_every
    return 1


class Snapshots:
    """Collects samples of every seed at the checks: an observer for `run_study`.

    Attributes:
      steps: the steps at which there is a check: every `check_every`, and the last.

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
        self._experiment = experiment
        self._seen: dict[int, dict[int, np.ndarray]] = {step: {} for step in self.steps}

    def __call__(self, variant: str, segment: Segment) -> None:
        """Keep the samples of a segment that ends at a check."""
        from gan_jax.analysis.quality import samples

        if segment.stop in self._seen:
            generated = samples(self._experiment, segment.states)
            self._seen[segment.stop] |= zip(segment.seeds.tolist(), generated, strict=True)

    def save(self, results: xr.Dataset, folder: Path) -> Path | None:
        """Draw figures/checks.png; None where not all was seen, or it cannot be drawn."""
        from gan_jax.reports.figures import save_figure
        from gan_jax.reports.scatters import planar, training_checks

        seeds = results["seed"].values.tolist()
        if not planar(results) or any(
            seed not in seen for seen in self._seen.values() for seed in seeds
        ):
            return None
        stacked = {
            step: np.stack([seen[seed] for seed in seeds]) for step, seen in self._seen.items()
        }
        return save_figure(training_checks(results, stacked), folder / "figures" / "checks.png")


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
