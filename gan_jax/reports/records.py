"""What figures ask of a study's results: which seeds ran, how they ended, their own records.

Variants may be recorded at different steps: `step` is the union of them, and `recorded` says which
are a variant's own. Results of an older version have neither that nor floors of each variant.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from gan_jax.analysis.criteria import Criteria
from gan_jax.analysis.rules import convergence_limit
from gan_jax.studies import results as stored

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
    return _rates(results, ("converged",))


def failure_rates(results: xr.Dataset) -> np.ndarray:
    """Likewise of those that collapsed or diverged."""
    return _rates(results, FAILURES)


def _rates(results: xr.Dataset, verdicts: tuple[str, ...]) -> np.ndarray:
    counts = [
        (ended(results, name, verdicts).sum(), ran(results, name).sum())
        for name in results["variant"].values
    ]
    return np.array([share / n if n else np.nan for share, n in counts])


def recorded(results: xr.Dataset, variant: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A variant's own steps [record] and curves [seed, record], of the seeds that ran."""
    one = stored.recorded(results, variant)
    curves = one[name].transpose("seed", "step").values
    return one["step"].values, curves[ran(results, variant)]


def last_qualities(results: xr.Dataset, variant: str) -> np.ndarray:
    """Every seed's last distance to the data [seed]; NaN of a diverged or missing one."""
    return stored.last_qualities(results).sel(variant=variant).values


def last_distances(results: xr.Dataset, variant: str) -> np.ndarray:
    """The last distances to the data [seed] of a variant's trained seeds; NaN of a diverged one."""
    return last_qualities(results, variant)[ran(results, variant)]


def floor_draws(results: xr.Dataset, variant: str) -> np.ndarray:
    """What real samples score against real ones [draw], as far as it is known."""
    draws = results[f"floor_{results.attrs['quality']}"]
    draws = draws.sel(variant=variant) if "variant" in draws.dims else draws
    return draws.values[np.isfinite(draws.values)]


def floor(results: xr.Dataset, variant: str) -> float:
    """The 95th percentile of what real samples score against real ones; NaN where unknown."""
    known = floor_draws(results, variant)
    return float(np.percentile(known, 95)) if len(known) else float("nan")


def threshold(results: xr.Dataset, variant: str) -> float:
    """The distance below which a seed of a variant can count as converged."""
    draws = floor_draws(results, variant)
    criteria = Criteria.from_dict(json.loads(results.attrs["criteria"]))
    point = "diversity" not in results
    return convergence_limit(draws, criteria, point) if len(draws) else float("nan")


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
