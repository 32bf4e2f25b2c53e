"""One work's measurement: every contestant started, then repeats in turn, A B C A B C.

In turn, so that a machine that slows down slows all of them; one at a time, the others waiting in a
read. Ratios are taken repeat by repeat.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from contestants.ceiling import OPERATIONS
from contestants.counts import work_operations
from contestants.protocol import Asked, ContestantError
from contestants.works import WORKS

# OpenMP's threads spin for a while after their last region: the next contestant waits it out. To
# forbid the spinning instead makes small batched networks ten times slower.
SETTLE = 0.3
CEILING = "matrix product"
GAN_JAX, BARE = "gan_jax", "gan_jax, no evaluation"
JAX_VMAP, C_LOOP, KERAS = "plain jax.vmap", "hand-written C", "Keras"
KERAS_CHOICES = ({"backend": "jax"}, {"backend": "torch"})
TORCH_BATCHED, TORCH_EAGER = "PyTorch batched, compiled", "PyTorch eager"


@dataclass(frozen=True)
class Entry:
    """A contestant in one work.

    Attributes:
      module: what its process runs.
      seeds: how many it trains at once.
      least: a run's steps are a multiple of this.
      choices: options it is tried with; the quickest is measured.
    """

    module: str
    seeds: int
    least: int
    choices: tuple[dict[str, Any], ...] = field(default=({},))


def entries_of(work: str, seeds: int, scale: int = 1) -> dict[str, Entry]:
    """Label -> contestant of a work; `scale` divides the steps of a run."""

    def least(steps: int) -> int:
        return max(steps // scale, 2)

    # gan_jax starts anew at every run: long enough for as many records a step as by default.
    whole = least({"parabola": 5_000, "ring": 1_000, "digits": 500}[work])
    chosen = {
        GAN_JAX: Entry("contestants.gan_jax_api", seeds, whole),
        BARE: Entry("contestants.gan_jax_api", seeds, whole, ({"bare": True},)),
        JAX_VMAP: Entry("contestants.jax_vmap", seeds, least(20)),
        TORCH_BATCHED: Entry("contestants.torch_batched", seeds, least(20)),
        TORCH_EAGER: Entry("contestants.torch_eager", 1, least(20)),
        KERAS: Entry(
            "contestants.keras_batches", 1, least(20), ({"backend": "jax"}, {"backend": "torch"})
        ),
        C_LOOP: Entry("contestants.c_loop", seeds, least(1_000)),
        CEILING: Entry("contestants.ceiling", 1, 1),
    }
    if work != "parabola":
        del chosen[C_LOOP]
    return chosen


def sizes_of(counts: Sequence[int], scale: int = 1) -> dict[str, Entry]:
    """gan_jax alone, at several numbers of seeds."""
    least = max(2_000 // scale, 2)
    return {
        f"{GAN_JAX}, {count} seeds": Entry("contestants.gan_jax_api", count, least)
        for count in counts
    }


class _Started(NamedTuple):
    entry: Entry
    asked: Asked
    report: dict[str, Any]
    steps: int


def measure(
    work: str,
    entries: dict[str, Entry],
    repeats: int,
    seconds: float,
    rows: Path | None = None,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measure contestants against one another; what failed is told, and the others go on.

    Args:
      work: a key of WORKS.
      entries: label -> contestant.
      repeats: how often each runs.
      seconds: about how long a run is to take.
      rows: the digits' file.
      say: told of progress.

    Returns:
      {"work", "operations": of a seed-step, "entries": {label: report}, "skipped": {label: why}}; a
      report has versions, note, prepare_seconds, first_losses, seeds, steps, seconds [repeat],
      losses, peak_bytes.
    """
    skipped: dict[str, str] = {}
    with ExitStack() as stack:
        started = {}
        for label, entry in entries.items():
            say(f"  {label}: starting")
            try:
                started[label] = _start(work, entry, seconds, rows, stack)
            except ContestantError as error:
                skipped[label] = str(error)
                say(f"  {label}: left out: {error}")
        for repeat in range(repeats):
            for label, one in list(started.items()):
                time.sleep(SETTLE)
                try:
                    answer = one.asked.ask({"run": one.steps})
                except ContestantError as error:
                    skipped[label] = str(error)
                    del started[label]
                    continue
                one.report["seconds"].append(answer["seconds"])
                one.report["losses"] = answer["losses"]
            say(f"  repeat {repeat + 1} of {repeats}: {_rates_in_words(started)}")
        reports = {}
        for label, one in started.items():
            reports[label] = one.report | {"peak_bytes": one.asked.stop()}
    operations = work_operations(WORKS[work])
    return {"work": work, "operations": operations, "entries": reports, "skipped": skipped}


def _start(
    work: str, entry: Entry, seconds: float, rows: Path | None, stack: ExitStack
) -> _Started:
    """Start a contestant with each of its choices, and keep the quickest."""
    tried, failures = [], []
    for options in entry.choices:
        try:
            tried.append(_prepare(work, entry, options, seconds, rows, stack))
        except ContestantError as error:
            failures.append(error)
    if not tried:
        raise failures[0]
    best = min(tried, key=lambda one: one.report["probed_seconds_a_step"])
    for other in tried:
        if other is not best:
            other.asked.close()
    return best


def _prepare(
    work: str,
    entry: Entry,
    options: dict[str, Any],
    seconds: float,
    rows: Path | None,
    stack: ExitStack,
) -> _Started:
    caches = stack.enter_context(empty_caches())
    began = time.perf_counter()
    asked = Asked(entry.module, caches)
    stack.callback(asked.close)
    told = {"work": work, "seeds": entry.seeds, "rows": rows and str(rows), "options": options}
    answer = asked.ask({"prepare": told})
    prepared = time.perf_counter() - began
    # Twice: the first may compile once more.
    probe = max(entry.least // 10, 1)
    taken = [asked.ask({"run": probe})["seconds"] for _ in range(2)][-1] / probe
    steps = entry.least * max(round(seconds / (entry.least * taken)), 1)
    report = {
        "versions": answer["versions"],
        "note": answer["note"],
        "first_losses": answer["losses"],
        "prepare_seconds": prepared,
        "probed_seconds_a_step": taken,
        "seeds": entry.seeds,
        "steps": steps,
        "seconds": [],
    }
    return _Started(entry, asked, report, steps)


@contextmanager
def empty_caches() -> Iterator[dict[str, str]]:
    """Environment variables by which compilers keep what they compile in an empty folder."""
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as folder:
        yield cache_variables(Path(folder))


def cache_variables(folder: Path) -> dict[str, str]:
    """The variables that send JAX's and PyTorch's compiled programs to a folder, all of them."""
    return {
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "torch"),
    }


def rates(report: dict[str, Any]) -> list[float]:
    """Seed-steps a second of every repeat; of the ceiling, products a second."""
    return [report["seeds"] * report["steps"] / seconds for seconds in report["seconds"]]


def operation_rates(measured: dict[str, Any], label: str) -> list[float]:
    """Floating-point operations a second of every repeat, in matrix products."""
    each = OPERATIONS if label == CEILING else measured["operations"]
    return [rate * each for rate in rates(measured["entries"][label])]


def ceiling_shares(measured: dict[str, Any], label: str) -> list[float]:
    """Share of the matrix product's operations a second, repeat by repeat."""
    return _quotients(operation_rates(measured, label), operation_rates(measured, CEILING))


def ratios(measured: dict[str, Any], label: str, against: str) -> list[float]:
    """How many times as fast one is as another, repeat by repeat."""
    entries = measured["entries"]
    return _quotients(rates(entries[label]), rates(entries[against]))


def _quotients(above: Iterable[float], below: Iterable[float]) -> list[float]:
    return [a / b for a, b in zip(above, below, strict=True)]


def middle_and_range(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, least and greatest."""
    return statistics.median(values), min(values), max(values)


def _rates_in_words(started: dict[str, _Started]) -> str:
    return ", ".join(f"{label} {rates(one.report)[-1]:,.0f}" for label, one in started.items())
