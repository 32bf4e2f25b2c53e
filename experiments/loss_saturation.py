"""Why does -log D exist? The generator's gradient against the discriminator's confidence.

Left: on the parabola, only the discriminator is trained, from cross-entropy, so that it rejects the
untrained generator more and more confidently; at each moment the gradient norm that every loss
would give the generator is measured at the same states. Right: the same norm early in ordinary
training with each loss. 64 seeds, medians.

Command: `python experiments/loss_saturation.py`, two minutes on 2 cores; `--folder` moves
the figure. Expect: the saturating losses' gradients vanish with the fakes' probability of passing,
by as much as that probability, while the non-saturating one's stays; so do those of the losses that
are linear in the logit. Early in training the gap is there too, but the parabola's discriminator is
not confident enough for it to decide (see README's comparison).
"""

from pathlib import Path

import jax
import matplotlib as mpl
import numpy as np
import optax
from matplotlib.figure import Figure

import gan_jax
from gan_jax.analysis import game_field
from gan_jax.commands.script import run_script
from gan_jax.game import players
from gan_jax.game.gan import discriminate, generate
from gan_jax.game.program import make_program
from gan_jax.reports.figures import save_figure
from gan_jax.reports.style import STYLE
from gan_jax.training.loop import Evaluation
from gan_jax.training.seeds import train_seeds

ALPHA_G = 0.5
EARLY_EVERY = 5
COLOURS = {"saturating": "#0072B2", "non_saturating": "#D55E00"}


def with_loss(loss: str, **fields) -> gan_jax.Experiment:
    """The parabola's experiment with a loss; the alpha losses at an alpha that is not the log's."""
    parameters = gan_jax.LOSSES[loss].parameters
    chosen = {"alpha_g": ALPHA_G} if "alpha_g" in parameters else {}
    return gan_jax.preset("parabola", loss=loss, loss_parameters=chosen, **fields)


PROGRAMS = {loss: make_program(with_loss(loss)) for loss in gan_jax.LOSSES}


def gradient_norms(parts, batch, state):
    """The norm of every loss's generator gradient at a state, and how likely its fakes pass."""
    logits = discriminate(parts, state, generate(parts, state, batch.z))
    norms = {}
    for loss, program in PROGRAMS.items():
        judged = parts._replace(generator_loss=program.parts.generator_loss)
        move = players.generator_move(judged, program.leaves, state, batch)
        norms[loss] = optax.tree.norm(move.gradient)
    return norms | {"probability_fake": jax.nn.sigmoid(logits).mean()}


def rejected_generators(seeds: int, steps: int) -> dict[str, np.ndarray]:
    """Gradient norms [record] by loss while only the discriminator trains, medians of the seeds."""
    experiment = with_loss(
        "non_saturating",
        update="phased",
        phase_steps=steps,
        steps=steps,
        discriminator_hidden=(64, 64),
        discriminator_learning_rate=3e-3,
    )
    _, batch = game_field.field_batches(experiment)
    run = train_seeds(experiment, seeds, evaluation=Evaluation(gradient_norms, batch))
    return {name: np.median(curve, axis=0) for name, curve in run.history.items()}


def early_training(seeds: int, steps: int) -> dict[str, np.ndarray]:
    """The generator's gradient norm [step] in ordinary training with each loss, medians."""
    curves = {}
    for loss in gan_jax.LOSSES:
        run = train_seeds(with_loss(loss, steps=steps, log_every=EARLY_EVERY), seeds)
        curves[loss] = np.nanmedian(run.history["generator_gradient_norm"][:, 1:], axis=0)
    return curves


def draw(rejected: dict[str, np.ndarray], early: dict[str, np.ndarray]) -> Figure:
    """Both panels, the two textbook losses in colour."""
    losses, probability = list(gan_jax.LOSSES), rejected["probability_fake"]
    # Divided by the mean logit's own gradient, which grows as the discriminator steepens.
    relative = {loss: rejected[loss] / rejected["wasserstein"] for loss in losses}
    order = np.argsort(-probability)
    step = EARLY_EVERY * (1 + np.arange(len(early["saturating"])))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(13, 5.8))
        figure.subplots_adjust(left=0.06, right=0.82, bottom=0.1, top=0.85, wspace=0.75)
        left, right = figure.subplots(1, 2)
        for loss in losses:
            bold = loss in COLOURS
            style = {"color": COLOURS.get(loss, "#9A9A9A"), "linewidth": 2.4 if bold else 1}
            left.plot(probability[order], relative[loss][order], **style, zorder=3 if bold else 2)
            right.plot(step, early[loss], **style, zorder=3 if bold else 2)
        for axis in (left, right):
            axis.set_yscale("log")
        left.set_xscale("log")
        left.set_xlim(probability.max(), probability.min())
        left.set_ylim(relative["saturating"].min() / 3, 1e4)
        left.set_xlabel("mean probability of a fake to pass")
        left.set_ylabel("gradient norm, times that of the mean logit")
        left.set_title("only the discriminator trains")
        right.set_xlim(0, step[-1])
        right.set_xlabel("step")
        right.set_ylabel("gradient norm")
        right.set_title("both train")
        label_ends(left, {loss: relative[loss][order][-1] for loss in losses})
        label_ends(right, {loss: early[loss][-1] for loss in losses})
        figure.suptitle(
            "the generator's gradient: a discriminator that rejects confidently "
            "silences the saturating loss, not -log D",
            x=0.01,
            ha="left",
            fontsize=12,
        )
    return figure


def label_ends(axis, ends):
    """Names beside the lines' ends, evenly pushed apart where they would collide."""
    low, high = np.log10(axis.get_ylim())
    # What overflowed float32 has left at the top.
    ends = {name: float(np.nan_to_num(end, nan=np.inf)) for name, end in ends.items()}
    names = sorted(ends, key=ends.__getitem__)
    heights = np.array([(np.log10(ends[name]) - low) / (high - low) for name in names])
    ends_at, places, gap = np.clip(heights, 0, 1), np.clip(heights, 0, 1), 0.055
    for _ in range(1000):
        for k in range(len(names) - 1):
            lack = gap - (places[k + 1] - places[k])
            if lack > 0:
                places[k] -= lack / 2
                places[k + 1] += lack / 2
        places = places + max(0, -places.min()) - max(0, places.max() - 1)
    for name, end, place in zip(names, ends_at, places, strict=True):
        colour = COLOURS.get(name, "#555555")
        axis.plot(
            [1, 1.07],
            [end, place],
            color=colour,
            linewidth=0.5,
            transform=axis.transAxes,
            clip_on=False,
        )
        axis.text(
            1.08, place, name, fontsize=8, va="center", color=colour, transform=axis.transAxes
        )


def main(folder: str = "results/loss_saturation", seeds: int = 64, steps: int = 2_000) -> None:
    """Measure both, print how the textbook losses compare, and draw the figure in `folder`."""
    gan_jax.use_all_cores()
    rejected, early = rejected_generators(seeds, steps), early_training(seeds, steps=300)
    ratio = rejected["saturating"] / rejected["non_saturating"]
    print("probability of a fake to pass, and the saturating gradient over the non-saturating one:")
    for place in np.linspace(0, len(ratio) - 1, 6).astype(int):
        print(f"  {rejected['probability_fake'][place]:.2e}  {ratio[place]:.2e}")
    early_ratio = early["saturating"] / early["non_saturating"]
    print(
        f"in ordinary training, first 300 steps: {early_ratio.min():.2f} to {early_ratio.max():.2f}"
    )
    print(save_figure(draw(rejected, early), Path(folder) / "loss_saturation.png"))


if __name__ == "__main__":
    run_script(main)
