"""Verdicts on curves whose fate is known."""

import numpy as np
import pytest

import gan_jax
from gan_jax.analysis import quality
from gan_jax.analysis.rules import detrended_deviation
from gan_jax.analysis.verdicts import Criteria, judge
from gan_jax.config import ConfigError

N = 50
FLOOR = np.linspace(0.008, 0.012, 100)  # 95th percentile 0.0118, standard deviation 0.00117
TRUTH = ("coverage", "curve_error")
FLOORS = {
    "distance": FLOOR,
    "pair_distance": np.full(100, 0.3),
    "high_quality": np.full(100, 0.98),
}
STEADY = np.full(N, 0.2)


def curves(**changes):
    """One seed that ends near the data, with `changes`."""
    base = {
        "distance": np.r_[np.full(N - 20, 0.5), np.full(20, 0.01)],
        "diversity": np.ones(N),
        "coverage": np.ones(N),
        "curve_error": np.full(N, 0.01),
        "accuracy_real": np.full(N, 0.5),
        "accuracy_fake": np.full(N, 0.5),
        "generator_gradient_norm": np.r_[np.nan, np.ones(N - 1)],
    }
    return {name: np.asarray(curve, float)[None] for name, curve in (base | changes).items()}


def verdict(first_nonfinite_step=-1, criteria=None, **changes):
    judged = judge(
        curves(**changes),
        "distance",
        FLOORS,
        np.array([first_nonfinite_step]),
        criteria,
    )
    return judged.outcome[0], judged.detail[0]


SEPARATED = {"accuracy_real": np.ones(N), "accuracy_fake": np.ones(N)}
VANISHED = {"generator_gradient_norm": np.r_[np.nan, np.ones(20), np.full(N - 21, 1e-4)]}


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        (("converged", ""), {}),
        (("diverged", ""), {"first_nonfinite_step": 1}),
        (("diverged", ""), {"diversity": np.r_[np.ones(N - 1), 1001.0]}),
        (("collapsed", "total"), {"diversity": np.full(N, 0.04)}),
        (("collapsed", "partial"), {"diversity": np.full(N, 0.4)}),
        (("collapsed", "partial"), {"coverage": np.full(N, 0.8)}),
        (("unconverged", ""), {"distance": STEADY}),
        (("converged", ""), {"curve_error": np.full(N, 0.0299)}),
        (("unconverged", ""), {"curve_error": np.full(N, 0.0301)}),
        (("converged", ""), {"high_quality": np.full(N, 0.491)}),
        (("unconverged", ""), {"high_quality": np.full(N, 0.489)}),
        (("unconverged", ""), {"distance": np.linspace(0.9, 0.1, N)}),
        (("oscillating", ""), {"distance": STEADY + 0.01 * (-1.0) ** np.arange(N)}),
        (("overpowered", ""), {"distance": STEADY} | SEPARATED | VANISHED),
        (("unconverged", ""), {"distance": STEADY} | SEPARATED),
        (("unconverged", ""), {"distance": STEADY} | VANISHED),
    ],
)
def test_known_fates(expected, changes):
    assert verdict(**changes) == expected


def test_samples_that_are_no_numbers_are_diverged_not_collapsed():
    broken = {"distance": np.full(N, np.nan), "diversity": np.full(N, np.nan)}
    assert verdict(**broken, coverage=np.zeros(N))[0] == "diverged"
    exploded_once = {"diversity": np.r_[np.ones(10), 1e6, np.ones(N - 11)]}
    assert verdict(**exploded_once)[0] == "diverged"


def test_the_first_rule_that_matches_wins():
    everything = {"distance": STEADY + 0.01 * (-1.0) ** np.arange(N), **SEPARATED, **VANISHED}
    assert verdict(**everything)[0] == "overpowered"
    assert verdict(**everything, diversity=np.full(N, 0.1))[0] == "collapsed"
    assert verdict(7, **everything, diversity=np.full(N, 0.1))[0] == "diverged"


def test_convergence_needs_nine_tenths_of_the_tail_within_three_floors():
    inside, outside = 3 * np.percentile(FLOOR, 95) * np.array([0.999, 1.001])
    for bad, expected in ((1, "converged"), (2, "oscillating")):
        distance = np.r_[STEADY[: N - 10], np.full(10 - bad, inside), np.full(bad, outside + 0.1)]
        assert verdict(distance=distance)[0] == expected


def test_a_seed_that_died_early_is_diverged_whatever_its_nans():
    nans = {name: np.full(N, np.nan) for name in ("distance", "diversity", "coverage")}
    assert verdict(3, **nans)[0] == "diverged"


def test_verdicts_need_no_known_truth_and_serve_a_single_record():
    one = {name: curve[:, -1:] for name, curve in curves().items() if name not in TRUTH}
    judged = judge(one, "distance", {"distance": FLOOR}, np.array([-1]))
    assert judged.outcome.tolist() == ["converged"]


def test_criteria_move_the_thresholds_and_refuse_nonsense():
    strict = Criteria(converged_factor=0.5)
    assert verdict(criteria=strict)[0] == "unconverged"
    for bad in ({"tail_share": 1.5}, {"converged_factor": float("nan")}, {"partial_coverage": "x"}):
        with pytest.raises(ConfigError, match=next(iter(bad))):
            Criteria(**bad)


def test_detrended_deviation_ignores_a_straight_line():
    time = np.arange(40.0)
    wiggle = np.tile([1.0, -1.0], 20)
    deviations = detrended_deviation(np.stack([3 - 0.5 * time, 2 * time + wiggle]))
    np.testing.assert_allclose(deviations[0], 0, atol=1e-12)
    np.testing.assert_allclose(deviations[1], 1, rtol=0.05)
    assert detrended_deviation(np.ones((3, 2))).tolist() == [0, 0, 0]


def test_data_that_are_one_point_have_no_width_to_collapse_from():
    # No diversity curve, a floor of zero: converged is nearness in data units, by the tolerance.
    floors = {"distance": np.zeros(100), "pair_distance": np.zeros(100)}

    def judged(distance):
        given = curves(distance=np.broadcast_to(distance, N))
        for name in ("diversity", *TRUTH):
            del given[name]
        return judge(given, "distance", floors, np.array([-1])).outcome[0]

    assert judged(0.009) == "converged" and judged(0.011) != "converged"
    assert judged(np.nan) == "diverged"
    assert judged(5.0) == "unconverged"
    swing = 0.05 * np.sin(np.arange(N))
    assert judged(1.0 + swing) == "oscillating" and judged(1.0 + swing / 10) == "unconverged"


def test_dirac_gans_end_as_theory_says():
    variants = {
        "r1": {"penalty": "r1", "penalty_weight": 1.0},
        "wasserstein": {"loss": "wasserstein"},
    }
    base = gan_jax.preset("dirac")
    outcomes = {}
    for name, fields in variants.items():
        experiment = base.replace(**fields)
        run = gan_jax.train_seeds(experiment, 8, 8, evaluation=quality.evaluation(experiment))
        judged = judge(
            run.history, quality.QUALITY, quality.floors(experiment), run.first_nonfinite_step
        )
        outcomes[name] = set(judged.outcome.tolist())
    assert outcomes["r1"] == {"converged"}
    assert "converged" not in outcomes["wasserstein"]


def told(first_nonfinite_step=-1, **changes):
    """The step at which a seed's verdict was decided, records 10 steps apart, and the evidence."""
    given = curves(**changes), "distance", FLOORS, np.array([first_nonfinite_step])
    judged = judge(*given, steps=10 * np.arange(N))
    return int(judged.step[0]), str(judged.evidence[0])


@pytest.mark.parametrize(
    ("changes", "step", "evidence"),
    [
        ({}, 300, "distance within 0.0354 at 100 % of the tail"),
        # Near once before, then away again: the last arrival counts.
        ({"distance": np.r_[np.full(5, 0.01), np.full(25, 0.5), np.full(20, 0.01)]}, 300, None),
        # One record in ten away is what the rule allows, from the end backwards.
        (
            {"distance": np.r_[np.full(20, 0.5), np.where(np.arange(30) == 15, 0.5, 0.01)]},
            200,
            None,
        ),
        ({"first_nonfinite_step": 123}, 123, "not finite from step 123"),
        ({"diversity": np.r_[np.ones(7), 2000, np.ones(N - 8)]}, 70, "over 2,000 times the data"),
        (
            {"diversity": np.r_[np.ones(12), np.full(N - 12, 0.4)]},
            120,
            "diversity 0.40, below 0.50",
        ),
        ({"coverage": np.r_[np.ones(33), np.full(N - 33, 0.6)]}, 330, "coverage 0.60, below 0.85"),
        ({"distance": STEADY}, 490, "distance 0.2, not at most 0.0354"),
        ({"curve_error": np.full(N, 0.2)}, 490, "curve error 0.2, not at most 0.03"),
        ({"high_quality": np.full(N, 0.1)}, 490, "high quality 0.1, not at least 0.49"),
        ({"distance": STEADY} | SEPARATED | VANISHED, 210, "accuracies 1.00 real, 1.00 fake"),
        ({"distance": STEADY + 0.01 * (-1.0) ** np.arange(N)}, 490, "distance varies by 0.01"),
    ],
)
def test_a_verdict_says_when_it_was_decided_and_why(changes, step, evidence):
    decided, words = told(**changes)
    assert decided == step
    assert evidence is None or evidence in words


def test_coverage_that_no_sample_of_that_size_reaches_is_not_asked_for():
    # A thousand modes and 512 samples: real samples themselves find about 0.4 of them.
    floors = FLOORS | {"coverage": np.full(100, 0.4)}
    for coverage, expected in ((0.39, "converged"), (0.3, "collapsed")):
        given = curves(coverage=np.full(N, coverage)), "distance", floors, np.array([-1])
        assert judge(*given).outcome[0] == expected


def test_medians_may_ask_for_what_never_holds_at_one_record():
    # Each accuracy is perfect at most of the tail's ten records, both together at few of them.
    real, fake = np.ones(N), np.ones(N)
    real[-10:-6], fake[-6:-2] = 0.5, 0.5
    changes = {"distance": STEADY, "accuracy_real": real, "accuracy_fake": fake} | VANISHED
    decided, _ = told(**changes)
    assert verdict(**changes)[0] == "overpowered" and decided == 480
    real[-10:-5], fake[-5:] = 0.999, 0.999  # perfect or nearly so: above 0.99 throughout
    assert told(**changes)[0] == 210
