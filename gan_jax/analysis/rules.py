"""The rules of the verdicts: of each seed's curves, does it hold, since when, and by what evidence.

In the order in which they are asked: the first that claims a seed has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from gan_jax.analysis.criteria import Criteria


class Finding(NamedTuple):
    """One rule's answer.

    Attributes:
      matches: whether the rule claims the seed [seed].
      record: the record at which it was decided [seed]; only read where it matches.
      evidence: why, in words [seed]; likewise.
    """

    matches: np.ndarray
    record: np.ndarray
    evidence: list[str]


class Curves(NamedTuple):
    """What the rules look at: curves [seed, record], floors, and where the tail begins.

    See `verdicts.judge` for each.
    """

    curves: Mapping[str, np.ndarray]
    quality: str
    floors: Mapping[str, np.ndarray]
    first_nonfinite_step: np.ndarray
    tail: int

    def tail_median(self, name: str) -> np.ndarray:
        """The median [seed] of a curve's tail."""
        return np.median(self.curves[name][:, self.tail :], axis=1)

    def onset(self, condition: np.ndarray, share: float) -> np.ndarray:
        """From which record on a condition [seed, record] has held at a share of records [seed].

        The tail's first record, or one before it, as long as from each in between to the end the
        condition holds at so large a share; of that stretch the first record at which it holds.
        """
        n = condition.shape[1]
        remaining = np.arange(n, 0, -1)
        enough = np.cumsum(condition[:, ::-1], axis=1)[:, ::-1] / remaining >= share
        enough[:, self.tail :] = True
        unbroken = np.cumprod(enough[:, ::-1], axis=1)[:, ::-1].astype(bool)
        held = unbroken & condition
        return np.where(held.any(axis=1), np.argmax(held, axis=1), self.tail)

    def last(self) -> np.ndarray:
        """The last record [seed]."""
        n_seeds, n_records = self.curves[self.quality].shape
        return np.full(n_seeds, n_records - 1)


def diverged(seen: Curves, criteria: Criteria) -> Finding:
    """A number was not finite, or the samples once spread without bounds."""
    signs = ~np.isfinite(seen.curves[seen.quality])
    spread = np.zeros(signs.shape)
    if "diversity" in seen.curves:
        spread = seen.curves["diversity"]
        signs = signs | ~(spread <= criteria.diverged_diversity)  # NaN is not <=
    record = np.argmax(signs, axis=1)
    words = []
    for seed, step in enumerate(seen.first_nonfinite_step):
        width = spread[seed, record[seed]]
        if step >= 0:
            words.append(f"not finite from step {step:,}")
        elif np.isfinite(width) and width > criteria.diverged_diversity:
            words.append(f"samples spread over {width:,.0f} times the data's width")
        else:
            words.append("samples not finite")
    return Finding((seen.first_nonfinite_step >= 0) | signs.any(axis=1), record, words)


def collapsed(seen: Curves, criteria: Criteria) -> Finding:
    """The tail's diversity, or its coverage of the known truth, is too low."""
    n_seeds, n_records = seen.curves[seen.quality].shape
    signs, matches = np.zeros((n_seeds, n_records), bool), np.zeros(n_seeds, bool)
    words: list[list[str]] = [[] for _ in range(n_seeds)]
    limits = {
        "diversity": criteria.partial_diversity,
        "coverage": criteria.partial_coverage * np.median(seen.floors.get("coverage", 1.0)),
    }
    for name, limit in limits.items():
        if name not in seen.curves:
            continue
        median = seen.tail_median(name)
        low = median < limit
        signs, matches = signs | (seen.curves[name] < limit), matches | low
        for seed in np.flatnonzero(low):
            words[seed].append(f"{name} {median[seed]:.2f}, below {limit:.2f}")
    return Finding(matches, seen.onset(signs, 0.5), ["; ".join(found) for found in words])


def convergence_limit(floor: np.ndarray, criteria: Criteria, point: bool) -> float:
    """The distance that convergence asks for, given real-against-real draws [draw] of it.

    `point` says that the data are one point, whose floor is zero.
    """
    limit = criteria.converged_factor * float(np.percentile(floor, 95))
    return limit + criteria.point_tolerance if point else limit


def _limits(seen: Curves, criteria: Criteria) -> dict[str, tuple[float, float]]:
    """What convergence asks of a record: measure -> least and greatest value."""
    point = "diversity" not in seen.curves
    limit = convergence_limit(seen.floors[seen.quality], criteria, point)
    limits = {seen.quality: (-np.inf, limit)}
    if "curve_error" in seen.curves:
        width = np.median(seen.floors["pair_distance"])
        limits["curve_error"] = (-np.inf, float(criteria.converged_error * width))
    if "high_quality" in seen.curves:
        own = np.median(seen.floors["high_quality"])
        limits["high_quality"] = (float(criteria.converged_high_quality * own), np.inf)
    return limits


def _within(seen: Curves, criteria: Criteria) -> dict[str, np.ndarray]:
    """At which records each measure is as convergence asks [seed, record]."""
    return {
        name: (low <= seen.curves[name]) & (seen.curves[name] <= high)
        for name, (low, high) in _limits(seen, criteria).items()
    }


def _share_within(seen: Curves, criteria: Criteria) -> tuple[np.ndarray, np.ndarray]:
    """At which records all measures are as convergence asks, and the tail's share of them."""
    near = np.logical_and.reduce(list(_within(seen, criteria).values()))
    return near, near[:, seen.tail :].mean(axis=1)


def converged(seen: Curves, criteria: Criteria) -> Finding:
    """Most of the tail is about as near to the data as real samples are to one another."""
    near, share = _share_within(seen, criteria)
    limit = _limits(seen, criteria)[seen.quality][1]
    words = [f"distance within {limit:.3g} at {100 * x:.0f} % of the tail" for x in share]
    onset = seen.onset(near, criteria.converged_share)
    return Finding(share >= criteria.converged_share, onset, words)


def overpowered(seen: Curves, criteria: Criteria) -> Finding:
    """The discriminator separates, and the generator's gradient has vanished."""
    norms = seen.curves["generator_gradient_norm"]
    first = min(1, norms.shape[1] - 1)  # the untrained state's record has no step to report
    early = np.median(norms[:, first : first + max(norms.shape[1] // 10, 1)], axis=1)
    late = seen.tail_median("generator_gradient_norm")
    real, fake = (seen.curves[f"accuracy_{which}"] for which in ("real", "fake"))
    medians = [seen.tail_median(f"accuracy_{which}") for which in ("real", "fake")]
    separates = np.minimum(*medians) >= criteria.separating_accuracy
    signs = np.minimum(real, fake) >= criteria.separating_accuracy
    signs &= norms < criteria.vanishing_gradient * early[:, None]
    words = [
        f"accuracies {r:.2f} real, {f:.2f} fake; gradient norm {after:.1e}, early {before:.1e}"
        for r, f, after, before in zip(*medians, late, early, strict=True)
    ]
    matches = separates & (late < criteria.vanishing_gradient * early)
    return Finding(matches, seen.onset(signs, 0.5), words)


def oscillating(seen: Curves, criteria: Criteria) -> Finding:
    """The tail's distance wanders by more than real samples' own scatter."""
    noise = criteria.oscillation_errors * np.std(seen.floors[seen.quality], ddof=1)
    if "diversity" not in seen.curves:
        noise += criteria.point_tolerance
    deviation = detrended_deviation(seen.curves[seen.quality][:, seen.tail :])
    words = [f"distance varies by {x:.2g} about its trend, above {noise:.2g}" for x in deviation]
    return Finding(deviation > noise, seen.last(), words)


def unconverged(seen: Curves, criteria: Criteria) -> Finding:
    """What no other rule claims; the evidence says what convergence lacks."""
    limits, within = _limits(seen, criteria), _within(seen, criteria)
    _, share = _share_within(seen, criteria)
    words = []
    for seed, together in enumerate(share):
        lacking = []
        for name, (low, high) in limits.items():
            if within[name][seed, seen.tail :].mean() < criteria.converged_share:
                median = np.median(seen.curves[name][seed, seen.tail :])
                bound = f"at most {high:.3g}" if np.isfinite(high) else f"at least {low:.3g}"
                name = "distance" if name == seen.quality else name.replace("_", " ")
                lacking.append(f"{name} {median:.3g}, not {bound}")
        words.append("; ".join(lacking) or f"all measures within at {100 * together:.0f} %")
    return Finding(np.ones(len(share), bool), seen.last(), words)


def detrended_deviation(curves: np.ndarray) -> np.ndarray:
    """Standard deviation [seed] of curves [seed, record] about their own straight-line fits.

    Two degrees of freedom go to the line; fewer than three records have no deviation from it: 0.
    """
    n = curves.shape[1]
    if n < 3:
        return np.zeros(len(curves))
    time = np.arange(n) - (n - 1) / 2
    slope = curves @ time / (time @ time)
    residual = curves - curves.mean(axis=1, keepdims=True) - slope[:, None] * time[None, :]
    return np.sqrt((residual**2).sum(axis=1) / (n - 2))


# In the order in which they are asked. The last is what no other claims.
RULES: dict[str, Callable[[Curves, Criteria], Finding]] = {
    "diverged": diverged,
    "collapsed": collapsed,
    "converged": converged,
    "overpowered": overpowered,
    "oscillating": oscillating,
    "unconverged": unconverged,
}
