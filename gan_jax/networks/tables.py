"""What a network is made of, as text: its layers, their shapes, how many parameters they have."""

from __future__ import annotations

import math

import jax
from flax import linen as nn
from rich.box import SIMPLE_HEAD


def parameter_count(module: nn.Module, example_input: jax.Array) -> int:
    """How many numbers a network trains; computes shapes only. Batch statistics do not count."""
    variables = jax.eval_shape(module.init, jax.random.key(0), example_input)
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(variables["params"]))


def parameter_table(module: nn.Module, example_input: jax.Array, console_width: int = 100) -> str:
    """A table of a network's layers: path, module, shapes in and out, parameters and their count.

    Plain text, `console_width` wide wherever it goes. Flax orders the columns of what a network
    keeps besides parameters (batch statistics, say) anew in every process.
    """
    table = module.tabulate(
        jax.random.key(0),
        example_input,
        depth=1,  # a recurrent cell is one line, not one for each of its gates
        console_kwargs={"force_terminal": False, "color_system": None, "width": console_width},
        table_kwargs={"box": SIMPLE_HEAD},
        column_kwargs={"overflow": "fold"},
    )
    return "\n".join(line.rstrip() for line in table.strip("\n").splitlines())
