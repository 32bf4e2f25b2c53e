"""How every figure looks: sizes, colours, names. Nothing uses pyplot: no global state, no display.

The same variant has the same colour everywhere, the same outcome too; the variants' colours are
Okabe and Ito's, the outcomes' Paul Tol's "muted", both of which colour-blind readers can tell
apart. Where there are more variants than colours, lines are dashed.
"""

from __future__ import annotations

import json
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

if TYPE_CHECKING:
    import xarray as xr

VARIANT_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# A dash pattern a round through the colours, as matplotlib's and as CSS's borders call it.
DASHES = {"-": "solid", "--": "dashed", ":": "dotted", "-.": "double"}
MISSING = "missing"
VERDICT_COLOURS = {
    "converged": "#44AA99",
    "unconverged": "#DDCC77",
    "oscillating": "#88CCEE",
    "overpowered": "#AA4499",
    "collapsed": "#CC6677",
    "diverged": "#332288",
    MISSING: "#DDDDDD",
}
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
    "svg.hashsalt": "gan_jax",  # the same figure, the same file
}


def place_of(results: xr.Dataset, variant: str) -> int:
    """The place of a variant in the study, which decides how it is drawn.

    In the whole study, of which `results` may be one data set's part.
    """
    whole = _variants(str(results.attrs.get("fields", "{}")))
    return whole[variant] if variant in whole else results["variant"].values.tolist().index(variant)


@lru_cache(maxsize=8)
def _variants(fields: str) -> dict[str, int]:
    """Places of all the variants that a study's `fields` name, in its order."""
    try:
        known = json.loads(fields)
    except ValueError:
        return {}
    return {name: place for place, name in enumerate(known)} if isinstance(known, dict) else {}


def colour(results: xr.Dataset, variant: str) -> str:
    """The colour of a variant, by its place in the study."""
    return VARIANT_COLOURS[place_of(results, variant) % len(VARIANT_COLOURS)]


def dash(results: xr.Dataset, variant: str) -> str:
    """The dash pattern of a variant's line: solid while there are colours enough."""
    rounds = place_of(results, variant) // len(VARIANT_COLOURS)
    return list(DASHES)[rounds % len(DASHES)]


def stroke(results: xr.Dataset, variant: str) -> dict[str, Any]:
    """Colour and dash pattern of a variant's line."""
    return {"color": colour(results, variant), "linestyle": dash(results, variant)}


def shorten(name: str, longest: int) -> str:
    """A name of at most so many characters: names of a grid differ at both ends."""
    if len(name) <= longest:
        return name
    tail = (longest - 1) // 2
    return f"{name[: longest - 1 - tail]}…{name[len(name) - tail :]}"


def elide(name: str, longest: int = LONGEST_LABEL) -> str:
    """A name as a figure can draw it, cut in its middle where it would run over its neighbour."""
    cut = shorten(name, longest)
    known = "".join(c if ord(c) < 128 or ord(c) in _glyphs() else "\ufffd" for c in cut)
    # Dollars would start a formula; a label that starts with an underscore is left out of a legend.
    seen = "".join(c if c.isprintable() else "\ufffd" for c in known).replace("$", r"\$")
    return f" {seen}" if seen.startswith("_") else seen


@cache
def _glyphs() -> frozenset[int]:
    """The characters that matplotlib's own font has."""
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())


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
