"""One batch over several devices: where the compiler is told that samples may lie apart.

A training step is written for one device. Traced while a mesh with the axis BATCH is set
(`jax.set_mesh`), what is marked here is shared out among the mesh's devices, and XLA adds the sums
between them: means over a batch, batch statistics and gradients are of the whole batch, and equal
one device's but for the order in which they are added up. Traced without a mesh, nothing is marked,
and the program is the one-device program.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.sharding import AxisType, Mesh
from jax.sharding import PartitionSpec as P

BATCH = "batch"


def batch_mesh(devices: Sequence[Any]) -> Mesh:
    """A mesh of some devices, all of them along the batch axis."""
    return Mesh(np.array(devices), (BATCH,), axis_types=(AxisType.Auto,))


def devices_of_batch() -> int:
    """Among how many devices what is traced now shares its batches out; 1 without a mesh."""
    return dict(jax.sharding.get_abstract_mesh().shape).get(BATCH, 1)


def shared_out(x: jax.Array, axis: int = 0) -> jax.Array:
    """An array whose samples, along an axis, are shared out: an equal part a device.

    Left to the compiler where the devices do not divide the samples.
    """
    devices = devices_of_batch()
    if devices == 1 or x.shape[axis] % devices:
        return x
    return lax.with_sharding_constraint(x, P(*[None] * axis, BATCH))


def everywhere(tree: Any) -> Any:
    """Arrays of which every device has the whole: parameters, and whatever the host reads."""
    return tree if devices_of_batch() == 1 else lax.with_sharding_constraint(tree, P())
