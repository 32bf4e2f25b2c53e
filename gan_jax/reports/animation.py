"""Samples over training as an animated picture: fixed latents, a frame every so many steps.

A GIF, which every browser, slide and README shows; written by Pillow, frame by frame.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from gan_jax.files.whole import write_whole
from gan_jax.reports.look import Look
from gan_jax.reports.samples import BLUE, RED
from gan_jax.reports.style import GREY, STYLE

LARGEST = 3_000_000  # bytes
COLOURS = 256
DOTS_PER_INCH = 100
SECONDS = 6.0  # of the whole animation, and how long it rests on the last frame:
REST = 2.0


def save_animation(look: Look, frames: Mapping[int, np.ndarray], title: str, path: Path) -> Path:
    """Write samples over steps as an animated GIF of at most LARGEST bytes; return its path.

    Args:
      look: how the samples are drawn.
      frames: step -> one seed's samples [n, *shape], of the same latents, in the order of steps.
      title: what the picture is of; each frame adds its step.
      path: the file, *.gif.
    """
    pictures = _draw(look, frames, title)
    encoded = _encode(pictures)
    # What compresses badly gets fewer frames, as long; half as many are half as large, or less.
    while len(encoded) > LARGEST and len(pictures) > 2:
        pictures = [*pictures[:-1:2], pictures[-1]]
        encoded = _encode(pictures)
    write_whole(path, lambda temporary: temporary.write_bytes(encoded))
    return path


def _draw(look: Look, frames: Mapping[int, np.ndarray], title: str) -> list[Image.Image]:
    panels = 1 + look.beside
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(0.7 + 3.4 * panels, 4.1), dpi=DOTS_PER_INCH)
        canvas = FigureCanvasAgg(figure)
        axes = figure.subplots(1, panels, squeeze=False)[0]
        # Fixed margins: a layout fitted to each frame would make the picture tremble.
        left, words = (0.04, "") if look.beside else (0.16, "\nreal (red), generated (blue)")
        figure.subplots_adjust(left=left, right=0.97, bottom=0.13, top=0.84, wspace=0.08)
        if look.beside:
            look.draw(axes[1], look.x_real, GREY, None)
            axes[1].set_title("real")
            axes[1].set_xlabel(look.xlabel)
        heading = figure.text(0.02, 0.97, "", ha="left", va="top", fontsize=11)
        pictures = []
        for step, x in frames.items():
            axes[0].clear()
            look.draw(axes[0], x, BLUE, RED)
            axes[0].set(xlabel=look.xlabel, ylabel=look.ylabel)
            if look.beside:
                axes[0].set_title("generated")
            heading.set_text(f"{title}, step {step:,}{words}")
            canvas.draw()
            picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
            pictures.append(picture.quantize(COLOURS, dither=Image.Dither.NONE))
    return pictures


def _encode(pictures: Sequence[Image.Image]) -> bytes:
    durations = [round(1000 * SECONDS / len(pictures))] * len(pictures)
    durations[-1] += round(1000 * REST)
    buffer = io.BytesIO()
    pictures[0].save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=durations,
        loop=0,
        optimize=False,
    )
    return buffer.getvalue()
