"""Plain JAX, as a researcher first writes it: an ordinary Flax step, batch-major, `jax.vmap`ped.

Linen's `nn.Dense`, Optax's Adam, one jitted step called from a Python loop. No metrics but the
losses, no isolation, no evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from contestants.protocol import serve
from contestants.works import LEAKY_SLOPE, RING_DEVIATION, Layers, Work, ring_centres


class Network(nn.Module):
    """Dense layers `widths[1:]`, activated between; the generator's extras where asked for."""

    widths: tuple[int, ...]
    leaky: bool
    normalized: bool = False
    tanh: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        kernel_init = nn.initializers.he_uniform()
        for width in self.widths[1:-1]:
            x = nn.Dense(width, kernel_init=kernel_init)(x)
            x = nn.leaky_relu(x, LEAKY_SLOPE) if self.leaky else nn.relu(x)
        if self.normalized:
            x = nn.BatchNorm(use_running_average=False, momentum=0.9)(x)
        x = nn.Dense(self.widths[-1], kernel_init=kernel_init)(x)
        return jnp.tanh(x) if self.tanh else x


def networks(work: Work) -> tuple[Network, Network]:
    """The generator and the discriminator."""
    generator = Network(work.generator_widths, work.leaky, work.normalized, work.tanh)
    return generator, Network(work.discriminator_widths, work.leaky)


def draw_real(work: Work, rows: jax.Array | None, key: jax.Array, n: int) -> jax.Array:
    """Real samples [n, sample_size]."""
    if work.name == "parabola":
        x = jax.random.uniform(key, (n, 1), minval=-0.5, maxval=0.5)
        return jnp.concatenate([x, x**2], axis=1)
    if work.name == "ring":
        mode_key, noise_key = jax.random.split(key)
        modes = jax.random.randint(mode_key, (n,), 0, len(ring_centres()))
        noise = jax.random.normal(noise_key, (n, 2))
        return jnp.asarray(ring_centres())[modes] + RING_DEVIATION * noise
    assert rows is not None, "digits need rows"
    chosen = rows[jax.random.randint(key, (n,), 0, len(rows))]
    return chosen.astype(jnp.float32) / 127.5 - 1


class State(NamedTuple):
    """One seed's training state; `statistics` are the generator's batch norm's, {} without one."""

    generator: Any
    statistics: Any
    discriminator: Any
    generator_adam: Any
    discriminator_adam: Any


def init(work: Work, optimizer: optax.GradientTransformation, key: jax.Array) -> State:
    generator, discriminator = networks(work)
    g_key, d_key = jax.random.split(key)
    of_generator = dict(generator.init(g_key, jnp.zeros((2, work.latent_dim))))
    g = of_generator.pop("params")
    d = discriminator.init(d_key, jnp.zeros((2, work.sample_size)))["params"]
    return State(g, of_generator, d, optimizer.init(g), optimizer.init(d))


def train_step(
    work: Work, optimizer: optax.GradientTransformation, state: State, batch: Mapping[str, Any]
) -> tuple[State, dict[str, jax.Array]]:
    """One alternating step on a batch."""
    generator, discriminator = networks(work)
    cross_entropy = optax.sigmoid_binary_cross_entropy

    def generate(params: Any, z: jax.Array) -> tuple[jax.Array, Any]:
        return generator.apply(
            {"params": params, **state.statistics}, z, mutable=list(state.statistics)
        )

    def discriminator_loss(params: Any) -> jax.Array:
        fake, _ = generate(state.generator, batch["z_discriminator"])
        x = jnp.concatenate([batch["x_real"], fake])
        logits = discriminator.apply({"params": params}, x)[:, 0]
        real, fake = logits[: len(batch["x_real"])], logits[len(batch["x_real"]) :]
        ones, zeros = jnp.ones_like(real), jnp.zeros_like(fake)
        return cross_entropy(real, ones).mean() + cross_entropy(fake, zeros).mean()

    d_loss, gradient = jax.value_and_grad(discriminator_loss)(state.discriminator)
    updates, d_adam = optimizer.update(gradient, state.discriminator_adam)
    d = optax.apply_updates(state.discriminator, updates)

    def generator_loss(params: Any) -> tuple[jax.Array, Any]:
        fake, statistics = generate(params, batch["z_generator"])
        logits = discriminator.apply({"params": d}, fake)[:, 0]
        return cross_entropy(logits, jnp.ones_like(logits)).mean(), statistics

    grad = jax.value_and_grad(generator_loss, has_aux=True)
    (g_loss, statistics), gradient = grad(state.generator)
    updates, g_adam = optimizer.update(gradient, state.generator_adam)
    g = optax.apply_updates(state.generator, updates)
    losses = {"discriminator_loss": d_loss, "generator_loss": g_loss}
    return State(g, dict(statistics), d, g_adam, d_adam), losses


class JaxVmap:
    """All seeds in one `jax.vmap`."""

    def __init__(
        self, work: Work, seeds: int, rows: Path | None, options: Mapping[str, Any]
    ) -> None:
        self.work, self.seeds = work, seeds
        self.optimizer = optax.adam(work.learning_rate, b1=work.beta1)
        keys = jax.random.split(jax.random.key(0), seeds)
        self.state = jax.jit(jax.vmap(partial(init, work, self.optimizer)))(keys)
        pool = None if rows is None else jnp.asarray(np.load(rows).reshape(-1, work.sample_size))
        self.pool, self.key, self.taken = pool, jax.random.key(1), 0
        self.step = jax.jit(jax.vmap(self._drawn_step, (0, None, 0, None)), donate_argnums=0)
        self.versions = {"jax": jax.__version__, "flax": flax.__version__}
        self.versions["optax"] = optax.__version__
        self.note = "vmap of an ordinary Flax step"

    def _drawn_step(
        self, state: State, pool: jax.Array | None, seed: jax.Array, step: jax.Array
    ) -> tuple[State, dict[str, jax.Array]]:
        work, key = self.work, jax.random.fold_in(jax.random.fold_in(self.key, seed), step)
        real_key, d_key, g_key = jax.random.split(key, 3)
        batch = {
            "z_discriminator": jax.random.normal(d_key, (work.real_samples, work.latent_dim)),
            "x_real": draw_real(work, pool, real_key, work.real_samples),
            "z_generator": jax.random.normal(g_key, (work.batch_size, work.latent_dim)),
        }
        return train_step(work, self.optimizer, state, batch)

    def run(self, steps: int) -> dict[str, float]:
        losses, numbers = {}, jnp.arange(self.seeds)
        for _ in range(steps):
            self.state, losses = self.step(self.state, self.pool, numbers, self.taken)
            self.taken += 1
        jax.block_until_ready(self.state)
        return {name: float(loss.mean()) for name, loss in losses.items()}

    def load(self, generator: Layers, discriminator: Layers) -> None:
        def as_params(layers: Layers, old: Any) -> Any:
            new = dict(old)
            for number, (kernel, bias) in enumerate(layers):
                new[f"Dense_{number}"] = {
                    "kernel": jnp.broadcast_to(kernel, (self.seeds, *kernel.shape)),
                    "bias": jnp.broadcast_to(bias, (self.seeds, *bias.shape)),
                }
            return new

        g = as_params(generator, self.state.generator)
        d = as_params(discriminator, self.state.discriminator)
        begin = jax.vmap(self.optimizer.init)
        self.state = State(g, self.state.statistics, d, begin(g), begin(d))

    def step_on(self, batch: Mapping[str, np.ndarray]) -> dict[str, float]:
        step = partial(train_step, self.work, self.optimizer)
        self.state, losses = jax.jit(jax.vmap(step, (0, None)))(self.state, dict(batch))
        return {name: float(loss.mean()) for name, loss in losses.items()}

    def layers(self) -> tuple[Layers, Layers]:
        def as_layers(params: Any) -> Layers:
            names = [f"Dense_{number}" for number in range(len(params))]
            dense = [params[name] for name in names if name in params]
            return [(np.asarray(one["kernel"][-1]), np.asarray(one["bias"][-1])) for one in dense]

        return as_layers(self.state.generator), as_layers(self.state.discriminator)


if __name__ == "__main__":
    serve(JaxVmap)
