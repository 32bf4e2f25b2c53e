"""Spectra on screen and on paper: a table, and eigenvalues in the complex plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from rich.box import SIMPLE_HEAD
from rich.table import Table

from gan_jax.analysis.stability import amplification
from gan_jax.analysis.statistics import quartiles
from gan_jax.reports.style import GREY, STYLE, VARIANT_COLOURS, elide

if TYPE_CHECKING:
    import xarray as xr

CAPTION = (
    "Medians of the seeds, and quartiles. Re: the largest real part, in units of the "
    "discriminator's learning rate; the field grows along it where positive. |Im|: the largest "
    "imaginary part. Growing: how many eigenvalues have a positive real part. Rotation: share of "
    "the Jacobian that is antisymmetric. Alignment: cosine of successive updates."
)
SHOWN = 0.9995  # share of the eigenvalues that the axes reach; the rest is counted in a corner
LINEAR = 0.01  # of the largest shown: below, axes are linear; what is that small decides little
FEW_POINTS = 200  # eigenvalues in one picture, below which each is drawn large


def spectrum_table(spectrum: xr.Dataset) -> Table:
    """A row a variant and moment."""
    batches = sorted({int(size) for size in spectrum["batch_size"].values})
    sizes = " and ".join(map(str, batches))
    table = Table(
        caption=f"{CAPTION} The field is that of a fixed batch of {sizes}.",
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=0,
    )
    for heading in ("variant", "step", "Re", "|Im|", "growing", "rotation", "alignment"):
        table.add_column(heading, justify="left" if heading == "variant" else "right")
    for variant in spectrum["variant"].values:
        for step in own_steps(spectrum.sel(variant=variant)):
            here = spectrum.sel(variant=variant, step=step)
            columns = (
                here["real"].max("eigenvalue").values,
                abs(here["imaginary"]).max("eigenvalue").values,
                _growing(here),
                here["rotation_share"].values,
                here["alignment"].values,
            )
            cells = [_quartiles(column) for column in columns]
            table.add_row(elide(str(variant)), f"{step:,}", *cells)
        table.add_section()
    return table


def _growing(moment: xr.Dataset) -> np.ndarray:
    """Eigenvalues [seed] of positive real part, rounding's aside."""
    real, imaginary = moment["real"].values, moment["imaginary"].values
    largest = np.nanmax(np.hypot(real, imaginary), axis=1, keepdims=True, initial=0)
    known = np.isfinite(real).any(axis=1)
    return np.where(known, (real > 1e-9 * largest).sum(axis=1), np.nan)


def _quartiles(values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    if not len(known):
        return "–"  # noqa: RUF001 - a dash for "nothing"
    low, median, high = (_short(float(quartile)) for quartile in quartiles(known))
    return median if low == high else f"{median}\n{low}..{high}"


def _short(value: float) -> str:
    """Two or three figures, with an exponent only where there is no shorter way."""
    value += 0.0  # no minus zero
    if value and not 1e-2 <= abs(value) < 1e4:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}"


def own_steps(variant: xr.Dataset) -> list[int]:
    """The steps of one variant's own moments: where variants differ in length, it lacks others'."""
    known = variant["learning_rate"].notnull()
    others = [name for name in known.dims if name != "step"]
    return variant["step"].values[known.any(others).values].tolist()


def eigenvalues_in_the_plane(spectrum: xr.Dataset) -> Figure:
    """All seeds' eigenvalues: a row a variant, a column a moment.

    Axes are linear near zero, logarithmic beyond, in units of the discriminator's learning rate.
    Shaded: where a step of the learning rate in force contracts, by update rule and optimiser,
    where that depends on the eigenvalue alone; an adaptive optimiser is taken without its momentum.
    """
    variants = spectrum["variant"].values.tolist()
    moments = {name: own_steps(spectrum.sel(variant=name)) for name in variants}
    columns = max(map(len, moments.values()))
    size = (0.8 + 3.0 * columns, 0.9 + 2.6 * len(variants))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(variants), columns, sharex=True, sharey=True, squeeze=False)
        limits = _limits(spectrum)
        few = spectrum["real"].count() < FEW_POINTS * sum(map(len, moments.values()))
        for place, variant in enumerate(variants):
            here = spectrum.sel(variant=variant)
            colour = VARIANT_COLOURS[place % len(VARIANT_COLOURS)]
            for axis in grid[place][len(moments[variant]) :]:
                axis.set_axis_off()
            for axis, step in zip(grid[place], moments[variant], strict=False):
                at = here.sel(step=step)
                _plane(axis, at, limits)
                axis.scatter(
                    at["real"].values.ravel(),
                    at["imaginary"].values.ravel(),
                    s=25 if few else 5,
                    color=colour,
                    alpha=0.7 if few else 0.4,
                    linewidth=0,
                    rasterized=not few,
                )
                outside = int(
                    ((abs(at["real"]) > limits[0]) | (abs(at["imaginary"]) > limits[0])).sum()
                )
                if outside:
                    text = f"{outside} outside the axes"
                    axis.text(0.98, 0.02, text, ha="right", fontsize=7, transform=axis.transAxes)
                axis.set_title(f"step {step:,}", fontsize=9)
            grid[place][0].set_ylabel(f"{elide(str(variant))}\nimaginary part", fontsize=9)
        for axis in grid[-1]:
            axis.set_xlabel("real part", fontsize=9)
        figure.suptitle(_title(spectrum), x=0.01, ha="left", fontsize=10)
    return figure


def _title(spectrum: xr.Dataset) -> str:
    """What is drawn: which eigenvalues, of what, of how many seeds, and what the shading is."""
    which = "eigenvalues" if bool(spectrum["exact"].all()) else "leading eigenvalues"
    scaled = spectrum["optimizer"].values[spectrum["preconditioned"].values.astype(bool)]
    of = "the game's vector field"
    if len(scaled):
        of += f", preconditioned by {' and '.join(sorted(set(scaled)))}'s frozen second moments"
    n_seeds = spectrum.sizes["seed"]
    seeds = "1 seed" if n_seeds == 1 else f"{n_seeds} seeds"
    variants = [spectrum.sel(variant=name) for name in spectrum["variant"].values]
    unknown = sorted({str(v["update"].item()) for v in variants if _stretch(v) is None})
    shading = ""
    if any(_stretch(variant) for variant in variants):
        shading = "; shaded: a step contracts" + (" (momentum left out)" if len(scaled) else "")
    if unknown:
        shading += f"; no shading where the eigenvalue alone does not decide ({', '.join(unknown)})"
    return f"{which} of {of}\n{seeds}{shading}"


def _stretch(variant: xr.Dataset) -> Callable[[np.ndarray], np.ndarray] | None:
    return amplification(
        variant["update"].item(), variant["optimizer"].item(), float(variant["beta1"])
    )


def _limits(spectrum: xr.Dataset) -> tuple[float, float]:
    """Where the axes end, and where they turn from linear to logarithmic."""
    modulus = np.hypot(spectrum["real"].values, spectrum["imaginary"].values)
    known = modulus[np.isfinite(modulus) & (modulus > 0)]
    if not len(known):
        return 1.0, LINEAR
    largest = float(np.quantile(known, SHOWN))
    return 1.3 * largest, LINEAR * largest


def _ticks(limit: float, linear: float) -> list[float]:
    """Zero, and one or two powers of ten either side: more would run into one another."""
    largest = int(np.floor(np.log10(limit)))
    smallest = max(int(np.ceil(np.log10(linear))), largest - 2)
    smallest = largest if largest - smallest < 2 else smallest
    positive = sorted({10.0**smallest, 10.0**largest})
    return [-tick for tick in reversed(positive)] + [0.0, *positive]


def _plane(axis: Axes, moment: xr.Dataset, limits: tuple[float, float]) -> None:
    limit, linear = limits
    axis.set_xscale("symlog", linthresh=linear)
    axis.set_yscale("symlog", linthresh=linear)
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_locator(FixedLocator(_ticks(limit, linear)))
        side.set_minor_locator(NullLocator())
    axis.set_xlim(-limit, limit)
    axis.set_ylim(-limit, limit)
    axis.axvline(0, color=GREY, linewidth=0.6)
    axis.axhline(0, color=GREY, linewidth=0.6)
    stretch = _stretch(moment)
    if stretch is None:
        return
    ticks = linear * np.sinh(np.linspace(-1, 1, 401) * np.arcsinh(limit / linear))
    real, imaginary = np.meshgrid(ticks, ticks)
    stretched = stretch(float(moment["learning_rate"]) * (real + 1j * imaginary))
    axis.contourf(real, imaginary, stretched, levels=[0, 1], colors=["#DDE8F0"], zorder=0)
