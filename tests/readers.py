"""Every reader of files, each with a small valid one; and ways to damage it."""

import gzip
import hashlib
import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from synthetic import synthetic

from gan_jax.analysis import classifier, classifier_file
from gan_jax.analysis.criteria import Criteria
from gan_jax.config import Experiment, split
from gan_jax.files.arrays import load_array
from gan_jax.files.images import ImageFile, read_verified
from gan_jax.files.sums import sha256, sum_path
from gan_jax.files.whole import write_text
from gan_jax.game.draws import seed_key
from gan_jax.game.gan import generator_variables, init
from gan_jax.game.program import look_up
from gan_jax.studies.cells import Cell, read_cell, write_dataset
from gan_jax.studies.files import read_yaml, write_yaml
from gan_jax.studies.generators import read_generator, write_generator
from gan_jax.studies.rejudge import read_criteria
from gan_jax.studies.results import load_results
from gan_jax.studies.states import read_states, states_path, write_states
from gan_jax.studies.study import Study
from gan_jax.training.named import by_name

EXPERIMENT = Experiment(steps=30, log_every=10, batch_size=16, evaluation_samples=32)
CELL = Cell("a", 0, (0, 1))


class Reader(NamedTuple):
    """A reader of one kind of file.

    Attributes:
      write: puts a valid file into an empty folder, and returns its path.
      read: path -> what is in it, as a tree of arrays and plain values.
      verified: whether the format has a checksum of all that is read: damage is found, or harmless.
    """

    write: Callable[[Path], Path]
    read: Callable[[Path], Any]
    verified: bool


def _idx(folder, name, pack):
    values = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    content = b"\0\0\x08\x03" + struct.pack(">3I", *values.shape) + values.tobytes()
    path = folder / name
    path.write_bytes(pack(content))
    return path


def _read_idx(path):
    content = b"\0\0\x08\x03" + struct.pack(">3I", 5, 4, 3) + bytes(range(60))
    published = hashlib.sha256(content).hexdigest()
    name = path.name.removesuffix(".gz")
    return read_verified(path.parent, ImageFile(name, (5, 4, 3), 0, "", published))


def _npy(folder):
    np.save(folder / "x.npy", np.linspace(-1, 1, 24).reshape(12, 2).astype(np.float32))
    return folder / "x.npy"


def _state():
    """A seed's state, of zeros: nothing is compiled for it."""
    static, numbers = split(EXPERIMENT)
    shapes = jax.eval_shape(lambda: init(look_up(static), numbers, seed_key(0)))
    return jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes)


def _generator(folder):
    path = folder / "g.safetensors"
    write_generator(path, EXPERIMENT, "a", 0, 30, generator_variables(_state()))
    return path


def _read_generator(path):
    found = read_generator(path)
    return found.variables, found.experiment.to_dict(), found.variant, found.seed, found.step


def _classifier(folder):
    parameters = jax.eval_shape(classifier.initial_parameters, jax.random.key(0))
    parameters = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), parameters)
    stored = classifier.Classifier(parameters, 0.995, classifier.fingerprint(parameters))
    path = classifier_file.store_classifier("mnist", stored, 0)
    return path.rename(folder / path.name)


def _read_classifier(path):
    return classifier_file.read_classifier("mnist", path)


def _results(folder):
    outcomes = {"a": ["converged", ""], "b": ["collapsed", "diverged"]}
    write_dataset(folder / "results.nc", synthetic(outcomes, moments=2))
    sum_path(folder / "results.nc").unlink()  # it would refuse them all, before anything is read
    return folder / "results.nc"


def _cell(folder):
    whole = synthetic({"a": ["converged", "diverged"]}, moments=2)
    write_dataset(
        CELL.path(folder), whole.assign_attrs(wall_seconds=1.0, device="cpu", origin="{}")
    )
    return CELL.path(folder)


def _read_cell(path):
    # The checksum is made to fit, since it would refuse them all.
    write_text(sum_path(path), f"{sha256(path)}  {path.name}\n")
    return read_cell(CELL, path.parents[3], "{}").to_dict()


def _states(folder):
    both = jax.tree.map(lambda x: np.stack([x, x]), _state())
    CELL.folder(folder).mkdir(parents=True)
    write_states(CELL, folder, {30: by_name(both)})
    return states_path(CELL, folder)


def _study(folder):
    study = Study("s", EXPERIMENT, {"a": {}, "b": {"loss": "hinge"}}, 2)
    write_yaml(folder / "study.yaml", study.to_dict())
    return folder / "study.yaml"


def _criteria(folder):
    write_yaml(folder / "criteria.yaml", {"tail_share": 0.3, "converged_factor": 2.0})
    return folder / "criteria.yaml"


def _criteria_attribute(folder):
    path = folder / "criteria.json"
    path.write_text(json.dumps(vars(Criteria())))
    return path


def _read_criteria_attribute(path):
    """The criteria of results, whose attribute is a file's text."""
    from gan_jax.studies.schema import check_results

    results = synthetic({"a": ["converged"]}, moments=2)
    text = path.read_bytes().decode("utf-8", errors="replace")
    check_results(results.assign_attrs(criteria=text))
    return json.loads(text)


READERS = {
    "idx": Reader(lambda folder: _idx(folder, "images", bytes), _read_idx, True),
    "gzipped idx": Reader(
        lambda folder: _idx(folder, "images.gz", lambda x: gzip.compress(x, mtime=0)),
        _read_idx,
        True,
    ),
    "npy": Reader(_npy, load_array, False),
    "generator": Reader(_generator, _read_generator, True),
    "classifier": Reader(_classifier, _read_classifier, True),
    "results": Reader(_results, lambda path: load_results(path).to_dict(), False),
    "cell": Reader(_cell, _read_cell, False),
    "states": Reader(
        _states, lambda path: read_states(CELL, path.parents[3], EXPERIMENT, 30), True
    ),
    "study": Reader(_study, lambda path: Study.from_dict(read_yaml(path)).to_dict(), False),
    "criteria": Reader(_criteria, lambda path: vars(read_criteria(path)), False),
    "criteria in results": Reader(_criteria_attribute, _read_criteria_attribute, False),
}

START = 4096  # bytes at a file's beginning, where half of the damage is done
TELLING = (
    b"\0",
    b"\xff" * 8,
    b"\0" * 8,
    b"\xff\xff\xff\x7f",
    b"\x1b[2J",
    b"nan",
    b"-1",
    b"(",
    b"\n",
)


def damaged(content: bytes, draws: random.Random) -> bytes:
    """A file's bytes, one to four times flipped, cut, filled, moved or overwritten somewhere."""
    for _ in range(draws.choice((1, 1, 1, 2, 4))):
        end = min(len(content), START) if draws.random() < 0.5 else len(content)
        place = draws.randrange(end + 1)
        length = draws.choice((1, 2, 8, 64))
        before, here, after = content[:place], content[place : place + length], content[place:]
        match draws.choice(("flip", "flip", "cut", "leave out", "fill in", "twice", "overwrite")):
            case "flip":
                flipped = bytes(x ^ 1 << draws.randrange(8) for x in here[:1])
                content = before + flipped + after[1:]
            case "cut":
                content = before
            case "leave out":
                content = before + after[length:]
            case "fill in":
                content = before + draws.randbytes(length) + after
            case "twice":
                content = before + here + after
            case "overwrite":
                telling = draws.choice(TELLING)
                content = before + telling + after[len(telling) :]
    return content


def alike(one: Any, other: Any) -> bool:
    """Whether two readings are the same, arrays bit by bit."""
    first, second = jax.tree.flatten(one), jax.tree.flatten(other)
    return first[1] == second[1] and all(
        np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f")
        for a, b in zip(first[0], second[0], strict=True)
    )
