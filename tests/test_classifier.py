"""The image classifier: it learns, it is stored whole and verified, its command; real digits."""

import gzip
import os
import struct
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from image_files import REAL
from jax import lax
from safetensors import safe_open
from safetensors.numpy import save

from gan_jax.analysis import classifier, classifier_file
from gan_jax.analysis.classifier import Classifier, train_classifier
from gan_jax.analysis.classifier_file import classifier_path, load_classifier, store_classifier
from gan_jax.commands.classifier import TrainClassifier
from gan_jax.fields import ConfigError


class Images(NamedTuple):
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def squares(n, seed):
    """Images [n, 28, 28] of a bright square in one of ten places, in noise; and which place."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, n, dtype=np.uint8)
    images = random.integers(0, 120, (n, 28, 28), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 5)
        image[4 + 12 * row : 10 + 12 * row, 5 * column : 5 * column + 6] += 100
    return images, labels


TINY = Images(*squares(1280, 0), *squares(300, 1))


@pytest.fixture(scope="module")
def trained():
    heard = []
    return train_classifier(TINY, seed=3, epochs=2, progress=lambda *x: heard.append(x)), heard


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def stored(cache):
    """An untrained classifier in the cache, said to be a good one."""
    parameters = classifier.initial_parameters(jax.random.key(0))
    good = Classifier(parameters, 0.9925, classifier.fingerprint(parameters))
    return good, store_classifier("mnist", good, seed=5)


def test_a_dense_layer_of_patches_is_a_convolution():
    x, kernel = jax.random.normal(jax.random.key(0), (2, 12, 8, 3)), (5, 5, 3, 4)
    weights = jax.random.normal(jax.random.key(1), kernel)
    for stride in (1, 2):
        ours = classifier.patches(x, 5, stride) @ weights.reshape(-1, 4)
        theirs = lax.conv_general_dilated(
            x,
            weights,
            (stride, stride),
            ((2, 2), (2, 2)),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_halved_is_max_pooling():
    x = jax.random.normal(jax.random.key(0), (2, 6, 4, 3))
    np.testing.assert_array_equal(classifier.halved(x), nn.max_pool(x, (2, 2), (2, 2)))


def test_it_learns_and_tells_how_well(trained):
    found, heard = trained
    assert [epoch for epoch, _ in heard] == [1, 2]
    assert heard[-1][1] == found.accuracy > 0.95
    x = jnp.asarray(TINY.test_images)[..., None] / 127.5 - 1
    told = jax.jit(classifier.logits)(found.parameters, x).argmax(axis=1)
    np.testing.assert_allclose((told == TINY.test_labels).mean(), found.accuracy, atol=1e-6)


def test_the_same_seed_gives_the_same_parameters_and_another_others(trained):
    again = train_classifier(TINY, seed=3, epochs=2)
    assert again.sha256 == trained[0].sha256 == classifier.fingerprint(again.parameters)
    keys = jax.random.key(0), jax.random.key(1)
    assert len({classifier.fingerprint(classifier.initial_parameters(key)) for key in keys}) == 2


def test_features_logits_and_probabilities_fit_together(trained, monkeypatch):
    parameters = trained[0].parameters
    x = jnp.asarray(TINY.test_images[:7])[..., None] / 127.5 - 1
    features, logits = jax.jit(classifier.NETWORK.apply)({"params": parameters}, x)
    assert features.shape == (7, 64) and features.min() == 0
    monkeypatch.setattr(classifier, "AT_ONCE", 3)  # with a remainder
    functions = classifier.features, classifier.logits, classifier.probabilities
    found = jax.jit(lambda x: [function(parameters, x) for function in functions])(x)
    np.testing.assert_allclose(found[0], features, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[1], logits, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found[2], jax.nn.softmax(logits), rtol=1e-4, atol=1e-6)


def test_no_epoch_is_refused():
    with pytest.raises(ConfigError, match="epochs: 0 given"):
        train_classifier(TINY, epochs=0)


def test_what_is_stored_is_read_back(stored, cache):
    good, path = stored
    assert path == cache / "classifiers" / "mnist-v1.safetensors"
    found = load_classifier("mnist")
    assert (found.accuracy, found.sha256) == (0.9925, good.sha256)
    jax.tree.map(np.testing.assert_array_equal, found.parameters, good.parameters)
    with safe_open(path, framework="numpy") as file:
        said = file.metadata()
    assert (said["data"], said["seed"], said["jax"]) == ("mnist", "5", jax.__version__)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_the_cache_is_the_users_by_default(monkeypatch):
    monkeypatch.delenv("GAN_JAX_CACHE", raising=False)
    assert classifier_path("mnist").parts[-3:] == ("gan_jax", "classifiers", "mnist-v1.safetensors")


def test_a_collection_that_is_not_known_is_refused():
    with pytest.raises(ConfigError, match=r"'mnits' given; .*mnist"):
        classifier_path("mnits")


def refused(match, name="mnist"):
    """Assert that a classifier is refused, in one line with the command that makes it."""
    with pytest.raises(ConfigError, match=match) as error:
        load_classifier(name)
    assert f"run `gan-jax classifier {name}` (about " in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_classifier_says_how_to_make_it(cache):
    refused("no classifier of mnist yet")
    classifier_path("mnist").mkdir(parents=True)
    refused("no classifier of mnist yet")


def test_every_flipped_bit_of_the_parameters_is_noticed(stored):
    path, whole = stored[1], stored[1].read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    for place in (start, start + 12_345, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        refused("SHA-256 differs")


@pytest.mark.parametrize("kept", [0, 7, 8, 100, 5000, -1])
def test_a_truncated_file_is_refused(stored, kept):
    path, whole = stored[1], stored[1].read_bytes()
    path.write_bytes(whole[:kept])
    refused("not usable as a classifier")


HOSTILE = {
    "a header that claims 2^63 bytes": (struct.pack("<Q", 2**63) + b"{}", "a header of"),
    "a header of a megabyte": (struct.pack("<Q", 10**6) + b"{" * 10**6, "a header of"),
    "a file of 11 MB": (bytes(11_000_000), "expected at most 10000000"),
    "brackets without end": (struct.pack("<Q", 50_000) + b"[" * 50_000, "not usable"),
    "no text": (struct.pack("<Q", 4) + b"\xff\xfe\x00{", "not usable"),
    "a pickle": (b"\x80\x04cos\nsystem\n(S'true'\ntR.", "not usable"),
    "nothing in it": (struct.pack("<Q", 2) + b"{}", "format: None"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_refused(cache, kind):
    content, reason = HOSTILE[kind]
    classifier_path("mnist").parent.mkdir()
    classifier_path("mnist").write_bytes(content)
    refused(reason)


def test_another_collections_classifier_is_refused(stored):
    classifier_path("fashion_mnist").write_bytes(stored[1].read_bytes())
    refused("data: 'mnist', expected 'fashion_mnist'", "fashion_mnist")


def test_another_architecture_is_refused(stored, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(classifier_file, "ARCHITECTURE", "conv 16 3x3")
        refused("architecture: 'conv 32 5x5")


def rewrite(path, change):
    """Store the classifier again with its arrays and metadata changed."""
    with safe_open(path, framework="numpy") as file:
        metadata, arrays = file.metadata(), file.get_tensors()
    change(metadata, arrays)
    path.write_bytes(save(arrays, metadata))


CHANGES = {
    "test_accuracy: nan": lambda metadata, arrays: metadata.update(test_accuracy="nan"),
    "could not convert": lambda metadata, arrays: metadata.update(test_accuracy="good"),
    "sha256": lambda metadata, arrays: metadata.pop("sha256"),
    "arrays": lambda metadata, arrays: arrays.pop("classes/bias"),
    "classes/bias: float32.11.": lambda metadata, arrays: arrays.update(
        {"classes/bias": np.zeros(11, np.float32)}
    ),
    "classes/bias: float64": lambda metadata, arrays: arrays.update({"classes/bias": np.zeros(10)}),
}


@pytest.mark.parametrize("reason", CHANGES)
def test_what_does_not_fit_is_refused(stored, reason):
    rewrite(stored[1], CHANGES[reason])
    refused(reason)


def test_a_poor_classifier_is_not_stored_and_leaves_the_good_one(stored):
    good, _ = stored
    with pytest.raises(ConfigError, match=r"accuracy 98.99%, expected 99% or more.*not stored"):
        store_classifier("mnist", good._replace(accuracy=0.9899), seed=0)
    assert load_classifier("mnist").accuracy == 0.9925
    with pytest.raises(ConfigError, match="accuracy nan%"):
        store_classifier("mnist", good._replace(accuracy=float("nan")), seed=0)


def test_the_command_trains_prints_and_stores(cache, monkeypatch, capsys):
    folders = []

    def load_images(name):
        folders.append((name, os.environ["GAN_JAX_DATA"]))
        return TINY

    monkeypatch.setenv("GAN_JAX_DATA", "elsewhere")
    monkeypatch.setitem(
        sys.modules, "gan_jax.files.images", SimpleNamespace(load_images=load_images)
    )
    monkeypatch.setitem(classifier_file.LEAST_ACCURACY, "mnist", 0.95)
    TrainClassifier(what="mnist", seed=3, epochs=2, data_dir=Path("here")).run()
    assert folders == [("mnist", "here")]
    first, second, where, digest = capsys.readouterr().out.splitlines()
    assert first.startswith("mnist  epoch 1 of 2  test accuracy ") and " 2 of 2 " in second
    assert where == f"mnist: {classifier_path('mnist')}"
    assert digest.endswith(load_classifier("mnist").sha256)


def read_idx(name):
    """One of MNIST's files, without the program's own reader."""
    content = gzip.decompress((REAL / "mnist" / f"{name}-ubyte.gz").read_bytes())
    shape = np.frombuffer(content, ">u4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)


@pytest.mark.slow
@pytest.mark.skipif(not (REAL / "mnist").is_dir(), reason=f"no MNIST in {REAL}")
def test_real_digits_are_told_with_99_percent(optimised):
    names = "train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"
    digits = Images(*map(read_idx, names))
    assert train_classifier(digits).accuracy >= 0.99
