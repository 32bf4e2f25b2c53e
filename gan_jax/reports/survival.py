"""The figure of times: when seeds converged, and when they failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from gan_jax.analysis.statistics import kaplan_meier
from gan_jax.reports.profiles import BANDS
from gan_jax.reports.records import FAILURES, ended, most_converged, ran
from gan_jax.reports.style import STYLE, elide, stroke
from gan_jax.studies.results import recorded as own_records

if TYPE_CHECKING:
    import xarray as xr

    from gan_jax.analysis.statistics import Survival

EVENTS = {
    "converged": ("converged",),
    "collapsed or diverged": FAILURES,
}


def survival_curves(results: xr.Dataset) -> Figure | None:
    """When seeds converged and when they failed: the share that has by a step, Kaplan-Meier's.

    Bands are 95 % intervals. A seed that never does counts to the end of its training.
    """
    if "verdict_step" not in results:
        return None
    variants, note = most_converged(results)
    variants = [name for name in variants if ran(results, name).any() and horizon(results, name)]
    if not variants:
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 4), layout="constrained")
        axes = figure.subplots(1, 2, sharex=True, sharey=True)
        for axis, (words, verdicts) in zip(axes, EVENTS.items(), strict=True):
            for name in variants:
                how, found = stroke(results, name), survival(results, name, verdicts)
                shares = 1 - found.survival
                label = elide(name)
                axis.step(found.times, shares, where="post", linewidth=1.8, label=label, **how)
                if len(variants) <= BANDS:
                    low, high = 1 - found.high, 1 - found.low
                    shade = {"color": how["color"], "alpha": 0.15, "linewidth": 0}
                    axis.fill_between(found.times, low, high, step="post", **shade)
            axis.set(title=words, xlabel="training step", ylim=(-0.02, 1.02))
        axes[0].locator_params(axis="x", nbins=5)
        axes[0].set_ylabel("share of seeds by then")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9
        )
        if note:
            figure.suptitle(note, x=0.01, ha="left", fontsize=10)
    return figure


def horizon(results: xr.Dataset, variant: str) -> int:
    """The step at which a variant's training ended."""
    steps = own_records(results, variant)["step"].values
    return int(steps[-1]) if len(steps) else 0


def survival(results: xr.Dataset, variant: str, verdicts: tuple[str, ...]) -> Survival:
    """The share of a variant's seeds that has not come to one of these verdicts, over steps.

    A seed with another verdict never will, so it counts as at risk to the end.
    """
    here, last = ran(results, variant), horizon(results, variant)
    happened = ended(results, variant, verdicts)[here]
    steps = results["verdict_step"].sel(variant=variant).values[here]
    return kaplan_meier(np.where(happened, steps, last).astype(float), happened, float(last))
