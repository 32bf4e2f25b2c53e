"""`gan-jax sample`: as many new samples of a trained generator as wanted, or paths of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from tyro.conf import Positional, arg

from gan_jax.fields import ConfigError, check_range

if TYPE_CHECKING:
    from gan_jax.studies.generators import Generator
    from gan_jax.studies.sampling import Latents

SUFFIXES = (".npz", ".npy", ".png")
SAMPLES, PATHS = 10_000, 5
MOST = 10**9
MOST_BETWEEN = 1000
CLOUD = 2048  # samples that set the range of a picture of points


@dataclass(kw_only=True)
class Sample:
    """Generate new samples with a trained generator: arrays, or a picture of them."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """The folder of a finished run, or a generator's file in it."""
    out: Path
    """The file to write: *.npz (samples x, latents z), *.npy (samples), or *.png (a picture)."""
    n: Annotated[int | None, arg(aliases=["-n"])] = None
    """How many samples (10,000 if unset; in a picture as many as it has room for), or paths (5)."""
    seed: int = 0
    """Draws the latents; the first of them do not depend on how many there are."""
    run_seed: int | None = None
    """Which seed's generator, of a run of several."""
    variant: str | None = None
    """Which variant's generator, of a run of several."""
    interpolate: Literal["spherical", "linear"] | None = None
    """Instead of independent samples, go from one latent to another: paths of samples."""
    steps_between: int = 8
    """Samples between the two ends of a path."""
    overwrite: bool = False
    """Replace the file if it is there."""

    def run(self) -> None:
        self._check()
        generator = self._generator()
        if self.out.suffix == ".png":
            self._draw(generator)
        else:
            from gan_jax.studies.sampling import write_samples

            write_samples(self.out, generator, self._latents(generator, self._number()))
        print(self.out)

    def _number(self) -> int:
        return self.n or (SAMPLES if self.interpolate is None else PATHS)

    def _check(self) -> None:
        if self.out.suffix not in SUFFIXES:
            raise ConfigError(f"out: {self.out} given, expected a name in {', '.join(SUFFIXES)}")
        if self.out.exists() and not self.overwrite:
            raise ConfigError(f"out: {self.out} is there already; --overwrite replaces it")
        check_range("n", self.n, 1, MOST, f"a whole number from 1 to {MOST}")
        check_range("seed", self.seed, 0, 2**32 - 1, "a whole number from 0 to 4294967295")
        expected = f"a whole number from 0 to {MOST_BETWEEN}"
        check_range("steps_between", self.steps_between, 0, MOST_BETWEEN, expected)

    def _generator(self) -> Generator:
        """The chosen generator; exported first, where the run has not yet."""
        from gan_jax.studies.export import exported_generator, load_generator
        from gan_jax.studies.results import STUDY_FILE

        if (self.run_folder / STUDY_FILE).exists():
            return exported_generator(self.run_folder, self.variant, self.run_seed)
        return load_generator(self.run_folder, variant=self.variant, seed=self.run_seed)

    def _latents(self, generator: Generator, n: int) -> Latents:
        from gan_jax.studies import sampling

        if self.interpolate is None:
            return sampling.independent_latents(generator, self.seed, n)
        how = (self.interpolate, self.steps_between)
        return sampling.latents_on_paths(generator, self.seed, n, *how)

    def _draw(self, generator: Generator) -> None:
        """Draw as many samples or paths as a picture has room for."""
        from gan_jax.reports import paths
        from gan_jax.reports.figures import save_figure
        from gan_jax.studies.sampling import draw, independent_latents

        room = paths.MOST_SAMPLES if self.interpolate is None else paths.MOST_PATHS
        n = min(self._number(), room[generator.kind])
        if self.n is not None and n < self.n:
            print(f"{self.out}: room for the first {n} of {self.n}")
        x, labels = draw(generator, self._latents(generator, n)), generator.parts.dataset.labels
        origin = f"{generator.variant}, seed {generator.seed}, step {generator.step:,}"
        n_cloud = CLOUD if generator.kind == "points" else 2
        cloud = draw(generator, independent_latents(generator, self.seed, n_cloud))
        if not (np.isfinite(x).all() and np.isfinite(cloud).all()):
            raise ConfigError(
                f"out: {self.out} given, but not all samples are finite numbers, which a picture "
                "cannot show; expected *.npz"
            )
        if self.interpolate is None:
            title = f"{n:,} sample{'s' if n > 1 else ''}\n{origin}"
            figure = paths.picture_of_samples(generator.kind, x, cloud, title, labels)
        else:
            title = f"{self.interpolate} paths between latents\n{origin}"
            figure = paths.picture_of_paths(generator.kind, x, cloud, title, labels)
        save_figure(figure, self.out)
