"""One GAN as four pure functions, made from an experiment."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from gan_jax.config import Experiment, Leaves
from gan_jax.fields import ConfigError
from gan_jax.game import field, players
from gan_jax.game.draws import (
    DISCRIMINATOR_WEIGHTS,
    GENERATOR_WEIGHTS,
    INITIALISATION,
    draw_batches,
)
from gan_jax.game.optimizers import flattened
from gan_jax.game.parts import (
    Batch,
    Move,
    Parameters,
    Parts,
    Seen,
    TrainingSet,
    current_parameters,
)
from gan_jax.game.program import make_program, player_inputs
from gan_jax.game.scaling import to_data, to_networks
from gan_jax.game.state import Averaged, GanState, PlayerState, StepInfo
from gan_jax.game.updates import Players, optimistic
from gan_jax.penalties import none

# JAX's names. Its own "bfloat16" means a device's quickest, which on a GPU is TensorFloat-32.
PRECISIONS = {
    "float32": "float32",
    "tensorfloat32": "tensorfloat32",
    "bfloat16": "BF16_BF16_F32",
}


class Gan(NamedTuple):
    """A GAN as pure functions of trees of arrays: any of them may be vmapped over seeds.

    Attributes:
      init: `(key) -> GanState`, the seed's initial weights.
      train_step: `(state, key) -> (GanState, StepInfo)`, jitted. `key` is the seed's key, the same
        at every step: the step's own is derived from it and `state.step`.
      generate: `(state, z [n, latent_dim], condition=None) -> x [n, *shape]`, data units; updates
        nothing.
      discriminate: `(state, x [n, *shape], condition=None) -> logits [n]` (a pack of samples each,
        with packing); updates nothing.
        `condition` is reserved for class-conditional GANs and must be None.
    """

    init: Callable[[jax.Array], GanState]
    train_step: Callable[[GanState, jax.Array], tuple[GanState, StepInfo]]
    generate: Callable[..., jax.Array]
    discriminate: Callable[..., jax.Array]


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


def init(parts: Parts, leaves: Leaves, key: jax.Array) -> GanState:
    """Draw both players' initial weights from a seed's key."""
    key = jax.random.fold_in(key, INITIALISATION)

    def player(module: nn.Module, use: int, rate: jax.Array, x: jax.Array) -> PlayerState:
        variables = dict(module.init(jax.random.fold_in(key, use), x))
        parameters = variables.pop("params", {})  # a network may have nothing to train
        optimizer = player_optimizer(parts, leaves, rate)
        return PlayerState(parameters, variables, optimizer.init(parameters))

    of_generator, of_discriminator = player_inputs(parts)
    generator = player(
        parts.generator,
        GENERATOR_WEIGHTS,
        leaves.generator_learning_rate,
        jnp.zeros((1, *of_generator)),
    )
    discriminator = player(
        parts.discriminator,
        DISCRIMINATOR_WEIGHTS,
        leaves.discriminator_learning_rate,
        jnp.zeros((1, *of_discriminator)),
    )
    _check_penalty(parts, discriminator)
    ema = Averaged(generator.parameters, generator.model_state)
    return GanState(
        jnp.zeros((), jnp.int32),
        generator,
        discriminator,
        None if leaves.generator_ema is None else ema,
    )


def _check_penalty(parts: Parts, discriminator: PlayerState) -> None:
    """Refuse what an `Experiment` cannot know: that a registered network keeps batch statistics."""
    if parts.penalty is not none and "batch_stats" in discriminator.model_state:
        raise ConfigError(
            f"penalty: {parts.static.penalty!r} given, but the discriminator "
            f"{parts.static.discriminator!r} keeps batch statistics: a logit depends on the whole "
            "batch and has no gradient norm of its own sample"
        )


def player_optimizer(
    parts: Parts, leaves: Leaves, learning_rate: jax.Array
) -> optax.GradientTransformation:
    """One player's optimiser: gradient clipping, the named one, the optimistic rule's memory."""
    chain = [flattened(parts.optimizer(learning_rate, leaves))]
    if leaves.gradient_clip is not None:
        chain.insert(0, optax.clip_by_global_norm(leaves.gradient_clip))
    if parts.update is optimistic:
        chain.append(optax.scale_by_optimistic_gradient())
    return optax.chain(*chain) if len(chain) > 1 else chain[0]


def train_step(
    parts: Parts,
    leaves: Leaves,
    training_set: TrainingSet,
    state: GanState,
    key: jax.Array,
    step: jax.Array,
    watched: bool | jax.Array = True,
) -> tuple[GanState, StepInfo]:
    """Take one training step of one seed.

    `step` is an argument of its own, equal to `state.step`, so that under a vmap over seeds it
    stays one number: a condition on a batched step would make every lane run both branches.
    Likewise `watched`: unless it holds, what of `StepInfo` is in `WATCHED` is not computed but NaN.
    """
    with matrix_products(parts):
        return _step(parts, leaves, training_set, state, key, step, watched)


def matrix_products(parts: Parts) -> AbstractContextManager[None]:
    """What is traced within has its matrix products in the experiment's precision."""
    return jax.default_matmul_precision(PRECISIONS[parts.static.matmul_precision])


def _step(
    parts: Parts,
    leaves: Leaves,
    training_set: TrainingSet,
    state: GanState,
    key: jax.Array,
    step: jax.Array,
    watched: bool | jax.Array,
) -> tuple[GanState, StepInfo]:
    discriminator_batches, generator_batch = draw_batches(parts, leaves, training_set, key, step)
    factor = parts.schedule(step / leaves.total_steps)
    optimizer = partial(player_optimizer, parts, leaves)
    g_optimizer = optimizer(leaves.generator_learning_rate * factor)
    d_optimizer = optimizer(leaves.discriminator_learning_rate * factor)
    moves = Players(
        step,
        watched,
        discriminator_batches,
        generator_batch,
        discriminator_move=partial(players.discriminator_move, parts, leaves),
        generator_move=partial(players.generator_move, parts, leaves),
        advance_discriminator=partial(players.advance, d_optimizer, leaves.weight_clip),
        advance_generator=partial(players.advance, g_optimizer, None),
        unrolled_move=partial(_unrolled_move, parts, leaves),
        consensus_gradient=partial(_consensus_gradient, parts, leaves),
    )
    state, info = parts.update(parts.static, moves, state)
    return _averaged(leaves, state)._replace(step=state.step + 1), info


def _averaged(leaves: Leaves, state: GanState) -> GanState:
    """The state with its average of the generator moved on, where one is kept."""
    if state.generator_ema is None:
        return state
    now = Averaged(state.generator.parameters, state.generator.model_state)
    decay = leaves.generator_ema
    moved = jax.tree.map(lambda old, new: decay * old + (1 - decay) * new, state.generator_ema, now)
    return state._replace(generator_ema=moved)


def _unrolled_move(
    parts: Parts, leaves: Leaves, state: GanState, looked_at: Batch, own: Batch
) -> Move:
    # Several inner steps on a lazy penalty's due batch would take it as many times too often.
    batches = looked_at._replace(penalty_scale=None), own
    here = current_parameters(state)

    def loss(generator: Any) -> tuple[jax.Array, Seen]:
        there = here._replace(generator=generator)
        return field.unrolled_generator_loss(parts, leaves, there, state, *batches)

    return Move(*jax.grad(loss, has_aux=True)(here.generator))


def _consensus_gradient(
    parts: Parts, leaves: Leaves, state: GanState, of_discriminator: Batch, of_generator: Batch
) -> Parameters:
    # Squared, a lazy penalty's scale would not average to one.
    batches = of_discriminator._replace(penalty_scale=None), of_generator
    here = current_parameters(state)
    return field.consensus_gradient(parts, leaves, here, state, *batches)


def generate(parts: Parts, state: GanState, z: jax.Array, condition: None = None) -> jax.Array:
    """Generate samples [n, *shape] from latents [n, latent_dim], with running statistics.

    Uses the averaged weights (and statistics) where they are kept.
    """
    _refuse(condition)
    return generate_with(parts, generator_variables(state), z)


def generator_variables(state: GanState) -> dict[str, Any]:
    """What the generator generates with, as Flax has it: "params" and collections of statistics."""
    used = state.generator if state.generator_ema is None else state.generator_ema
    return {"params": used.parameters, **used.model_state}


def generate_with(parts: Parts, variables: dict[str, Any], z: jax.Array) -> jax.Array:
    """Generate samples [n, *shape] from latents [n, latent_dim], given the generator's variables.

    All that a generator needs once the discriminator has been discarded.
    """
    with matrix_products(parts):
        x = parts.generator.apply(variables, z)
    return to_data(parts, x)  # pyright: ignore[reportArgumentType]


def discriminate(parts: Parts, state: GanState, x: jax.Array, condition: None = None) -> jax.Array:
    """Logits [n] of samples [n, *shape], with running statistics; positive means "real".

    With packing m, logits [n / m], of each m samples in turn.
    """
    _refuse(condition)
    variables = {"params": state.discriminator.parameters, **state.discriminator.model_state}
    x = players.packed(parts.static.packing, to_networks(parts, x))
    with matrix_products(parts):
        return parts.discriminator.apply(variables, x)  # pyright: ignore[reportReturnType]


def _refuse(condition: None) -> None:
    if condition is not None:
        raise ValueError("condition: only None is supported; it is reserved for conditional GANs")


_init = jax.jit(init, static_argnums=0)
_train_step = jax.jit(train_step, static_argnums=0)
