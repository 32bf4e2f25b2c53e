"""The figure of a sweep: how often seeds converged or failed, on the grid of what it varied."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from gan_jax.reports.records import convergence_rates, failure_rates
from gan_jax.reports.style import STYLE, elide

if TYPE_CHECKING:
    import xarray as xr

FEWEST = 3  # values that make a grid of a field
MOST_MAPS = 12
COLUMNS = 3


class Sweep(NamedTuple):
    """Variants laid out by two fields.

    Attributes:
      x: name of the numeric field along the columns.
      y: that along the rows; "" where each row is a setting of the other fields.
      columns: values of x, rising.
      rows: values of y, rising; labels where y is "".
      panels: label of the remaining fields' setting -> places of variants [row, column], -1: none.
    """

    x: str
    y: str
    columns: list[float]
    rows: list
    panels: dict[str, np.ndarray]


def is_number(value: Any) -> bool:
    """Whether a field's value is a real number, not a switch."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and bool(np.isfinite(value))


def sweep(fields: Mapping[str, Mapping[str, Any]], variants: list[str]) -> Sweep | None:
    """Lay variants out on a grid of the one or two numeric fields with the most values.

    None unless those have at least FEWEST values.
    """
    known = {name: fields.get(name, {}) for name in variants}
    values: dict[str, set] = {}
    for settings in known.values():
        for field, value in settings.items():
            values.setdefault(field, set()).add(value if is_number(value) else None)
    numeric = [f for f, found in values.items() if None not in found and len(found) >= FEWEST]
    # A field that some variants do not set cannot place them.
    numeric = [f for f in numeric if all(f in settings for settings in known.values())]
    numeric.sort(key=lambda field: -len(values[field]))
    if not numeric:
        return None
    x, y = (*sorted(numeric[:2]), "")[:2]
    columns = sorted(values[x])
    labels = {name: _label(settings, (x, y)) for name, settings in known.items()}
    rows = sorted(values[y]) if y else list(dict.fromkeys(labels.values()))
    panels: dict[str, np.ndarray] = {}
    for place, (name, settings) in enumerate(known.items()):
        row = rows.index(settings[y] if y else labels[name])
        panel = labels[name] if y else ""
        places = panels.setdefault(panel, np.full((len(rows), len(columns)), -1))
        places[row, columns.index(settings[x])] = place
    return Sweep(x, y, columns, rows, panels)


def _label(settings: Mapping[str, Any], besides: tuple[str, str]) -> str:
    rest = {field: value for field, value in settings.items() if field not in besides}
    if len(rest) == 1:
        return str(next(iter(rest.values())))
    return ", ".join(f"{field} {value}" for field, value in rest.items())


def convergence_maps(results: xr.Dataset) -> Figure | None:
    """How often seeds converged, and how often they failed, over the numbers that a study varied.

    Failed is collapsed or diverged; what is in neither map ended undecided.
    """
    fields = json.loads(results.attrs.get("fields", "{}"))
    found = sweep(fields, results["variant"].values.tolist())
    if found is None:
        return None
    maps = {"converged": convergence_rates(results), "failed": failure_rates(results)}
    maps = {what: np.append(rates, np.nan) for what, rates in maps.items()}  # -1: no such variant
    panels = list(found.panels.items())[:MOST_MAPS]
    shown = [(what, label, places) for what in maps for label, places in panels]
    columns = min(len(panels), COLUMNS)
    rows = -(-len(shown) // columns)
    size = (0.6 * len(found.columns) + 1.1, 0.42 * len(found.rows) + 0.9)
    with mpl.rc_context(STYLE):
        figure = Figure(
            figsize=(1.4 + columns * size[0], 0.6 + rows * size[1]), layout="constrained"
        )
        axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axis in axes[len(shown) :]:
            axis.set_axis_off()
        image = None
        for axis, (what, label, places) in zip(axes, shown, strict=False):
            cells = maps[what][places]
            image = axis.imshow(
                cells, cmap="cividis", vmin=0, vmax=1, origin="lower", aspect="auto"
            )
            for row, column in np.argwhere(np.isfinite(cells)):
                rate = cells[row, column]
                colour = "white" if rate < 0.55 else "#111111"
                words = f"{100 * rate:.0f}"
                axis.text(column, row, words, ha="center", va="center", color=colour, fontsize=9)
            axis.set_title(f"{elide(label)}: {what}" if label else what, fontsize=10)
            axis.set_xticks(
                range(len(found.columns)),
                [f"{value:g}" for value in found.columns],
                rotation=45 if len(found.columns) > 4 else 0,
            )
            axis.set_yticks(range(len(found.rows)), [_tick(value) for value in found.rows])
            axis.tick_params(length=0, labelsize=9)
            axis.spines[:].set_visible(False)
        figure.supxlabel(found.x.replace("_", " "), fontsize=10)
        if found.y:
            figure.supylabel(found.y.replace("_", " "), fontsize=10)
        if image is not None:
            bar = figure.colorbar(
                image, ax=axes.tolist(), shrink=0.9, label="share of the seeds, %"
            )
            bar.set_ticks([0, 0.5, 1], labels=["0", "50", "100"])
            bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
        left_out = len(found.panels) - len(panels)
        if left_out:
            figure.suptitle(f"{left_out} more settings are not shown", x=0.01, ha="left")
    return figure


def _tick(value: Any) -> str:
    return f"{value:g}" if is_number(value) else elide(str(value))
