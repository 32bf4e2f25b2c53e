"""How images are drawn: a square grid of them, without frames, as one picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from gan_jax.reports.look import Look, without_frame

COLUMNS = 5
SHOWN = COLUMNS**2
GAP = 2  # pixels between images


def mosaic(x: np.ndarray, columns: int = COLUMNS) -> np.ndarray:
    """Images [n, height, width, channel] in rows of `columns`, as one RGB picture of 0 .. 1.

    Values are in [-1, 1], one channel grey or three RGB; what lies outside is clipped, and what is
    not finite is black. Between images, and where the last row is not full, it is white.
    """
    n, height, width, channels = x.shape
    rows = -(-n // columns)
    cells = np.ones((rows * columns, height + GAP, width + GAP, 3), np.float32)
    visible = np.clip(np.nan_to_num(x, nan=-1.0) / 2 + 0.5, 0, 1)
    cells[:n, :height, :width] = visible if channels == 3 else visible[..., :1]
    laid = cells.reshape(rows, columns, height + GAP, width + GAP, 3).transpose(0, 2, 1, 3, 4)
    return laid.reshape(rows * (height + GAP), columns * (width + GAP), 3)[:-GAP, :-GAP]


def draw_mosaic(axis: Axes, x: np.ndarray, columns: int = COLUMNS) -> None:
    """Draw images [n, height, width, channel] as a grid without frames."""
    axis.imshow(mosaic(x, columns))
    without_frame(axis)


def image_look(x_real: np.ndarray, labels: Sequence[str]) -> Look:
    """A grid of the first images; the real ones have a grid of their own."""
    del labels

    def draw(axis: Axes, x: np.ndarray, colour: str, real_colour: str | None) -> None:
        del colour, real_colour
        draw_mosaic(axis, x[:SHOWN])

    return Look(draw, x_real, beside=True)
