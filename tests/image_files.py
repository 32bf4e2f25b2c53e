"""Image files: where the real ones may be, and tiny ones as collections are published."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np

from gan_jax.files.images import Collection, ImageFile

# Beside the project, where there are any.
REAL = Path(__file__).parents[2] / "shared" / "data"


def idx_bytes(values):
    values = np.asarray(values, np.uint8)
    header = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.tobytes()


def pictures(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 4, 3)).astype(np.uint8)


def tiny_collection(seed, hashed=True, mirrors=("https://example.invalid/",)):
    """A collection of four tiny files, and their decompressed bytes by name."""
    train, test = pictures(6, seed), pictures(2, seed + 1)
    contents = {
        "train-images-idx3-ubyte": train,
        "train-labels-idx1-ubyte": (np.arange(6) + seed) % 10,
        "t10k-images-idx3-ubyte": test,
        "t10k-labels-idx1-ubyte": (np.arange(2) + seed) % 10,
    }
    files, packed = [], {}
    for name, values in contents.items():
        content = idx_bytes(values)
        packed[name] = gzip.compress(content, mtime=0)
        sums = [hashlib.sha256(each).hexdigest() for each in (packed[name], content)]
        file = ImageFile(
            name, values.shape, len(packed[name]), sums[0], sums[1] if hashed else None
        )
        files.append(file)
    return Collection(mirrors, tuple(files)), packed


def put(folder, packed, rename=lambda name: f"{name}.gz", repack=bytes):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in packed.items():
        (folder / rename(name)).write_bytes(repack(content))
    return folder
