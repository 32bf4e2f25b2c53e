"""Is the published run of the parabola GAN typical? The same training, 64 seeds instead of one.

Points (x, x^2), generator 5-15-2, discriminator 2-25-1, Adam 1e-3, 10,000 steps of 64 real and 64
fake points (Brownlee 2019). The tutorial reports the discriminator's accuracy on 100 real and 100
generated points every 2,000 steps, for one run.

Command: `python experiments/parabola_gan.py`, half a minute on 2 cores; `--quick` (16 seeds, 4,000
steps) takes a quarter of one. Expect: accuracies that swing so widely that nearly every published
number lies within ours; about half of the seeds converge.
"""

from pathlib import Path

import numpy as np

import gan_jax
from gan_jax.commands.script import run_script
from gan_jax.reports import figures

# Step -> accuracy on real and on fake points, of one published run.
PUBLISHED = {
    2_000: (0.45, 1.0),
    4_000: (0.45, 0.91),
    6_000: (0.86, 0.16),
    8_000: (0.60, 0.41),
    10_000: (0.15, 0.93),
}
KINDS = ("accuracy_real", "accuracy_fake")


def main(
    folder: Path = Path("results/parabola_gan"),
    seeds: int = 64,
    steps: int = 10_000,
    quick: bool = False,
) -> None:
    """Train the seeds in `folder`, print published and measured accuracies, draw both.

    Args:
      folder: where the results go.
      seeds: how many.
      steps: training steps.
      quick: 16 seeds and 4,000 steps instead.
    """
    if quick:
        seeds, steps = 16, 4_000
    gan_jax.use_all_cores()
    base = gan_jax.preset("parabola", steps=steps, evaluation_samples=100)
    results = gan_jax.run_study(gan_jax.Study("parabola_gan", base, {"gan": {}}, seeds), folder)
    every = results.isel(variant=0)
    print(f"discriminator's accuracy on 100 real and 100 generated points, {seeds} seeds:")
    print(f"{'step':>6}  kind  published  ours: median   5-95 %    seeds below the published")
    for step, published in PUBLISHED.items():
        if step > steps:
            continue
        for kind, value in zip(KINDS, published, strict=True):
            seen = every[kind].sel(step=step).values
            low, median, high = np.nanquantile(seen, [0.05, 0.5, 0.95])
            below = np.mean(seen < value)
            print(
                f"{step:6}  {kind[-4:]}  {value:9.2f}  {median:12.2f}   {low:.2f}-{high:.2f}"
                f"  {below:5.0%}"
            )
    row = gan_jax.summarize(results).iloc[0]
    for verdict in ("converged", "collapsed", "diverged", "other"):
        low, high = row[f"{verdict}_low"], row[f"{verdict}_high"]
        print(f"{verdict}: {row[verdict]:.0%} of seeds, 95 % interval {low:.0%} to {high:.0%}")
    figure = figures.accuracies_over_steps(results, PUBLISHED)
    print(figures.save_figure(figure, folder / "figures/accuracies.png"))
    print(figures.save_figure(figures.final_samples(results), folder / "figures/samples.png"))


if __name__ == "__main__":
    run_script(main)
