"""What do convolutional players make of the digits? DCGAN's, channels last, one seed or a few.

Generator: 100 latents to 7 x 7 x 64, two transposed convolutions to 28 x 28, batch normalisation,
ReLU, tanh; discriminator: two strided convolutions, batch normalisation after the second one,
LeakyReLU (Radford et al. 2016, with fewer channels, so that a CPU suffices; `--width 128` is as
wide as theirs for small images).

Command: `python experiments/mnist_convolutional.py`, 10 minutes on 2 cores; `--quick` takes one
(200 steps). Needs MNIST (`gan-jax fetch mnist`) and its classifier (`gan-jax classifier mnist`).
Expect: cleaner strokes than the dense networks' after a fifth of the steps, every class.
"""

from pathlib import Path

from mnist_dense import report

import gan_jax
from gan_jax.commands.script import run_script
from gan_jax.reports.watched import train_visibly


def main(
    folder: Path = Path("results/mnist_convolutional"),
    steps: int = 5_000,
    seeds: int = 1,
    width: int = 64,
    quick: bool = False,
) -> None:
    """Train in `folder`, with grids, loss curves, an animation and the exported generator.

    Args:
      folder: where the results go.
      steps: training steps.
      seeds: how many.
      width: channels where the image is smallest; half as many where it is twice as large.
      quick: 200 steps instead.
    """
    steps = 200 if quick else steps
    base = gan_jax.preset(
        "mnist_dcgan",
        generator_hidden=(width, width // 2),
        discriminator_hidden=(width // 2, width),
        steps=steps,
        classifier_measures=True,
    )
    study = gan_jax.Study("mnist_convolutional", base, {"convolutional": {}}, seeds)
    report(train_visibly(study, folder))


if __name__ == "__main__":
    run_script(main)
