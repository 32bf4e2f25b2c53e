"""An experiment ready to run: its names resolved, its networks built, its training set drawn."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from gan_jax.config import Experiment, Leaves, Static, split
from gan_jax.data import Dataset, find_dataset
from gan_jax.game.draws import LATENT_POOL, TRAINING_SET, data_key, draw_latents
from gan_jax.game.optimizers import OPTIMIZERS, SCHEDULES
from gan_jax.game.parts import Parts, TrainingSet
from gan_jax.game.updates import UPDATES
from gan_jax.losses import LOSSES
from gan_jax.networks import NETWORKS, NetworkSpec
from gan_jax.penalties import PENALTIES


class Program(NamedTuple):
    """An experiment ready to run.

    Attributes:
      parts: the static argument of every compiled function.
      leaves: the traced numbers.
      training_set: what batches are drawn from.
    """

    parts: Parts
    leaves: Leaves
    training_set: TrainingSet


def make_program(experiment: Experiment) -> Program:
    """Resolve an experiment's names and draw its training set, if it has one.

    Raises:
      ConfigError: when the data are in files that are not there, or not as they should be.
    """
    static, leaves = split(experiment)
    parts = look_up(static)
    return Program(parts, leaves, _training_set(parts, experiment.data_seed))


def _training_set(parts: Parts, data_seed: int) -> TrainingSet:
    static, dataset = parts.static, parts.dataset
    x = None if dataset.pools is None else jax.device_put(dataset.pools().train)
    z = None
    if static.n_train is not None:
        x = _drawn(dataset, static.n_train, x, np.uint32(data_seed))
    if static.latent_pool is not None:
        z = draw_latents(static, data_key(data_seed, LATENT_POOL), static.latent_pool)
    return TrainingSet(x, z)


# One program, its key included: drawn operation by operation, each would be compiled for itself. Of
# the data alone, so that no other choice, not even a pool of latents, has XLA round them otherwise.
@partial(jax.jit, static_argnums=(0, 1))
def _drawn(
    dataset: Dataset, n: int, rows: jax.Array | None, data_seed: jax.typing.ArrayLike
) -> jax.Array:
    key = data_key(data_seed, TRAINING_SET)
    return dataset.sample(key, n) if rows is None else dataset.choose(rows, key, n)


def look_up(static: Static, dataset: Dataset | None = None) -> Parts:
    """Resolve the names of a (validated) experiment into registry entries.

    `dataset` stands in for the named one, where that is not to be read.
    """
    dataset = find_dataset(static.data) if dataset is None else dataset
    loss = LOSSES[static.loss]
    generator, discriminator = network_specs(static, dataset.shape)
    return Parts(
        static,
        dataset,
        generator=NETWORKS[static.generator](generator),
        discriminator=NETWORKS[static.discriminator](discriminator),
        discriminator_loss=loss.discriminator,
        smoothed_discriminator_loss=loss.smoothed_discriminator,
        generator_loss=loss.generator,
        penalty=PENALTIES[static.penalty],
        optimizer=OPTIMIZERS[static.optimizer],
        update=UPDATES[static.update],
        schedule=SCHEDULES[static.learning_rate_schedule],
    )


def network_specs(static: Static, shape: tuple[int, ...]) -> tuple[NetworkSpec, NetworkSpec]:
    """The requests for the generator and the discriminator of samples of a shape."""
    generator = NetworkSpec(
        "generator",
        static.generator_hidden,
        static.generator_activation,
        shape,
        static.generator_normalization,
        output=static.generator_output,
        initialization=static.initialization,
        initial_deviation=static.initial_deviation,
        dropout=static.generator_dropout,
    )
    discriminator = NetworkSpec(
        "discriminator",
        static.discriminator_hidden,
        static.discriminator_activation,
        _pack_shape(static, shape),
        static.discriminator_normalization,
        static.spectral_norm,
        initialization=static.initialization,
        initial_deviation=static.initial_deviation,
        dropout=static.discriminator_dropout,
    )
    return generator, discriminator


def player_inputs(parts: Parts) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shapes of one input of the generator and of the discriminator."""
    return (parts.static.latent_dim,), _pack_shape(parts.static, parts.dataset.shape)


def _pack_shape(static: Static, shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape if static.packing == 1 else (static.packing, *shape)
