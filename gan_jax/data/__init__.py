"""Data sets by name: DATASETS maps a name to a Dataset."""

from gan_jax.data.arrays import array_dataset
from gan_jax.data.dataset import Dataset
from gan_jax.data.dirac import dirac
from gan_jax.data.functions import (
    Curve,
    curve_dataset,
    gaussian_bump,
    parabola,
    polynomial,
    quadratic,
    sine,
)
from gan_jax.data.images import fashion_mnist, mnist, stacked_mnist
from gan_jax.data.manifolds import NoisyCurve, noisy_curve_dataset, swiss_roll
from gan_jax.data.mixtures import (
    Mixture,
    grid,
    mixture_1d,
    mixture_3d,
    mixture_dataset,
    mixture_high,
    ring,
    spiral,
)
from gan_jax.data.processes import (
    OrnsteinUhlenbeck,
    ornstein_uhlenbeck,
    ornstein_uhlenbeck_dataset,
)
from gan_jax.data.waves import SineWaves, sine_waves, sine_waves_dataset
from gan_jax.data_facts import is_array

DATASETS: dict[str, Dataset] = {
    "parabola": parabola,
    "quadratic": quadratic,
    "sine": sine,
    "gaussian_bump": gaussian_bump,
    "polynomial": polynomial,
    "ring": ring,
    "grid": grid,
    "spiral": spiral,
    "mixture_1d": mixture_1d,
    "mixture_3d": mixture_3d,
    "mixture_high": mixture_high,
    "swiss_roll": swiss_roll,
    "dirac": dirac,
    "sine_waves": sine_waves,
    "ornstein_uhlenbeck": ornstein_uhlenbeck,
    "mnist": mnist,
    "fashion_mnist": fashion_mnist,
    "stacked_mnist": stacked_mnist,
}

__all__ = [
    "DATASETS",
    "Curve",
    "Dataset",
    "Mixture",
    "NoisyCurve",
    "OrnsteinUhlenbeck",
    "SineWaves",
    "curve_dataset",
    "dirac",
    "fashion_mnist",
    "find_dataset",
    "gaussian_bump",
    "grid",
    "mixture_1d",
    "mixture_3d",
    "mixture_dataset",
    "mixture_high",
    "mnist",
    "noisy_curve_dataset",
    "ornstein_uhlenbeck",
    "ornstein_uhlenbeck_dataset",
    "parabola",
    "polynomial",
    "quadratic",
    "ring",
    "sine",
    "sine_waves",
    "sine_waves_dataset",
    "spiral",
    "stacked_mnist",
    "swiss_roll",
]


def find_dataset(name: str) -> Dataset:
    """The registered data set of a name, or that of an array's path."""
    return array_dataset(name) if is_array(name) else DATASETS[name]
