"""Figures of samples: points in the plane, real and generated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_jax.reports.style import GREY, STYLE, colour, elide

if TYPE_CHECKING:
    import xarray as xr

RED, BLUE = "#CC3311", "#0072B2"


def planar(results: xr.Dataset) -> bool:
    """Whether samples are points in the plane."""
    return results["samples"].shape[3:] == (2,)


def final_samples(results: xr.Dataset) -> Figure:
    """Generated over real samples at the last step: each variant's best, median and worst seed.

    Ranked by the last distance; the verdict in a title judges the last fifth of training.
    """
    quality = results.attrs["quality"]
    variants = results["variant"].values.tolist()
    x_real = results["samples_real"].values
    ranked = {name: ranked_seeds(results.sel(variant=name), quality) for name in variants}
    xlabel, *ylabel = axis_labels(results)
    columns = max([1, *map(len, ranked.values())])
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(0.6 + 2.9 * columns, 0.5 + 2.9 * len(variants)))
        figure.set_layout_engine("constrained")
        grid = figure.subplots(len(variants), columns, sharex=True, sharey=True, squeeze=False)
        for row, variant in zip(grid, variants, strict=True):
            row[0].set_ylabel("\n".join([elide(variant), *ylabel]), fontsize=10)
            for axis in row[len(ranked[variant]) :]:
                axis.set_axis_off()
            for axis, (rank, position) in zip(row, ranked[variant], strict=False):
                seed = results.sel(variant=variant).isel(seed=position)
                _scatter(axis, x_real, seed["samples"].values, colour(results, variant), GREY)
                axis.set_title(
                    f"{rank}: seed {int(seed['seed'])}\n{_outcome(seed, quality)}", fontsize=9
                )
        for axis in grid[-1]:
            axis.set_xlabel(xlabel)
        title = "generated samples (coloured) over real ones (grey)"
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def axis_labels(results: xr.Dataset) -> list[str]:
    """Names of the plane's two coordinates, or an empty one."""
    return [str(x) for x in results["feature"].values] if "feature" in results.coords else [""]


def _outcome(seed: xr.Dataset, quality: str) -> str:
    outcome, detail = str(seed["verdict"].item()), str(seed["verdict_detail"].item())
    distance = float(seed[quality].isel(step=-1))
    words = f"{outcome} ({detail})" if detail else outcome
    return words if np.isnan(distance) else f"{words}, distance {distance:.3g}"


def ranked_seeds(results: xr.Dataset, quality: str) -> list[tuple[str, int]]:
    """Positions of one variant's best, median and worst seed; a diverged seed is worst.

    Of two seeds only the best and the worst, of one only that.
    """
    ran = np.flatnonzero(results["status"].values == "done")
    final = results[quality].isel(step=-1).values[ran]
    order = ran[np.argsort(np.where(np.isnan(final), np.inf, final), kind="stable")].tolist()
    if len(order) < 3:
        return (
            list(zip(("best", "worst"), order, strict=False))
            if len(order) > 1
            else [("the only one", position) for position in order]
        )
    return [("best", order[0]), ("median", order[(len(order) - 1) // 2]), ("worst", order[-1])]


def training_checks(results: xr.Dataset, snapshots: Mapping[int, np.ndarray]) -> Figure:
    """Real (red) and generated (blue) samples at some steps: a row a seed, a column a check.

    Args:
      results: of a study of one variant.
      snapshots: step -> samples [seed, sample, 2], seeds in the results' order.
    """
    chosen = results.isel(variant=0)
    seeds, x_real = chosen["seed"].values.tolist(), results["samples_real"].values
    size = (0.6 + 2.2 * len(snapshots), 0.8 + 2.2 * len(seeds))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(seeds), len(snapshots), sharex=True, sharey=True, squeeze=False)
        for column, (step, samples) in enumerate(snapshots.items()):
            for row, seed in enumerate(seeds):
                axis, here = grid[row][column], chosen.sel(seed=seed, step=step)
                _scatter(axis, x_real, samples[row], BLUE, RED)
                real, fake = float(here["accuracy_real"]), float(here["accuracy_fake"])
                axis.set_title(f"step {step:,}\nreal {real:.2f}, fake {fake:.2f}", fontsize=8)
        for row, seed in enumerate(seeds):
            grid[row][0].set_ylabel(f"seed {seed}")
        figure.suptitle(
            "real (red), generated (blue); accuracies of the discriminator",
            x=0.01,
            ha="left",
            fontsize=9,
        )
    return figure


def _scatter(axis: Axes, x_real: np.ndarray, x_fake: np.ndarray, fake: str, real: str) -> None:
    """Draw both, on the data's range and half as much around it.

    What is far off would shrink the rest to a dot: it is counted in a corner.
    """
    low, high = x_real.min(axis=0), x_real.max(axis=0)
    low, high = low - 0.5 * (high - low), high + 0.5 * (high - low)
    axis.scatter(*x_real.T, s=4, color=real, alpha=0.6, linewidth=0)
    axis.scatter(*x_fake.T, s=5, color=fake, alpha=0.6, linewidth=0)
    axis.set_xlim(low[0], high[0])
    axis.set_ylim(low[1], high[1])
    outside = int(((x_fake < low) | (x_fake > high)).any(axis=1).sum())
    if outside:
        text = f"{outside} of {len(x_fake)} outside"
        axis.text(0.98, 0.02, text, ha="right", fontsize=8, color=fake, transform=axis.transAxes)
