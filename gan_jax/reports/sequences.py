"""How sequences are drawn: some of them over time, each on a base line of its own.

Laid over one another, more than three curves are a tangle, and a generator that always makes the
same one cannot be told from one that does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from gan_jax.reports.look import Look

SHOWN = 5
SPACING = 1.5  # height of a band, in ranges of the real samples


def draw_traces(axis: Axes, x: np.ndarray, colours: Sequence, low: float, high: float) -> None:
    """Draw sequences x [n, time], the first on top, each in a band about the range low .. high.

    What leaves its band is drawn at the band's edge.
    """
    height, middle = SPACING * (high - low or 1.0), (low + high) / 2
    bound = np.clip(x - middle, -height / 2, height / 2)
    for place, (sequence, shade) in enumerate(zip(bound, colours, strict=True)):
        base = (len(x) - 1 - place) * height
        axis.axhline(base, color="black", linewidth=0.4, alpha=0.25)
        axis.plot(base + sequence, color=shade, linewidth=1.1)
    axis.set(yticks=[], xlim=(0, x.shape[1] - 1))
    axis.set_ylim(-0.55 * height, (len(x) - 0.45) * height)
    axis.spines["left"].set_visible(False)


def sequence_look(x_real: np.ndarray, labels: Sequence[str]) -> Look:
    """The first sequences, one above another; the real ones have an Axes of their own."""
    low, high = float(x_real.min()), float(x_real.max())

    def draw(axis: Axes, x: np.ndarray, colour: str, real_colour: str | None) -> None:
        del real_colour
        draw_traces(axis, x[:SHOWN], [colour] * min(SHOWN, len(x)), low, high)

    return Look(draw, x_real, beside=True, xlabel=labels[0] if labels else "time")
