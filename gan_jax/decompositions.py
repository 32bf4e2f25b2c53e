"""Matrix decompositions inside programs of many seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jax.custom_batching import sequential_vmap


def one_at_a_time(decompose: Callable[..., Any]) -> Callable[..., Any]:
    """A function that decomposes matrices, which a vmap has called for one lane after another.

    On a CPU these are LAPACK's. Up to version 0.10, jaxlib shares a batch of them out among XLA's
    threads, and the thread that does so, one of them itself, waits. Once all wait there is none
    left for the work: two programs of 16 seeds with a GRU, started at once on two cores, never
    ended. A matrix on its own is decomposed by the thread that asks.

    Source: `ParallelBatchMap` in jaxlib/cpu/lapack_kernels.cc, compiled out from version 0.11 on.
    """
    # By position alone: of other arguments it would trace the defaults too.
    return sequential_vmap(lambda *arrays: decompose(*arrays))
