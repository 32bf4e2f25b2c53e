"""How far a study is, as a table in the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from gan_jax.fields import one_line
from gan_jax.studies.status import CELL_STATES, Status

MOST_NOTES = 20


def status_table(status: Status) -> Table:
    """A row a variant: how many of its cells are done, running, missing, failed."""
    table = Table(
        title=escape(status.name),
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        show_footer=len(status.counts) > 1,
    )
    table.add_column("variant", footer="all", overflow="fold")
    for state in CELL_STATES:
        total = sum(counts[state] for counts in status.counts.values())
        table.add_column(state, justify="right", footer=f"{total:,}", no_wrap=True)
    for variant, counts in status.counts.items():
        table.add_row(escape(variant), *(f"{counts[state]:,}" for state in CELL_STATES))
    return table


def status_notes(status: Status) -> list[str]:
    """A line for each cell that there is something to say about: who runs it, why it failed."""
    lines = [
        # A note is a file's text: whatever is in it, here it is one line.
        one_line(f"{cell.variant}, seeds {cell.seeds[0]} to {cell.seeds[-1]}: {state}, {note}")
        for cell, state, note in status.notes
    ]
    lines += status.run_again
    left = len(lines) - MOST_NOTES
    return lines if left <= 0 else [*lines[:MOST_NOTES], f"... and {left} more"]
