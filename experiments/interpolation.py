"""What lies between two latents? Paths through the generator's latent space, as pictures.

New samples along straight and along spherical paths between pairs of latents, from an exported
generator: smooth changes where the generator has learned a continuum. A straight path passes nearer
to the origin than Gaussian latents of many dimensions ever lie, a spherical one does not; how far
off is measured as the norm half-way and as the step of the sample along the path.

Command: `python experiments/interpolation.py`, half a minute on 2 cores (it trains a parabola
first; `--quick` trains it for 2,000 steps); `--run results/mnist_dense` shows digits, in seconds.
Expect: digits that change shape
continuously, some through no digit at all; on the parabola, paths along the curve.
"""

from pathlib import Path

import numpy as np

import gan_jax
from gan_jax.analysis.interpolation import INTERPOLATIONS
from gan_jax.analysis.quality import QUALITY
from gan_jax.commands.sample import Sample
from gan_jax.commands.script import run_script
from gan_jax.reports.watched import train_visibly

PAIRS, POINTS, SEEDS = 200, 9, 4


def main(
    run: Path | None = None, folder: Path = Path("results/interpolation"), quick: bool = False
) -> None:
    """Draw both kinds of path of a run's generator in `folder`, and compare them in numbers.

    Args:
      run: a folder of `gan-jax train`, or a generator's file; a parabola is trained if none.
      folder: where the pictures go.
      quick: train the parabola for 2,000 steps only.
    """
    seed = None
    if run is None:
        base = gan_jax.preset("parabola", data_scaling=True, steps=2_000 if quick else 10_000)
        run = folder / "parabola"
        study = gan_jax.Study("parabola", base, {"gan": {}}, SEEDS)
        results = train_visibly(study, run).isel(variant=0)
        # The best seed: between the latents of a collapsed one there is nothing to see.
        seed = int(results["seed"][int(results[QUALITY].isel(step=-1).values.argmin())])
    generator = gan_jax.load_generator(run, seed=seed)
    ends = np.random.default_rng(0).standard_normal((2, PAIRS, generator.latent_dim))
    for kind, between in INTERPOLATIONS.items():
        z = np.stack([between(*ends.astype(np.float32), t) for t in np.linspace(0, 1, POINTS)], 1)
        middle = np.linalg.norm(z[:, POINTS // 2], axis=1).mean()
        x = np.asarray(generator(z.reshape(-1, generator.latent_dim))).reshape(PAIRS, POINTS, -1)
        steps = np.linalg.norm(np.diff(x, axis=1), axis=2)
        unevenness = (steps.max(axis=1) / steps.mean(axis=1)).mean()
        print(
            f"{kind:10} norm half-way {middle:.2f} (of a latent "
            f"{np.linalg.norm(ends, axis=2).mean():.2f}); longest step along a path "
            f"{unevenness:.1f} times the mean one"
        )
        picture = folder / f"{kind}.png"
        Sample(run_folder=run, run_seed=seed, out=picture, interpolate=kind, overwrite=True).run()


if __name__ == "__main__":
    run_script(main)
