"""How well does the discriminator alone tell a parabola from noise? 64 seeds, with intervals.

The first step of the tutorials: points of y = x^2 against points uniform on the square [-1, 1]^2, a
discriminator 2-25-1, 1,000 batches of 64 real and 64 fake ones. The uniform "generator" has no
parameters and is registered here as any network is; the phased update leaves it frozen.

Command: `python experiments/parabola_discriminator.py`, a quarter of a minute on 2 cores;
`--quick` (16 seeds) takes 8 seconds. Expect the published end, 1.0 on real points and 0.8 to 0.9 on
uniform ones, in nearly every seed: a few uniform points lie near the curve.
"""

from pathlib import Path

import jax
import numpy as np
from flax import linen as nn

import gan_jax
from gan_jax.analysis.statistics import wilson
from gan_jax.commands.script import run_script
from gan_jax.reports import figures

PUBLISHED = "published (one seed): 1.0 on real points, 0.8 to 0.9 on fake ones"


class UniformSquare(nn.Module):
    """x = 2 Phi(z) - 1: uniform on [-1, 1]^2 for standard Gaussian latents; nothing to train."""

    @nn.compact
    def __call__(self, z, train=False):
        return 2 * jax.scipy.stats.norm.cdf(z) - 1


def uniform_square(spec):
    """Build the generator of uniform points."""
    return UniformSquare()


def main(
    folder: Path = Path("results/parabola_discriminator"),
    seeds: int = 64,
    steps: int = 1_000,
    quick: bool = False,
) -> None:
    """Train the discriminators in `folder`, print their accuracies, draw the curves.

    Args:
      folder: where the results go.
      seeds: how many.
      steps: batches of 64 real and 64 fake points.
      quick: 16 seeds instead.
    """
    seeds = 16 if quick else seeds
    gan_jax.use_all_cores()
    gan_jax.NETWORKS["uniform_square"] = uniform_square
    base = gan_jax.preset(
        "parabola",
        generator="uniform_square",
        latent_dim=2,
        update="phased",
        phase_steps=steps,
        steps=steps,
        log_every=max(steps // 10, 1),
    )
    study = gan_jax.Study("parabola_discriminator", base, {"discriminator": {}}, seeds)
    results = gan_jax.run_study(study, folder).isel(variant=0)
    print(f"accuracies over {seeds} seeds, each from {results.sizes['sample']} points of a kind:")
    print(f"{'step':>6}  {'real: median':>12} {'5-95 %':>11}  {'fake: median':>12} {'5-95 %':>11}")
    for step in results["step"].values:
        cells = []
        for name in ("accuracy_real", "accuracy_fake"):
            low, median, high = np.quantile(results[name].sel(step=step), [0.05, 0.5, 0.95])
            cells.append(f"{median:12.2f} {f'{low:.2f}-{high:.2f}':>11}")
        print(f"{step:6}  {'  '.join(cells)}")
    last = results.isel(step=-1)
    perfect = int((last["accuracy_real"] >= 0.995).sum())
    enough = int((last["accuracy_fake"] >= 0.8).sum())
    for words, count in (("real at 1.0 (from 0.995 on)", perfect), ("fake from 0.8 on", enough)):
        rate = wilson(count, seeds)
        print(f"{words}: {count} of {seeds}, 95 % interval {rate.low:.2f} to {rate.high:.2f}")
    print(PUBLISHED)
    figure = figures.accuracies_over_steps(results.expand_dims("variant"))
    print(figures.save_figure(figure, folder / "figures/accuracies.png"))


if __name__ == "__main__":
    run_script(main)
