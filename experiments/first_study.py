"""Does the generator's learning rate decide whether a GAN converges? 32 seeds each, 5,000 steps.

Command: `python experiments/first_study.py`, 20 seconds on 2 cores; `--folder` moves the
results. Expect a rate with its 95 % interval for a slower, the published and a faster rate, and
figures. This is README's example, with an argument.
"""

import gan_jax
from gan_jax.commands.script import run_script
from gan_jax.reports import figures

RATES = {"slow": 3e-4, "published": 1e-3, "fast": 3e-3}


def main(folder: str = "results/first_study", steps: int = 5_000, seeds: int = 32) -> None:
    """Run the study in `folder`, print the rates and save the figure."""
    gan_jax.use_all_cores()
    base = gan_jax.preset("parabola", steps=steps)
    variants = {name: {"generator_learning_rate": rate} for name, rate in RATES.items()}
    study = gan_jax.Study("learning_rates", base, variants, seeds=seeds)
    results = gan_jax.run_study(study, folder)
    print(gan_jax.summarize(results)[["seeds", "converged", "converged_low", "converged_high"]])
    figures.save_figures(results, folder)


if __name__ == "__main__":
    run_script(main)
