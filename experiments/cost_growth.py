"""What does a seed-step cost as the work grows: seeds, width, batch, steps, variants, options?

gan_jax through `train_seeds`, evaluation and records on, every program warm (but for variants,
whose compiling is the point). One thing is changed at a time from the parabola's own set-up, and
the sizes are run in turn, `--repeats` times over, so that the machine's drift is no trend.

Command: `python experiments/cost_growth.py`, nine minutes on 2 cores that do nothing else;
`--quick` takes two and shows that it runs. Expect: falling with the seeds up to 128, as chunks
become as wide as they get, then flat (one compiled chunk, again and again), and flat in steps, but
for short trainings; between linear and quadratic in width (a layer's weights are its square, but
narrow ones cost what calling them costs); from little to in proportion with the batch. Variants
that differ in a number share one program, those that differ in a name compile one each.
"""

from __future__ import annotations

import datetime
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

import gan_jax
from gan_jax.analysis import quality
from gan_jax.commands.script import run_script
from gan_jax.config import split
from gan_jax.files.whole import write_text
from gan_jax.reports.style import GREY, STYLE, VARIANT_COLOURS

SEEDS = (2, 4, 8, 16, 32, 64, 128, 512, 2_048, 4_096)
WIDTHS = (16, 32, 64, 128, 256, 512)
BATCHES = (32, 64, 128, 256, 512, 1_024, 2_048, 4_096)
STEPS = (100, 300, 1_000, 3_000, 10_000)
VARIANTS = (1, 2, 4, 8)
# Each is one more traced number a lane.
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"gradient_clip": 10.0},
    {"weight_clip": 100.0},
    {"label_smoothing": 0.1},
    {"generator_ema": 0.99},
    {"instance_noise": 0.01},
    {"instance_noise_steps": 100_000},
)
LOSSES = (
    "non_saturating",
    "saturating",
    "least_squares",
    "hinge",
    "wasserstein",
    "pearson",
    "kl",
    "relativistic",
)
AIM = 1.5  # seconds a measurement


def main(folder: Path = Path("results/cost_growth"), repeats: int = 3, quick: bool = False) -> None:
    """Measure, print a table a curve, and write cost_growth.json and cost_growth.png.

    Args:
      folder: where they go.
      repeats: how often each size is timed; the median counts.
      quick: fewer and smaller sizes, once.
    """
    gan_jax.use_all_cores()
    repeats = 1 if quick else repeats
    short = slice(0, 3) if quick else slice(None)
    curves = {
        "seeds": timed([(n, {}, n) for n in SEEDS[short]], repeats, least_steps=1_000),
        "width": timed(
            [(w, {"generator_hidden": (w, w), "discriminator_hidden": (w, w)}, 16)
             for w in WIDTHS[short]], repeats),
        "batch": timed([(b, {"batch_size": b}, 16) for b in BATCHES[short]], repeats),
        "steps": timed([(s, {"steps": s}, 64) for s in STEPS[short]], repeats),
        "leaves": timed([(leaves(o), o, 64) for o in growing(OPTIONS[short])], repeats),
        "numbers": varied(VARIANTS[short], lambda k: {"generator_learning_rate": 1e-3 / (1 + k)}),
        "names": varied(VARIANTS[short], lambda k: {"loss": LOSSES[k % len(LOSSES)]}),
    }  # fmt: skip
    about = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "jax": version("jax"),
        "gan_jax": version("gan-jax"),
    }
    write_text(folder / "cost_growth.json", json.dumps(about | curves, indent=1) + "\n")
    with mpl.rc_context(STYLE):
        figure = draw(curves, about)
        figure.savefig(folder / "cost_growth.png")
    print(folder / "cost_growth.png")


def leaves(options: dict[str, Any]) -> int:
    """How many traced numbers a lane has."""
    return len(jax.tree.leaves(split(gan_jax.Experiment(**options))[1]))


def growing(options: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first, the first two together, the first three, ..."""
    grown = [{}]
    for option in options[1:]:
        grown.append(grown[-1] | option)
    return grown


def timed(
    sizes: Sequence[tuple[int, dict[str, Any], int]], repeats: int, least_steps: int = 100
) -> dict[str, list]:
    """Microseconds a seed-step, median and range over the repeats, of each size in turn.

    A size is its number, the fields it changes, and its seeds. No training is shorter than
    `least_steps`: of many seeds AIM seconds are so few steps that starting costs more than they do.
    """
    runs = [prepared(changes, seeds, least_steps) for _, changes, seeds in sizes]
    costs = np.array([[run() for run in runs] for _ in range(repeats)])
    curve = {
        "size": [size for size, _, _ in sizes],
        "cost": np.median(costs, axis=0).tolist(),
        "low": costs.min(axis=0).tolist(),
        "high": costs.max(axis=0).tolist(),
    }
    for size, cost, low, high in zip(*curve.values(), strict=True):
        print(f"{size:>8,}: {cost:10.2f} us a seed-step ({low:.2f} to {high:.2f})")
    return curve


def prepared(changes: dict[str, Any], seeds: int, least_steps: int) -> Callable[[], float]:
    """A warm training of about AIM seconds and at least so many steps, or of the steps asked for.

    Each call of what is returned trains once, and returns its cost.
    """
    experiment = gan_jax.Experiment().replace(**{"steps": 20} | changes)
    evaluation = quality.evaluation(experiment)

    def run(experiment: gan_jax.Experiment) -> float:
        begun = time.perf_counter()
        gan_jax.train_seeds(experiment, seeds, evaluation=evaluation)
        return (time.perf_counter() - begun) / (seeds * experiment.total_steps) * 1e6

    run(experiment)
    if "steps" not in changes:
        # Records as often as in a training of the default length. What is short is mostly the cost
        # of starting, so the first guess is too low, and the third right.
        experiment = experiment.replace(log_every=100)
        for _ in range(3):
            steps = int(AIM * 1e6 / run(experiment) / seeds)
            experiment = experiment.replace(steps=max(steps, least_steps))
    return lambda: run(experiment)


def varied(counts: Sequence[int], changes: Callable[[int], dict[str, Any]]) -> dict[str, list]:
    """Seconds of a small study of so many variants, compiling included, in a fresh process' way."""
    seconds = []
    for count in counts:
        jax.clear_caches()
        variants = {f"variant-{k}": changes(k) for k in range(count)}
        base = gan_jax.preset("parabola", steps=1_000)
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            gan_jax.run_study(gan_jax.Study("growth", base, variants, 16), Path(folder) / "study")
        seconds.append(time.perf_counter() - begun)
        print(f"{count:>8} variants: {seconds[-1]:.1f} s")
    return {"size": list(counts), "seconds": seconds}


def draw(curves: dict[str, Any], about: dict[str, Any]) -> Figure:
    """A panel a curve; dashed what no fixed cost, and no more than the work itself, would give."""
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    axes = figure.subplots(2, 3).ravel()
    panel(axes[0], curves["seeds"], "seeds", 0)
    panel(axes[1], curves["width"], "width of both hidden layers", 2)
    panel(axes[2], curves["batch"], "batch size", 1)
    panel(axes[3], curves["steps"], "steps (64 seeds)", 0)
    panel(axes[4], curves["leaves"], "traced numbers a lane (64 seeds)", None)
    for name, words, colour in (
        ("names", "that differ in the loss's name", VARIANT_COLOURS[1]),
        ("numbers", "that differ in a learning rate", VARIANT_COLOURS[0]),
    ):
        curve = curves[name]
        axes[5].plot(curve["size"], curve["seconds"], "o-", color=colour, label=words)
    axes[5].set_xlabel("variants (16 seeds, 1,000 steps each)")
    axes[5].set_ylabel("seconds, compiling included")
    axes[5].set_ylim(bottom=0)
    axes[5].legend(frameon=False, fontsize=9)
    cores = "" if about["cores"] is None else f" on {about['cores']} cores"
    figure.suptitle(
        f"What a seed-step costs{cores}, evaluation and records on; "
        f"jax {about['jax']}, {about['date']}",
        x=0.01,
        ha="left",
        fontsize=11,
    )
    return figure


def panel(axis: Axes, curve: dict[str, list], label: str, power: int | None) -> None:
    """One curve; `power` is the slope of the work itself, drawn through its last point."""
    size, cost = np.array(curve["size"], float), np.array(curve["cost"])
    reach = [cost - curve["low"], np.array(curve["high"]) - cost]
    axis.errorbar(size, cost, reach, fmt="o-", color=VARIANT_COLOURS[0], capsize=2)
    axis.set_xlabel(label)
    axis.set_ylabel("us a seed-step")
    if power is None:
        axis.set_ylim(0, 1.3 * cost.max())
        return
    axis.plot(size, cost[-1] * (size / size[-1]) ** power, "--", color=GREY, lw=1)
    axis.set_xscale("log", base=2 if size[-1] / size[0] < 1e4 and power else 10)
    axis.set_yscale("log")
    if power == 0:
        axis.set_ylim(cost.min() / 2, cost.max() * 2)
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.yaxis.set_minor_formatter("")


if __name__ == "__main__":
    run_script(main)
