"""`gan-jax classifier`: train the classifier whose features and classes image measures use."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from gan_jax.commands.flags import use_data_dir


@dataclasses.dataclass(kw_only=True)
class TrainClassifier:
    """Train the classifier that measures generated images, test it, and keep it in the cache.

    Once for each collection, a few minutes. GAN_JAX_CACHE names another folder than the user's.
    """

    what: Positional[Literal["mnist", "fashion_mnist"]]
    """Which collection of images."""
    seed: int = 0
    """Of its initial weights and of the order of its images."""
    epochs: int | None = None
    """Passes over the 60,000 training images; by default as many as its accuracy needs."""
    data_dir: Path | None = None
    """Holds a subfolder for each collection; by default GAN_JAX_DATA, else the user's cache."""

    def run(self) -> None:
        use_data_dir(self.data_dir)
        from gan_jax.analysis import classifier as training
        from gan_jax.analysis.classifier_file import store_classifier
        from gan_jax.files.images import load_images

        epochs = training.EPOCHS if self.epochs is None else self.epochs
        images = load_images(self.what)

        def show(epoch: int, accuracy: float) -> None:
            print(
                f"{self.what}  epoch {epoch} of {epochs}  test accuracy {accuracy:.2%}", flush=True
            )

        trained = training.train_classifier(images, self.seed, epochs, show)
        print(f"{self.what}: {store_classifier(self.what, trained, self.seed)}")
        print(f"sha256 of its parameters: {trained.sha256}")
