"""What a kind of data must say to be drawn: the type that every figure of samples asks.

The kinds themselves are in `scatters`, `images` and `sequences`; `samples` knows which is whose.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes


class Look(NamedTuple):
    """How samples of one data set are drawn into one Axes.

    Attributes:
      draw: `(axis, x [n, *shape], colour, real_colour)`; x over the real samples, or x alone where
        `real_colour` is None, or where the kind cannot lay one over the other.
      x_real: real samples [n, *shape]; they also set the range of the axes.
      beside: whether real samples need an Axes of their own.
      xlabel: of the horizontal axis.
      ylabel: of the vertical axis; "" where it has no meaning.
    """

    draw: Callable[[Axes, np.ndarray, str, str | None], None]
    x_real: np.ndarray
    beside: bool
    xlabel: str = ""
    ylabel: str = ""


def without_frame(axis: Axes) -> None:
    """Take an axis's frame and ticks away, but not its title and labels."""
    axis.set(xticks=[], yticks=[])
    for spine in axis.spines.values():
        spine.set_visible(False)
