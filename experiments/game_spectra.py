"""What do consensus optimisation and R1 do to the eigenvalues of a real GAN's game? 16 seeds each.

The nets of "The Numerics of GANs" (Mescheder et al. 2017): ring of 8 Gaussians, generator and
discriminator 4 x 16 ReLU, latents of 16, batch 512, RMSProp 1e-4, non-saturating, simultaneous;
consensus weight 10. Differs from the paper: the eigenvalues are of the field preconditioned by
RMSProp's frozen second moments, on a batch of 128, and training is 10,000 steps.

Command: `python experiments/game_spectra.py`, 17 minutes on 2 cores; `--quick` takes two (4 seeds,
1,000 steps, a batch of 16). Expect: without either, eigenvalues with imaginary parts of hundreds,
some at the boundary of what a step contracts at the end; with consensus hardly any imaginary parts,
all along the training; with R1 as large ones as without, but further left of that boundary.
Positive real parts remain with all three.
"""

from pathlib import Path

import gan_jax
from gan_jax.analysis.stability import amplification
from gan_jax.commands.script import run_script
from gan_jax.reports.watched import run_and_report, show_spectra

WIDTHS = (16, 16, 16, 16)
VARIANTS = {
    "plain": {},
    "consensus": {"update": "consensus", "consensus_weight": 10.0},
    "r1": {"penalty": "r1", "penalty_weight": 10.0},
}


def main(
    folder: Path = Path("results/game_spectra"),
    steps: int = 10_000,
    seeds: int = 16,
    field_batch: int = 128,
    quick: bool = False,
) -> None:
    """Train the three variants, and compute and draw their spectra in the beginning, middle, end.

    Args:
      folder: where the results go.
      steps: training steps.
      seeds: how many seeds a variant.
      field_batch: size of the fixed batch that defines the field.
      quick: 4 seeds, 1,000 steps and a batch of 16 instead.
    """
    if quick:
        steps, seeds, field_batch = 1_000, 4, 16
    base = gan_jax.Experiment(
        data="ring",
        generator_hidden=WIDTHS,
        discriminator_hidden=WIDTHS,
        latent_dim=16,
        batch_size=512,
        discriminator_batch="full",
        update="simultaneous",
        optimizer="rmsprop",
        beta2=0.9,
        generator_learning_rate=1e-4,
        discriminator_learning_rate=1e-4,
        steps=steps,
    )
    run_and_report(gan_jax.Study("game_spectra", base, VARIANTS, seeds), folder)
    spectrum = show_spectra(folder, field_batch)
    print("seeds with a decaying pair (Re < 0) that a step stretches all the same, by step:")
    for variant in spectrum["variant"].values:
        counts = [
            f"{int(step)}: {stretched_seeds(spectrum.sel(variant=variant, step=step))}"
            for step in spectrum["step"].values
        ]
        print(f"  {variant:10}", ", ".join(counts))


def stretched_seeds(moment) -> int:
    """Seeds with an eigenvalue left of the imaginary axis, but outside the stability circle."""
    eigenvalues = moment["real"].values + 1j * moment["imaginary"].values
    stretch = amplification(moment["update"].item(), "rmsprop", 0.0)
    outside = stretch(float(moment["learning_rate"]) * eigenvalues) > 1
    return int((outside & (eigenvalues.real < 0)).any(axis=1).sum())


if __name__ == "__main__":
    run_script(main)
