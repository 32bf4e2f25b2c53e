"""A study's answer in a sentence or two: rates, their difference, and whether there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gan_jax.analysis.statistics import holm, mcnemar, newcombe, wilson
from gan_jax.reports.records import converged, convergence_rates, ran
from gan_jax.reports.style import shorten

if TYPE_CHECKING:
    import xarray as xr

ALPHA = 0.05
LONGEST_NAME = 60
MOST_NAMES = 4  # named in a sentence


def answer(results: xr.Dataset) -> str:
    """Which variant converged more often, by how much, and how sure that is.

    Of one variant its rate; of two their paired difference; of more, the best and the worst, with
    the p-value adjusted for all pairs, and those which the best cannot be told from.
    """
    rates = convergence_rates(results)
    places = np.flatnonzero(np.isfinite(rates))
    if not len(places):
        return "No seed has been trained yet."
    variants = [str(results["variant"].values[place]) for place in places]
    if len(variants) == 1:
        return _alone(results, variants[0])
    rates = rates[places]
    if len(variants) > 2 and rates.max() == rates.min():
        counts = sorted({int(ran(results, name).sum()) for name in variants})
        each = f"{' or '.join(map(str, counts))} each"
        return (
            f"All {len(variants)} variants converged in {_percent(rates[0])} of their seeds "
            f"({each}): by that they cannot be told apart."
        )
    best, worst = int(rates.argmax()), int(rates.argmin())
    if best == worst:
        best, worst = 0, 1
    return _difference(results, variants, best, worst)


def _alone(results: xr.Dataset, variant: str) -> str:
    here = ran(results, variant)
    n = int(here.sum())
    rate = wilson(int(converged(results, variant).sum()), n)
    interval = f"95 % interval {100 * rate.low:.0f} to {100 * rate.high:.0f}"
    return f"{_name(variant)} converged in {_percent(rate.estimate)} of {_seeds(n)} ({interval})."


def _difference(results: xr.Dataset, variants: list[str], best: int, worst: int) -> str:
    first, second = variants[best], variants[worst]
    success = {name: converged(results, name) for name in (first, second)}
    here = {name: ran(results, name) for name in (first, second)}
    n = {name: int(seeds.sum()) for name, seeds in here.items()}
    rate = {name: _percent(success[name].sum() / n[name]) for name in (first, second)}
    count = f" of {_seeds(n[second])}" if n[first] != n[second] else ""
    said = f"{_name(first)} converged in {rate[first]} of {_seeds(n[first])}, "
    if len(variants) > 2:
        said = f"Of {len(variants)} variants, {said[:-2]}, the most; "
    said += f"{_name(second)} in {rate[second]}{count}"
    said += ", the least" if len(variants) > 2 else ""
    both = here[first] & here[second]
    if not both.any():
        return f"{said}. They have no seed in common, which a paired comparison needs."
    among = f" over {_seeds(int(both.sum()))} in common" if both.sum() < max(n.values()) else ""
    p_values = adjusted_p_values(results, variants)
    p_value = float(p_values[best, worst])
    difference = newcombe(success[first][both], success[second][both])
    low, high = (round(100 * end) + 0 for end in (difference.low, difference.high))
    test = "McNemar's exact test"
    pairs = len(variants) * (len(variants) - 1) // 2
    if pairs > 1:
        test += f", Holm-adjusted for all {pairs} pairs; the interval is not"
    points = round(100 * difference.estimate) + 0
    return (
        f"{said}; paired difference{among} {points} point{'' if abs(points) == 1 else 's'}, 95 % "
        f"interval {low} to {high}, {_p(p_value)} ({test}).{_not_told(variants, p_values, best)}"
    )


def _not_told(variants: list[str], p_values: np.ndarray, best: int) -> str:
    """Which variants cannot be told apart: none, or which from the best."""
    if not (p_values < ALPHA).any():
        which = "They" if len(variants) == 2 else "No two of them"
        return f" {which} can{'not' if len(variants) == 2 else ''} be told apart."
    others = [
        _name(name)
        for place, name in enumerate(variants)
        if place != best and not p_values[best, place] < ALPHA
    ]
    if not others:
        return "" if len(variants) == 2 else " It can be told apart from every other."
    more = len(others) - MOST_NAMES
    named = ", ".join(others[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    return f" These cannot be told apart from the best: {named}."


def adjusted_p_values(results: xr.Dataset, variants: list[str]) -> np.ndarray:
    """McNemar's p-values of all pairs [variant, variant], adjusted by Holm's method.

    Over the seeds that both variants have; NaN where there is none, and on the diagonal.
    """
    k = len(variants)
    success = np.array([converged(results, name) for name in variants])
    here = np.array([ran(results, name) for name in variants])
    known: dict[tuple[int, int], float] = {}  # many pairs have the same counts
    p_values = np.full((k, k), np.nan)
    for row in range(k):
        for column in range(row):
            both = here[row] & here[column]
            if not both.any():
                continue
            first, second = success[row][both], success[column][both]
            counts = int((first & ~second).sum()), int((second & ~first).sum())
            if counts not in known:
                known[counts] = mcnemar(first, second).p_value
            p_values[row, column] = known[counts]
    below = np.tril_indices(k, -1)
    p_values[below] = holm(p_values[below])
    return np.fmax(p_values, p_values.T)


def _name(variant: str) -> str:
    return shorten(variant, LONGEST_NAME)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _seeds(n: int) -> str:
    return "1 seed" if n == 1 else f"{n} seeds"


def _p(p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"
