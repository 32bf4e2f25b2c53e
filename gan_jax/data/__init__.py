"""Data sets by name: DATASETS maps a name to a Dataset."""

from gan_jax.data.arrays import array_dataset
from gan_jax.data.dataset import Dataset
from gan_jax.data.dirac import dirac
from gan_jax.data.functions import Curve, curve_dataset, parabola
from gan_jax.data.mixtures import Mixture, mixture_dataset, ring
from gan_jax.data_facts import is_array

DATASETS: dict[str, Dataset] = {"parabola": parabola, "ring": ring, "dirac": dirac}

__all__ = [
    "DATASETS",
    "Curve",
    "Dataset",
    "Mixture",
    "curve_dataset",
    "dirac",
    "mixture_dataset",
    "parabola",
    "ring",
]


def find_dataset(name: str) -> Dataset:
    """The registered data set of a name, or that of an array's path."""
    return array_dataset(name) if is_array(name) else DATASETS[name]
