"""Trained classifiers on disk: where they are, written whole, verified when they are read.

safetensors: arrays and a header of text, nothing that could run. The header says what was trained,
how well, with what; and the parameters' SHA-256, so that a flipped bit is no silent wrong measure.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from gan_jax.analysis.classifier import (
    ARCHITECTURE,
    Classifier,
    fingerprint,
    initial_parameters,
    named_arrays,
)
from gan_jax.catalogue import nearest
from gan_jax.fields import ConfigError
from gan_jax.files.whole import write_whole

FORMAT = "gan-jax classifier 1"
CACHE_VARIABLE = "GAN_JAX_CACHE"
# Collection -> the least test accuracy of a classifier to measure with. MNIST's is measured; what
# Fashion-MNIST's recipe reaches is not, 0.90 is what small convolutional networks are known for.
LEAST_ACCURACY = {"mnist": 0.99, "fashion_mnist": 0.90}
LARGEST_FILE = 10_000_000  # bytes; a classifier is one million
LARGEST_HEADER = 100_000
MINUTES = 2  # of training, on two cores with other work


def classifier_path(name: str) -> Path:
    """Where the classifier of a collection is kept.

    `classifiers/NAME-v1.safetensors` in the folder that the environment variable GAN_JAX_CACHE
    names, else in the user's cache (`pooch.os_cache`: ~/.cache/gan_jax on Linux).

    Raises:
      ConfigError: for a collection that no classifier is for.
    """
    if name not in LEAST_ACCURACY:
        raise ConfigError(f"classifier: {name!r} given; {nearest(name, list(LEAST_ACCURACY))}")
    import pooch  # 0.2 s, and not needed to compute a measure

    folder = os.environ.get(CACHE_VARIABLE) or pooch.os_cache("gan_jax")
    return Path(folder).expanduser() / "classifiers" / f"{name}-v1.safetensors"


def store_classifier(name: str, classifier: Classifier, seed: int) -> Path:
    """Store a collection's classifier in the place of any former one; return where it is.

    Raises:
      ConfigError: when it is not accurate enough to measure with.
    """
    path = classifier_path(name)
    if not classifier.accuracy >= LEAST_ACCURACY[name]:
        raise ConfigError(
            f"{name}: test accuracy {classifier.accuracy:.2%}, expected {LEAST_ACCURACY[name]:.0%} "
            "or more of a classifier to measure with; not stored: try more epochs, or another seed"
        )
    metadata = {
        "format": FORMAT,
        "data": name,
        "architecture": ARCHITECTURE,
        "test_accuracy": repr(classifier.accuracy),
        "seed": str(seed),
        "sha256": classifier.sha256,
    }
    metadata |= {package: version(package) for package in ("gan-jax", "jax", "flax", "optax")}
    content = save(named_arrays(classifier.parameters), metadata)
    write_whole(path, lambda temporary: temporary.write_bytes(content))
    return path


def load_classifier(name: str) -> Classifier:
    """Read a collection's classifier, and verify it.

    Raises:
      ConfigError: in one line with the command that makes it, where it is missing, damaged, or of
        another architecture.
    """
    return read_classifier(name, classifier_path(name))


def read_classifier(name: str, path: Path) -> Classifier:
    """Read a collection's classifier from a file, and verify it, as `load_classifier` does."""
    cure = f"run `gan-jax classifier {name}` (about {MINUTES} minutes)"
    if not path.is_file():
        raise ConfigError(f"{path}: no classifier of {name} yet; {cure}")
    try:
        return _read(name, path)
    # Besides its own error, safetensors passes on NumPy's about types and sizes that it lacks.
    except (OSError, ValueError, LookupError, TypeError, AttributeError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"{path}: not usable as a classifier ({reason}); {cure}") from None


def _read(name: str, path: Path) -> Classifier:
    _check_sizes(path)
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata() or {}
        for field, expected in ("format", FORMAT), ("data", name), ("architecture", ARCHITECTURE):
            if metadata.get(field) != expected:
                raise ValueError(f"{field}: {metadata.get(field)!r}, expected {expected!r}")
        template = jax.eval_shape(initial_parameters, jax.random.key(0))
        parameters = _fill(template, file.get_tensor, set(file.keys()))
    accuracy = float(metadata["test_accuracy"])
    if not 0 <= accuracy <= 1:
        raise ValueError(f"test_accuracy: {accuracy}, expected 0 to 1")
    if fingerprint(parameters) != metadata["sha256"]:
        raise ValueError("its parameters are not those that were stored: SHA-256 differs")
    return Classifier(parameters, accuracy, metadata["sha256"])


def _check_sizes(path: Path) -> None:
    """Refuse what no classifier is, before a library allocates for it."""
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise ValueError(f"{size} bytes, expected at most {LARGEST_FILE}")
    with path.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
    if header > LARGEST_HEADER:
        raise ValueError(f"a header of {header} bytes, expected at most {LARGEST_HEADER}")


def _fill(template: dict, read: Callable[[str], np.ndarray], present: set[str]) -> dict:
    """Parameters as in `template`, each array by its name."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(template)
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves]
    if set(names) != present:
        raise ValueError(f"arrays {sorted(present)}, expected {sorted(names)}")
    arrays = [read(name) for name in names]
    for name, array, (_, expected) in zip(names, arrays, leaves, strict=True):
        if (array.shape, array.dtype) != (expected.shape, expected.dtype):
            raise ValueError(
                f"{name}: {array.dtype}{list(array.shape)}, "
                f"expected {expected.dtype}{list(expected.shape)}"
            )
    return jax.tree_util.tree_unflatten(structure, [jnp.asarray(array) for array in arrays])
