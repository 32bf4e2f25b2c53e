"""One seed's outcome, read from its curves; never from a loss, so that losses can be compared.

The first rule that matches wins, so the rates of all outcomes sum to one. Needs NumPy only:
verdicts can be recomputed from stored curves, under other thresholds, without retraining and
without JAX.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gan_jax.analysis.criteria import Criteria
from gan_jax.analysis.rules import RULES, Curves

VERDICTS = tuple(RULES)

# Measures of the last samples alone, which no rule looks at, by what `neighbours.prdc` calls them:
# its coverage is another than that of a known truth.
NEIGHBOURS = {name: f"neighbour_{name}" for name in ("precision", "recall", "density", "coverage")}


class Verdicts(NamedTuple):
    """Outcomes of many seeds.

    Attributes:
      outcome: an entry of VERDICTS [seed].
      detail: what kind of collapse, "total" or "partial"; else empty [seed].
      step: the step at which it was decided [seed]: of diverged the first that shows it; of
        collapsed, converged and overpowered the one from which on the rule holds at as many records
        as it asks of the tail; of the others, which only the end can tell, the last.
      evidence: what decided it, in words and numbers [seed].
    """

    outcome: np.ndarray
    detail: np.ndarray
    step: np.ndarray
    evidence: np.ndarray


def judge(
    curves: Mapping[str, np.ndarray],
    quality: str,
    floors: Mapping[str, np.ndarray],
    first_nonfinite_step: np.ndarray,
    criteria: Criteria | None = None,
    steps: np.ndarray | None = None,
) -> Verdicts:
    """Give each seed its verdict.

    Args:
      curves: measures [seed, record]: `quality`, "accuracy_real", "accuracy_fake",
        "generator_gradient_norm"; "diversity", unless the data are one point; "coverage" of what is
        known of the truth, "curve_error" where that is a curve, "high_quality" where it is modes.
        NaN where unknown.
      quality: the name of the distance that decides convergence; lower is better.
      floors: real-against-real draws [draw] of `quality` and, for curves, "pair_distance", for
        modes "high_quality"; "coverage" where samples of that number cannot reach all of it.
      first_nonfinite_step: [seed], -1 where every step was finite.
      criteria: thresholds; the defaults if None.
      steps: the numbers of steps taken at each record [record]; 0, 1, 2 ... if None.
    """
    criteria = Criteria() if criteria is None else criteria
    n_seeds, n_records = curves[quality].shape
    steps = np.arange(n_records) if steps is None else np.asarray(steps)
    n_tail = max(round(criteria.tail_share * n_records), 1)
    seen = Curves(curves, quality, floors, first_nonfinite_step, n_records - n_tail)
    total = np.zeros(n_seeds, bool)
    if "diversity" in curves:
        total = seen.tail_median("diversity") < criteria.collapsed_diversity
    # A dead seed's curves end in NaN: the other rules are asked of it too, and answer in vain.
    with np.errstate(invalid="ignore"):
        findings = [rule(seen, criteria) for rule in RULES.values()]
    which = np.argmax([finding.matches for finding in findings], axis=0)
    outcome = np.array(VERDICTS)[which]
    detail = np.where(outcome == "collapsed", np.where(total, "total", "partial"), "").astype(str)
    record = np.array([findings[rule].record[seed] for seed, rule in enumerate(which)], int)
    exact = (outcome == "diverged") & (first_nonfinite_step >= 0)
    step = np.where(exact, first_nonfinite_step, steps[record])
    evidence = [findings[rule].evidence[seed] for seed, rule in enumerate(which)]
    return Verdicts(outcome, detail, step.astype(np.int64), np.array(evidence, dtype=object))


__all__ = ["NEIGHBOURS", "VERDICTS", "Criteria", "Verdicts", "judge"]
