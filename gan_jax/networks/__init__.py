"""Networks for both players, by name: NETWORKS maps a name to a builder of one Flax module."""

from gan_jax.networks.convolutional import convolutional
from gan_jax.networks.dense import dense
from gan_jax.networks.dirac import dirac
from gan_jax.networks.initializations import INITIALIZATIONS
from gan_jax.networks.normalizations import NORMALIZATIONS
from gan_jax.networks.recurrent import gru, lstm
from gan_jax.networks.spec import ACTIVATIONS, NetworkBuilder, NetworkSpec
from gan_jax.networks.tables import parameter_count, parameter_table

NETWORKS: dict[str, NetworkBuilder] = {
    "dense": dense,
    "convolutional": convolutional,
    "gru": gru,
    "lstm": lstm,
    "dirac": dirac,
}

__all__ = [
    "ACTIVATIONS",
    "INITIALIZATIONS",
    "NETWORKS",
    "NORMALIZATIONS",
    "NetworkBuilder",
    "NetworkSpec",
    "convolutional",
    "dense",
    "dirac",
    "gru",
    "lstm",
    "parameter_count",
    "parameter_table",
]
