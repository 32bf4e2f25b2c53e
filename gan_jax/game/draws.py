"""Everything random: keys, and what a training step draws from them.

Randomness is derived, never carried: a seed's key is `jax.random.key(seed)`, a step's is
`fold_in(seed_key, step)`, and every use folds in a constant of its own, so that an option switched
on does not shift another's draws.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from gan_jax.combinations import discriminator_samples
from gan_jax.config import Leaves, Static
from gan_jax.game.parts import Batch, Parts
from gan_jax.penalties import none

# Uses of a step's key.
REAL, LATENT, GENERATOR_REAL, NOISE, PENALTY = 0, 1, 2, 3, 4
# Uses of the initialisation's key, and the "step" it is derived at: a number no training step has.
GENERATOR_WEIGHTS, DISCRIMINATOR_WEIGHTS = 0, 1
INITIALISATION = 2**32 - 1
# The "step" that the data seed's keys are derived at, likewise no step's; and one of its uses.
DATA = 2**32 - 2
TRAINING_SET = 0
# And the "step" that the latents of a trained generator's samples are derived at.
SAMPLES = 2**32 - 3


def seed_key(seed: jax.typing.ArrayLike) -> jax.Array:
    """A seed's key. Threefry: with `rbg`, vmap would make a lane depend on its companions."""
    return jax.random.key(seed, impl="threefry2x32")


def data_key(data_seed: jax.typing.ArrayLike, use: int) -> jax.Array:
    """The key of one use of the data seed: apart from the keys of a run with the same number."""
    return jax.random.fold_in(jax.random.fold_in(seed_key(data_seed), DATA), use)


def draw_batches(
    parts: Parts,
    leaves: Leaves,
    training_set: jax.Array | None,
    key: jax.Array,
    step: jax.typing.ArrayLike,
) -> tuple[Batch, Batch]:
    """Draw a step's discriminator batches [discriminator_steps, n, ...] and its generator batch.

    `key` is the seed's. All latents of a step are one draw, made features-first (see
    `Dataset.sample`). The generator's own real samples have their own key: a loss that needs them
    sees the same discriminator batches as one that does not. Likewise noise and penalties.
    """
    static, step_key = parts.static, jax.random.fold_in(key, step)
    updates, n_generator = static.discriminator_steps, static.batch_size
    n = discriminator_samples(static)

    def real(use: int, count: int) -> jax.Array:
        key = jax.random.fold_in(step_key, use)
        if training_set is None:
            return parts.dataset.sample(key, count)
        return training_set[jax.random.randint(key, (count,), 0, training_set.shape[0])]

    def stack(x: jax.Array) -> jax.Array:
        return x.reshape(updates, n, *x.shape[1:])

    z = draw_latents(static, jax.random.fold_in(step_key, LATENT), updates * n + n_generator)
    of_discriminator = Batch(stack(real(REAL, updates * n)), stack(z[: updates * n]))
    of_generator = Batch(real(GENERATOR_REAL, n_generator), z[updates * n :])
    if leaves.instance_noise is not None:
        remaining = jnp.maximum(1 - step / leaves.instance_noise_steps, 0)
        deviation = leaves.instance_noise * remaining
        noise_key = jax.random.fold_in(step_key, NOISE)

        def noise(use: int, like: jax.Array) -> jax.Array:
            return deviation * jax.random.normal(jax.random.fold_in(noise_key, use), like.shape)

        of_discriminator = of_discriminator._replace(
            noise_real=noise(0, of_discriminator.x_real),
            noise_fake=noise(1, of_discriminator.x_real),
        )
        of_generator = of_generator._replace(
            noise_real=noise(2, of_generator.x_real), noise_fake=noise(3, of_generator.x_real)
        )
    if parts.penalty is not none:
        keys = jax.random.split(jax.random.fold_in(step_key, PENALTY), updates)
        of_discriminator = of_discriminator._replace(
            penalty_key=keys, penalty_scale=_penalty_scales(static, step)
        )
    return of_discriminator, of_generator


def _penalty_scales(static: Static, step: jax.typing.ArrayLike) -> jax.Array | None:
    """A lazy penalty's scale at each of a step's discriminator updates; None for every one."""
    if static.penalty_every == 1:
        return None
    step = jnp.asarray(step)
    before = step * static.discriminator_steps  # discriminator updates so far
    if static.update == "phased":  # half of the steps are the generator's
        before = step // (2 * static.phase_steps) * static.phase_steps + step % static.phase_steps
    numbers = before + jnp.arange(static.discriminator_steps)
    due = numbers % static.penalty_every == 0
    return jnp.where(due, jnp.float32(static.penalty_every), 0)


def draw_latents(static: Static, key: jax.Array, n: int) -> jax.Array:
    """Draw latents [n, latent_dim], standard Gaussian."""
    return jax.random.normal(key, (static.latent_dim, n)).T
