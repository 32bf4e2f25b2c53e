"""Many seeds' outcome: rates, scores, curves and times, each with what chance alone could make.

Scores: lower is better, and NaN is a failed seed, worse than any number. Everything drawn at random
takes a `seed` and is the same in every process. Needs NumPy and SciPy only; SciPy, which takes most
of a second to load, is loaded by what uses it.
"""

from gan_jax.analysis.statistics.chains import effective_sample_size, rank_normalized_r_hat
from gan_jax.analysis.statistics.multiplicity import benjamini_hochberg, holm
from gan_jax.analysis.statistics.pairs import Pairs, mcnemar, newcombe
from gan_jax.analysis.statistics.planning import (
    Pilot,
    WinnerChances,
    chance_of_wrong_winner,
    paired_seeds,
    pilot,
    seeds_per_arm,
)
from gan_jax.analysis.statistics.power import fisher_power, paired_power
from gan_jax.analysis.statistics.rates import Rate, clopper_pearson, fisher, wilson
from gan_jax.analysis.statistics.resampling import (
    Interval,
    bootstrap,
    paired_bootstrap,
    stratified_bootstrap,
    unpaired_bootstrap,
)
from gan_jax.analysis.statistics.scores import (
    FAILED,
    Band,
    improvement_interval,
    iqm,
    median,
    performance_profile,
    probability_of_improvement,
    profile_band,
    quartiles,
    with_failures,
)
from gan_jax.analysis.statistics.survival import Survival, kaplan_meier, logrank

__all__ = [
    "FAILED",
    "Band",
    "Interval",
    "Pairs",
    "Pilot",
    "Rate",
    "Survival",
    "WinnerChances",
    "benjamini_hochberg",
    "bootstrap",
    "chance_of_wrong_winner",
    "clopper_pearson",
    "effective_sample_size",
    "fisher",
    "fisher_power",
    "holm",
    "improvement_interval",
    "iqm",
    "kaplan_meier",
    "logrank",
    "mcnemar",
    "median",
    "newcombe",
    "paired_bootstrap",
    "paired_power",
    "paired_seeds",
    "performance_profile",
    "pilot",
    "probability_of_improvement",
    "profile_band",
    "quartiles",
    "rank_normalized_r_hat",
    "seeds_per_arm",
    "stratified_bootstrap",
    "unpaired_bootstrap",
    "wilson",
    "with_failures",
]
