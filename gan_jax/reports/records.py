"""What figures ask of a study's results: which seeds ran, how they ended, their own records.

Variants may be recorded at different steps: `step` is the union of them, and `recorded` says which
are a variant's own. Results of an older version have neither that nor floors of each variant.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

FAILURES = ("collapsed", "diverged")
MOST_PANELS = 12  # variants in one figure


def ran(results: xr.Dataset, variant: str) -> np.ndarray:
    """Which seeds [seed] of a variant have been trained."""
    return results["status"].sel(variant=variant).values == "done"


def ended(results: xr.Dataset, variant: str, verdicts: tuple[str, ...]) -> np.ndarray:
    """Which seeds [seed] of a variant have been trained and got one of these verdicts."""
    verdict = results["verdict"].sel(variant=variant).values
    return ran(results, variant) & np.isin(verdict, verdicts)


def converged(results: xr.Dataset, variant: str) -> np.ndarray:
    """Which seeds [seed] of a variant converged."""
    return ended(results, variant, ("converged",))


def convergence_rates(results: xr.Dataset) -> np.ndarray:
    """The share of each variant's trained seeds that converged [variant]; NaN where none ran."""
    counts = [
        (converged(results, name).sum(), ran(results, name).sum())
        for name in results["variant"].values
    ]
    return np.array([share / n if n else np.nan for share, n in counts])


def own_records(results: xr.Dataset, variant: str) -> np.ndarray:
    """Positions [record] of a variant's own records among all steps."""
    if "recorded" not in results:
        return np.arange(results.sizes["step"])
    return np.flatnonzero(results["recorded"].sel(variant=variant).values)


def recorded(results: xr.Dataset, variant: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A variant's own steps [record] and curves [seed, record], of the seeds that ran."""
    own = own_records(results, variant)
    curves = results[name].sel(variant=variant).transpose("seed", "step").values
    return results["step"].values[own], curves[ran(results, variant)][:, own]


def last_records(results: xr.Dataset, variant: str, name: str) -> np.ndarray:
    """Every seed's value [seed] at its variant's last record; NaN of a failed or missing seed."""
    own = own_records(results, variant)
    curves = results[name].sel(variant=variant).transpose("seed", "step").values
    return curves[:, own[-1]] if len(own) else np.full(len(curves), np.nan)


def last_distances(results: xr.Dataset, variant: str) -> np.ndarray:
    """The last distances to the data [seed] of a variant's trained seeds; NaN of a failed one."""
    return last_records(results, variant, results.attrs["quality"])[ran(results, variant)]


def floor(results: xr.Dataset, variant: str) -> float:
    """The 95th percentile of what real samples score against real ones; NaN where unknown."""
    draws = results[f"floor_{results.attrs['quality']}"]
    draws = draws.sel(variant=variant) if "variant" in draws.dims else draws
    known = draws.values[np.isfinite(draws.values)]
    return float(np.percentile(known, 95)) if len(known) else float("nan")


def threshold(results: xr.Dataset, variant: str) -> float:
    """The distance below which a seed of a variant can count as converged."""
    factor = json.loads(results.attrs["criteria"])["converged_factor"]
    return factor * floor(results, variant)


def most_converged(results: xr.Dataset, most: int = MOST_PANELS) -> tuple[list[str], str]:
    """At most so many variants, and a sentence on those left out ("" where all are there).

    The ones that converge most often, in the study's order.
    """
    variants = results["variant"].values.tolist()
    if len(variants) <= most:
        return variants, ""
    rates = np.nan_to_num(convergence_rates(results), nan=-1.0)
    chosen = sorted(np.argsort(-rates, kind="stable")[:most].tolist())
    note = f"the {most} of {len(variants)} variants that converged most often"
    return [variants[place] for place in chosen], note
