"""Pictures of one generator's samples, and of its samples along paths between latents."""

from __future__ import annotations

import math

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from gan_jax.reports.images import draw_mosaic
from gan_jax.reports.samples import BLUE, LOOKS
from gan_jax.reports.scatters import plane_of
from gan_jax.reports.sequences import draw_traces
from gan_jax.reports.style import GREY, STYLE

# How many samples, and paths, one picture has room for.
MOST_SAMPLES = {"points": 4_000, "images": 400, "sequences": 12}
MOST_PATHS = {"points": 8, "images": 16, "sequences": 6}
TRACED = (0.02, 0.98)  # quantiles between which the curves of sequences are drawn true
MAP = mpl.colormaps["viridis"]
BRIGHTEST = 0.9  # of the map; beyond, yellow is lost on white


def picture_of_samples(
    kind: str, x: np.ndarray, cloud: np.ndarray, title: str, labels: tuple[str, ...]
) -> Figure:
    """Samples x [n, *shape]: images as a square grid, sequences as lines, points as a scatter.

    Points beyond the plane are projected as the `cloud` of other samples [m, *shape] asks for.
    """
    look = LOOKS[kind](cloud, labels)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 5.4), layout="constrained")
        axis = figure.subplots()
        axis.set_title(title)
        if kind == "images":
            draw_mosaic(axis, x, math.isqrt(len(x) - 1) + 1)
            return figure
        if kind == "sequences":
            draw_traces(axis, x, [BLUE] * len(x), *np.quantile(x, TRACED))
        else:
            look.draw(axis, x, BLUE, None)
            if x[0].size > 1:  # no real samples are in sight: there is no need for their range
                axis.autoscale()
        axis.set(xlabel=look.xlabel, ylabel=look.ylabel)
    return figure


def picture_of_paths(
    kind: str, paths: np.ndarray, cloud: np.ndarray, title: str, labels: tuple[str, ...]
) -> Figure:
    """Samples along paths between latents.

    Images: a row a path. Sequences: a column a path, its curves in the colours of their places.
    Points: each path as a line of such colours over many samples.

    Args:
      kind: of the samples.
      paths: samples [path, place, *shape].
      cloud: other samples [n, *shape]; only points are drawn over them.
      title: of the picture.
      labels: names of a sample's coordinates, if any.
    """
    draw = {"images": _image_rows, "sequences": _sequence_columns}.get(kind)
    with mpl.rc_context(STYLE):
        if draw is not None:
            figure = draw(paths)
        elif cloud[0].size == 1:
            figure = _values_along(paths, labels)
        else:
            figure = _lines_in_cloud(paths, cloud, labels)
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def _image_rows(paths: np.ndarray) -> Figure:
    rows, columns = paths.shape[:2]
    figure = Figure(figsize=(0.3 + 0.8 * columns, 0.7 + 0.8 * rows), layout="constrained")
    draw_mosaic(figure.subplots(), paths.reshape(-1, *paths.shape[2:]), columns)
    return figure


def _sequence_columns(paths: np.ndarray) -> Figure:
    n, places, time = paths.shape
    figure = Figure(figsize=(0.9 + 2.3 * n, 0.8 + 0.45 * places), layout="constrained")
    low, high = np.quantile(paths, TRACED)
    shades = list(MAP(np.linspace(0, BRIGHTEST, places)))
    for axis, path in zip(figure.subplots(1, n, squeeze=False)[0], paths, strict=True):
        draw_traces(axis, path.reshape(places, time), shades, low, high)
        axis.set_xlabel("time")
    return figure


def _values_along(paths: np.ndarray, labels: tuple[str, ...]) -> Figure:
    figure = Figure(figsize=(5.2, 4.2), layout="constrained")
    axis = figure.subplots()
    along = np.linspace(0, 1, paths.shape[1])
    axis.plot(along, paths.reshape(*paths.shape[:2]).T, color=BLUE, marker="o", markersize=3)
    axis.set(xlabel="along the path", ylabel=labels[0] if labels else "")
    return figure


def _lines_in_cloud(paths: np.ndarray, cloud: np.ndarray, labels: tuple[str, ...]) -> Figure:
    project, look = plane_of(cloud), LOOKS["points"](cloud, labels)
    figure = Figure(figsize=(6.0, 5.4), layout="constrained")
    axis = figure.subplots()
    look.draw(axis, cloud, GREY, None)
    places = np.linspace(0, BRIGHTEST, paths.shape[1])
    for path in paths:
        seen = project(path)
        middle = (places[1:] + places[:-1]) / 2
        for start, end, place in zip(seen[:-1], seen[1:], middle, strict=True):
            axis.plot(*np.stack([start, end]).T, color=MAP(place), linewidth=2)
        axis.scatter(*seen.T, c=MAP(places), s=18, zorder=3)
    axis.set(xlabel=look.xlabel, ylabel=look.ylabel)
    axis.autoscale()
    axis.locator_params(nbins=5)  # more would run into one another on a narrow range
    scale = Normalize(0, 1 / BRIGHTEST)
    bar = figure.colorbar(ScalarMappable(scale, MAP), ax=axis, shrink=0.6)
    bar.ax.set_ylim(0, 1)
    bar.set_ticks([0, 1], labels=["start of a path", "its end"])
    return figure
