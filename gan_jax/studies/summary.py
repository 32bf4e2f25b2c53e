"""A study's answer as a table: one row a variant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gan_jax.analysis.statistics import (
    bootstrap,
    holm,
    improvement_interval,
    iqm,
    mcnemar,
    newcombe,
    quartiles,
    wilson,
    with_failures,
)
from gan_jax.analysis.verdicts import VERDICTS
from gan_jax.studies.results import last_qualities, last_records

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

MAIN_VERDICTS = ("converged", "collapsed", "diverged")
EFFECTS = (
    *("reference", "difference", "difference_low", "difference_high", "p_value", "p_adjusted"),
    *("improvement", "improvement_low", "improvement_high"),
)
RATES = (*MAIN_VERDICTS, "other")  # "other": the remaining verdicts together


def summarize(results: xr.Dataset) -> pd.DataFrame:
    """Summarise each variant over the seeds that ran.

    Columns: `seeds` and `missing` (counts); for every verdict V, and for `other` (all but
    converged, collapsed, diverged), its rate `V` with a 95 % Wilson interval `V_low`, `V_high`;
    `quality_q25`, `quality_median`, `quality_q75` of the last record, in data units, NaN where
    failed seeds reach that far; `floor_median` and `floor_p95`, the same measure of real samples
    against real ones; the median `accuracy_real` and `accuracy_fake` of the last discriminator,
    over the seeds that have one; `wall_seconds`. A variant of which nothing ran has NaN throughout.

    And effects: `iqm`, the interquartile mean of the last quality, a failed seed scored as the
    untrained generator, with its bootstrap interval `iqm_low`, `iqm_high`. Against the `reference`,
    the first variant that is measured alike (on the same data), over the seeds of both:
    `difference` of the convergence rates with Newcombe's interval `difference_low`,
    `difference_high`; `p_value` of McNemar's exact test, and `p_adjusted` by Holm's method for all
    comparisons with that reference; `improvement`, the probability that a seed ends nearer to the
    data than one of the reference, with its interval `improvement_low`, `improvement_high`. NaN for
    the reference itself. A seed that diverged has no quality, whatever its last number.
    """
    import pandas as pd

    quality = results.attrs["quality"]
    last = last_records(results)
    last[quality] = last_qualities(results)  # a seed that diverged has none
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
            untrained = results[quality].isel(step=0).sel(variant=variant, seed=ran["seed"].values)
            row |= _iqm(ran[quality].values, float(untrained.median(skipna=True)))
        row |= {
            "floor_median": float(np.median(floor)),
            "floor_p95": float(np.percentile(floor, 95)),
            "wall_seconds": float(chosen["wall_seconds"]),
        }
        rows[str(variant)] = row
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("variant")
    return table.join(_effects(last))


def _iqm(scores: np.ndarray, untrained: float) -> dict[str, float]:
    # Of a seed that failed before its first record nothing is known: it stays NaN.
    scored = with_failures(scores, untrained) if np.isfinite(untrained) else scores
    found = bootstrap(scored, iqm)
    names = ("iqm", "iqm_low", "iqm_high")
    return dict(zip(names, map(float, (found.estimate, found.low, found.high)), strict=True))


def _effects(last: xr.Dataset) -> pd.DataFrame:
    """Each variant against the first one that is measured alike, seed by seed."""
    import pandas as pd

    quality, rows = last.attrs["quality"], {}
    groups = last["group"].values if "group" in last.coords else np.zeros(last.sizes["variant"])
    for name in dict.fromkeys(groups.tolist()):
        group = [str(last["variant"].values[place]) for place in np.flatnonzero(groups == name)]
        reference = last.sel(variant=group[0])
        rows[group[0]] = {"reference": group[0], "p_value": np.nan}
        for variant in group[1:]:
            rows[variant] = _against(last.sel(variant=variant), reference, quality)
            rows[variant]["reference"] = group[0]
        adjusted = holm(np.array([rows[variant]["p_value"] for variant in group]))
        for variant, p_value in zip(group, adjusted, strict=True):
            rows[variant]["p_adjusted"] = float(p_value)
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("variant")
    return table.reindex(columns=EFFECTS)


def _against(one: xr.Dataset, reference: xr.Dataset, quality: str) -> dict[str, Any]:
    both = (one["status"].values == "done") & (reference["status"].values == "done")
    if not both.any():
        return {"p_value": np.nan}
    success = [(x["verdict"].values == "converged")[both] for x in (one, reference)]
    difference = newcombe(*success)
    nearer = improvement_interval(*(x[quality].values[both] for x in (one, reference)))
    return {
        "difference": difference.estimate,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "p_value": mcnemar(*success).p_value,
        "improvement": float(nearer.estimate),
        "improvement_low": float(nearer.low),
        "improvement_high": float(nearer.high),
    }
