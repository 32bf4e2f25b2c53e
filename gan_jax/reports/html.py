"""A study's report: one self-contained HTML page, the answer first."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from matplotlib.figure import Figure

from gan_jax.files.whole import write_text
from gan_jax.reports.figures import caption, draw_figures
from gan_jax.reports.terminal import COLUMNS, explanation, row_cells
from gan_jax.studies.results import STUDY_FILE
from gan_jax.studies.summary import summarize

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def write_report(results: xr.Dataset, path: str | Path) -> Path:
    """Write `results` as one HTML file without scripts or external addresses; return its path.

    `path` is the file, or a study's folder, for report.html in it. The study.yaml beside it, where
    there is one, is shown as how the study was run.
    """
    path = Path(path)
    path = path / "report.html" if path.is_dir() else path
    summary, quality = summarize(results), results.attrs["quality"]
    study = path.parent / STUDY_FILE
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gan_jax.reports", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    page = environment.get_template("report.html.jinja").render(
        title=results.attrs["study"],
        answer=answer(summary),
        headings=COLUMNS,
        rows=[(name, row_cells(row)) for name, row in summary.to_dict("index").items()],
        explanation=explanation(summary, quality),
        pictures=[(caption(name), _png(drawn)) for name, drawn in draw_figures(results).items()],
        how=study.read_text(encoding="utf-8") if study.exists() else "",
    )
    write_text(path, page)
    return path


def answer(summary: pd.DataFrame) -> str:
    """The study in a sentence: each variant's convergence rate with its interval."""
    parts = [
        f"{name} in {100 * row['converged']:.0f} % of {row['seeds']:.0f} seeds "
        f"(95 % interval {100 * row['converged_low']:.0f} to {100 * row['converged_high']:.0f})"
        for name, row in summary.to_dict("index").items()
        if row["seeds"]
    ]
    return f"Converged: {', '.join(parts)}." if parts else "No seed has been trained yet."


def _png(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
