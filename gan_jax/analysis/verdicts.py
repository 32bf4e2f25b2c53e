"""One seed's outcome, read from its curves; never from a loss, so that losses can be compared.

The first rule that matches wins, so the rates of all outcomes sum to one. Needs NumPy only:
verdicts can be recomputed from stored curves, under other thresholds, without retraining and
without JAX.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from gan_jax.fields import LARGEST_FLOAT32, canonical, check_range

# In the order of the rules. The last is what no rule claims.
VERDICTS = ("diverged", "collapsed", "converged", "overpowered", "oscillating", "unconverged")

# Measures of the last samples alone, which no rule looks at, by what `neighbours.prdc` calls them:
# its coverage is another than that of a known truth.
NEIGHBOURS = {name: f"neighbour_{name}" for name in ("precision", "recall", "density", "coverage")}


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """The thresholds of the verdicts; stored with every result.

    A curve's *tail* is its last records, at least one. `floor` is a measure of real samples
    against real ones.

    Raises:
      ConfigError: when a threshold is not a finite number from 0 on, or a share is above 1.
    """

    tail_share: float = 0.2
    """The tail: this share of the records."""
    diverged_diversity: float = 1000.0
    """Diverged: the samples once spread more than this many times as wide as the data."""
    collapsed_diversity: float = 0.05
    """Collapsed, totally: the tail's median diversity is below this (1 is the data's)."""
    partial_diversity: float = 0.5
    """Collapsed, partially: the tail's median diversity is below this."""
    partial_coverage: float = 0.85
    """Collapsed, partially: the tail's median coverage of the known truth is below this."""
    converged_factor: float = 3.0
    """Converged: quality within this factor of the floor's 95th percentile.

    Parabola seeds end in two humps: of the default comparison's 128, nine tenths of the tail lie
    below 3 floors for 65, between 3 and 8 for 9, above 8 for 54. The rate hardly depends on it.
    """
    converged_error: float = 0.1
    """Converged: where the truth is a curve, and the mean distance from it is within this share of
    the mean distance of two real samples. Distances along slices overlook a cloud about a curve."""
    converged_high_quality: float = 0.5
    """Converged: where the modes are known, and the share of samples of high quality is at least
    this share of the real samples' own. Distances along slices overlook a cloud about the modes."""
    point_tolerance: float = 0.01
    """Of data that are one point, whose floor is zero: converged means within this, data units, and
    oscillating a deviation beyond it. No generator of theirs counts as collapsed."""
    converged_share: float = 0.9
    """Converged: all that at this share of the tail's records."""
    separating_accuracy: float = 0.99
    """Overpowered: the tail's median accuracies on real and on fake are both at least this."""
    vanishing_gradient: float = 1e-3
    """Overpowered: the generator's gradient norm is below this share of its own early median."""
    oscillation_errors: float = 2.0
    """Oscillating: the tail's deviation about its trend, in standard deviations of the floor."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = canonical(f"criteria: {field.name}", "float", getattr(self, field.name))
            object.__setattr__(self, field.name, value)
            limit = 1.0 if field.name.endswith("share") else LARGEST_FLOAT32
            check_range(f"criteria: {field.name}", value, 0, limit, f"a number from 0 to {limit:g}")


class Verdicts(NamedTuple):
    """Outcomes of many seeds.

    Attributes:
      outcome: an entry of VERDICTS [seed].
      detail: what kind of collapse, "total" or "partial"; else empty [seed].
    """

    outcome: np.ndarray
    detail: np.ndarray


def judge(
    curves: Mapping[str, np.ndarray],
    quality: str,
    floors: Mapping[str, np.ndarray],
    first_nonfinite_step: np.ndarray,
    criteria: Criteria | None = None,
) -> Verdicts:
    """Give each seed its verdict.

    Args:
      curves: measures [seed, record]: `quality`, "accuracy_real", "accuracy_fake",
        "generator_gradient_norm"; "diversity", unless the data are one point; "coverage" of what is
        known of the truth, "curve_error" where that is a curve, "high_quality" where it is modes.
        NaN where unknown.
      quality: the name of the distance that decides convergence; lower is better.
      floors: real-against-real draws [draw] of `quality` and, for curves, "pair_distance", for
        modes "high_quality".
      first_nonfinite_step: [seed], -1 where every step was finite.
      criteria: thresholds; the defaults if None.
    """
    criteria = Criteria() if criteria is None else criteria
    n_records = curves[quality].shape[1]
    n_tail = max(round(criteria.tail_share * n_records), 1)
    tail = {name: curve[:, n_records - n_tail :] for name, curve in curves.items()}

    diverged = (first_nonfinite_step >= 0) | ~np.isfinite(curves[quality]).all(axis=1)
    total = partial = np.zeros(len(diverged), bool)
    limit = criteria.converged_factor * np.percentile(floors[quality], 95)
    noise = criteria.oscillation_errors * np.std(floors[quality], ddof=1)
    if "diversity" in tail:
        # NaN is not <=
        diverged |= ~(curves["diversity"] <= criteria.diverged_diversity).all(axis=1)
        diversity = np.median(tail["diversity"], axis=1)
        total = diversity < criteria.collapsed_diversity
        partial = diversity < criteria.partial_diversity
    else:
        limit, noise = limit + criteria.point_tolerance, noise + criteria.point_tolerance
    if "coverage" in tail:
        partial = partial | (np.median(tail["coverage"], axis=1) < criteria.partial_coverage)
    near = tail[quality] <= limit
    if "curve_error" in tail:
        near &= tail["curve_error"] <= criteria.converged_error * np.median(floors["pair_distance"])
    if "high_quality" in tail:
        enough = criteria.converged_high_quality * np.median(floors["high_quality"])
        near &= tail["high_quality"] >= enough
    rules = {
        "diverged": diverged,
        "collapsed": total | partial,
        "converged": near.mean(axis=1) >= criteria.converged_share,
        "overpowered": _overpowered(curves, tail, criteria),
        "oscillating": detrended_deviation(tail[quality]) > noise,
    }
    outcome = np.select(list(rules.values()), list(rules), default="unconverged").astype(str)
    detail = np.where(outcome == "collapsed", np.where(total, "total", "partial"), "").astype(str)
    return Verdicts(outcome, detail)


def _overpowered(
    curves: Mapping[str, np.ndarray], tail: Mapping[str, np.ndarray], criteria: Criteria
) -> np.ndarray:
    separates = np.minimum(
        np.median(tail["accuracy_real"], axis=1), np.median(tail["accuracy_fake"], axis=1)
    )
    norms = curves["generator_gradient_norm"]
    first = min(1, norms.shape[1] - 1)  # the untrained state's record has no step to report
    early = np.median(norms[:, first : first + max(norms.shape[1] // 10, 1)], axis=1)
    late = np.median(tail["generator_gradient_norm"], axis=1)
    vanished = late < criteria.vanishing_gradient * early
    return (separates >= criteria.separating_accuracy) & vanished


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
