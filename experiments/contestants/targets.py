"""What the benchmark hopes for on two CPU cores, each beside what was measured; never hidden."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from contestants import rounds
from contestants.rounds import BARE, C_LOOP, GAN_JAX, JAX_VMAP, KERAS, TORCH_BATCHED, TORCH_EAGER

GIB = 2**30
# A run's memory counts as flat when its last tenths hold at most so much more than its third.
FLAT = 1.1


class Target(NamedTuple):
    """A bound, and the values measured [repeat]; at_least says which side is wanted."""

    what: str
    at_least: bool
    bound: float
    values: list[float]
    unit: str = "x"

    @property
    def met(self) -> bool:
        """Whether the median is on the right side."""
        middle = rounds.middle_and_range(self.values)[0]
        return middle >= self.bound if self.at_least else middle <= self.bound


def targets(parts: dict[str, Any]) -> list[Target]:
    """Every target whose parts were measured, in order."""
    found = []

    def add(what: str, at_least: bool, bound: float, values: Callable[[], Any], unit: str) -> None:
        try:
            measured = list(values())
        except KeyError:  # a part that was not run, or a contestant that was left out
            return
        if measured:
            found.append(Target(what, at_least, bound, measured, unit))

    def times(what: str, bound: float, work: str, label: str, against: str) -> None:
        add(what, True, bound, lambda: rounds.ratios(parts[work], label, against), "x")

    def cost(count: int, against: int) -> list[float]:
        of = [f"{GAN_JAX}, {n} seeds" for n in (against, count)]
        return rounds.ratios(parts["sizes"], *of)

    parabola = "parabola: gan_jax against"
    times(f"{parabola} PyTorch batched, compiled", 6, "parabola", GAN_JAX, TORCH_BATCHED)
    times(f"{parabola} plain jax.vmap", 5, "parabola", GAN_JAX, JAX_VMAP)
    times(f"{parabola} PyTorch eager", 150, "parabola", GAN_JAX, TORCH_EAGER)
    times(f"{parabola} Keras", 700, "parabola", GAN_JAX, KERAS)
    times(f"{parabola} the C loop", 0.85, "parabola", GAN_JAX, C_LOOP)
    add("a seed-step at 4,096 seeds against 128", False, 1.15, lambda: cost(4096, 128), "x")
    add("a seed-step at 8 seeds against 128", False, 1.8, lambda: cost(8, 128), "x")
    times("digits: gan_jax against PyTorch eager", 1.3, "digits", GAN_JAX, TORCH_EAGER)
    for work in ("ring", "digits"):
        shares = lambda work=work: rounds.ceiling_shares(parts[work], GAN_JAX)  # noqa: E731
        add(f"{work}: share of the matrix product", True, 0.7, shares, "")

    def evaluation_cost() -> list[float]:
        return [ratio - 1 for ratio in rounds.ratios(parts["parabola"], BARE, GAN_JAX)]

    add("parabola: cost of evaluation and records", False, 0.1, evaluation_cost, "")

    def slowest(field: str) -> list[float]:
        rows = parts["starts"]["presets"].values()
        known = [row[field] for row in rows if field in row]
        return [max(known)] if known else []

    add("slowest preset's first compile", False, 8, lambda: slowest("cold_compile_seconds"), "s")
    warm = "warm_first_step_seconds"
    add("slowest preset's first step, second process", False, 3, lambda: slowest(warm), "s")
    add("gan-jax compare, cold", False, 40, lambda: [parts["compare"]["cold_seconds"]], "s")
    peak = lambda: [parts["memory"]["peak_bytes"] / GIB]  # noqa: E731
    add("peak memory of the long run", False, 2, peak, "GiB")
    add("memory at its end against its third tenth", False, FLAT, lambda: _growth(parts), "x")
    return found


def _growth(parts: dict[str, Any]) -> list[float]:
    resident = parts["memory"]["resident_bytes"]
    return [resident[-1] / resident[2]] if len(resident) > 2 else []
