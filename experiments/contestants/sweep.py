"""From few seeds to many on one device, most of all a GPU, each against its floor.

A floor is the longer of two times: that of the operations a step needs at the rate of a large
matrix product, and that of the bytes it moves at the rate of a large copy. Ways to train many
seeds: `train_seeds` with everything on, and the bare step under `jax.vmap`, under `lax.map`, and in
a Python loop over seeds.

Called with a line of JSON (see `sweep`); prints a line for every measurement.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from contestants.counts import (
    dcgan_layers,
    floor_seconds,
    step_bytes,
    step_operations,
    work_players,
)
from contestants.gan_jax_api import fields
from contestants.works import WORKS

SEEDS = {
    "parabola": (64, 256, 1_024, 4_096, 16_384, 65_536),
    "ring": (16, 64, 256, 1_024, 4_096),
    "digits": (1, 4, 16, 64),
    "dcgan": (1, 4, 16, 64),
}
QUICK = {"parabola": (8, 32), "ring": (2,), "digits": (1,), "dcgan": (1, 2)}
WAYS = {
    "parabola": ("train_seeds", "vmap"),
    "ring": ("train_seeds", "vmap"),
    "digits": ("train_seeds", "vmap", "map"),
    "dcgan": ("train_seeds", "vmap", "map", "loop"),
}
MOST_LANES = 4_096


def players(work: str) -> tuple[Any, Any, int, int]:
    """Both players' layers, and the batch sizes: real samples of D's update, latents of G's."""
    if work == "dcgan":
        return *dcgan_layers(), 128, 128
    return *work_players(WORKS[work]), WORKS[work].real_samples, WORKS[work].batch_size


def experiment_of(work: str, rows: str, precision: str) -> Any:
    """The Experiment of a work, at a matrix product's precision where that is a field."""
    import gan_jax
    from gan_jax.config import FIELDS

    given = {"matmul_precision": precision} if "matmul_precision" in FIELDS else {}
    if work == "dcgan":
        return gan_jax.preset("mnist_dcgan", data=rows, **given)
    if work == "digits":
        return gan_jax.preset("mnist", data=rows, **given)
    return gan_jax.preset("parabola", **fields(WORKS[work], None), **given)


def seconds_of(run: Callable[[int], Any], least: float) -> float:
    """Seconds a step of `run(steps)`, from a run of about `least` seconds, compiled before."""
    steps = 2
    while True:
        run(steps)
        started = time.perf_counter()
        run(steps)
        taken = time.perf_counter() - started
        if taken >= least / 2 or steps >= 10_000:
            return taken / steps
        steps = min(int(steps * max(2.0, min(least / taken, 50))), 10_000)


def product_rate(side: int, least: float) -> float:
    """Operations a second of a matrix product, float32 in and out, at the precision that is set."""
    import jax

    a, b = jax.random.normal(jax.random.key(0), (2, side, side))
    multiply = jax.jit(lambda x, y: x @ y)

    def run(times: int) -> None:
        for _ in range(times):
            last = multiply(a, b)
        last.block_until_ready()

    return 2 * side**3 / seconds_of(run, least)


def copy_rate(numbers: int, least: float) -> float:
    """Bytes a second of a copy that adds 1, reads and writes counted."""
    import jax
    import jax.numpy as jnp

    x = jnp.zeros(numbers, jnp.float32)
    more = jax.jit(lambda x: x + 1)

    def run(times: int) -> None:
        for _ in range(times):
            last = more(x)
        last.block_until_ready()

    return 2 * 4 * numbers / seconds_of(run, least)


def runner(way: str, experiment: Any, seeds: int) -> Callable[[int], Any]:
    """A function that trains so many seeds for so many steps, one way."""
    import jax
    from jax import lax

    import gan_jax

    if way == "train_seeds":
        from gan_jax.analysis import quality

        evaluation = quality.evaluation(experiment)
        lanes = None if jax.default_backend() == "cpu" else min(seeds, MOST_LANES)

        def train(steps: int) -> Any:
            every = min(100, steps)
            longer = experiment.replace(steps=steps, log_every=every)
            return gan_jax.train_seeds(longer, seeds, lanes, evaluation=evaluation)

        return train
    gan = gan_jax.make_gan(experiment)
    keys = jax.vmap(gan_jax.seed_key)(jax.numpy.arange(seeds, dtype="uint32"))
    if way == "loop":
        each = [(gan.init(key), key) for key in keys]

        def loop(steps: int) -> Any:
            for _ in range(steps):
                states = [gan.train_step(state, key)[0] for state, key in each]
            return jax.block_until_ready(states)

        return loop
    states = jax.vmap(gan.init)(keys)

    def many(states: Any, keys: Any, steps: Any) -> Any:
        def step(_: Any, states: Any) -> Any:
            if way == "vmap":
                return jax.vmap(gan.train_step)(states, keys)[0]
            return lax.map(lambda one: gan.train_step(*one)[0], (states, keys))

        return lax.fori_loop(0, steps, step, states)

    compiled = jax.jit(many)
    return lambda steps: jax.block_until_ready(compiled(states, keys, steps))


def sweep(rows: str, precision: str, quick: bool) -> Iterator[dict[str, Any]]:
    """Yield the device's ceilings, then a line for every work, way and number of seeds."""
    import jax

    least = 0.05 if quick else 1.0
    on_cpu = jax.default_backend() == "cpu"
    jax.config.update("jax_default_matmul_precision", precision)
    ceilings = {
        "operations_per_second": product_rate(1_024 if on_cpu else 8_192, least),
        "bytes_per_second": copy_rate(2**22 if on_cpu else 2**28, least),
    }
    device = jax.devices()[0]
    yield {"device": device.device_kind, "precision": precision, "jax": jax.__version__, **ceilings}
    for work, counts in (QUICK if quick else SEEDS).items():
        layers = players(work)
        operations, moved = step_operations(*layers), step_bytes(*layers)
        floor = floor_seconds(operations, moved, *ceilings.values())
        experiment = experiment_of(work, rows, precision)
        for way in WAYS[work]:
            for seeds in counts:
                line = {"work": work, "way": way, "seeds": seeds}
                line |= {"operations": operations, "bytes": moved}
                try:
                    seconds = seconds_of(runner(way, experiment, seeds), least) / seeds
                except Exception as error:  # most likely out of memory: the smaller ones stand
                    yield line | {"skipped": f"{type(error).__name__}: {str(error)[:100]}"}
                    break
                rates = {"seed_steps_per_second": 1 / seconds, "share_of_floor": floor / seconds}
                yield line | rates


if __name__ == "__main__":
    for one in sweep(**json.loads(sys.argv[1])):
        print(json.dumps(one), flush=True)
