"""What do convolutional players make of the digits? DCGAN's, channels last, one seed or a few.

Generator: 100 latents to 7 x 7 x 64, two transposed convolutions to 28 x 28, batch normalisation,
ReLU, tanh; discriminator: two strided convolutions, batch normalisation after the second one,
LeakyReLU (Radford et al. 2016, with fewer channels, so that a CPU suffices; `--width 128` is as
wide as theirs for small images).

Command: `python experiments/mnist_convolutional.py`, 12 minutes on 2 cores; `--quick` takes one
(200 steps). Needs MNIST (`gan-jax fetch mnist`) and its classifier (`gan-jax classifier mnist`).
Expect: every class; cleaner strokes than the dense networks' after a fifth of their steps, but more
shapes that are no digit. The accuracies say little: the discriminator was trained on real and
generated batches normalised apart, and is asked with running statistics, which are of both.
"""

from pathlib import Path

from matplotlib.figure import Figure
from mnist_dense import report

import gan_jax
from gan_jax.commands.script import run_script
from gan_jax.reports.figures import save_figure
from gan_jax.reports.images import mosaic
from gan_jax.reports.watched import train_visibly
from gan_jax.studies.results import RESULTS_FILE

ROW, SHOWN = 10, 100


def main(
    folder: Path = Path("results/mnist_convolutional"),
    steps: int = 5_000,
    seeds: int = 1,
    width: int = 64,
    quick: bool = False,
    beside: Path = Path("results/mnist_dense"),
) -> None:
    """Train in `folder`, with grids, loss curves, an animation and the exported generator.

    Args:
      folder: where the results go.
      steps: training steps.
      seeds: how many.
      width: channels where the image is smallest; half as many where it is twice as large.
      quick: 200 steps instead.
      beside: the dense networks' results: where they are there, a picture shows both.
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
    results = train_visibly(study, folder)
    report(results)
    if (beside / RESULTS_FILE).exists():
        figure = side_by_side(gan_jax.load_results(beside), results)
        print(save_figure(figure, folder / "figures" / "digits.png"))


def side_by_side(dense, convolutional) -> Figure:
    """Real digits, and the first ones of each run's first seed; none is chosen."""
    first = {"variant": 0, "seed": 0}
    pictures = {
        "real digits": dense["samples_real"],
        f"dense, {int(dense['step'][-1]):,} steps": dense["samples"].isel(first),
        f"convolutional, {int(convolutional['step'][-1]):,} steps": convolutional["samples"].isel(
            first
        ),
    }
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    for axis, (title, x) in zip(figure.subplots(1, 3), pictures.items(), strict=True):
        axis.imshow(mosaic(x.values[:SHOWN], ROW), interpolation="none")
        axis.set_title(title, loc="left", fontsize=11)
        axis.set_axis_off()
    return figure


if __name__ == "__main__":
    run_script(main)
