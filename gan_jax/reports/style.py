"""How every figure looks: sizes, colours, names. Nothing uses pyplot: no global state, no display.

The same variant has the same colour everywhere; the colours are Okabe and Ito's, which
colour-blind readers can tell apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

if TYPE_CHECKING:
    import xarray as xr

VARIANT_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#8A8A8A"
LONGEST_LABEL = 32
FEW_DECADES = 1e4
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "figure.dpi": 150,
    "svg.fonttype": "none",
}


def colour(results: xr.Dataset, variant: str) -> str:
    """The colour of a variant, by its place in the study."""
    place = results["variant"].values.tolist().index(variant)
    return VARIANT_COLOURS[place % len(VARIANT_COLOURS)]


def elide(name: str) -> str:
    """A name, cut where a title would run over its neighbour."""
    return name if len(name) <= LONGEST_LABEL else name[: LONGEST_LABEL - 1] + "…"


def heading(results: xr.Dataset, variant: str) -> str:
    """A variant's name, how many seeds ran, and how many of them diverged."""
    chosen = results.sel(variant=variant)
    n = int((chosen["status"] == "done").sum())
    died = int((chosen["verdict"] == "diverged").sum())
    seeds = f"{n} seed" if n == 1 else f"{n} seeds"
    return f"{elide(variant)} ({seeds}{f', {died} diverged' if died else ''})"


def logarithmic(axis: Axis) -> None:
    """Plain numbers at 1, 2 and 5 of every decade shown, or at some decades where they are many."""
    low, high = axis.get_view_interval()
    few = high <= FEW_DECADES * low
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,), numticks=12 if few else 7))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
