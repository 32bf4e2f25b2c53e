"""A study's answer as a table: one row a variant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gan_jax.analysis.statistics import quartiles, wilson
from gan_jax.analysis.verdicts import VERDICTS
from gan_jax.studies.results import last_records

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

MAIN_VERDICTS = ("converged", "collapsed", "diverged")
RATES = (*MAIN_VERDICTS, "other")  # "other": the remaining verdicts together


def summarize(results: xr.Dataset) -> pd.DataFrame:
    """Summarise each variant over the seeds that ran.

    Columns: `seeds` and `missing` (counts); for every verdict V, and for `other` (all but
    converged, collapsed, diverged), its rate `V` with a 95 % Wilson interval `V_low`, `V_high`;
    `quality_q25`, `quality_median`, `quality_q75` of the last record, in data units, NaN where
    failed seeds reach that far; `floor_median` and `floor_p95`, the same measure of real samples
    against real ones; the median `accuracy_real` and `accuracy_fake` of the last discriminator,
    over the seeds that have one; `wall_seconds`. A variant of which nothing ran has NaN throughout.
    """
    import pandas as pd

    quality = results.attrs["quality"]
    last = last_records(results)
    rows = {}
    for variant in results["variant"].values:
        chosen = last.sel(variant=variant)
        ran = chosen.isel(seed=np.flatnonzero(chosen["status"].values == "done"))
        n, floor = ran.sizes["seed"], chosen[f"floor_{quality}"].values
        row: dict[str, float] = {"seeds": n, "missing": last.sizes["seed"] - n}
        counts = {verdict: int((ran["verdict"].values == verdict).sum()) for verdict in VERDICTS}
        counts["other"] = n - sum(counts[verdict] for verdict in MAIN_VERDICTS)
        for verdict, count in counts.items() if n else ():
            rate = wilson(count, n)
            row |= {
                verdict: rate.estimate,
                f"{verdict}_low": rate.low,
                f"{verdict}_high": rate.high,
            }
        if n:
            names = ("quality_q25", "quality_median", "quality_q75")
            row |= dict(zip(names, map(float, quartiles(ran[quality].values)), strict=True))
            for accuracy in ("accuracy_real", "accuracy_fake"):
                row[accuracy] = float(ran[accuracy].median(skipna=True))
        row |= {
            "floor_median": float(np.median(floor)),
            "floor_p95": float(np.percentile(floor, 95)),
            "wall_seconds": float(chosen["wall_seconds"]),
        }
        rows[str(variant)] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("variant")
