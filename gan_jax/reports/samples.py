"""Figures of samples, generated and real, of whatever kind the data are: LOOKS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_jax.reports import images, scatters, sequences
from gan_jax.reports.images import image_look
from gan_jax.reports.look import Look
from gan_jax.reports.records import last_qualities, most_converged, ran
from gan_jax.reports.scatters import point_look
from gan_jax.reports.sequences import sequence_look
from gan_jax.reports.style import GREY, STYLE, colour, elide

if TYPE_CHECKING:
    import xarray as xr

RED, BLUE = "#CC3311", "#0072B2"
MOST_COLUMNS = 5
MOST_ROWS = 6  # variants in one figure

# A data set's kind -> (real samples [n, *shape], names of a sample's coordinates) -> Look.
LOOKS: dict[str, Callable[[np.ndarray, Sequence[str]], Look]] = {
    "points": point_look,
    "images": image_look,
    "sequences": sequence_look,
}
# How many samples of each kind, the first ones, are enough for a picture.
SHOWN = {"points": scatters.SHOWN, "images": images.SHOWN, "sequences": sequences.SHOWN}


def look_of(results: xr.Dataset) -> Look:
    """How a study's samples are drawn."""
    labels = [str(x) for x in results["feature"].values] if "feature" in results.coords else []
    return LOOKS[results.attrs.get("kind", "points")](results["samples_real"].values, labels)


def final_samples(results: xr.Dataset) -> Figure:
    """Generated and real samples at the last step: each variant's best, median and worst seed.

    Ranked by the last distance; the verdict in a title judges the last fifth of training.
    """
    look = look_of(results)
    variants, note = most_converged(results, MOST_ROWS)
    ranked = {name: ranked_seeds(results, name) for name in variants}
    columns = max([1, *map(len, ranked.values())]) + look.beside
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(0.6 + 2.9 * columns, 0.5 + 2.9 * len(variants)))
        figure.set_layout_engine("constrained")
        grid = figure.subplots(len(variants), columns, sharex=True, sharey=True, squeeze=False)
        for row, variant in zip(grid, variants, strict=True):
            ylabels = [elide(variant), look.ylabel] if look.ylabel else [elide(variant)]
            row[0].set_ylabel("\n".join(ylabels), fontsize=10)
            for axis in row[len(ranked[variant]) :]:
                axis.set_axis_off()
            distances = last_qualities(results, variant)
            for axis, (rank, position) in zip(row, ranked[variant], strict=False):
                distance = float(distances[position])
                seed = results.sel(variant=variant).isel(seed=position)
                look.draw(axis, seed["samples"].values, colour(results, variant), GREY)
                axis.set_title(
                    f"{rank}: seed {int(seed['seed'])}\n{_outcome(seed, distance)}", fontsize=9
                )
        if look.beside:
            _draw_real(look, grid[0][-1], 9)
        for axis in grid[-1]:
            axis.set_xlabel(look.xlabel)
        how = "beside" if look.beside else "(coloured) over"
        title = f"generated samples {how} real ones{'' if look.beside else ' (grey)'}"
        title += f"; {note}" if note else ""
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def _draw_real(look: Look, axis: Axes, fontsize: int) -> None:
    axis.set_axis_on()
    look.draw(axis, look.x_real, GREY, None)
    axis.set_title("real", fontsize=fontsize)


def _outcome(seed: xr.Dataset, distance: float) -> str:
    outcome, detail = str(seed["verdict"].item()), str(seed["verdict_detail"].item())
    words = f"{outcome} ({detail})" if detail else outcome
    return words if np.isnan(distance) else f"{words}, distance {distance:.3g}"


def ranked_seeds(results: xr.Dataset, variant: str) -> list[tuple[str, int]]:
    """Positions of one variant's best, median and worst seed; a diverged seed is worst.

    Of two seeds only the best and the worst, of one only that.
    """
    here = np.flatnonzero(ran(results, variant))
    final = last_qualities(results, variant)[here]
    order = here[np.argsort(np.where(np.isnan(final), np.inf, final), kind="stable")].tolist()
    if len(order) < 3:
        return (
            list(zip(("best", "worst"), order, strict=False))
            if len(order) > 1
            else [("the only one", position) for position in order]
        )
    return [("best", order[0]), ("median", order[(len(order) - 1) // 2]), ("worst", order[-1])]


def training_checks(results: xr.Dataset, snapshots: Mapping[int, np.ndarray]) -> Figure:
    """Real (red) and generated (blue) samples at some steps: a row a seed, a column a check.

    The row of a single seed is wrapped: twenty checks in a line are too small to see.

    Args:
      results: of a study of one variant.
      snapshots: step -> samples [seed, sample, *shape], seeds in the results' order.
    """
    chosen, look = results.isel(variant=0), look_of(results)
    seeds, panels = chosen["seed"].values.tolist(), len(snapshots) + look.beside
    columns = panels if len(seeds) > 1 else min(panels, MOST_COLUMNS)
    rows = len(seeds) * -(-panels // columns)
    size = (max(0.6 + 2.2 * columns, 4.6), 0.4 + 2.4 * rows)  # the title needs some room
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        grid = grid.reshape(len(seeds), -1)
        for column, (step, samples) in enumerate(snapshots.items()):
            for row, seed in enumerate(seeds):
                axis, here = grid[row][column], chosen.sel(seed=seed, step=step)
                look.draw(axis, samples[row], BLUE, RED)
                real, fake = float(here["accuracy_real"]), float(here["accuracy_fake"])
                axis.set_title(f"step {step:,}\nreal {real:.2f}, fake {fake:.2f}", fontsize=8)
        for row, seed in enumerate(seeds):
            grid[row][0].set_ylabel(f"seed {seed}")
            for axis in grid[row][len(snapshots) :]:
                axis.set_axis_off()
        if look.beside:
            _draw_real(look, grid[0][len(snapshots)], 8)
        what = "generated samples" if look.beside else "real (red), generated (blue)"
        figure.suptitle(f"{what}; accuracies of the discriminator", x=0.01, ha="left", fontsize=9)
    return figure
