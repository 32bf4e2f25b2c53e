"""The image collections: what was published, where its files are looked for, how they are read.

Downloading is `download`'s, the format `idx`'s.
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gan_jax.fields import ConfigError, check_name
from gan_jax.files.idx import read_idx

DATA_VARIABLE = "GAN_JAX_DATA"
CLASSES = 10


class ImageFile(NamedTuple):
    """One file of a collection, as it was published.

    Attributes:
      name: of the file, without .gz.
      shape: [n, height, width] of images, [n] of labels.
      gzip_bytes: size of the published .gz.
      gzip_sha256: of the published .gz.
      sha256: of the decompressed file; None where it is not known, and structure is checked alone.
    """

    name: str
    shape: tuple[int, ...]
    gzip_bytes: int
    gzip_sha256: str
    sha256: str | None = None

    @property
    def spellings(self) -> tuple[str, ...]:
        """Names under which the file is accepted, first choice first: "train-images.idx3-ubyte"."""
        dotted = self.name.replace("-idx", ".idx")
        return (f"{self.name}.gz", self.name, f"{dotted}.gz", dotted)


class Collection(NamedTuple):
    """A collection: the files of `Images`, in its order, and the folders of URLs that have them."""

    mirrors: tuple[str, ...]
    files: tuple[ImageFile, ImageFile, ImageFile, ImageFile]


class Images(NamedTuple):
    """A collection, read: grey values 0 .. 255 [n, 28, 28] and labels 0 .. 9 [n]; read-only uint8.

    Attributes:
      train_images: [60000, 28, 28].
      train_labels: [60000].
      test_images: [10000, 28, 28].
      test_labels: [10000].
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


TRAIN, TEST = 60_000, 10_000
COLLECTIONS: dict[str, Collection] = {
    "mnist": Collection(  # LeCun, Cortes, Burges 1998
        (
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
        ),
        (
            ImageFile(
                "train-images-idx3-ubyte",
                (TRAIN, 28, 28),
                9912422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            ImageFile(
                "train-labels-idx1-ubyte",
                (TRAIN,),
                28881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            ImageFile(
                "t10k-images-idx3-ubyte",
                (TEST, 28, 28),
                1648877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            ImageFile(
                "t10k-labels-idx1-ubyte",
                (TEST,),
                4542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ),
    ),
    "fashion_mnist": Collection(  # Xiao, Rasul, Vollgraf 2017
        ("https://storage.googleapis.com/tensorflow/tf-keras-datasets/",),
        (
            ImageFile(
                "train-images-idx3-ubyte",
                (TRAIN, 28, 28),
                26421880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            ImageFile(
                "train-labels-idx1-ubyte",
                (TRAIN,),
                29515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            ImageFile(
                "t10k-images-idx3-ubyte",
                (TEST, 28, 28),
                4422102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            ImageFile(
                "t10k-labels-idx1-ubyte",
                (TEST,),
                5148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
    ),
}


def collection_of(name: str) -> Collection:
    """Return a collection by its name, or refuse the name."""
    check_name("data", name, COLLECTIONS)
    return COLLECTIONS[name]


def data_folder() -> Path:
    """Return the folder that holds one subfolder a collection: GAN_JAX_DATA, else the cache."""
    if given := os.environ.get(DATA_VARIABLE):
        return Path(given).expanduser().absolute()
    import pooch  # here: help and mistakes answer without it

    return Path(pooch.os_cache("gan_jax"))


def file_in(folder: Path, file: ImageFile) -> Path | None:
    """Return where a folder has the file, in whichever spelling; None where it has not."""
    paths = (folder / spelling for spelling in file.spellings)
    return next((path for path in paths if os.path.isfile(path)), None)


def places(base: Path, name: str) -> tuple[Path, Path]:
    """Return where a data folder may hold a collection: a subfolder of its name, or itself."""
    return base / name, base


def find(name: str) -> Path:
    """Return the folder that has all four files of a collection: one of `places(data_folder())`.

    Raises:
      ConfigError: saying what is missing, and how to get it.
    """
    files, base = collection_of(name).files, data_folder()
    for folder in places(base, name):
        if all(file_in(folder, file) for file in files):
            return folder
    missing = [file.spellings[0] for file in files if not file_in(base / name, file)]
    if os.environ.get(DATA_VARIABLE):
        whose, otherwise = f"{base} has no complete {name}", ""
        fetching = f"gan-jax fetch {name} --data-dir {base}"
    else:
        fetching = f"gan-jax fetch {name}"
        whose, otherwise = f"{name} is not here yet", f", or set {DATA_VARIABLE} to its folder"
    raise ConfigError(
        f"data: {whose}; run {fetching}, or put {', '.join(missing)} into {base / name}{otherwise}"
    )


def check_present(name: str) -> None:
    """Refuse a collection whose files are not here, or empty. Cheap: reads none of them."""
    folder = find(name)
    for file in collection_of(name).files:
        path = file_in(folder, file)
        if path and not path.stat().st_size:
            raise ConfigError(f"{path}: empty; delete it and run gan-jax fetch {name}")


def load_images(name: str) -> Images:
    """Read a collection, and verify it; read once, then kept.

    Raises:
      ConfigError: not here, damaged, or not what was published.
    """
    return _load(collection_of(name), find(name).resolve())


@lru_cache(maxsize=len(COLLECTIONS))
def _load(collection: Collection, folder: Path) -> Images:
    return Images(*(read_verified(folder, file) for file in collection.files))


def read_verified(folder: Path, file: ImageFile) -> np.ndarray:
    """Read one file of a collection from a folder, and compare it with what was published.

    Raises:
      ConfigError: not here, damaged, or not what was published.
    """
    path = file_in(folder, file) or folder / file.spellings[0]
    values, sha256 = read_idx(path, file.shape, 255 if file.shape[1:] else CLASSES - 1)
    if file.sha256 not in (None, sha256):
        raise ConfigError(f"{path}: SHA-256 {sha256}, expected {file.sha256}, as published")
    if file.sha256 is None and path.suffix == ".gz" and path.stat().st_size == file.gzip_bytes:
        packed = hashlib.sha256(path.read_bytes()).hexdigest()
        if packed != file.gzip_sha256:
            raise ConfigError(f"{path}: SHA-256 {packed}, expected {file.gzip_sha256}")
    # The collections share their file names and shapes: one in another's place is told by its hash.
    for name, collection in COLLECTIONS.items():
        if file not in collection.files and sha256 in (each.sha256 for each in collection.files):
            raise ConfigError(f"{path}: holds {name}, expected the collection asked for")
    return values
