"""Networks for both players, by name: NETWORKS maps a name to a builder of one Flax module."""

from gan_jax.networks.dense import dense
from gan_jax.networks.spec import ACTIVATIONS, NetworkBuilder, NetworkSpec

NETWORKS: dict[str, NetworkBuilder] = {"dense": dense}

__all__ = ["ACTIVATIONS", "NETWORKS", "NetworkBuilder", "NetworkSpec", "dense"]
