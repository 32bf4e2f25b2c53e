"""Figures of curves over training: every seed, median, quartiles, and where seeds died."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from gan_jax.analysis.statistics import quartiles
from gan_jax.reports.records import floor, most_converged, recorded, threshold
from gan_jax.reports.style import GREY, STYLE, colour, dash, heading, logarithmic

if TYPE_CHECKING:
    import xarray as xr

MOST_COLUMNS = 3
FLOOR, THRESHOLD = ":", "--"  # line styles
PLAYER_COLOURS = {"generator": "#D55E00", "discriminator": "#0072B2"}


def quality_over_steps(results: xr.Dataset) -> Figure:
    """Sample quality of every seed over training.

    With median and quartiles over the seeds, the real-against-real floor, and the distance below
    which a seed counts as converged.
    """
    quality = results.attrs["quality"]
    variants, note = most_converged(results)
    columns = min(len(variants), MOST_COLUMNS)
    rows = -(-len(variants) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1.2 + 3.9 * columns, 0.6 + 3.3 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axis in axes[len(variants) :]:
            axis.set_axis_off()
        for axis, variant in zip(axes, variants, strict=False):
            shade = colour(results, variant)
            axis.set(title=heading(results, variant), xlabel="training step")
            steps, curves = recorded(results, variant, quality)
            # Many thin lines: pixels also in a vector file.
            axis.plot(steps, curves.T, color=shade, alpha=0.2, linewidth=0.7, rasterized=True)
            _median_and_quartiles(axis, steps, curves, shade)
            _mark_deaths(axis, steps, curves)
            axis.axhline(floor(results, variant), color="black", linestyle=FLOOR, linewidth=1.2)
            limit = threshold(results, variant)
            axis.axhline(limit, color="black", linestyle=THRESHOLD, linewidth=0.9)
        axes[0].locator_params(axis="x", nbins=5)  # shared; more run into one another beyond 9,999
        axes[0].set_yscale("log")
        logarithmic(axes[0].yaxis)
        figure.supylabel(f"{quality.replace('_', ' ')} distance to the data", fontsize=10)
        keys = [
            Line2D([], [], color=GREY, alpha=0.5, linewidth=0.7, label="a seed"),
            Line2D([], [], color=GREY, linewidth=2, label="median"),
            Patch(color=GREY, alpha=0.25, label="quartiles"),
            Line2D([], [], color="black", linestyle=FLOOR, label="real against real, 95 %"),
            Line2D([], [], color="black", linestyle=THRESHOLD, label="converged below"),
        ]
        if (results["first_nonfinite_step"] >= 0).any():
            keys.append(Line2D([], [], color="black", marker="x", linestyle="", label="diverged"))
        ncols = len(keys) if columns > 1 else 2
        figure.legend(
            handles=keys, loc="outside lower center", ncols=ncols, frameon=False, fontsize=9
        )
        if note:
            figure.suptitle(note, x=0.01, ha="left", fontsize=10)
    return figure


def generator_gradient_norms(results: xr.Dataset) -> Figure:
    """The generator's gradient norm over training: median and quartiles over each variant's seeds.

    Steps are on a logarithmic axis where they span a decade: early training is where losses
    differ most.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.5, 4.2), layout="constrained")
        axis = figure.subplots()
        variants, note = most_converged(results)
        for variant in variants:
            steps, norms = recorded(results, variant, "generator_gradient_norm")
            steps, norms = steps[1:], norms[:, 1:]  # the untrained state has taken no step
            label, shade = heading(results, variant), colour(results, variant)
            _median_and_quartiles(axis, steps, norms, shade, label, dash(results, variant))
            _mark_deaths(axis, steps, norms)
        axis.set_title(note, fontsize=10)
        steps = results["step"].values
        axis.set(xlabel="training step", ylabel="generator gradient norm")
        drawn = any((np.asarray(line.get_ydata(), float) > 0).any() for line in axis.lines)
        if drawn and len(steps) > 2 and steps[-1] >= 10 * steps[1]:
            axis.set_xscale("log")
            logarithmic(axis.xaxis)
        if drawn:
            axis.set_yscale("log")
            logarithmic(axis.yaxis)
        else:
            words = "no gradient norm above zero was recorded"
            axis.text(0.5, 0.9, words, ha="center", transform=axis.transAxes)
        if axis.get_legend_handles_labels()[0]:
            figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def loss_curves(results: xr.Dataset) -> Figure:
    """Both players' losses over training, of a study of one variant: every seed, and their median.

    And half the discriminator's: the mean over its combined batch of real and fake samples, which
    tutorials report, where the loss itself is the sum of the two halves' means.
    """
    variant = results["variant"].values[0]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.5, 4.2), layout="constrained")
        axis = figure.subplots()
        drawn = []
        for player, shade in PLAYER_COLOURS.items():
            steps, losses = recorded(results, variant, f"{player}_loss")
            steps, losses = steps[1:], losses[:, 1:]  # the untrained state has taken no step
            drawn.append(losses)
            if len(losses) > 1:
                axis.plot(steps, losses.T, color=shade, alpha=0.3, linewidth=0.7)
            median = _median_and_quartiles(axis, steps, losses, shade, player)
            _mark_deaths(axis, steps, losses)
            if player == "discriminator" and median is not None:
                half = "half the discriminator's: mean over its real and fake batch"
                axis.plot(steps, median / 2, color=shade, linewidth=1.3, linestyle=":", label=half)
        axis.set(xlabel="training step", ylabel="loss", title=heading(results, variant))
        limits = _limits(np.concatenate(drawn))
        if limits is not None:
            axis.set_ylim(*limits)
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def _limits(curves: np.ndarray) -> tuple[float, float] | None:
    """Of all but the most extreme 2 % of values, where a few of them would flatten all others."""
    known = curves[np.isfinite(curves)]
    if not len(known):
        return None
    low, high = np.quantile(known, [0.01, 0.99])
    margin = 0.25 * (high - low)
    if known.max() - known.min() < 4 * (high - low) or not margin:
        return None
    return float(low - margin), float(high + margin)


def _median_and_quartiles(
    axis: Axes,
    steps: np.ndarray,
    curves: np.ndarray,
    shade: str,
    label: str | None = None,
    line: str = "-",
) -> np.ndarray | None:
    """Draw both; return the median [record], or None of no seeds or no records."""
    if not curves.size:
        return None
    # A diverged seed is worse than any number: the quantiles count it, as they would infinity.
    low, median, high = quartiles(curves)
    top = np.where(np.isfinite(high), high, np.nanmax(curves, initial=0.0))
    axis.fill_between(steps, np.minimum(low, top), top, color=shade, alpha=0.25, linewidth=0)
    seen = np.where(np.isfinite(median), median, np.nan)
    # A single record is a point, which a line would not show.
    marker = "o" if len(steps) == 1 else ""
    axis.plot(steps, seen, color=shade, linestyle=line, linewidth=2, marker=marker, label=label)
    return seen


def _mark_deaths(axis: Axes, steps: np.ndarray, curves: np.ndarray) -> None:
    """A cross at the last record of every seed that has none at the end: it diverged."""
    died = []
    for curve in curves:
        finite = np.flatnonzero(np.isfinite(curve))
        if len(finite) and finite[-1] < len(steps) - 1:
            died.append((steps[finite[-1]], curve[finite[-1]]))
    if died:
        axis.plot(*zip(*died, strict=True), "x", color="black", markersize=5)
