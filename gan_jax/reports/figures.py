"""A study's figures, from its results alone: each function returns a matplotlib Figure.

The same variant has the same colour everywhere; the colours are Okabe and Ito's, which
colour-blind readers can tell apart. Nothing here uses pyplot: no global state, no display.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_jax.studies.files import write_whole

if TYPE_CHECKING:
    import xarray as xr

VARIANT_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LONGEST_LABEL = 32
REAL_GREY = "#8A8A8A"
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


def label(name: str) -> str:
    """A name as words, cut where a title would run over its neighbour."""
    words = name.replace("_", " ")
    return words if len(words) <= LONGEST_LABEL else words[: LONGEST_LABEL - 1] + "…"


def quality_over_steps(results: xr.Dataset) -> Figure:
    """Every seed's sample quality over training, median and quartiles, and the floor."""
    quality = results.attrs["quality"]
    floor = np.percentile(results[f"floor_{quality}"].values, 95)
    variants = results["variant"].values.tolist()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1.2 + 3.9 * len(variants), 3.8), layout="constrained")
        axes = figure.subplots(1, len(variants), sharex=True, sharey=True, squeeze=False)[0]
        for axis, variant in zip(axes, variants, strict=True):
            n = int((results["status"].sel(variant=variant) == "done").sum())
            axis.set(title=f"{label(variant)} ({n} seeds)", xlabel="training step", yscale="log")
            shade = colour(results, variant)
            steps, curves = recorded(results, variant, quality)
            axis.plot(steps, curves.T, color=shade, alpha=0.13, linewidth=0.7)
            _median_and_quartiles(axis, steps, curves, shade, "median", "quartiles")
            _mark_deaths(axis, steps, curves)
            axis.axhline(floor, color="black", linestyle=":", linewidth=1.2)
            axis.legend(frameon=False, fontsize=8, loc="upper right")
        axes[0].set_ylabel(f"{label(quality)}\n(distance to the data)")
        place = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        floor_label = "real against real, 95th percentile"
        axes[0].annotate(floor_label, (0.02, floor), xytext=(0, -3), va="top", fontsize=8, **place)
    return figure


def generator_gradient_norms(results: xr.Dataset) -> Figure:
    """The generator's gradient norm over training: each variant's median and quartiles.

    Steps are on a logarithmic axis: early training is where losses differ most.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.5, 3.8), layout="constrained")
        axis = figure.subplots()
        for variant in results["variant"].values.tolist():
            steps, norms = recorded(results, variant, "generator_gradient_norm")
            _median_and_quartiles(axis, steps, norms, colour(results, variant), label(variant))
            _mark_deaths(axis, steps, norms)
        axis.set(xscale="log", yscale="log", xlabel="training step")
        axis.set_ylabel("generator gradient norm\n(median and quartiles over seeds)")
        axis.legend(frameon=False, loc="lower left")
    return figure


def recorded(results: xr.Dataset, variant: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps [record] and one variant's curves [seed, record], of the seeds that ran.

    Without the records at which no seed has a value: a step statistic has none before the first
    step.
    """
    chosen = results.sel(variant=variant)
    curves = chosen[name].values[chosen["status"].values == "done"]
    seen = np.isfinite(curves).any(axis=0)
    return results["step"].values[seen], curves[:, seen]


def _median_and_quartiles(
    axis: Axes,
    steps: np.ndarray,
    curves: np.ndarray,
    shade: str,
    name: str,
    band: str | None = None,
) -> None:
    # A diverged seed is worse than any number: the quantiles count it, as they would infinity.
    ranked = np.where(np.isnan(curves), np.inf, curves)
    low, median, high = np.quantile(ranked, [0.25, 0.5, 0.75], axis=0, method="lower")
    top = np.where(np.isfinite(high), high, np.nanmax(curves, initial=0.0))
    axis.fill_between(
        steps, np.minimum(low, top), top, color=shade, alpha=0.25, linewidth=0, label=band
    )
    axis.plot(
        steps, np.where(np.isfinite(median), median, np.nan), color=shade, linewidth=2, label=name
    )


def _mark_deaths(axis: Axes, steps: np.ndarray, curves: np.ndarray) -> None:
    """A cross where a seed's curve ends before the others': where it diverged."""
    ends = [np.flatnonzero(np.isfinite(curve))[-1] for curve in curves if np.isfinite(curve).any()]
    values = [curve[np.isfinite(curve)][-1] for curve in curves if np.isfinite(curve).any()]
    died = [i for i, end in enumerate(ends) if end < len(steps) - 1]
    if died:
        where = [steps[ends[i]] for i in died], [values[i] for i in died]
        axis.plot(*where, "x", color="black", markersize=5, linestyle="none", label="diverged")


def final_samples(results: xr.Dataset) -> Figure:
    """Real and generated samples of each variant's best, median and worst seed by quality."""
    quality = results.attrs["quality"]
    variants = results["variant"].values.tolist()
    x_real = results["samples_real"].values
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 0.4 + 2.9 * len(variants)), layout="constrained")
        grid = figure.subplots(len(variants), 3, sharex=True, sharey=True, squeeze=False)
        for row, variant in zip(grid, variants, strict=True):
            chosen = results.sel(variant=variant)
            for axis, (rank, position) in zip(row, ranked_seeds(chosen, quality), strict=True):
                seed = chosen.isel(seed=position)
                value = float(seed[quality].isel(step=-1))
                outcome = str(seed["verdict"].item())
                if detail := str(seed["verdict_detail"].item()):
                    outcome = f"{outcome} ({detail})"
                _scatter(axis, x_real, seed["samples"].values, colour(results, variant), REAL_GREY)
                axis.set_title(
                    f"{rank}: seed {int(seed['seed'])}\n{outcome}, distance {value:.3f}", fontsize=9
                )
            row[0].set_ylabel(label(variant), fontsize=11)
        _limits(grid[0][0], x_real)
        figure.suptitle("generated samples over real ones (grey)", x=0.01, ha="left", fontsize=11)
    return figure


def ranked_seeds(results: xr.Dataset, quality: str) -> list[tuple[str, int]]:
    """Positions of one variant's best, median and worst seed; a diverged seed is worst."""
    ran = np.flatnonzero(results["status"].values == "done")
    final = results[quality].isel(step=-1).values[ran]
    order = ran[np.argsort(np.where(np.isnan(final), np.inf, final), kind="stable")]
    return [
        ("best", int(order[0])),
        ("median", int(order[(len(order) - 1) // 2])),
        ("worst", int(order[-1])),
    ]


def _scatter(axis: Axes, x_real: np.ndarray, x_fake: np.ndarray, fake: str, real: str) -> None:
    axis.scatter(*x_real.T, s=4, color=real, alpha=0.6, linewidth=0, label="real")
    axis.scatter(*x_fake.T, s=5, color=fake, alpha=0.6, linewidth=0, label="generated")


def _limits(axis: Axes, x_real: np.ndarray) -> None:
    """Show the data and as much around it: what is far off would shrink the rest to a dot."""
    low, high = x_real.min(axis=0), x_real.max(axis=0)
    margin = 0.5 * (high - low)
    axis.set_xlim(low[0] - margin[0], high[0] + margin[0])
    axis.set_ylim(low[1] - margin[1], high[1] + margin[1])


def training_checks(results: xr.Dataset, snapshots: Mapping[int, np.ndarray]) -> Figure:
    """Real (red) against generated (blue) samples at some steps: a row a seed, a column a check.

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
                _scatter(axis, x_real, samples[row], "#0072B2", "#D55E00")
                real, fake = float(here["accuracy_real"]), float(here["accuracy_fake"])
                axis.set_title(f"step {step}\nreal {real:.2f}, fake {fake:.2f}", fontsize=8)
        for row, seed in enumerate(seeds):
            grid[row][0].set_ylabel(f"seed {seed}")
        _limits(grid[0][0], x_real)
        figure.suptitle(
            "real (red) and generated (blue); the discriminator's accuracy on each",
            x=0.01,
            ha="left",
            fontsize=9,
        )
    return figure


FIGURES: dict[str, Callable[[xr.Dataset], Figure]] = {
    "quality_over_steps": quality_over_steps,
    "final_samples": final_samples,
    "generator_gradient_norms": generator_gradient_norms,
}


def draw_figures(results: xr.Dataset) -> dict[str, Figure]:
    """Draw every figure that the results have data for: scatters need points in the plane."""
    able = planar(results)
    return {n: draw(results) for n, draw in FIGURES.items() if able or draw is not final_samples}


def planar(results: xr.Dataset) -> bool:
    """Whether samples are points in the plane."""
    return results["samples"].shape[3:] == (2,)


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure whole, in the format that the file's suffix names."""
    kind = path.suffix.removeprefix(".")
    with mpl.rc_context(STYLE):
        write_whole(path, lambda temporary: figure.savefig(temporary, format=kind))
    return path


def save_figures(results: xr.Dataset, folder: str | Path) -> list[Path]:
    """Draw every figure of a study as `folder`/figures/NAME.png; return the paths."""
    where = Path(folder) / "figures"
    return [
        save_figure(figure, where / f"{name}.png") for name, figure in draw_figures(results).items()
    ]
