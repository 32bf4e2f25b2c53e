"""The figure of a benchmark: every contestant's rate, a panel a work."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from contestants import rounds
from contestants.rounds import CEILING, GAN_JAX
from contestants.tables import number
from gan_jax.reports.style import GREY, STYLE, VARIANT_COLOURS

OURS, OTHERS = VARIANT_COLOURS[1], VARIANT_COLOURS[0]
LINE, MARGIN = 0.3, 0.7  # inches: of a contestant, and about those of a panel
LIGHT = "#E4E4E4"


def rates_figure(parts: dict[str, Any]) -> Figure | None:
    """Seed-steps a second of every contestant, logarithmic, with the range over the repeats.

    Beside each point the median, and its share of the machine's matrix product. None where no work
    was measured.
    """
    works = {name: part for name, part in parts.items() if shown(part)}
    if not works:
        return None
    heights = [LINE * len(shown(part)) + MARGIN for part in works.values()]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.5, sum(heights)), layout="constrained")
        axes = figure.subplots(len(works), 1, height_ratios=heights, squeeze=False)[:, 0]
        for axis, (name, part) in zip(axes, works.items(), strict=True):
            draw_work(axis, name, part)
    return figure


def shown(part: dict[str, Any]) -> list[str]:
    """The labels of a work's contestants, quickest first; none of another kind of part."""
    entries = part.get("entries", {})
    labels = [label for label in entries if label != CEILING]
    return sorted(labels, key=lambda label: -median_rate(entries[label]))


def median_rate(report: dict[str, Any]) -> float:
    return rounds.middle_and_range(rounds.rates(report))[0]


def draw_work(axis: Axes, name: str, part: dict[str, Any]) -> None:
    """One work's points, with their ranges and their words."""
    labels = shown(part)
    spreads = [rounds.middle_and_range(rounds.rates(part["entries"][label])) for label in labels]
    middles = [middle for middle, _, _ in spreads]
    reach = [[m - low for m, low, _ in spreads], [high - m for m, _, high in spreads]]
    colours = [OURS if label.startswith(GAN_JAX) else OTHERS for label in labels]
    places = range(len(labels))
    # Points: a bar's length would say nothing on a logarithmic axis, which has no zero.
    axis.hlines(places, 0, 1, transform=axis.get_yaxis_transform(), color=LIGHT, lw=0.8)
    axis.errorbar(middles, places, xerr=reach, fmt="none", ecolor=GREY, capsize=2)
    axis.scatter(middles, places, color=colours, s=36, zorder=3)
    axis.set_xscale("log")
    # Room for the words right of the quickest.
    axis.set_xlim(min(middles) / 1.5, max(high for _, _, high in spreads) * room(middles))
    axis.set_yticks(list(places), [with_seeds(label, part) for label in labels])
    axis.set_ylim(len(labels) - 0.5, -0.5)
    for place, label, (middle, _, high) in zip(places, labels, spreads, strict=True):
        words = number(middle)
        if CEILING in part["entries"]:
            of_ceiling = rounds.middle_and_range(rounds.ceiling_shares(part, label))[0]
            words += f"  ({100 * of_ceiling:.2g} %)"
        axis.annotate(
            words, (high, place), (6, 0), textcoords="offset points", va="center", fontsize=9
        )
    low, high = axis.get_xlim()
    # Words such as 500,000 are wide: at every power of ten only, unless there are few.
    within = MaxNLocator(4, steps=[1, 2, 5, 10])
    across = LogLocator(subs=(1,) if high > 100 * low else (1, 2, 5))
    axis.xaxis.set_major_locator(across if high > 10 * low else within)
    axis.xaxis.set_major_formatter(lambda value, _: number(value))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.tick_params(axis="y", length=0)
    title = f"{name}: seed-steps a second"
    if CEILING in part["entries"]:
        title += " (share of the matrix product's operations)"
    axis.set_title(title, x=0)


def room(middles: list[float]) -> float:
    """How many times beyond the quickest the axis goes, for the words beside it."""
    decades = max(middles) / min(middles) * 3
    return decades**0.3


def with_seeds(label: str, part: dict[str, Any]) -> str:
    """A label and its seeds, where the label does not say them."""
    seeds = part["entries"][label]["seeds"]
    return label if label.endswith("seeds") else f"{label} ({seeds:,} seed{'s' * (seeds > 1)})"
