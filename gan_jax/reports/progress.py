"""Progress while a study trains: a live bar in a terminal, else a line now and then."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn

if TYPE_CHECKING:
    from gan_jax.training.chunks import Segment

PLAIN_EVERY = 3.0  # seconds between lines where there is no terminal
RATE_OVER = 10.0  # seconds that the rate looks back
BAR_FROM = 100  # columns


class TrainingProgress:
    """Variant, step, seed-steps per second and time left; an observer for `run_study`.

    A context manager. The step is the mean over the variant's seeds, which train in groups; the
    speed leaves out compiling.

    Args:
      console: where to print.
      seeds: variant -> how many of its seeds are to be trained.
      steps: variant -> training steps of each of its seeds.
      clock: seconds.
    """

    def __init__(
        self,
        console: Console,
        seeds: Mapping[str, int],
        steps: Mapping[str, int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console, self._clock = console, clock
        self._seeds, self._steps = seeds, steps
        self._total = sum(n * steps[variant] for variant, n in seeds.items())
        self._done = dict.fromkeys(seeds, 0)
        self._variant = ""
        self._printed = clock()
        self._seen: deque[tuple[float, int]] = deque()
        columns: list[ProgressColumn] = [TextColumn("{task.description}", markup=False)]
        if console.width >= BAR_FROM:
            columns.append(BarColumn(bar_width=None))
        columns.append(TextColumn("{task.percentage:3.0f} %  {task.fields[status]}"))
        self._bar = Progress(
            *columns, console=console, disable=not console.is_terminal, transient=True
        )
        self._task = self._bar.add_task("compiling", total=self._total, status="")

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        if not self._console.is_terminal:
            self._print("compiling")
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def __call__(self, variant: str, segment: Segment) -> None:
        """Take note of a finished segment."""
        if variant != self._variant:
            self._variant = variant
            self._seen.clear()
        self._done[variant] += len(segment.seeds) * (segment.stop - segment.start)
        if segment.resumed:  # trained before: no speed of now
            self._seen.clear()
        done, now = sum(self._done.values()), self._clock()
        self._seen.append((now, done))
        while now - self._seen[0][0] > RATE_OVER and len(self._seen) > 2:
            self._seen.popleft()
        status = self._status(variant)
        name = "evaluating" if done == self._total else variant
        self._bar.update(self._task, description=name, completed=done, status=status)
        if not self._console.is_terminal and now - self._printed >= PLAIN_EVERY:
            self._printed = now
            self._print(f"{variant}  {done / self._total:.0%}  {status}")

    def _status(self, variant: str) -> str:
        step = self._done[variant] // self._seeds[variant]
        text = f"step {step:,} of {self._steps[variant]:,}"
        (then, before), (now, done) = self._seen[0], self._seen[-1]
        if done == before or now == then:
            return text
        rate = (done - before) / (now - then)
        return f"{text}  {rate:,.0f} seed-steps/s  {(self._total - done) / rate:.0f} s left"

    def _print(self, line: str) -> None:
        # Markup off: names are shown as they are. Soft wrap: a log line stays one line.
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
