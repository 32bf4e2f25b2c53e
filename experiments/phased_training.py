"""Is training the players in turns, a phase each, as stable as step by step? 64 paired seeds.

Courses describe GAN training as "the discriminator for some epochs with the generator frozen, then
the generator". Phases of 1 to 500 steps against the usual alternation, on the parabola: the same
networks, weights and number of updates of each player, 10,000. (A phased step moves one player, so
phased trainings take 20,000 steps; pairs share initial weights, not batches.)

Command: `python experiments/phased_training.py`, two minutes on 2 cores; `--quick` takes half of
one (16 seeds, 2,000 updates). Expect: phases of up to 20 steps do as well as alternation; with
phases of 100 and 500 steps no seed converges.
"""

from pathlib import Path

import gan_jax
from gan_jax.analysis.statistics import mcnemar
from gan_jax.commands.script import run_script
from gan_jax.reports import figures

PHASES = (1, 5, 20, 100, 500)


def main(
    folder: Path = Path("results/phased_training"),
    updates: int = 10_000,
    seeds: int = 64,
    quick: bool = False,
) -> None:
    """Run both studies in `folder`, print the rates and save the figures.

    Args:
      folder: where the results go.
      updates: of each player.
      seeds: how many seeds a variant.
      quick: 16 seeds and 2,000 updates instead.
    """
    if quick:
        updates, seeds = 2_000, 16
    gan_jax.use_all_cores()
    alternating = gan_jax.preset("parabola", steps=updates)
    phased = gan_jax.preset("parabola", steps=2 * updates, update="phased")
    variants = {f"phases_of_{n}": {"phase_steps": n} for n in PHASES}
    studies = (
        gan_jax.Study("alternating", alternating, {"alternating": {}}, seeds, moments=0),
        gan_jax.Study("phased", phased, variants, seeds, moments=0),
    )
    usual = None
    print(f"{updates:,} updates of each player, {seeds} seeds; rates with 95 % intervals")
    for study in studies:
        results = gan_jax.run_study(study, folder / study.name)
        for name, row in gan_jax.summarize(results).iterrows():
            converged = results["verdict"].sel(variant=name).values == "converged"
            usual = converged if usual is None else usual
            pairs = mcnemar(usual, converged)
            rates = [
                f"{verdict} {row[verdict]:4.0%} ({row[f'{verdict}_low']:.0%} to "
                f"{row[f'{verdict}_high']:.0%})"
                for verdict in ("converged", "collapsed")
            ]
            against = f"against alternating: p = {pairs.p_value:.2g}"
            print(f"{name:15}{rates[0]:32}{rates[1]:32}{against if converged is not usual else ''}")
        path = folder / f"{study.name}.png"
        print(figures.save_figure(figures.quality_over_steps(results), path))


if __name__ == "__main__":
    run_script(main)
