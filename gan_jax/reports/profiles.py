"""Figures that compare the last distances of variants: performance profiles, and who beats whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from gan_jax.analysis.statistics import (
    improvement_interval,
    performance_profile,
    probability_of_improvement,
    profile_band,
)
from gan_jax.reports.records import (
    floor,
    last_distances,
    most_converged,
    ran,
    threshold,
)
from gan_jax.reports.style import GREY, STYLE, elide, logarithmic, stroke

if TYPE_CHECKING:
    import xarray as xr

MOST_CELLS = 14  # variants of a matrix
FEW_CELLS = 5  # variants of a matrix whose cells have room for intervals
BANDS = 4  # profiles that can be told apart with their bands


def performance_profiles(results: xr.Dataset) -> Figure | None:
    """The share of seeds whose last distance is at most so large; higher is better.

    Bands are 95 % intervals, pointwise; a failed seed never gets there. From the dashed line on,
    leftwards, a seed can count as converged.
    """
    variants, note = most_converged(results)
    distances = {name: last_distances(results, name) for name in variants}
    distances = {name: values for name, values in distances.items() if len(values)}
    every = np.concatenate([*distances.values(), np.empty(0)])
    known = every[np.isfinite(every) & (every > 0)]
    if not len(known):
        return None
    limits = [threshold(results, name) for name in variants]
    marks = [*limits, *(floor(results, name) for name in variants)]
    low = min(known.min(), *(mark for mark in marks if mark > 0))  # a point's floor is 0
    ends = np.array([0.8 * low, 1.25 * max(known.max(), *limits)])
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.5, 4.4), layout="constrained")
        axis = figure.subplots()
        for name, values in distances.items():
            how = stroke(results, name)
            reached = np.unique(np.concatenate([ends, values[np.isfinite(values)]]))
            share = performance_profile(values, reached)
            axis.step(reached, share, where="post", linewidth=1.8, label=elide(name), **how)
            if len(distances) <= BANDS and len(values) > 1:
                band, shade = profile_band(values, reached), {"color": how["color"], "alpha": 0.15}
                axis.fill_between(reached, band.low, band.high, step="post", linewidth=0, **shade)
        axis.axvline(max(limits), color="black", linestyle="--", linewidth=0.9)
        if min(limits) < max(limits):  # variants' floors differ, by the draw or by the data
            axis.axvspan(min(limits), max(limits), color=GREY, alpha=0.3, linewidth=0)
        axis.set_xscale("log")
        axis.set(xlim=tuple(ends), ylim=(-0.02, 1.02), title=note)
        logarithmic(axis.xaxis)
        quality = results.attrs["quality"].replace("_", " ")
        axis.set_xlabel(f"last {quality} distance to the data")
        axis.set_ylabel("share of seeds at most as far")
        figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def improvement_matrix(results: xr.Dataset) -> Figure | None:
    """How likely a seed of the row's variant ends nearer to the data than one of the column's.

    Of all pairs of seeds; ties count half, a failed seed is worst. 50 %: no difference. Below it,
    where there is room, the 95 % interval.
    """
    variants, note = most_converged(results, MOST_CELLS)
    variants = [name for name in variants if ran(results, name).any()]
    k = len(variants)
    if k < 2:
        return None
    distances = [last_distances(results, name) for name in variants]
    shares = np.full((k, k), np.nan)
    words = np.full((k, k), "", dtype=object)
    for row in range(k):
        for column in range(row):
            chance = probability_of_improvement(distances[row], distances[column])
            shares[row, column], shares[column, row] = chance, 1 - chance
            if k <= FEW_CELLS:
                low, high = _interval(results, variants[row], variants[column])
                if not (np.isfinite(low) and np.isfinite(high)):
                    continue  # of a single seed there is none
                words[row, column] = f"\n{100 * low:.0f} to {100 * high:.0f}"
                words[column, row] = f"\n{100 - 100 * high:.0f} to {100 - 100 * low:.0f}"
    side = 0.62 if k > FEW_CELLS else 1.05
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.9 + side * k, 1.9 + side * k * 0.8), layout="constrained")
        axis = figure.subplots()
        image = axis.imshow(shares, cmap="PuOr", vmin=0, vmax=1, aspect="auto")
        for row, column in np.argwhere(np.isfinite(shares)):
            cell = f"{100 * shares[row, column]:.0f} %{words[row, column]}"
            dark = abs(shares[row, column] - 0.5) > 0.32
            colour = "white" if dark else "#111111"
            axis.text(column, row, cell, ha="center", va="center", color=colour, fontsize=8)
        names = [elide(name, 24) for name in variants]
        turn = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if k > 2 else {}
        axis.set_xticks(range(k), names, **turn)
        axis.set_yticks(range(k), names)
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
        axis.set(ylabel="this variant's seed …", xlabel="… beats this one's", title=note)
        bar = figure.colorbar(image, ax=axis, shrink=0.8)
        bar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["0 %", "25", "50", "75", "100"])
        bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    return figure


def _interval(results: xr.Dataset, first: str, second: str) -> tuple[float, float]:
    """The 95 % interval of a pair's probability, over seeds in pairs where both ran them."""
    paired = bool((ran(results, first) == ran(results, second)).all())
    scores = (last_distances(results, name) for name in (first, second))
    found = improvement_interval(*scores, paired=paired)
    return found.low, found.high
