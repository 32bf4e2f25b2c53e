"""Matrix decompositions in programs of many seeds: of first weights, and of measures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jax.custom_batching import sequential_vmap


def one_at_a_time(decompose: Callable[..., Any]) -> Callable[..., Any]:
    """Have a vmap call what decomposes matrices for one lane after another.

    On a CPU these are LAPACK's. Up to version 0.10, jaxlib shares a batch of them out among XLA's
    threads, and the thread that does so, one of them itself, waits. Once all wait there is none
    left for the work: two programs of 16 seeds with a GRU, started at once on two cores, never
    ended (with version 0.12 they do). A matrix on its own is decomposed by the thread that asks.

    Not to be differentiated, which JAX refuses: a loss that decomposes cannot use it. On an
    accelerator it is a loop as well, whose cost has not been measured.

    Source: `ParallelBatchMap` in jaxlib/cpu/lapack_kernels.cc, version 0.10.2.
    """
    # It traces every argument that a signature has, flags too; this one has arrays alone.
    return sequential_vmap(lambda *arrays: decompose(*arrays))
