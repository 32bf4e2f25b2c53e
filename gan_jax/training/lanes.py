"""Which seeds, how many side by side, on how many devices: checked before JAX is loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gan_jax.combinations import discriminator_samples
from gan_jax.fields import ConfigError, is_integer, shown

if TYPE_CHECKING:
    from gan_jax.config import Experiment

MOST_SEEDS = 2**24
# A segment, from one look of the host to the next, is this many records of log_every steps.
RECORDS_PER_SEGMENT = 10


def default_lanes(n_seeds: int) -> int:
    """Seeds in one vmap on one device, where the caller does not say.

    An eighth of the seeds, as a power of two from 4 to 16; of fewer than 8 seeds, half of them. It
    depends on the number of seeds alone, so that a study gives the same numbers on a machine with
    more cores. Measured on two cores with AVX-512, both busy (parabola, microseconds of a core a
    seed-step): 4 lanes 8.1, 8 lanes 7.4, 16 lanes 7.2, 32 lanes 7.4, 64 lanes 7.8; and few lanes
    leave more chunks to spread over more devices.
    """
    if n_seeds < 8:
        return -(-n_seeds // 2)
    return min(max(2 ** ((n_seeds // 8).bit_length() - 1), 4), 16)


def check_seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    """Expand a count into 0 .. n - 1 and refuse what no study means.

    Raises:
      ConfigError: for no seeds, a seed listed twice, or one outside 0 .. 2^32 - 1.
    """
    if isinstance(seeds, int | np.integer) and not isinstance(seeds, bool):
        if not 1 <= seeds <= MOST_SEEDS:
            raise ConfigError(
                f"seeds: {shown(seeds)} given, expected a count from 1 to {MOST_SEEDS}, or a list"
            )
        return tuple(range(int(seeds)))
    if isinstance(seeds, str) or not isinstance(seeds, Sequence | np.ndarray):
        raise ConfigError(
            f"seeds: {shown(seeds)} given, expected a count or a list of whole numbers"
        )
    seeds = tuple(seeds)
    if not seeds:
        raise ConfigError("seeds: an empty list given, expected at least one seed")
    for seed in seeds:
        whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
        if not whole or not 0 <= seed < 2**32:
            raise ConfigError(
                f"seeds: {shown(seed)} given, expected whole numbers from 0 to {2**32 - 1}"
            )
    if len(set(seeds)) < len(seeds):
        twice, _ = Counter(seeds).most_common(1)[0]
        raise ConfigError(f"seeds: {twice} is listed more than once; each seed is one run")
    return tuple(map(int, seeds))


def check_lanes(lanes: int | None, n_seeds: int) -> int:
    """Return `lanes`, or the default for so many seeds.

    Raises:
      ConfigError: unless it is a whole number from 1 on.
    """
    if lanes is None:
        return default_lanes(n_seeds)
    if isinstance(lanes, bool) or not isinstance(lanes, int | np.integer) or lanes < 1:
        raise ConfigError(f"lanes: {shown(lanes)} given, expected a whole number from 1 on")
    return int(lanes)


def check_batch_devices(batch_devices: int, experiment: Experiment) -> int:
    """Return how many devices share a batch of an experiment.

    Raises:
      ConfigError: unless it is a whole number from 1 on that divides the batches.
    """
    if not is_integer(batch_devices) or batch_devices < 1:
        raise ConfigError(
            f"batch_devices: {shown(batch_devices)} given, expected a whole number from 1 on"
        )
    packs = discriminator_samples(experiment) // experiment.packing
    if packs % batch_devices or experiment.batch_size % batch_devices:
        of_discriminator = f", {packs} a discriminator update" * (packs != experiment.batch_size)
        raise ConfigError(
            f"batch_size: {experiment.batch_size} given{of_discriminator}, expected a multiple of "
            f"batch_devices, {batch_devices}: each device has an equal part"
        )
    return int(batch_devices)
