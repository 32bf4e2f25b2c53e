"""Keras as the GAN tutorials have it: `train_on_batch` of the discriminator, then of both joined.

One seed; the backend is an option, since the benchmark tries those that are installed and goes on
with the faster. The discriminator's loss is weighted by 2, which makes the mean over its combined
batch the sum of the two halves' means that the others report.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from contestants.protocol import serve
from contestants.works import BETA2, EPSILON, LEAKY_SLOPE, RING_DEVIATION, Work, ring_centres


def draw_real(work: Work, pool: np.ndarray | None, random: np.random.Generator) -> np.ndarray:
    """Real samples [n, sample_size], drawn with NumPy as the tutorials do."""
    n = work.real_samples
    if work.name == "parabola":
        x = random.random((n, 1), np.float32) - np.float32(0.5)
        return np.concatenate([x, x**2], axis=1)
    if work.name == "ring":
        centres = ring_centres()[random.integers(0, len(ring_centres()), n)]
        return centres + np.float32(RING_DEVIATION) * random.standard_normal((n, 2), np.float32)
    assert pool is not None, "digits need rows"
    return pool[random.integers(0, len(pool), n)] / np.float32(127.5) - 1


class Keras:
    """A generator, a discriminator, and the two joined, which trains the generator alone."""

    def __init__(
        self, work: Work, seeds: int, rows: Path | None, options: Mapping[str, Any]
    ) -> None:
        os.environ["KERAS_BACKEND"] = backend = options.get("backend", "jax")
        import keras

        keras.utils.set_random_seed(0)
        self.work, self.random = work, np.random.default_rng(0)
        self.pool = None if rows is None else np.load(rows).reshape(-1, work.sample_size)
        self.discriminator = _network(work.discriminator_widths, work, generator=False)
        self.discriminator.compile(loss=_loss(), optimizer=_adam(work), loss_weights=[2.0])
        self.generator = _network(work.generator_widths, work, generator=True)
        latent = keras.Input((work.latent_dim,))
        self.joined = keras.Model(latent, self.discriminator(self.generator(latent)))
        self.discriminator.trainable = False
        self.joined.compile(loss=_loss(), optimizer=_adam(work))
        self.discriminator.trainable = True
        halves = np.ones((work.real_samples, 1)), np.zeros((work.real_samples, 1))
        self.told = np.concatenate(halves).astype(np.float32)
        self.passing = np.ones((work.batch_size, 1), np.float32)
        library = __import__(backend)
        self.versions = {"keras": keras.__version__, backend: library.__version__}
        self.note = f"train_on_batch, one seed at a time, {backend} backend"

    def run(self, steps: int) -> dict[str, float]:
        work, random, losses = self.work, self.random, (0.0, 0.0)
        for _ in range(steps):
            z = random.standard_normal((work.real_samples, work.latent_dim), np.float32)
            fake = self.generator.predict_on_batch(z)
            x = np.concatenate([draw_real(work, self.pool, random), fake])
            d_loss = self.discriminator.train_on_batch(x, self.told)
            z = random.standard_normal((work.batch_size, work.latent_dim), np.float32)
            # Keras 3 asks who is trainable at every call, not when the model is compiled.
            self.discriminator.trainable = False
            losses = d_loss, self.joined.train_on_batch(z, self.passing)
            self.discriminator.trainable = True
        names = ("discriminator_loss", "generator_loss")
        return {name: float(np.ravel(x)[0]) for name, x in zip(names, losses, strict=True)}

    def weights(self) -> list[np.ndarray]:
        """All the generator's weights, then the discriminator's."""
        return [*self.generator.get_weights(), *self.discriminator.get_weights()]


def _network(widths: tuple[int, ...], work: Work, generator: bool) -> Any:
    import keras

    layers = keras.layers
    model = keras.Sequential([keras.Input((widths[0],))])
    for width in widths[1:-1]:
        model.add(layers.Dense(width, kernel_initializer="he_uniform"))
        model.add(layers.LeakyReLU(negative_slope=LEAKY_SLOPE) if work.leaky else layers.ReLU())
    if generator and work.normalized:
        model.add(layers.BatchNormalization(momentum=0.9, epsilon=1e-5))
    last = "tanh" if generator and work.tanh else None
    model.add(layers.Dense(widths[-1], kernel_initializer="he_uniform", activation=last))
    return model


def _loss() -> Any:
    import keras

    return keras.losses.BinaryCrossentropy(from_logits=True)


def _adam(work: Work) -> Any:
    import keras

    return keras.optimizers.Adam(work.learning_rate, work.beta1, BETA2, EPSILON)


if __name__ == "__main__":
    serve(Keras)
