"""How points are drawn: on a line as histograms, in the plane as they are, beyond it projected."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes

from gan_jax.reports.look import Look, without_frame

SHOWN = 512
BINS = 40
# Of a histogram: what is higher than so many times the real samples' peak leaves the picture.
HIGHEST = 2.0
# From where points in space are seen, radians: to the right of the y axis and from above.
AZIMUTH, ELEVATION = np.deg2rad(-60.0), np.deg2rad(25.0)

Projection = Callable[[np.ndarray], np.ndarray]  # points [n, dim] -> [n, 2]


def point_look(x_real: np.ndarray, labels: Sequence[str]) -> Look:
    """Generated points over real ones, in what way their dimension asks for."""
    dimension = x_real[0].size
    if dimension == 1:
        return _histogram_look(x_real, labels)
    if dimension == 2:
        xlabel, ylabel = labels or ("", "")
        return Look(_over(x_real, _as_it_is), x_real, False, xlabel, ylabel)
    if dimension == 3:
        return _space_look(x_real, labels)
    label = "principal component {}"
    draw = _over(x_real, principal_plane(x_real))
    return Look(draw, x_real, False, label.format(1), label.format(2))


def plane_of(x_real: np.ndarray) -> Projection:
    """How points [n, 2 or more] are brought to the plane: 3-D seen from aside, else components."""
    chosen = {2: lambda _: _as_it_is, 3: oblique_plane}.get(x_real[0].size, principal_plane)
    return chosen(x_real)


def _as_it_is(x: np.ndarray) -> np.ndarray:
    return x


def principal_plane(x_real: np.ndarray) -> Projection:
    """The projection onto the real samples' first two principal components."""
    flat = x_real.reshape(len(x_real), -1)
    centre = flat.mean(axis=0)
    components = np.linalg.svd(flat - centre, full_matrices=False)[2][:2]
    # Either sign is right; the largest entry's is made positive, so that a picture is repeatable.
    largest = np.take_along_axis(components, abs(components).argmax(axis=1)[:, None], axis=1)
    components = components * np.sign(largest)
    return lambda x: (x.reshape(len(x), -1) - centre) @ components.T


def oblique_plane(x_real: np.ndarray) -> Projection:
    """The view of points [n, 3] from AZIMUTH and ELEVATION, without perspective.

    Every coordinate is divided by the real samples' range in it, as boxes in space are drawn.
    """
    low, high = x_real.min(axis=0), x_real.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    right = np.array([-np.sin(AZIMUTH), np.cos(AZIMUTH), 0.0])
    up = np.array([-np.sin(ELEVATION) * np.cos(AZIMUTH), -np.sin(ELEVATION) * np.sin(AZIMUTH), 0])
    up[2] = np.cos(ELEVATION)
    return lambda x: (x - low) / span @ np.stack([right, up], axis=1)


def _over(x_real: np.ndarray, project: Projection) -> Callable:
    seen = project(x_real)

    def draw(axis: Axes, x: np.ndarray, colour: str, real_colour: str | None) -> None:
        scatter(axis, seen, project(x), colour, real_colour)

    return draw


def _space_look(x_real: np.ndarray, labels: Sequence[str]) -> Look:
    project = oblique_plane(x_real)
    over = _over(x_real, project)
    low, high = x_real.min(axis=0), x_real.max(axis=0)
    edges = {
        label: project(np.stack([low, np.where(np.arange(3) == i, high, low)]))
        for i, label in enumerate(labels or ("x", "y", "z"))
    }

    def draw(axis: Axes, x: np.ndarray, colour: str, real_colour: str | None) -> None:
        over(axis, x, colour, real_colour)
        for label, (corner, end) in edges.items():
            axis.plot(*np.stack([corner, end]).T, color="black", linewidth=0.7)
            axis.annotate(
                label, end, end + 0.06 * (end - corner), ha="center", va="center", fontsize=8
            )
        without_frame(axis)

    return Look(draw, x_real, False)


def _histogram_look(x_real: np.ndarray, labels: Sequence[str]) -> Look:
    real = x_real.reshape(-1)
    low, high = float(real.min()), float(real.max())
    margin = 0.5 * (high - low) or 1.0  # of data that are one point there is no range
    bins = np.linspace(low - margin, high + margin, BINS + 1).tolist()
    peak = np.histogram(real, bins, density=True)[0].max()

    def draw(axis: Axes, x: np.ndarray, colour: str, real_colour: str | None) -> None:
        x = x.reshape(-1)
        highest = 1.1 if real_colour is None else HIGHEST
        if real_colour is not None:
            axis.hist(real, bins, density=True, color=real_colour, alpha=0.5)
        inside = x[(x >= bins[0]) & (x <= bins[-1])]
        if len(inside):  # a diverged seed's may all be elsewhere, or nowhere
            axis.hist(inside, bins, density=True, histtype="step", color=colour, linewidth=1.4)
        axis.set(xlim=(bins[0], bins[-1]), ylim=(0, highest * peak))
        _count_outside(axis, (x < bins[0]) | (x > bins[-1]), colour, at_top=True)

    return Look(draw, x_real, False, labels[0] if labels else "", "density")


def scatter(
    axis: Axes, x_real: np.ndarray, x_fake: np.ndarray, fake: str, real: str | None
) -> None:
    """Draw both sets of points [n, 2], on the real ones' range and half as much around it.

    What is far off would shrink the rest to a dot: it is counted in a corner.
    """
    low, high = x_real.min(axis=0), x_real.max(axis=0)
    margin = np.where(high > low, 0.5 * (high - low), 1.0)
    low, high = low - margin, high + margin
    if real is not None:
        axis.scatter(*x_real.T, s=4, color=real, alpha=0.6, linewidth=0, rasterized=True)
    axis.scatter(*x_fake.T, s=5, color=fake, alpha=0.6, linewidth=0, rasterized=True)
    axis.set_xlim(low[0], high[0])
    axis.set_ylim(low[1], high[1])
    _count_outside(axis, ((x_fake < low) | (x_fake > high)).any(axis=1), fake)


def _count_outside(axis: Axes, outside: np.ndarray, colour: str, at_top: bool = False) -> None:
    if outside.any():
        text = f"{int(outside.sum())} of {len(outside)} outside"
        style = {"ha": "right", "fontsize": 8, "color": colour, "transform": axis.transAxes}
        axis.text(0.98, 0.94 if at_top else 0.02, text, **style)
