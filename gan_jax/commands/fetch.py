"""`gan-jax fetch`: download a collection of images."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

from tyro.conf import Positional


@dataclasses.dataclass(kw_only=True)
class Fetch:
    """Download a collection of images, verify it, and say where it is."""

    what: Positional[Literal["mnist", "fashion_mnist"]]
    """Which collection."""
    data_dir: Path | None = None
    """Holds a subfolder for each collection; by default GAN_JAX_DATA, else the user's cache."""
    mirror: tuple[str, ...] = ()
    """URLs of folders to download from instead, asked in order."""

    def run(self) -> None:
        from gan_jax.files.download import fetch
        from gan_jax.files.images import DATA_VARIABLE, data_folder

        folder = fetch(self.what, self.data_dir, self.mirror or None)
        print(f"{self.what}: {folder}")
        if self.data_dir and self.data_dir.expanduser().absolute() != data_folder():
            print(f"to train on them: export {DATA_VARIABLE}={self.data_dir.absolute()}")
