"""What a person sees in the terminal: progress while training, a table when done."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

if TYPE_CHECKING:
    import pandas as pd

    from gan_jax.training.loop import Segment

PLAIN_EVERY = 3.0  # seconds between lines where there is no terminal
RATE_OVER = 10.0  # seconds that the rate looks back


class TrainingProgress:
    """Variant, step, speed and time left: a live bar in a terminal, else a line now and then.

    A context manager, and an observer for `run_study`.
    """

    def __init__(self, console: Console, total_seed_steps: int, total_steps: int) -> None:
        self._console, self._total, self._total_steps = console, total_seed_steps, total_steps
        self._done, self._printed = 0, time.monotonic()
        self._seen: deque[tuple[float, int]] = deque()  # from the first segment on: not compiling
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:3.0f} %  {task.fields[status]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("compiling", total=total_seed_steps, status="")

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        if not self._console.is_terminal:
            self._print("compiling")
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def __call__(self, variant: str, segment: Segment) -> None:
        """Take note of a finished segment."""
        self._done += len(segment.seeds) * (segment.stop - segment.start)
        if segment.stop == 0:  # the untrained state: nothing has been trained yet
            return
        now = time.monotonic()
        self._seen.append((now, self._done))
        while now - self._seen[0][0] > RATE_OVER and len(self._seen) > 2:
            self._seen.popleft()
        status = self._status(segment.stop)
        self._bar.update(self._task, description=variant, completed=self._done, status=status)
        if not self._console.is_terminal and now - self._printed >= PLAIN_EVERY:
            self._printed = now
            self._print(f"{variant}  {self._done / max(self._total, 1):.0%}  {status}")

    def _status(self, step: int) -> str:
        (then, before), (now, done) = self._seen[0], self._seen[-1]
        text = f"step {step:,} of {self._total_steps:,}"
        if done == before:
            return text
        rate = (done - before) / (now - then)
        return f"{text}  {rate:,.0f} seed-steps/s  {(self._total - done) / rate:.0f} s left"

    def _print(self, line: str) -> None:
        # Markup off: names are shown as they are. Soft wrap: a log line stays one line.
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def rate_cell(row: Mapping[str, float], verdict: str) -> str:
    """A rate and its interval on two lines: "53 %" over "41-65"."""
    rate, low, high = (100 * row[f"{verdict}{end}"] for end in ("", "_low", "_high"))
    return f"{rate:.0f} %\n{low:.0f}-{high:.0f}"


def summary_table(summary: pd.DataFrame, title: str, quality: str) -> Table:
    """A study's answer, a row a variant; `summary` is `summarize`'s."""
    floor = summary.iloc[0]
    seeds = "/".join(f"{n:.0f}" for n in dict.fromkeys(summary["seeds"]))
    table = Table(
        title=title,
        caption=(
            f"{seeds} seeds each; rates with 95 % Wilson intervals (other: oscillating, "
            f"overpowered or unconverged). Distance: {quality.replace('_', ' ')} of the last "
            "samples to the data, median and quartiles; real against real it has median "
            f"{floor['floor_median']:.3f}, 95th percentile {floor['floor_p95']:.3f}. Accuracy: the "
            "last discriminator's, median."
        ),
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=0,
    )
    table.add_column("variant", overflow="fold")
    for heading in ("converged", "collapsed", "diverged", "other", "distance", "accuracy"):
        table.add_column(heading, justify="right", no_wrap=True)
    for variant, row in summary.to_dict("index").items():
        if row["seeds"] == 0:
            table.add_row(escape(str(variant)), *["missing"] * 4)
            continue
        rates = (rate_cell(row, name) for name in ("converged", "collapsed", "diverged", "other"))
        table.add_row(
            f"{escape(str(variant))}\n[dim]{row['wall_seconds']:.1f} s[/dim]",
            *rates,
            f"{number(row['quality_median'])}\n"
            f"{number(row['quality_q25'])}-{number(row['quality_q75'])}",
            f"real {row['accuracy_real']:.2f}\nfake {row['accuracy_fake']:.2f}",
        )
    return table


def number(value: float) -> str:
    """Three decimals; a quantile among failed seeds has no number."""
    return "failed" if value != value else f"{value:.3f}"
