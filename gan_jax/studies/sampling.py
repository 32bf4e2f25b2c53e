"""As many samples of a trained generator as wanted, a chunk at a time: memory does not limit them.

Latents are drawn in chunks of one size, each with a key of its own, so that the first m of n do not
depend on n.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.analysis.interpolation import INTERPOLATIONS
from gan_jax.files.whole import write_whole
from gan_jax.game.draws import SAMPLES, draw_latents, seed_key
from gan_jax.studies.generators import Generator

CHUNK = 1024  # the latents depend on it

Rows = Iterator[np.ndarray]


class Latents(NamedTuple):
    """What to generate from.

    Attributes:
      shape: of all of them, [n, ..., latent_dim].
      rows: gives them some rows at a time, [m, ..., latent_dim], from the first again at each call.
    """

    shape: tuple[int, ...]
    rows: Callable[[], Rows]


def independent_latents(generator: Generator, seed: int, n: int) -> Latents:
    """n standard Gaussian latents [n, latent_dim]."""
    key = jax.random.fold_in(seed_key(seed), SAMPLES)

    def rows() -> Rows:
        for chunk, start in enumerate(range(0, n, CHUNK)):
            chunk_key = jax.random.fold_in(key, chunk)
            yield np.asarray(draw_latents(generator.experiment, chunk_key, CHUNK))[: n - start]

    return Latents((n, generator.latent_dim), rows)


def latents_on_paths(
    generator: Generator, seed: int, n: int, interpolation: str, between: int
) -> Latents:
    """n paths [n, 2 + between, latent_dim] of even steps, their two ends included.

    The first goes from the first of the independent latents to the second, the next from the third
    to the fourth. `interpolation` is a name in INTERPOLATIONS.
    """
    interpolate, places = INTERPOLATIONS[interpolation], 2 + between
    t = jnp.linspace(0, 1, places)[None, :, None]
    together = max(CHUNK // places, 1)

    def rows() -> Rows:
        for ends in independent_latents(generator, seed, 2 * n).rows():
            pairs = ends.reshape(-1, 2, 1, generator.latent_dim)
            for start in range(0, len(pairs), together):
                some = pairs[start : start + together]
                yield np.asarray(interpolate(some[:, 0], some[:, 1], t))

    return Latents((n, places, generator.latent_dim), rows)


def generated(generator: Generator, z: np.ndarray) -> np.ndarray:
    """Samples [..., *shape] of latents [..., latent_dim], by one program whatever their number."""
    flat = z.reshape(-1, generator.latent_dim)
    samples = []
    for start in range(0, len(flat), CHUNK):
        some = flat[start : start + CHUNK]
        padded = np.pad(some, ((0, CHUNK - len(some)), (0, 0)))
        samples.append(np.asarray(generator(padded))[: len(some)])
    return np.concatenate(samples).reshape(*z.shape[:-1], *generator.shape)


def draw(generator: Generator, latents: Latents) -> np.ndarray:
    """The samples [n, ..., *shape] of all latents, at once."""
    return np.concatenate([generated(generator, z) for z in latents.rows()])


def write_samples(path: Path, generator: Generator, latents: Latents) -> None:
    """Write samples: *.npy as one array, else as an .npz file of samples `x` and latents `z`."""
    shape = (*latents.shape[:-1], *generator.shape)

    def x() -> Rows:
        return (generated(generator, z) for z in latents.rows())

    def write_x(temporary: Path) -> None:
        with temporary.open("wb") as file:
            _write_array(file, shape, x())

    def write_both(temporary: Path) -> None:
        # Stored one after the other, so the latents are drawn twice rather than held.
        with zipfile.ZipFile(temporary, "w") as archive:
            with archive.open("x.npy", "w", force_zip64=True) as file:
                _write_array(file, shape, x())
            with archive.open("z.npy", "w", force_zip64=True) as file:
                _write_array(file, latents.shape, latents.rows())

    write_whole(path, write_x if path.suffix == ".npy" else write_both)


def _write_array(file: IO[bytes], shape: tuple[int, ...], rows: Rows) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(file, header)
    for some in rows:
        file.write(some.astype("<f4").tobytes())
