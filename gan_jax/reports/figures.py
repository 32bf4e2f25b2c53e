"""A study's figures, from its results alone, by name: FIGURES."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure

from gan_jax.files.whole import write_whole
from gan_jax.reports.accuracies import accuracies_over_steps
from gan_jax.reports.curves import generator_gradient_norms, quality_over_steps
from gan_jax.reports.heat_maps import convergence_maps
from gan_jax.reports.outcomes import outcome_shares
from gan_jax.reports.profiles import improvement_matrix, performance_profiles
from gan_jax.reports.samples import final_samples
from gan_jax.reports.style import STYLE
from gan_jax.reports.survival import survival_curves

if TYPE_CHECKING:
    import xarray as xr

# In the order in which they answer. A figure that says nothing of these results is None: of a
# single variant there is no matrix of pairs, and a map only of a sweep.
FIGURES: dict[str, Callable[[xr.Dataset], Figure | None]] = {
    "outcome_shares": outcome_shares,
    "quality_over_steps": quality_over_steps,
    "performance_profiles": performance_profiles,
    "improvement_matrix": improvement_matrix,
    "survival_curves": survival_curves,
    "final_samples": final_samples,
    "convergence_maps": convergence_maps,
    "generator_gradient_norms": generator_gradient_norms,
}
PIXELS_PER_INCH = 150


class Picture(NamedTuple):
    """A figure in the two formats that it is kept in."""

    png: bytes
    svg: bytes


def draw_figures(results: xr.Dataset) -> dict[str, Figure]:
    """Draw every figure of a study that these results have something for."""
    drawn = {name: draw(results) for name, draw in FIGURES.items()}
    return {name: figure for name, figure in drawn.items() if figure is not None}


def caption(name: str) -> str:
    """What a figure shows, in a sentence."""
    return _paragraphs(name)[0]


def details(name: str) -> str:
    """How to read a figure, where that needs more than the caption; else empty."""
    return " ".join(_paragraphs(name)[1:])


def _paragraphs(name: str) -> list[str]:
    return [" ".join(text.split()) for text in str(FIGURES[name].__doc__).split("\n\n")]


def picture(figure: Figure) -> Picture:
    """Render a figure as a PNG and as an SVG, laid out once."""
    files = {}
    with mpl.rc_context(STYLE):
        for kind in ("png", "svg"):
            buffer = io.BytesIO()
            metadata = {"Date": None} if kind == "svg" else None
            figure.savefig(buffer, format=kind, dpi=PIXELS_PER_INCH, metadata=metadata)
            figure.set_layout_engine("none")  # the layout found stays
            files[kind] = buffer.getvalue()
    return Picture(**files)


def pictures_of(results: xr.Dataset) -> dict[str, Picture]:
    """Every figure of a study, rendered."""
    return {name: picture(figure) for name, figure in draw_figures(results).items()}


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure whole, in the format that the file's suffix names."""
    kind = path.suffix.removeprefix(".")
    with mpl.rc_context(STYLE):
        write_whole(path, lambda temporary: figure.savefig(temporary, format=kind))
    return path


def save_pictures(pictures: Mapping[str, Picture], folder: Path) -> list[Path]:
    """Write rendered figures as `folder`/NAME.png and NAME.svg; return the PNG files' paths."""
    for name, one in pictures.items():
        for kind, content in one._asdict().items():
            write_whole(folder / f"{name}.{kind}", lambda file, c=content: file.write_bytes(c))
    return [folder / f"{name}.png" for name in pictures]


def save_figures(results: xr.Dataset, folder: str | Path) -> list[Path]:
    """Draw every figure of a study as `folder`/figures/NAME.png and NAME.svg.

    Returns the paths of the PNG files.
    """
    return save_pictures(pictures_of(results), Path(folder) / "figures")


def folder_name(group: str) -> str:
    """A name of a group of results as that of a folder."""
    return re.sub(r"[^A-Za-z0-9._+=-]", "_", group).strip(".")[:80] or "_"


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
