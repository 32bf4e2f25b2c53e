"""What a person sees in the terminal when a study is done: the answer as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from gan_jax.studies.summary import RATES

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (*RATES, "distance", "accuracy", "wall")
WIDEST = 78  # columns that the table with a row a variant needs


def summary_table(summary: pd.DataFrame, title: str, quality: str, width: int) -> Table:
    """A study's answer, a row a variant, or a column a variant where the terminal is narrow."""
    table = Table(
        title=escape(title),
        caption=escape(explanation(summary, quality)),
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=0,
    )
    rows = summary.to_dict("index")
    cells = {
        escape(str(name)): dict(zip(COLUMNS, row_cells(row), strict=True))
        for name, row in rows.items()
    }
    if width >= WIDEST:
        table.add_column("variant", overflow="fold")
        for name in COLUMNS:
            table.add_column(name, justify="right", no_wrap=True)
        for variant, row in cells.items():
            table.add_row(variant, *("\n".join(row[name]) for name in COLUMNS))
    else:
        table.add_column("", no_wrap=True)
        for variant in cells:
            table.add_column(variant, justify="right", overflow="fold")
        for name in COLUMNS:
            table.add_row(name, *("\n".join(row[name]) for row in cells.values()))
    return table


def row_cells(row: Mapping[str, float]) -> list[tuple[str, str]]:
    """A variant's cells, in the order of COLUMNS: a value, and below it its interval or detail."""
    if not row["seeds"]:
        return [("missing", "")] * len(COLUMNS)
    rates = [tuple(100 * row[f"{name}{end}"] for end in ("", "_low", "_high")) for name in RATES]
    low, high = row["quality_q25"], row["quality_q75"]
    return [
        *((f"{rate:.0f} %", f"{lowest:.0f}-{highest:.0f}") for rate, lowest, highest in rates),
        (number(row["quality_median"]), f"{number(low)}-{number(high)}" if low == low else ""),
        (f"real {number(row['accuracy_real'], 2)}", f"fake {number(row['accuracy_fake'], 2)}"),
        (f"{row['wall_seconds']:.0f} s", ""),
    ]


def explanation(summary: pd.DataFrame, quality: str) -> str:
    """What the table's columns are."""
    floor = summary.iloc[0]
    seeds = "/".join(f"{n:.0f}" for n in dict.fromkeys(summary["seeds"]))
    return (
        f"Seeds a variant: {seeds}. Rates with 95 % Wilson intervals; other: oscillating, "
        f"overpowered or unconverged. Distance: {quality.replace('_', ' ')} of the last samples to "
        "the data, median and quartiles; real against real it has median "
        f"{number(floor['floor_median'])}, 95th percentile {number(floor['floor_p95'])}. Accuracy: "
        "the last discriminator's, median."
    )


def number(value: float, decimals: int = 3) -> str:
    """A number; a quantile among failed seeds has none."""
    return "failed" if value != value else f"{value:.{decimals}f}"
