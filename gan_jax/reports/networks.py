"""Both networks of an experiment as tables, for `gan-jax summary`."""

from __future__ import annotations

import jax.numpy as jnp

from gan_jax.config import Experiment, split
from gan_jax.game.program import look_up, player_inputs
from gan_jax.networks.tables import parameter_count, parameter_table


def print_networks(experiment: Experiment) -> None:
    """Print each network's layers and totals: of each, of both, of what a generator step trains."""
    parts = look_up(split(experiment)[0])
    counts = []
    for player, shape in zip(("generator", "discriminator"), player_inputs(parts), strict=True):
        module, x = getattr(parts, player), jnp.zeros((1, *shape))
        counts.append(parameter_count(module, x))
        print(f"{player}: {getattr(experiment, player)}, {counts[-1]:,} parameters")
        print(parameter_table(module, x), "\n")
    print(f"together {sum(counts):,} parameters, {counts[0]:,} of them trained in a generator step")
