"""A trained generator, and the file it lives in: after training the discriminator is discarded.

A file holds the generator's arrays by name, and as text all that makes a program of them: the whole
experiment, the seed and step, the versions that trained it, and a hash of everything. Safetensors,
so nothing in it can run; it is checked whole before it is used, whoever wrote it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from gan_jax.config import Experiment, check_fields, split
from gan_jax.data import Dataset, find_dataset
from gan_jax.data_facts import DataFacts, is_array, remembered
from gan_jax.fields import ConfigError, is_integer
from gan_jax.files.paths import regular_file
from gan_jax.files.whole import write_whole
from gan_jax.game.draws import seed_key
from gan_jax.game.gan import generate_with
from gan_jax.game.parts import Parts
from gan_jax.game.program import look_up
from gan_jax.studies.study import check_label

FORMAT, FORMAT_VERSION = "gan_jax generator", "1"
HASH, TEXTS = "sha256", ("experiment", "data", "variant", "seed", "step", "packages")
LARGEST_HEADER = 500_000  # bytes; an experiment and the names of a hundred arrays are some 10,000
MOST_DIGITS = 10  # of a seed or a step
LARGEST_SIDE = 1_000_000  # of a sample
PACKAGES = ("gan-jax", "jax", "flax")

_generate = jax.jit(generate_with, static_argnums=0)


@dataclass(frozen=True, eq=False, repr=False)
class Generator:
    """A trained generator, without its discriminator: `generator(z)` makes samples.

    Attributes:
      experiment: the training it comes from.
      variant: its variant's name in its study.
      seed: its seed.
      step: how many steps it was trained for; of a seed that diverged, the last finite one.
      parts: the registry entries of the experiment.
      variables: its arrays, as Flax has them.
    """

    experiment: Experiment
    variant: str
    seed: int
    step: int
    parts: Parts
    variables: dict[str, Any]

    def __repr__(self) -> str:
        return f"Generator({self.variant!r}, seed {self.seed}, step {self.step}, {self.shape})"

    @property
    def latent_dim(self) -> int:
        """The dimension of its latents, standard Gaussian."""
        return self.experiment.latent_dim

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self.parts.dataset.shape

    @property
    def kind(self) -> str:
        """What its samples are: "points", "images" or "sequences"."""
        return self.parts.dataset.kind

    def __call__(self, z: jax.typing.ArrayLike) -> jax.Array:
        """Samples [n, *shape], in data units, of latents [n, latent_dim].

        Raises:
          ValueError: for latents of another shape.
        """
        if np.ndim(z) != 2 or np.shape(z)[1] != self.latent_dim:
            raise ValueError(f"z has shape {np.shape(z)}, expected (n, {self.latent_dim})")
        return _generate(self.parts, self.variables, z)


def write_generator(
    path: Path,
    experiment: Experiment,
    variant: str,
    seed: int,
    step: int,
    variables: Mapping[str, Any],
) -> None:
    """Write one generator whole."""
    arrays = {name: np.ascontiguousarray(x) for name, x in _by_name(variables)[0].items()}
    texts = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "experiment": json.dumps(experiment.to_dict()),
        "variant": variant,
        "seed": str(seed),
        "step": str(step),
        "data": _facts(find_dataset(experiment.data)),
        "packages": json.dumps({package: version(package) for package in PACKAGES}),
    }
    content = save(arrays, texts | {HASH: _hash(arrays, texts)})
    write_whole(path, lambda temporary: temporary.write_bytes(content))


def _by_name(variables: Any) -> tuple[dict[str, Any], Any]:
    """A tree's leaves by their path, "params/Layer_0/kernel" say, and its structure."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(variables)
    names = (jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves)
    return dict(zip(names, (leaf for _, leaf in leaves), strict=True)), structure


def _hash(arrays: Mapping[str, np.ndarray], texts: Mapping[str, str]) -> str:
    """SHA-256 of all that a file holds, in whatever order: names, types, shapes, numbers, texts."""
    digest = hashlib.sha256(json.dumps(texts, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(json.dumps([name, str(array.dtype), array.shape]).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def read_generator(path: Path) -> Generator:
    """Read a generator's file, checked whole.

    Raises:
      ConfigError: in one line, when it is damaged, of another format, or made with what is not
        registered here.
    """
    regular_file(path)
    try:
        arrays, texts = _read(path)
        experiment, dataset = _experiment(texts, len(arrays))
        parts = look_up(split(experiment)[0], dataset)
        variables = _arranged(arrays, parts)
        seed, step = (_number(texts, name) for name in ("seed", "step"))
        check_label("variant", texts["variant"])
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return Generator(experiment, texts["variant"], seed, step, parts, variables)


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """A file's arrays and texts, as they were written: their hash is right."""
    try:
        with path.open("rb") as file:
            header = int.from_bytes(file.read(8), "little")
        if header > LARGEST_HEADER:
            raise ConfigError(f"not a generator: its header would be {header} bytes long")
        with safe_open(path, framework="numpy") as file:
            texts = file.metadata() or {}
            if texts.get("format") != FORMAT:
                raise ConfigError("not a generator that gan_jax exported")
            if texts.get("format_version") != FORMAT_VERSION:
                raise ConfigError(
                    f"format version {texts.get('format_version')!r} there, expected "
                    f"{FORMAT_VERSION!r}: export it again, or use the gan_jax that wrote it"
                )
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except ConfigError:
        raise
    except OSError as error:
        raise ConfigError(error.strerror or str(error)) from None
    # Besides its own error, safetensors passes on NumPy's about types and sizes that it lacks.
    except (SafetensorError, TypeError, AttributeError, ValueError, MemoryError) as error:
        raise ConfigError(f"not readable as a generator ({error})") from None
    if any(name not in texts for name in TEXTS) or texts.pop(HASH, "") != _hash(arrays, texts):
        raise ConfigError("damaged: what it holds is not what was written (its hash differs)")
    return arrays, texts


def _facts(dataset: Dataset) -> str:
    bounds = dataset.bounds and [np.asarray(bound).tolist() for bound in dataset.bounds]
    facts = {"shape": dataset.shape, "kind": dataset.kind, "bounds": bounds, "rows": dataset.rows}
    return json.dumps(facts)


def _from_facts(text: str) -> Dataset:
    """The data set as far as a generator needs it, without its samples.

    Raises:
      ConfigError: when the text does not say a shape, a kind, and bounds that fit them.
    """

    def sample(key: jax.Array, n: int) -> jax.Array:
        raise ConfigError("the data are not there: only a generator that was trained on them is")

    try:
        facts = json.loads(text)
        shape, kind, bounds = tuple(facts["shape"]), facts["kind"], facts["bounds"]
        rows = None if facts["rows"] is None else (int(facts["rows"][0]), int(facts["rows"][1]))
        if not all(is_integer(side) and 0 < side <= LARGEST_SIDE for side in shape) or not shape:
            raise ValueError("shape")
        if kind not in ("points", "images", "sequences"):
            raise ValueError("kind")
        if bounds is not None:
            low, high = (np.broadcast_to(np.asarray(x, np.float32), shape) for x in bounds)
            if not (np.isfinite(low).all() and np.isfinite(high).all()):
                raise ValueError("bounds")
            bounds = low, high
    except (ValueError, TypeError, LookupError, RecursionError, OverflowError):
        raise ConfigError("what it says of its data is not readable") from None
    return Dataset(sample, shape, kind=kind, bounds=bounds, rows=rows)


def _experiment(texts: Mapping[str, str], n_arrays: int) -> tuple[Experiment, Dataset | None]:
    """A file's experiment; and of an array the data set, since its file may be gone or changed."""
    try:
        fields = json.loads(texts["experiment"])
    except (ValueError, RecursionError):
        raise ConfigError("its experiment is not readable as JSON") from None
    if not isinstance(fields, dict):
        raise ConfigError("its experiment is no mapping of fields")
    check_fields(fields)
    data, dataset = fields.get("data"), None
    if isinstance(data, str) and is_array(data):
        dataset = _from_facts(texts["data"])
        images = dataset.kind == "images"
        rows, held_out = dataset.rows or (None, None)
        facts = DataFacts(dataset.shape, dataset.kind, rows, held_out, not images, images)
        with remembered(data, facts):
            experiment = Experiment().replace(**fields)
    else:
        experiment = Experiment().replace(**fields)
    if len(experiment.generator_hidden) > n_arrays:  # before so many layers are built
        raise ConfigError(f"its {n_arrays} arrays are not its experiment's generator")
    return experiment, dataset


def _arranged(arrays: Mapping[str, np.ndarray], parts: Parts) -> dict[str, Any]:
    """The arrays as the generator's variables: each must be there, of its shape, and no other."""
    z = jax.ShapeDtypeStruct((1, parts.static.latent_dim), np.float32)
    try:
        template = jax.eval_shape(parts.generator.init, seed_key(0), z)
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(f"its generator cannot be built ({str(error).splitlines()[0]})") from None
    expected, structure = _by_name(dict(template))
    for name in [*expected, *arrays]:
        there, here = (_kind(x.get(name)) for x in (arrays, expected))
        if there != here:
            raise ConfigError(f"its array {name} is {there}, expected {here}")
    return jax.tree_util.tree_unflatten(structure, [arrays[name] for name in expected])


def _kind(array: Any) -> str:
    return "missing" if array is None else f"{array.dtype} {tuple(array.shape)}"


def _number(texts: Mapping[str, str], name: str) -> int:
    text = texts[name]
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
        raise ConfigError(f"{name}: {text[:40]!r} there, expected a whole number")
    return int(text)
