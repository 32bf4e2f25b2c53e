"""The discriminator's accuracies over training, all seeds, beside those of a published run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from gan_jax.reports.records import recorded
from gan_jax.reports.style import GREY, STYLE, colour, heading

if TYPE_CHECKING:
    import xarray as xr

KINDS = {"accuracy_real": "on real samples", "accuracy_fake": "on generated samples"}


def accuracies_over_steps(
    results: xr.Dataset, published: Mapping[int, tuple[float, float]] | None = None
) -> Figure:
    """Both accuracies of each variant's discriminator: every seed, median, 5 to 95 %.

    Args:
      results: of a study; a row of the figure a variant.
      published: step -> accuracy on real and on generated samples of somebody else's run.
    """
    variants = results["variant"].values.tolist()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 0.9 + 2.7 * len(variants)), layout="constrained")
        axes = figure.subplots(len(variants), 2, sharex=True, sharey=True, squeeze=False)
        for row, variant in zip(axes, variants, strict=True):
            shade = colour(results, variant)
            for place, (axis, (name, words)) in enumerate(zip(row, KINDS.items(), strict=True)):
                steps, curves = recorded(results, variant, name)
                axis.plot(steps, curves.T, color=shade, alpha=0.07, linewidth=0.6)
                low, median, high = np.nanquantile(curves, [0.05, 0.5, 0.95], axis=0)
                axis.fill_between(steps, low, high, color=shade, alpha=0.2, linewidth=0)
                axis.plot(steps, median, color=shade, linewidth=2)
                if published:
                    values = [pair[place] for pair in published.values()]
                    axis.plot(list(published), values, "o", color="black", markersize=5)
                axis.set(title=f"{heading(results, variant)}: {words}", ylim=(-0.03, 1.03))
            row[0].set_ylabel("discriminator's accuracy")
        for axis in axes[-1]:
            axis.set_xlabel("training step")
        keys = [
            Line2D([], [], color=GREY, alpha=0.5, linewidth=0.7, label="a seed"),
            Line2D([], [], color=GREY, linewidth=2, label="median"),
            Patch(color=GREY, alpha=0.25, label="5 to 95 % of the seeds"),
        ]
        if published:
            label = "the published run"
            keys.append(Line2D([], [], color="black", marker="o", linestyle="", label=label))
        figure.legend(handles=keys, loc="outside lower center", ncols=len(keys), frameon=False)
    return figure
