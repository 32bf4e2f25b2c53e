"""One GAN as four pure functions, made from an experiment.

Randomness is derived, never carried: a seed's key is `jax.random.key(seed)`, a step's is
`fold_in(seed_key, step)`, and every use folds in a constant of its own, so that an option switched
on does not shift another's draws.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from gan_jax.config import Experiment, Leaves, Static, split
from gan_jax.data import DATASETS
from gan_jax.game import players
from gan_jax.game.optimizers import OPTIMIZERS
from gan_jax.game.players import Batch, Parts
from gan_jax.game.state import GanState, PlayerState, StepInfo
from gan_jax.game.updates import UPDATES, Players
from gan_jax.losses import LOSSES
from gan_jax.networks import NETWORKS, NetworkSpec

# Uses of a step's key.
REAL, LATENT, GENERATOR_REAL = 0, 1, 2
# Uses of the initialisation's key, and the "step" it is derived at: a number no training step has.
GENERATOR_WEIGHTS, DISCRIMINATOR_WEIGHTS = 0, 1
INITIALISATION = 2**32 - 1
# The "step" that the data seed's keys are derived at, likewise no step's; and one of its uses.
DATA = 2**32 - 2
TRAINING_SET = 0


class Gan(NamedTuple):
    """A GAN as pure functions of trees of arrays: any of them may be vmapped over seeds.

    Attributes:
      init: `(key) -> GanState`, the seed's initial weights.
      train_step: `(state, key) -> (GanState, StepInfo)`, jitted. `key` is the seed's key, the same
        at every step: the step's own is derived from it and `state.step`.
      generate: `(state, z [n, latent_dim], condition=None) -> x [n, *shape]`; updates nothing.
      discriminate: `(state, x [n, *shape], condition=None) -> logits [n]`; updates nothing.
        `condition` is reserved for class-conditional GANs and must be None.
    """

    init: Callable[[jax.Array], GanState]
    train_step: Callable[[GanState, jax.Array], tuple[GanState, StepInfo]]
    generate: Callable[..., jax.Array]
    discriminate: Callable[..., jax.Array]


class Program(NamedTuple):
    """An experiment ready to run.

    Attributes:
      parts: the static argument of every compiled function.
      leaves: the traced numbers.
      training_set: [n_train, *shape], or None where every batch is drawn fresh.
    """

    parts: Parts
    leaves: Leaves
    training_set: jax.Array | None


def make_program(experiment: Experiment) -> Program:
    """Resolve an experiment's names and draw its training set, if it has one."""
    static, leaves = split(experiment)
    parts = look_up(static)
    if static.n_train is None:
        return Program(parts, leaves, None)
    key = data_key(experiment.data_seed, TRAINING_SET)
    return Program(parts, leaves, parts.dataset.sample(key, static.n_train))


def make_gan(experiment: Experiment) -> Gan:
    """Bind an experiment to the functions of one GAN; see `Gan` for what each does."""
    parts, leaves, training_set = make_program(experiment)

    def train_step(state: GanState, key: jax.Array) -> tuple[GanState, StepInfo]:
        return _train_step(parts, leaves, training_set, state, key, state.step)

    return Gan(
        init=partial(_init, parts, leaves),
        train_step=train_step,
        generate=partial(generate, parts),
        discriminate=partial(discriminate, parts),
    )


def look_up(static: Static) -> Parts:
    """Resolve the names of a (validated) experiment into registry entries."""
    dataset, loss = DATASETS[static.data], LOSSES[static.loss]
    generator = NetworkSpec(
        "generator", static.generator_hidden, static.generator_activation, dataset.shape
    )
    discriminator = NetworkSpec(
        "discriminator",
        static.discriminator_hidden,
        static.discriminator_activation,
        dataset.shape,
    )
    return Parts(
        static,
        dataset,
        generator=NETWORKS[static.generator](generator),
        discriminator=NETWORKS[static.discriminator](discriminator),
        discriminator_loss=loss.discriminator,
        generator_loss=loss.generator,
        optimizer=OPTIMIZERS[static.optimizer],
        update=UPDATES[static.update],
    )


def seed_key(seed: jax.typing.ArrayLike) -> jax.Array:
    """A seed's key. Threefry: with `rbg`, vmap would make a lane depend on its companions."""
    return jax.random.key(seed, impl="threefry2x32")


def data_key(data_seed: jax.typing.ArrayLike, use: int) -> jax.Array:
    """The key of one use of the data seed: apart from the keys of a run with the same number."""
    return jax.random.fold_in(jax.random.fold_in(seed_key(data_seed), DATA), use)


def init(parts: Parts, leaves: Leaves, key: jax.Array) -> GanState:
    """Draw both players' initial weights from a seed's key."""
    key = jax.random.fold_in(key, INITIALISATION)

    def player(module: nn.Module, use: int, rate: jax.Array, x: jax.Array) -> PlayerState:
        variables = dict(module.init(jax.random.fold_in(key, use), x))
        parameters = variables.pop("params")
        return PlayerState(parameters, variables, parts.optimizer(rate, leaves).init(parameters))

    return GanState(
        step=jnp.zeros((), jnp.int32),
        generator=player(
            parts.generator,
            GENERATOR_WEIGHTS,
            leaves.generator_learning_rate,
            jnp.zeros((1, parts.static.latent_dim)),
        ),
        discriminator=player(
            parts.discriminator,
            DISCRIMINATOR_WEIGHTS,
            leaves.discriminator_learning_rate,
            jnp.zeros((1, *parts.dataset.shape)),
        ),
    )


def train_step(
    parts: Parts,
    leaves: Leaves,
    training_set: jax.Array | None,
    state: GanState,
    key: jax.Array,
    step: jax.Array,
) -> tuple[GanState, StepInfo]:
    """Take one training step of one seed.

    `step` is an argument of its own, equal to `state.step`, so that under a vmap over seeds it
    stays one number: a condition on a batched step would make every lane run both branches.
    """
    step_key = jax.random.fold_in(key, step)
    discriminator_batches, generator_batch = draw_batches(parts, training_set, step_key)
    g_optimizer = parts.optimizer(leaves.generator_learning_rate, leaves)
    d_optimizer = parts.optimizer(leaves.discriminator_learning_rate, leaves)
    moves = Players(
        discriminator_batches,
        generator_batch,
        discriminator_move=partial(players.discriminator_move, parts, leaves),
        generator_move=partial(players.generator_move, parts, leaves),
        advance_discriminator=partial(players.advance, d_optimizer),
        advance_generator=partial(players.advance, g_optimizer),
    )
    state, info = parts.update(parts.static, moves, state)
    return state._replace(step=state.step + 1), info


def draw_batches(
    parts: Parts, training_set: jax.Array | None, step_key: jax.Array
) -> tuple[Batch, Batch]:
    """Draw a step's discriminator batches [discriminator_steps, n, ...] and its generator batch.

    All latents of a step are one draw, made features-first (see `Dataset.sample`). The generator's
    own real samples have their own key: a loss that needs them sees the same discriminator batches
    as one that does not.
    """
    static = parts.static
    updates, n_generator = static.discriminator_steps, static.batch_size
    n = n_generator // 2 if static.discriminator_batch == "halves" else n_generator

    def real(use: int, count: int) -> jax.Array:
        key = jax.random.fold_in(step_key, use)
        if training_set is None:
            return parts.dataset.sample(key, count)
        return training_set[jax.random.randint(key, (count,), 0, training_set.shape[0])]

    latent_key = jax.random.fold_in(step_key, LATENT)
    z = draw_latents(static, latent_key, updates * n + n_generator)
    x_real = real(REAL, updates * n)
    per_update = (updates, n)
    discriminator_batches = Batch(
        x_real.reshape(*per_update, *x_real.shape[1:]),
        z[: updates * n].reshape(*per_update, static.latent_dim),
    )
    return discriminator_batches, Batch(real(GENERATOR_REAL, n_generator), z[updates * n :])


def draw_latents(static: Static, key: jax.Array, n: int) -> jax.Array:
    """Draw latents [n, latent_dim], standard Gaussian."""
    return jax.random.normal(key, (static.latent_dim, n)).T


def generate(parts: Parts, state: GanState, z: jax.Array, condition: None = None) -> jax.Array:
    """Generate samples [n, *shape] from latents [n, latent_dim], with running statistics."""
    _refuse(condition)
    variables = {"params": state.generator.parameters, **state.generator.model_state}
    return parts.generator.apply(variables, z)  # pyright: ignore[reportReturnType]


def discriminate(parts: Parts, state: GanState, x: jax.Array, condition: None = None) -> jax.Array:
    """Logits [n] of samples [n, *shape], with running statistics; positive means "real"."""
    _refuse(condition)
    variables = {"params": state.discriminator.parameters, **state.discriminator.model_state}
    return parts.discriminator.apply(variables, x)  # pyright: ignore[reportReturnType]


def _refuse(condition: None) -> None:
    if condition is not None:
        raise ValueError("condition: only None is supported; it is reserved for conditional GANs")


_init = jax.jit(init, static_argnums=0)
_train_step = jax.jit(train_step, static_argnums=0)
