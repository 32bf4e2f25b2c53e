"""A hand-written C loop for the parabola's step: what the machine's vector units reach without us.

`c_loop.c`, compiled here by `cc -O3 -march=native -ffast-math -fopenmp`; threads over seeds. It
keeps nothing but the last step's losses: no metrics, no isolation, no evaluation.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from contestants.protocol import ContestantError, serve
from contestants.works import Layers, Work, initial_layers

SOURCE = Path(__file__).with_suffix(".c")
FLAGS = ("-O3", "-march=native", "-ffast-math", "-fopenmp", "-fPIC", "-c")
# Linked without -ffast-math, which would make this whole process flush subnormal numbers.
LINK = ("-fopenmp", "-shared")
PARAMETERS, RNG_WORDS = 223, 64


def compiled(folder: str) -> tuple[ctypes.CDLL, str]:
    """The library, and the compiler's own line on its version.

    Raises:
      ContestantError: where there is no compiler, or it refuses.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        raise ContestantError("no C compiler `cc` on the path")
    library = Path(folder) / "c_loop.so"
    code = library.with_suffix(".o")
    compiling = [*FLAGS, str(SOURCE), "-o", str(code)]
    linking = [*LINK, str(code), "-o", str(library), "-lm"]
    for words in (compiling, linking):
        done = subprocess.run([compiler, *words], capture_output=True, text=True)
        if done.returncode:
            raise ContestantError(f"cc refused: {done.stderr.strip().partition(chr(10))[0]}")
    said = subprocess.run([compiler, "--version"], capture_output=True, text=True)
    version = said.stdout.partition("\n")[0].removeprefix("cc ")
    return ctypes.CDLL(str(library)), version


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    """Where a contiguous array begins, for C."""
    assert array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data)


class CLoop:
    """Weights, moments and random states of all seeds as arrays [seed, ...]."""

    def __init__(
        self, work: Work, seeds: int, rows: Path | None, options: Mapping[str, Any]
    ) -> None:
        if work.name != "parabola":
            raise ContestantError("written for the parabola alone")
        with tempfile.TemporaryDirectory() as folder:
            self.library, version = compiled(folder)
        self.seeds, random = seeds, np.random.default_rng(0)
        self.weights = np.zeros((seeds, PARAMETERS), np.float32)
        for seed in range(seeds):
            self.weights[seed] = flat(
                initial_layers(work.generator_widths, random),
                initial_layers(work.discriminator_widths, random),
            )
        self.states = random.integers(1, 2**32, (seeds, RNG_WORDS), np.uint32)
        self.losses = np.zeros((seeds, 2), np.float32)
        self._begin()
        self.versions = {"cc": version}
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        self.note = f"hand-written, xoshiro128+, {cores} threads over seeds"

    def _begin(self) -> None:
        self.means, self.squares = np.zeros_like(self.weights), np.zeros_like(self.weights)
        self.taken = 0

    def _losses(self, losses: np.ndarray) -> dict[str, float]:
        names = ("discriminator_loss", "generator_loss")
        return {name: float(x) for name, x in zip(names, losses, strict=True)}

    def run(self, steps: int) -> dict[str, float]:
        arrays = (self.weights, self.means, self.squares, self.states, self.losses)
        counts = ctypes.c_long(steps), ctypes.c_long(self.taken)
        self.library.train(self.seeds, *counts, *map(pointer, arrays))
        self.taken += steps
        return self._losses(self.losses.mean(axis=0))

    def load(self, generator: Layers, discriminator: Layers) -> None:
        self.weights[:] = flat(generator, discriminator)
        self._begin()

    def step_on(self, batch: Mapping[str, np.ndarray]) -> dict[str, float]:
        names, losses = ("z_discriminator", "x_real", "z_generator"), np.zeros(2, np.float32)
        batches = [np.ascontiguousarray(batch[name].T, np.float32) for name in names]
        for seed in range(self.seeds):
            own = [pointer(array[seed]) for array in (self.weights, self.means, self.squares)]
            time = ctypes.c_long(self.taken + 1)
            self.library.step_on(*own, time, *map(pointer, batches), pointer(losses))
        self.taken += 1
        return self._losses(losses)

    def gaussians(self, n: int) -> np.ndarray:
        """n numbers that the last seed's generator draws, n a multiple of 32 up to 960."""
        out = np.zeros(n, np.float32)
        self.library.draw_gaussians(pointer(self.states[-1]), pointer(out), n)
        return out

    def layers(self) -> tuple[Layers, Layers]:
        sizes, place, layers = ((15, 5), (2, 15), (25, 2), (1, 25)), 0, []
        for outputs, inputs in sizes:
            kernel = self.weights[-1, place : place + outputs * inputs].reshape(outputs, inputs)
            place += outputs * inputs
            layers.append((kernel.T.copy(), self.weights[-1, place : place + outputs].copy()))
            place += outputs
        return layers[:2], layers[2:]


def flat(generator: Layers, discriminator: Layers) -> np.ndarray:
    """Both players' weights as C has them: kernel [out][in], then bias, layer by layer."""
    return np.concatenate(
        [np.concatenate([k.T.ravel(), b]) for k, b in (*generator, *discriminator)]
    ).astype(np.float32)


if __name__ == "__main__":
    serve(CLoop)
