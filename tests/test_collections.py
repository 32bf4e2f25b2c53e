"""Collections of images: found in every spelling, verified, or refused in one line."""

import gzip
from typing import get_args, get_type_hints

import numpy as np
import pytest
from image_files import REAL, idx_bytes, pictures, put
from refusals import refused

from gan_jax.commands.fetch import Fetch
from gan_jax.files import images
from gan_jax.files.download import fetch
from gan_jax.files.images import COLLECTIONS, check_present, find, load_images

SPELLINGS = [
    (lambda name: f"{name}.gz", bytes),
    (lambda name: f"{name}.gz", lambda packed: gzip.compress(gzip.decompress(packed), 1)),
    (lambda name: name, gzip.decompress),
    (lambda name: name.replace("-idx", ".idx"), gzip.decompress),
    (lambda name: name.replace("-idx", ".idx") + ".gz", bytes),
]


@pytest.mark.parametrize("rename, repack", SPELLINGS)
@pytest.mark.parametrize("subfolder", ["mnist", "."])
def test_images_are_found_in_every_spelling(
    collections, tmp_path, monkeypatch, subfolder, rename, repack
):
    put(tmp_path / "data" / subfolder, collections.mnist, rename, repack)
    monkeypatch.setenv(images.DATA_VARIABLE, str(tmp_path / "data"))
    check_present("mnist")
    loaded = load_images("mnist")
    np.testing.assert_array_equal(loaded.train_images, pictures(6))
    np.testing.assert_array_equal(loaded.test_images, pictures(2, 1))
    assert loaded.train_labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert loaded.test_labels.tolist() == [0, 1]
    assert load_images("mnist") is loaded


def test_images_are_looked_for_in_the_named_folder_alone_else_in_the_cache(
    collections, tmp_path, monkeypatch
):
    line = refused(lambda: check_present("mnist"), "gan-jax fetch mnist", images.DATA_VARIABLE)
    assert str(collections.cache / "mnist") in line and "t10k-labels-idx1-ubyte.gz" in line
    folder = put(collections.cache / "mnist", collections.mnist)
    assert find("mnist") == folder
    monkeypatch.setenv(images.DATA_VARIABLE, "")
    assert find("mnist") == folder
    monkeypatch.setenv(images.DATA_VARIABLE, str(tmp_path / "other"))
    refused(lambda: find("mnist"), str(tmp_path / "other"), "gan-jax fetch mnist --data-dir")


def test_an_incomplete_collection_says_what_is_missing(collections):
    folder = put(collections.cache / "mnist", collections.mnist)
    (folder / "t10k-images-idx3-ubyte.gz").unlink()
    line = refused(lambda: load_images("mnist"), "put t10k-images-idx3-ubyte.gz into")
    assert "train-images" not in line
    (folder / "t10k-images-idx3-ubyte.gz").touch()
    refused(lambda: check_present("mnist"), "t10k-images-idx3-ubyte.gz: empty")
    refused(lambda: check_present("minst"), "did you mean 'mnist'?")


def test_images_that_were_not_published_are_refused(collections):
    folder = put(collections.cache / "mnist", collections.mnist)
    load_images("mnist")
    changed = pictures(6)
    changed[3, 0, 0] ^= 1
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(changed)))
    images._load.cache_clear()
    refused(lambda: load_images("mnist"), "train-images-idx3-ubyte.gz: SHA-256", "as published")


def test_one_collection_in_another_s_place_is_told(collections):
    put(collections.cache / "fashion_mnist", collections.fashion_mnist)
    assert load_images("fashion_mnist").train_labels.tolist() == [3, 4, 5, 6, 7, 8]
    put(collections.cache / "fashion_mnist", collections.mnist)
    images._load.cache_clear()
    refused(lambda: load_images("fashion_mnist"), "holds mnist")


def test_the_real_mnist_is_read_and_verified(monkeypatch):
    if not (REAL / "mnist").is_dir():
        pytest.skip(f"no MNIST in {REAL}")
    monkeypatch.setenv(images.DATA_VARIABLE, str(REAL))
    mnist = load_images("mnist")
    assert [x.shape for x in mnist] == [(60000, 28, 28), (60000,), (10000, 28, 28), (10000,)]
    assert mnist.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert all(x.dtype == np.uint8 and not x.flags.writeable for x in mnist)
    assert mnist.train_images.max() == 255 and np.all(mnist.train_images[:, 0, 0] == 0)
    assert fetch("mnist", mirrors=["http://127.0.0.1:9/"]) == REAL / "mnist"  # there and right
    images._load.cache_clear()


def test_what_was_published_is_written_down_whole():
    assert get_args(get_type_hints(Fetch)["what"]) == tuple(COLLECTIONS)
    for collection in COLLECTIONS.values():
        assert [file.shape[0] for file in collection.files] == [60000, 60000, 10000, 10000]
        assert all(mirror.startswith("https://") for mirror in collection.mirrors)
        hashes = [file.gzip_sha256 for file in collection.files]
        hashes += [file.sha256 for file in collection.files if file.sha256]
        assert len(set(hashes)) == len(hashes) and {len(each) for each in hashes} == {64}
