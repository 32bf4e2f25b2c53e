"""What does one plain GAN make of data of 1, 2, 3 and 32 dimensions? Seven sets, 16 seeds each.

Mixtures whose modes are known and a Swiss roll, all with the same dense networks (two hidden layers
of 64, LeakyReLU) on data scaled to [-1, 1]. Nothing is tuned: the question is which data such a GAN
learns as it is, and how it fails on the others.

Command: `python experiments/other_data.py`, 6 minutes on 2 cores; `--quick` takes two (4 seeds,
1,000 steps). Expect: nearly every seed learns the Swiss roll, some the ring, hardly any the other
mixtures: they keep most modes but join them by lines of samples (1-D, ring, spiral), or lose modes
(grid, 3-D, and most of all 32-D).
"""

from pathlib import Path

import numpy as np

import gan_jax
from gan_jax.commands.script import run_script
from gan_jax.reports import figures

DATA = ("mixture_1d", "ring", "grid", "spiral", "mixture_3d", "mixture_high", "swiss_roll")
MEASURES = ("coverage", "high_quality", "reverse_kl", "neighbour_recall")


def main(
    folder: Path = Path("results/other_data"),
    steps: int = 10_000,
    seeds: int = 16,
    quick: bool = False,
) -> None:
    """Run a study a data set in `folder`, print rates and measures, draw each one's samples.

    Args:
      folder: where the results go, a subfolder a data set.
      steps: training steps.
      seeds: how many seeds a data set.
      quick: 4 seeds and 1,000 steps instead.
    """
    if quick:
        steps, seeds = 1_000, 4
    gan_jax.use_all_cores()
    print(f"{seeds} seeds a data set, {steps:,} steps; medians, and [real against real]")
    header = "  ".join(f"{name:>19}" for name in MEASURES)
    print(f"{'data':14}{'converged':>18}{'collapsed':>18}  {header}")
    for data in DATA:
        base = gan_jax.Experiment(
            data=data,
            data_scaling=True,
            latent_dim=8,
            generator_hidden=(64, 64),
            generator_activation="leaky_relu",
            discriminator_hidden=(64, 64),
            discriminator_activation="leaky_relu",
            steps=steps,
        )
        results = gan_jax.run_study(
            gan_jax.Study(data, base, {data: {}}, seeds, moments=0), folder / data
        )
        row, last = gan_jax.summarize(results).iloc[0], results.isel(variant=0, step=-1)
        rates = [
            f"{row[v]:.0%} ({row[f'{v}_low']:.0%} to {row[f'{v}_high']:.0%})"
            for v in ("converged", "collapsed")
        ]
        numbers = [
            f"{np.nanmedian(last[name]):8.3f} [{np.median(results[f'floor_{name}']):.3f}]"
            if name in last
            else "-"
            for name in MEASURES
        ]
        print(f"{data:14}{rates[0]:>18}{rates[1]:>18}  " + "  ".join(f"{n:>19}" for n in numbers))
        figures.save_figure(figures.final_samples(results), folder / f"{data}.png")
    print(f"samples: {folder}/*.png")


if __name__ == "__main__":
    run_script(main)
