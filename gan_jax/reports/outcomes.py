"""The figure of outcomes: a bar a variant, split by what became of its seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from gan_jax.analysis.statistics import wilson
from gan_jax.reports.records import converged, ended, most_converged, ran
from gan_jax.reports.style import MISSING, STYLE, VERDICT_COLOURS, elide

if TYPE_CHECKING:
    import xarray as xr

MOST_BARS = 40
LONGEST = 26  # characters of a name beside its bar
ONE_ROW = 5  # keys that fit beside one another
NUMBER, WORD = 0.045, 0.17  # of the axis: segments as wide hold their share, and its verdict


def verdict_shares(results: xr.Dataset, variant: str) -> dict[str, float]:
    """Each verdict's share of all of a variant's seeds, and that of the missing ones."""
    n = results.sizes["seed"]
    shares = {
        verdict: float(ended(results, variant, (verdict,)).sum()) / n
        for verdict in VERDICT_COLOURS
        if verdict != MISSING
    }
    return shares | {MISSING: float((~ran(results, variant)).sum()) / n}


def outcome_shares(results: xr.Dataset) -> Figure:
    """What became of each variant's seeds; the bracket is the convergence rate's 95 % interval."""
    variants, note = most_converged(results, MOST_BARS)
    shares = {variant: verdict_shares(results, variant) for variant in variants}
    seen = [name for name in VERDICT_COLOURS if any(s[name] for s in shares.values())]
    with mpl.rc_context(STYLE):
        height = 1.3 + 0.45 * len(variants)
        figure = Figure(figsize=(8, height), layout="constrained")
        axis = figure.subplots()
        for row, variant in enumerate(variants):
            left = 0.0
            for verdict in seen:
                left = _segment(axis, row, left, shares[variant][verdict], verdict)
            _interval(axis, row, results, variant)
        axis.set_yticks(range(len(variants)), [elide(variant, LONGEST) for variant in variants])
        axis.set(xlim=(0, 1), ylim=(len(variants) - 0.42, -0.5), title=note)
        axis.set_xticks(np.linspace(0, 1, 6), [f"{share} %" for share in range(0, 101, 20)])
        axis.set_xlabel(f"share of {results.sizes['seed']} seeds")
        axis.tick_params(axis="y", length=0)
        axis.spines["left"].set_visible(False)
        keys = [Patch(color=VERDICT_COLOURS[verdict], label=verdict) for verdict in seen]
        ncols = len(keys) if len(keys) <= ONE_ROW else -(-len(keys) // 2)
        figure.legend(
            handles=keys, loc="outside lower center", ncols=ncols, frameon=False, fontsize=9
        )
    return figure


def _segment(axis: Axes, row: int, left: float, share: float, verdict: str) -> float:
    """Draw a bar's next part, labelled where there is room; return where it ends."""
    shade = VERDICT_COLOURS[verdict]
    hatch = "////" if verdict == MISSING else None
    axis.barh(row, share, 0.7, left, color=shade, edgecolor="white", linewidth=0.8, hatch=hatch)
    if share >= NUMBER:
        words = f"{verdict} {100 * share:.0f} %" if share >= WORD else f"{100 * share:.0f} %"
        words = words if share >= 2 * NUMBER else words.removesuffix(" %")
        dark = np.dot(to_rgb(shade), (0.3, 0.59, 0.11)) < 0.5
        colour = "white" if dark else "#111111"
        axis.text(
            left + share / 2, row, words, ha="center", va="center", color=colour, fontsize=8.5
        )
    return left + share


def _interval(axis: Axes, row: int, results: xr.Dataset, variant: str) -> None:
    n = int(ran(results, variant).sum())
    if n == results.sizes["seed"]:  # with seeds missing, the bar's end is not the rate
        rate = wilson(int(converged(results, variant).sum()), n)
        bottom, tick = row + 0.44, 0.05
        x = [rate.low, rate.low, rate.high, rate.high]
        y = [bottom - tick, bottom, bottom, bottom - tick]
        axis.plot(x, y, color="black", linewidth=1.1, solid_joinstyle="miter")
