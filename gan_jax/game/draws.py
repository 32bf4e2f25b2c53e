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
from gan_jax.data.dataset import Dataset, as_samples
from gan_jax.data.gaussian import standard_normal
from gan_jax.game.order import rows_of_update
from gan_jax.game.parts import Batch, Parts, TrainingSet
from gan_jax.game.scaling import to_networks
from gan_jax.game.sharding import everywhere, shared_out
from gan_jax.game.threefry import written_out
from gan_jax.penalties import none

# Uses of a step's key.
REAL, LATENT, GENERATOR_REAL, NOISE, PENALTY, DROPOUT = 0, 1, 2, 3, 4, 5
# Uses of the initialisation's key, and the "step" it is derived at: a number no training step has.
GENERATOR_WEIGHTS, DISCRIMINATOR_WEIGHTS = 0, 1
INITIALISATION = 2**32 - 1
# The "step" that the data seed's keys are derived at, likewise no step's; and one of its uses.
DATA = 2**32 - 2
TRAINING_SET, LATENT_POOL = 0, 6
# And the "steps" that passes through a training set, and the latents of a trained generator's
# samples, are derived at.
ORDER, SAMPLES = 2**32 - 3, 2**32 - 4


def seed_key(seed: jax.typing.ArrayLike) -> jax.Array:
    """A seed's key. Threefry: with `rbg`, vmap would make a lane depend on its companions."""
    return jax.random.key(seed, impl="threefry2x32")


def data_key(data_seed: jax.typing.ArrayLike, use: int) -> jax.Array:
    """The key of one use of the data seed: apart from the keys of a run with the same number."""
    return jax.random.fold_in(jax.random.fold_in(seed_key(data_seed), DATA), use)


def draw_batches(
    parts: Parts,
    leaves: Leaves,
    training_set: TrainingSet,
    key: jax.Array,
    step: jax.typing.ArrayLike,
) -> tuple[Batch, Batch]:
    """Draw a step's discriminator batches [discriminator_steps, n, ...] and its generator batch.

    `key` is the seed's. All latents of a step are one draw, made features-first (see
    `Dataset.sample`). The generator's own real samples have their own key: a loss that needs them
    sees the same discriminator batches as one that does not. Likewise noise and penalties.

    Where a mesh is set, the samples of every batch are shared out among its devices; what is drawn
    is the same.
    """
    key = written_out(key)  # the same bits, sooner
    static, step_key = parts.static, jax.random.fold_in(key, step)
    updates, n_generator = static.discriminator_steps, static.batch_size
    n = discriminator_samples(static)

    def real(use: int, count: int) -> jax.Array:
        x = draw_real(parts.dataset, training_set.x, jax.random.fold_in(step_key, use), count)
        return to_networks(parts, x)

    def stack(x: jax.Array) -> jax.Array:
        return x.reshape(updates, n, *x.shape[1:])

    z_key, n_latents = jax.random.fold_in(step_key, LATENT), updates * n + n_generator
    if training_set.z is None:
        z = draw_latents(static, z_key, n_latents)
    else:
        z = training_set.z[jax.random.randint(z_key, (n_latents,), 0, training_set.z.shape[0])]
    # Columns are cut, not rows: between two transposes a cut would keep XLA from cancelling them.
    columns = z.T
    both = columns[:, : updates * n].T, columns[:, updates * n :].T
    # Whole: cut while shared out, its parts would have to be sent from device to device.
    z_discriminator, z_generator = everywhere(both)
    if static.batch_order == "shuffled" and training_set.x is not None:
        rows = _rows_in_order(static, training_set.x.shape[0], key, step)
        x_real = to_networks(parts, as_samples(training_set.x[rows.reshape(-1)]))
    else:
        x_real = real(REAL, updates * n)
    of_discriminator = Batch(stack(x_real), stack(z_discriminator))
    of_generator = Batch(real(GENERATOR_REAL, n_generator), z_generator)
    if leaves.instance_noise is not None:
        remaining = jnp.maximum(1 - step / leaves.instance_noise_steps, 0)
        deviation = leaves.instance_noise * remaining
        noise_key = jax.random.fold_in(step_key, NOISE)

        def noise(use: int, like: jax.Array) -> jax.Array:
            return deviation * standard_normal(jax.random.fold_in(noise_key, use), like.shape)

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
    if static.generator_dropout is not None or static.discriminator_dropout is not None:
        keys = jax.random.split(jax.random.fold_in(step_key, DROPOUT), updates + 1)
        of_discriminator = of_discriminator._replace(dropout_key=keys[:updates])
        of_generator = of_generator._replace(dropout_key=keys[updates])
    return _shared_out(of_discriminator, axis=1), _shared_out(of_generator, axis=0)


def _shared_out(batch: Batch, axis: int) -> Batch:
    samples = ("x_real", "z", "noise_real", "noise_fake")
    drawn = {name: x for name in samples if (x := getattr(batch, name)) is not None}
    return batch._replace(**{name: shared_out(x, axis) for name, x in drawn.items()})


def _penalty_scales(static: Static, step: jax.typing.ArrayLike) -> jax.Array | None:
    """A lazy penalty's scale at each of a step's discriminator updates; None for every one."""
    if static.penalty_every == 1:
        return None
    due = _update_numbers(static, step) % static.penalty_every == 0
    return jnp.where(due, jnp.float32(static.penalty_every), 0)


def _update_numbers(static: Static, step: jax.typing.ArrayLike) -> jax.Array:
    """The numbers [discriminator_steps] of a step's discriminator updates, from 0 on."""
    step = jnp.asarray(step)
    before = step * static.discriminator_steps
    if static.update == "phased":  # half of the steps are the generator's
        before = step // (2 * static.phase_steps) * static.phase_steps + step % static.phase_steps
    return before + jnp.arange(static.discriminator_steps)


def _rows_in_order(static: Static, n: int, key: jax.Array, step: jax.typing.ArrayLike) -> jax.Array:
    """The training rows [update, sample] of a step, where a seed passes through them in order."""
    order, size = jax.random.fold_in(key, ORDER), discriminator_samples(static)
    return jax.vmap(lambda update: rows_of_update(order, update, n, size))(
        _update_numbers(static, step)
    )


def draw_real(dataset: Dataset, pool: jax.Array | None, key: jax.Array, n: int) -> jax.Array:
    """Draw real samples [n, *shape], data units: of a pool's rows, or fresh where there is none."""
    return dataset.sample(key, n) if pool is None else dataset.draw(pool, key, n)


def draw_latents(static: Static, key: jax.Array, n: int) -> jax.Array:
    """Draw latents [n, latent_dim], standard Gaussian."""
    return standard_normal(key, (static.latent_dim, n)).T
