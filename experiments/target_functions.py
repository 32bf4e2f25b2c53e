"""How do the parabola's networks fare on other functions? Five curves, 64 seeds each.

The true curve and its domain are known, so the error is objective: mean distance from the curve,
share of the domain that is covered, distance of the x's from their uniform law. Every training
shows the networks data scaled to [-1, 1]; all numbers are in data units.

Command: `python experiments/target_functions.py`, two minutes on 2 cores; `--quick` takes one
(16 seeds, 2,000 steps). Expect: one bend is learned by most seeds, nearly all of them on the
parabola; the sine by hardly any, a part of its domain being lost (partial collapse); the polynomial
with four extrema by none, straight lines joining them.
"""

from pathlib import Path

import numpy as np

import gan_jax
from gan_jax.commands.script import run_script
from gan_jax.reports import figures

CURVES = ("parabola", "quadratic", "gaussian_bump", "sine", "polynomial")
MEASURES = ("curve_error", "coverage", "x_marginal")


def main(
    folder: Path = Path("results/target_functions"),
    steps: int = 10_000,
    seeds: int = 64,
    quick: bool = False,
) -> None:
    """Run a study a curve in `folder`, print rates and errors, draw each one's samples.

    Args:
      folder: where the results go, a subfolder a curve.
      steps: training steps.
      seeds: how many seeds a curve.
      quick: 16 seeds and 2,000 steps instead.
    """
    if quick:
        steps, seeds = 2_000, 16
    gan_jax.use_all_cores()
    print(f"{seeds} seeds a curve, {steps:,} steps; medians, and [real against real]")
    header = "  ".join(f"{name:>19}" for name in MEASURES)
    print(f"{'curve':15}{'converged':>18}{'collapsed':>18}  {header}")
    for curve in CURVES:
        base = gan_jax.preset("parabola", data=curve, data_scaling=True, steps=steps)
        study = gan_jax.Study(curve, base, {curve: {}}, seeds, moments=0)
        results = gan_jax.run_study(study, folder / curve)
        row, last = gan_jax.summarize(results).iloc[0], results.isel(variant=0, step=-1)
        rates = [
            f"{row[v]:.0%} ({row[f'{v}_low']:.0%} to {row[f'{v}_high']:.0%})"
            for v in ("converged", "collapsed")
        ]
        numbers = [
            f"{np.nanmedian(last[name]):8.3f} [{np.median(results[f'floor_{name}']):.3f}]"
            for name in MEASURES
        ]
        print(f"{curve:15}{rates[0]:>18}{rates[1]:>18}  " + "  ".join(f"{n:>19}" for n in numbers))
        picture = folder / f"{curve}.png"
        figures.save_figure(figures.final_samples(results), picture)
    print(f"samples: {folder}/*.png")


if __name__ == "__main__":
    run_script(main)
