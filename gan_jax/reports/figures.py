"""A study's figures, from its results alone, by name: FIGURES."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

from gan_jax.files.whole import write_whole
from gan_jax.reports.accuracies import accuracies_over_steps
from gan_jax.reports.curves import generator_gradient_norms, quality_over_steps
from gan_jax.reports.samples import final_samples
from gan_jax.reports.style import STYLE

if TYPE_CHECKING:
    import xarray as xr

FIGURES: dict[str, Callable[[xr.Dataset], Figure]] = {
    "quality_over_steps": quality_over_steps,
    "final_samples": final_samples,
    "generator_gradient_norms": generator_gradient_norms,
}


def draw_figures(results: xr.Dataset) -> dict[str, Figure]:
    """Draw every figure of a study."""
    return {name: draw(results) for name, draw in FIGURES.items()}


def caption(name: str) -> str:
    """What a figure shows, in a sentence."""
    return str(FIGURES[name].__doc__).splitlines()[0]


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure whole, in the format that the file's suffix names."""
    kind = path.suffix.removeprefix(".")
    with mpl.rc_context(STYLE):
        write_whole(path, lambda temporary: figure.savefig(temporary, format=kind))
    return path


def save_figures(results: xr.Dataset, folder: str | Path) -> list[Path]:
    """Draw every figure of a study as `folder`/figures/NAME.png; return the paths."""
    where = Path(folder) / "figures"
    drawn = draw_figures(results)
    return [save_figure(figure, where / f"{name}.png") for name, figure in drawn.items()]


__all__ = [
    "FIGURES",
    "accuracies_over_steps",
    "caption",
    "draw_figures",
    "final_samples",
    "generator_gradient_norms",
    "quality_over_steps",
    "save_figure",
    "save_figures",
]
