"""Networks for both players, by name: NETWORKS maps a name to a builder of one Flax module."""

from gan_jax.networks.dense import NORMALIZATIONS, dense
from gan_jax.networks.dirac import dirac
from gan_jax.networks.spec import ACTIVATIONS, NetworkBuilder, NetworkSpec

NETWORKS: dict[str, NetworkBuilder] = {"dense": dense, "dirac": dirac}

__all__ = [
    "ACTIVATIONS",
    "NETWORKS",
    "NORMALIZATIONS",
    "NetworkBuilder",
    "NetworkSpec",
    "dense",
    "dirac",
]
