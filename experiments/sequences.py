"""Can recurrent players learn noisy sines? GRU and LSTM against dense ones, 8 seeds each.

Sequences of a sine of random frequency, amplitude and phase with a little noise. What is learned is
measured in the law's own terms: distance of the frequencies and of the amplitudes from theirs, and
the share of the range of frequencies that is generated.

Command: `python experiments/sequences.py`, 10 minutes on 2 cores; `--quick` takes two (2 seeds, 500
steps). Expect: every seed of all three converges and covers all frequencies; the recurrent players'
frequencies and amplitudes are nearer to the law than the dense ones', none as near as real samples.
"""

from pathlib import Path

import numpy as np

import gan_jax
from gan_jax.commands.script import run_script
from gan_jax.reports.watched import run_and_report

VARIANTS = {
    "gru": {},
    "lstm": {"generator": "lstm", "discriminator": "lstm"},
    "dense": {
        "generator": "dense",
        "generator_hidden": (64, 64),
        "discriminator": "dense",
        "discriminator_hidden": (64, 64),
        "discriminator_activation": "leaky_relu",
    },
}
MEASURES = ("frequency_distance", "amplitude_distance", "coverage", "diversity")


def main(
    folder: Path = Path("results/sequences"),
    steps: int = 5_000,
    seeds: int = 8,
    quick: bool = False,
) -> None:
    """Run the study in `folder`, print each variant's measures beside real samples' own.

    Args:
      folder: where the results go.
      steps: training steps.
      seeds: how many seeds a variant.
      quick: 2 seeds and 500 steps instead.
    """
    if quick:
        steps, seeds = 500, 2
    base = gan_jax.preset("sequence", steps=steps)
    results = run_and_report(gan_jax.Study("sequences", base, VARIANTS, seeds, moments=0), folder)
    print("last record: median over the seeds [least, greatest]; real against real: median")
    for name in MEASURES:
        floor = np.median(results[f"floor_{name}"])
        cells = []
        for variant in VARIANTS:
            low, median, high = np.nanquantile(
                results[name].sel(variant=variant).isel(step=-1), [0, 0.5, 1]
            )
            cells.append(f"{variant} {median:.3f} [{low:.3f}, {high:.3f}]")
        print(f"{name:20}{'  '.join(cells)}  real {floor:.3f}")


if __name__ == "__main__":
    run_script(main)
