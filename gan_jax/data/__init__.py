"""Data sets by name: DATASETS maps a name to a Dataset."""

from gan_jax.data.dataset import Dataset
from gan_jax.data.functions import Curve, curve_dataset, parabola

DATASETS: dict[str, Dataset] = {"parabola": parabola}

__all__ = ["DATASETS", "Curve", "Dataset", "curve_dataset", "parabola"]
