"""What a step tells of the moves it made: norms, ratios, and what the players saw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from gan_jax.game.norms import euclidean_norm
from gan_jax.game.parts import Move, Seen
from gan_jax.game.state import PlayerState, StepInfo
from gan_jax.losses.softplus import softplus


class Report(NamedTuple):
    """What is kept of a move once its gradient has been applied: all seen but the model state."""

    seen: Seen
    gradient_norm: jax.Array
    update_ratio: jax.Array


def reported(watched: bool | jax.Array, move: Move, old: PlayerState, new: PlayerState) -> Report:
    """The report of a move that took a player from `old` to `new`; its ratio NaN unless watched."""
    ratio = computed_if(watched, lambda: update_ratio(old.parameters, new.parameters))
    seen = move.seen._replace(model_state=())
    return Report(seen, euclidean_norm(move.gradient), ratio)


def computed_if(condition: bool | jax.Array, compute: Callable[[], Any]) -> Any:
    """The arrays that `compute` returns, or else arrays alike of NaN, computing nothing."""
    compute = jax.jit(compute)  # so that it is traced once, for its shapes and for itself

    def unseen() -> Any:
        shapes = jax.eval_shape(compute)
        return jax.tree.map(lambda x: jnp.full(x.shape, jnp.nan, x.dtype), shapes)

    return lax.cond(condition, compute, unseen)


def update_ratio(old: Any, new: Any) -> jax.Array:
    """|new - old| / |old|, Euclidean over all of a player's parameters; 0 where |old| is 0."""
    moved, size = euclidean_norm(optax.tree.sub(new, old)), euclidean_norm(old)
    return jnp.where(size > 0, moved / size, 0)


def step_info(watched: bool | jax.Array, discriminator: Report, generator: Report) -> StepInfo:
    """What a step tells, of both players' reports; what is in `WATCHED` is NaN unless `watched`.

    Mean logits, accuracies and V(D, G) are of the batch of the discriminator's last update:
    V = mean log D(x) + mean log(1 - D(G(z))), where log D = -softplus(-logit) and
    log(1 - D) = -softplus(logit).
    """
    logits_real, logits_fake = discriminator.seen.logits_real, discriminator.seen.logits_fake
    logit_real, logit_fake = logits_real.mean(), logits_fake.mean()

    def looked_at() -> dict[str, jax.Array]:
        return {
            "logit_gap": logit_real - logit_fake,
            "batch_accuracy_real": (logits_real > 0).mean(),
            "batch_accuracy_fake": (logits_fake < 0).mean(),
            "value": -softplus(-logits_real).mean() - softplus(logits_fake).mean(),
        }

    return StepInfo(
        discriminator_loss=discriminator.seen.loss,
        generator_loss=generator.seen.loss,
        discriminator_gradient_norm=discriminator.gradient_norm,
        generator_gradient_norm=generator.gradient_norm,
        logit_real=logit_real,
        logit_fake=logit_fake,
        discriminator_update_ratio=discriminator.update_ratio,
        generator_update_ratio=generator.update_ratio,
        **computed_if(watched, looked_at),
    )
