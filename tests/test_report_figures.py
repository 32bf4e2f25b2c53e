"""Figures and answers of made-up studies, whose outcomes are known."""

import json
import re

import numpy as np
import pytest
from synthetic import mixed, synthetic

from gan_jax.reports import figures, gallery, heat_maps, profiles, records, style, survival
from gan_jax.reports.answers import answer
from gan_jax.reports.html import write_report
from gan_jax.reports.outcomes import outcome_shares, verdict_shares

HOSTILE = [
    "<script>alert(1)</script>",
    "$\\frac{",
    "_\u202e\u05e9\u05dc\u05d5\u05dd",
    "x" * 10_000,
    "漢\u2028\n\x07",
]


def halves(n, first, second):
    """Seeds of which so many converge, as verdicts: of the first variant, and of the second."""
    return {
        name: ["converged"] * count + ["collapsed"] * (n - count)
        for name, count in (("first", first), ("second", second))
    }


def test_the_answer_of_two_variants_says_their_paired_difference():
    sentence = answer(synthetic(halves(64, 20, 40)))
    # 20 seeds converge only with the second: 2 x 0.5^20 < 0.001.
    assert sentence.startswith("second converged in 62 % of 64 seeds, first in 31 %;")
    assert "paired difference 31 points, 95 % interval" in sentence
    assert "p < 0.001 (McNemar's exact test)." in sentence and "told" not in sentence


def test_the_answer_admits_that_two_variants_cannot_be_told_apart():
    sentence = answer(synthetic(halves(16, 8, 9)))
    assert "p = 1 (" in sentence and sentence.endswith("They cannot be told apart.")


def test_the_answer_of_one_variant_is_its_rate_and_of_none_says_so():
    alone = {"only": ["converged", "collapsed"] * 8}
    assert answer(synthetic(alone)) == (
        "only converged in 50 % of 16 seeds (95 % interval 28 to 72)."
    )
    assert answer(synthetic({"only": ["", ""]})) == "No seed has been trained yet."


def test_the_answer_of_many_adjusts_for_all_pairs():
    outcomes = halves(64, 4, 40) | {"third": ["converged"] * 38 + ["collapsed"] * 26}
    sentence = answer(synthetic(outcomes))
    assert sentence.startswith("Of 3 variants, second converged in 62 % of 64 seeds, the most;")
    assert "first in 6 %, the least" in sentence and "Holm-adjusted for all 3 pairs" in sentence
    assert sentence.endswith("These cannot be told apart from the best: third.")
    same = answer(synthetic({name: ["diverged"] * 4 for name in "abc"}))
    assert same.startswith("All 3 variants converged in 0 %") and "cannot be told apart" in same


def test_the_answer_compares_only_seeds_that_both_variants_have():
    outcomes = {"a": ["converged"] * 4 + [""] * 4, "b": [""] * 2 + ["collapsed"] * 6}
    sentence = answer(synthetic(outcomes))
    assert "a converged in 100 % of 4 seeds, b in 0 % of 6 seeds" in sentence
    assert "over 2 seeds in common" in sentence
    apart = {"a": ["converged", ""], "b": ["", "collapsed"]}
    assert "no seed in common" in answer(synthetic(apart))


def test_bars_show_every_share_and_the_missing():
    results = synthetic({"a": ["converged", "", "diverged", "collapsed"], "b": [""] * 4})
    shares = verdict_shares(results, "a")
    assert {name: share for name, share in shares.items() if share} == {
        "converged": 0.25, "diverged": 0.25, "collapsed": 0.25, "missing": 0.25,
    }  # fmt: skip
    widths = [bar.get_width() for bar in outcome_shares(results).axes[0].patches]
    assert sum(widths) == pytest.approx(2)


def test_records_are_a_variants_own():
    results = synthetic(mixed(2, 4))
    steps, curves = records.recorded(results, "variant_1", "sliced_wasserstein")
    assert steps.tolist() == list(range(0, 1001, 100)) and curves.shape == (4, 11)
    late = results.assign(recorded=results["recorded"] & (results["step"] <= 900))
    everywhere = late["sliced_wasserstein"].sel(variant="variant_1", step=900).values
    died = late["verdict"].sel(variant="variant_1").values == "diverged"
    expected = np.where(died, np.nan, everywhere)  # whatever number a diverged seed ended with
    np.testing.assert_array_equal(records.last_qualities(late, "variant_1"), expected)


def test_profiles_step_at_every_seeds_distance_and_never_count_failures():
    results = synthetic({"a": ["converged", "converged", "collapsed", "diverged"]})
    distances = np.sort(records.last_distances(results, "a"))
    (line, *_) = profiles.performance_profiles(results).axes[0].lines
    known = distances[np.isfinite(distances)]
    assert set(known) <= set(line.get_xdata())
    assert line.get_ydata()[-1] == 0.75
    assert profiles.performance_profiles(synthetic({"a": ["diverged"] * 3})) is None


def test_profiles_of_one_point_reach_down_to_where_seeds_converge():
    # No real sample is away from another, and no seed of these near.
    results = synthetic({"a": ["diverged"] * 2 + ["collapsed"] * 2}).drop_vars("diversity")
    results["floor_sliced_wasserstein"].values[:] = 0
    (axis,) = profiles.performance_profiles(results).axes
    left, limit = axis.get_xlim()[0], records.threshold(results, "a")
    assert 0 < left < limit < np.nanmin(records.last_distances(results, "a"))


def test_the_matrix_shows_who_beats_whom():
    results = synthetic({"a": ["converged"] * 4, "b": ["diverged"] * 4, "c": [""] * 4})
    shares = profiles.improvement_matrix(results).axes[0].images[0].get_array().filled(np.nan)
    np.testing.assert_array_equal(shares, [[np.nan, 1], [0, np.nan]])
    assert profiles.improvement_matrix(synthetic({"a": ["converged"] * 4})) is None


def test_a_seed_that_fails_never_converges():
    results = synthetic({"a": ["converged", "diverged", "collapsed", ""]})
    results["verdict_step"].values[0] = [200, 500, 400, -1]
    success = survival.survival(results, "a", ("converged",))
    failure = survival.survival(results, "a", records.FAILURES)
    assert success.survival[success.times == 200] == pytest.approx(2 / 3)
    assert success.survival[-1] == pytest.approx(2 / 3)  # the others stay at risk to the end
    assert failure.times.tolist() == [0, 400, 500, 1000]
    assert failure.survival == pytest.approx([1, 2 / 3, 1 / 3, 1 / 3])


def sweep_fields(losses=("hinge", "wasserstein")):
    rates = (1e-4, 1e-3, 1e-2)
    return {
        f"{loss} {g:g} {d:g}": {
            "loss": loss, "generator_learning_rate": g, "discriminator_learning_rate": d,
        }
        for loss in losses
        for g in rates
        for d in rates
    }  # fmt: skip


def test_a_sweep_is_laid_out_by_its_two_numbers():
    fields = sweep_fields()
    found = heat_maps.sweep(fields, list(fields))
    assert (found.x, found.y) == ("discriminator_learning_rate", "generator_learning_rate")
    assert found.columns == found.rows == [1e-4, 1e-3, 1e-2]
    assert list(found.panels) == ["hinge", "wasserstein"]
    assert found.panels["hinge"].tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    one = {name: {"loss": "hinge", "seeds_field": place} for place, name in enumerate("abc")}
    row = heat_maps.sweep(one, list(one))
    assert (row.x, row.y, row.rows) == ("seeds_field", "", ["hinge"])
    assert heat_maps.sweep({"a": {"on": True}, "b": {"on": False}}, ["a", "b"]) is None
    assert heat_maps.sweep({"a": {"rate": 1}, "b": {"rate": 2}}, ["a", "b"]) is None


def test_a_map_shows_the_rates_in_their_places():
    fields = sweep_fields(("hinge",))
    outcomes = {name: ["collapsed"] * 2 for name in fields}
    outcomes["hinge 0.01 0.001"] = ["converged", "collapsed"]
    drawn = heat_maps.convergence_maps(synthetic(outcomes, fields=fields))
    cells = drawn.axes[0].images[0].get_array()
    assert cells[2, 1] == 0.5 and cells.sum() == 0.5
    assert heat_maps.convergence_maps(synthetic(mixed())) is None


def test_more_variants_than_colours_differ_by_their_dashes():
    results = synthetic(mixed(14, 2))
    strokes = [tuple(style.stroke(results, name).values()) for name in results["variant"].values]
    assert len(set(strokes)) == 14


def test_many_variants_are_cut_to_the_best_and_said():
    results = synthetic(mixed(20, 8))
    chosen, note = records.most_converged(results)
    rates = records.convergence_rates(results)
    assert len(chosen) == 12 and "12 of 20" in note
    left_out = [rates[i] for i, name in enumerate(results["variant"].values) if name not in chosen]
    assert max(left_out) <= min(rates[list(results["variant"].values).index(n)] for n in chosen)
    assert set(figures.draw_figures(results)) == set(figures.FIGURES) - {"convergence_maps"}


EDGES = {
    "one seed": {"a": ["converged"]},
    "all failed": {"a": ["diverged"] * 3, "b": ["diverged"] * 3},
    "a variant missing": {"a": ["converged", "collapsed"], "b": ["", ""]},
    "all missing": {"a": ["", ""]},
    "hostile names": {name: ["converged", "diverged"] for name in HOSTILE},
}


@pytest.mark.parametrize("case", EDGES)
def test_pages_of_edge_cases_are_written(tmp_path, case):
    results = synthetic(EDGES[case], name=HOSTILE[0])
    page = write_report(results, tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("</script>") == (1 if case == "all missing" else 2)
    assert "alert(1)" in page
    assert "<script>alert" not in page
    for inside in re.findall(r"<script.*?>(.*?)</script>", page, re.DOTALL):
        assert "\u2028" not in inside and "<script" not in inside


@pytest.mark.parametrize("kind", ["points", "images", "sequences"])
def test_older_results_without_snapshots_have_a_gallery_of_the_last_samples(tmp_path, kind):
    new = ["snapshots", "snapshot_step", "recorded", "verdict_step", "verdict_evidence"]
    results = synthetic(mixed(1, 3), kind).drop_vars(new)
    results = results.assign({k: v[0] for k, v in results.items() if str(k).startswith("floor")})
    results.attrs.pop("fields")
    shown = gallery.gallery(results)
    assert shown["shape"][0] == 1 and shown["steps"] == [[1000]]
    assert "survival" not in figures.draw_figures(results)
    write_report(results, tmp_path / "report.html")


def test_the_gallery_is_bounded_and_says_what_it_leaves_out(monkeypatch):
    monkeypatch.setattr(gallery, "MOST_SEEDS", 6)
    monkeypatch.setattr(gallery, "LARGEST", 6 * 2 * 128 * 2)
    shown = gallery.gallery(synthetic(mixed(2, 8)))
    assert [card["seed"] for card in shown["cards"]] == [0, 1, 2, 0, 1, 2]
    assert shown["shape"][0] == 2 and shown["steps"][0] == [0, 1000]
    assert "6 of 16 seeds" in shown["left_out"] and "2 of 5 kept moments" in shown["left_out"]
    assert json.dumps(shown, allow_nan=False)


def test_numbers_are_quantised_and_what_is_outside_is_nothing():
    x = np.array([-1.0, 0.0, 1.0, 1.1, np.nan, -np.inf])
    found = gallery.quantised(x, np.array(-1.0), np.array(1.0))
    assert found.tolist() == [0, 127, 254, 255, 255, 255]


def test_several_data_sets_have_a_part_each(tmp_path):
    groups = {"ring": synthetic(halves(8, 1, 7)), "<b>": synthetic(halves(8, 7, 1))}
    page = write_report(groups["ring"], tmp_path / "r.html", groups).read_text(encoding="utf-8")
    assert re.findall(r"<bdi>(ring|&lt;b&gt;)</bdi></h2>", page) == ["ring", "&lt;b&gt;"]
    assert page.count('class="answer"') == page.count('class="gallery"') == 2


def test_gradient_norms_that_were_never_numbers_are_a_figure_that_says_so():
    results = synthetic({"only": ["diverged"] * 2})
    norms = results["generator_gradient_norm"]
    figure = figures.generator_gradient_norms(
        results.assign(generator_gradient_norm=norms * np.nan)
    )
    assert b"no gradient norm above zero" in figures.picture(figure).svg
