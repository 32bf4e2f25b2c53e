"""What do the tutorials' dense networks learn of handwritten digits? One seed, or a few.

Discriminator 784-512-256-1, generator 128-256-512-1024-784 with batch normalisation before its last
layer, LeakyReLU(0.2), tanh, Adam 2e-4 with beta1 0.5, batch 128, 25,000 steps (20,000 to 30,000
published). Reported there at the end: a discriminator loss of about 0.6 and a generator loss of 0.8
to 0.9; their discriminator loss is the mean over the combined batch, half of ours.

Command: `python experiments/mnist_dense.py`, 12 minutes on 2 cores; `--quick` takes one (1,500
steps). Needs MNIST (`gan-jax fetch mnist`) and its classifier (`gan-jax classifier mnist`). Expect:
readable digits of every class, and losses beside the published ones.
"""

from pathlib import Path

import numpy as np

import gan_jax
from gan_jax.commands.script import run_script
from gan_jax.reports.watched import train_visibly

REPORTED = {"half the discriminator's loss": "0.6", "generator's loss": "0.8 to 0.9"}


def main(
    folder: Path = Path("results/mnist_dense"),
    steps: int = 25_000,
    seeds: int = 1,
    quick: bool = False,
) -> None:
    """Train in `folder`, with grids, loss curves, an animation and the exported generator.

    Args:
      folder: where the results go.
      steps: training steps.
      seeds: how many.
      quick: 1,500 steps instead.
    """
    steps = 1_500 if quick else steps
    base = gan_jax.preset("mnist", steps=steps, classifier_measures=True)
    results = train_visibly(gan_jax.Study("mnist_dense", base, {"dense": {}}, seeds), folder)
    report(results)


def report(results) -> None:
    """Print what the tail of training says: losses beside the reported, classes, distances."""
    tail = results.isel(variant=0, step=slice(-20, None))
    losses = (tail["discriminator_loss"] / 2, tail["generator_loss"])
    print("median over the last 20 records, [range]; as the tutorials report it:")
    for (words, reported), loss in zip(REPORTED.items(), losses, strict=True):
        low, median, high = np.nanquantile(loss, [0, 0.5, 1])
        print(f"  {words}: {median:.2f} [{low:.2f}, {high:.2f}]; {reported}")
    value = float(np.nanmedian(tail["value"]))
    print(f"  value function V(D, G): {value:.2f} (-1.39 where the discriminator cannot tell)")
    last = results.isel(variant=0, step=-1)
    for name in ("coverage", "class_kl", "frechet_distance", "kernel_distance"):
        floor = np.median(results[f"floor_{name}"])
        values = ", ".join(f"{value:.3g}" for value in last[name].values)
        print(f"  {name.replace('_', ' ')}: {values}; real against real {floor:.3g}")


if __name__ == "__main__":
    run_script(main)
