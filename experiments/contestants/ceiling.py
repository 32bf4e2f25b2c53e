"""The machine's own ceiling: a large float32 matrix product on all cores, by whom does it fastest.

A run of n steps is n products; an operation is an addition or a multiplication. NumPy's BLAS, XLA
and, where it is installed, PyTorch are tried, and the fastest of them is the ceiling.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from contestants.protocol import serve
from contestants.works import Work

SIDE = 2048
OPERATIONS = 2 * SIDE**3  # of one product


def products() -> dict[str, tuple[str, Callable[[], Any]]]:
    """Library -> (its version, one product from beginning to end)."""
    import jax

    a, b = np.random.default_rng(0).standard_normal((2, SIDE, SIDE), np.float32)
    in_jax, multiply = jax.device_put((a, b)), jax.jit(lambda x, y: x @ y)
    known: dict[str, tuple[str, Callable[[], Any]]] = {
        "numpy": (np.__version__, lambda: a @ b),
        "jax": (jax.__version__, lambda: multiply(*in_jax).block_until_ready()),
    }
    try:
        import torch
    except ImportError:
        return known
    in_torch = torch.from_numpy(a), torch.from_numpy(b)
    known["torch"] = torch.__version__, lambda: in_torch[0] @ in_torch[1]
    return known


def seconds_of(product: Callable[[], Any], times: int = 3) -> float:
    """The shortest of a few, after one to warm up."""
    product()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        product()
        taken.append(time.perf_counter() - started)
    return min(taken)


class Ceiling:
    """Multiplies matrices."""

    def __init__(
        self, work: Work, seeds: int, rows: Path | None, options: Mapping[str, Any]
    ) -> None:
        known = products()
        fastest = min(known, key=lambda name: seconds_of(known[name][1]))
        version, self.product = known[fastest]
        self.versions = {fastest: version}
        self.note = f"{SIDE} x {SIDE} float32 products by {fastest}"

    def run(self, steps: int) -> dict[str, float]:
        for _ in range(steps):
            self.product()
        return {}


if __name__ == "__main__":
    serve(Ceiling)
