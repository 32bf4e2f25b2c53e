"""Figures, terminal and report: drawn for every outcome, self-contained, hostile names as text."""

import io
import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from rich.console import Console

import gan_jax
from gan_jax.reports import figures
from gan_jax.reports.curves import _mark_deaths
from gan_jax.reports.html import answer
from gan_jax.reports.progress import TrainingProgress
from gan_jax.reports.scatters import ranked_seeds
from gan_jax.reports.style import colour
from gan_jax.reports.terminal import summary_table
from gan_jax.studies.study import Study
from gan_jax.training.loop import Segment

BASE = gan_jax.Experiment(steps=20, log_every=10, batch_size=16, evaluation_samples=32)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    variants = {"calm": {}, "wild": {"generator_learning_rate": 3e38}}
    study = Study("mixed", BASE, variants, 3)
    return gan_jax.run_study(study, tmp_path_factory.mktemp("mixed") / "study")


@pytest.mark.parametrize("name", list(figures.FIGURES))
def test_every_figure_is_drawn_even_when_a_whole_variant_diverged(results, tmp_path, name):
    path = figures.save_figure(figures.FIGURES[name](results), tmp_path / f"{name}.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    figures.save_figure(figures.FIGURES[name](results.isel(seed=[1])), tmp_path / "one.svg")
    assert b"<svg" in (tmp_path / "one.svg").read_bytes()


def test_data_that_are_no_points_in_the_plane_have_no_scatter(results):
    line = results.isel(feature=[0])
    assert set(figures.draw_figures(line)) == set(figures.FIGURES) - {"final_samples"}


def test_a_variant_of_which_nothing_ran_is_missing_everywhere(results, tmp_path):
    partial = results.copy(deep=True)
    partial["status"].loc[{"variant": "wild"}] = "missing"
    assert set(figures.draw_figures(partial)) == set(figures.FIGURES)
    assert "missing" in gan_jax.write_report(partial, tmp_path / "r.html").read_text()


def test_the_gradient_figure_draws_the_generators_median(results):
    axis = figures.generator_gradient_norms(results.sel(variant=["calm"])).axes[0]
    norms = results["generator_gradient_norm"].sel(variant="calm").values
    assert any(np.array_equal(np.median(norms[:, 1:], axis=0), x.get_ydata()) for x in axis.lines)


def test_a_seed_that_died_is_marked_where_it_died():
    steps = np.array([0, 10, 20])
    axis = Figure().subplots()
    _mark_deaths(axis, steps, np.array([[1.0, 2.0, 3.0], [1.0, 5.0, np.nan]]))
    assert [tuple(line.get_xydata()[0]) for line in axis.lines] == [(10, 5)]


def test_every_seed_is_on_the_quality_figure_beside_median_and_floor(results):
    axis = figures.quality_over_steps(results.sel(variant=["calm"])).axes[0]
    curves = results["sliced_wasserstein"].sel(variant="calm").values
    drawn = [line.get_ydata() for line in axis.lines]
    for curve in (*curves, np.median(curves, axis=0)):
        assert any(np.array_equal(curve, line) for line in drawn)
    floor = np.percentile(results["floor_sliced_wasserstein"], 95)
    assert any(np.allclose(line, floor) for line in drawn)


def test_the_same_variant_has_the_same_colour(results):
    assert colour(results, "calm") != colour(results, "wild")


def test_best_median_and_worst_rank_a_diverged_seed_last(results):
    chosen = results.sel(variant="calm").copy(deep=True)
    final = chosen["sliced_wasserstein"].values
    final[:, -1] = [0.3, np.nan, 0.1]
    assert ranked_seeds(chosen.isel(seed=[1]), "sliced_wasserstein") == [("the only one", 0)]
    assert ranked_seeds(chosen.isel(seed=[1, 2]), "sliced_wasserstein") == [
        ("best", 1), ("worst", 0),
    ]  # fmt: skip
    assert ranked_seeds(chosen, "sliced_wasserstein") == [
        ("best", 2), ("median", 0), ("worst", 1),
    ]  # fmt: skip


def test_the_report_is_one_file_that_needs_nothing_else(results, tmp_path):
    path = gan_jax.write_report(results, tmp_path)
    page = path.read_text()
    assert path.name == "report.html"
    assert "default-src 'none'" in page and "<script" not in page
    assert not re.search(r"""(src|href)=["'](?!data:)""", page)
    assert "http:" not in page and "https:" not in page
    assert page.count("data:image/png;base64,") == len(figures.FIGURES)
    assert "Converged: calm in" in page and "100 %" in page  # wild: all diverged


def test_hostile_names_are_text(results, tmp_path):
    hostile = "<script>alert(1)</script>"
    renamed = results.assign_coords(variant=[hostile, "b" * 1000]).assign_attrs(study=hostile)
    page = gan_jax.write_report(renamed, tmp_path / "r.html").read_text()
    assert "<script>" not in page and "&lt;script&gt;alert(1)" in page


def test_the_answer_says_rates_with_intervals(results):
    sentence = answer(gan_jax.summarize(results))
    assert re.search(r"wild in 0 % of 3 seeds \(95 % interval 0 to 56\)", sentence)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_terminal_table_fits_and_shows_failures(results, width):
    console = Console(width=width, record=True, file=io.StringIO())
    summary = gan_jax.summarize(results)
    console.print(summary_table(summary, "t", "sliced_wasserstein", width))
    text = console.export_text()
    for word in ("calm", "wild", "converged", "accuracy", "failed", "100 %"):
        assert word in text
    assert "…" not in text
    assert all(len(line.rstrip()) <= width for line in text.splitlines())


def test_progress_without_a_terminal_is_plain_lines(capsys):
    clock = iter(range(0, 1000, 4))
    console = Console(force_terminal=False)
    with TrainingProgress(console, {"calm": 2}, 20, lambda: next(clock)) as progress:
        for start, stop in ((0, 0), (0, 10), (10, 20)):
            progress("calm", Segment(np.arange(2), start, stop, None))
    # Four seconds between calls, twenty seed-steps in each but the first, which follows compiling.
    assert capsys.readouterr().out.splitlines() == [
        "compiling",
        "calm  0%  step 0 of 20",
        "calm  50%  step 10 of 20  5 seed-steps/s  4 s left",
        "calm  100%  step 20 of 20  5 seed-steps/s  0 s left",
    ]


def test_the_rate_forgets_the_compiling_between_variants(capsys):
    clock = iter([0, 1, 2, 1000, 1004])
    console = Console(force_terminal=False)
    with TrainingProgress(console, {"a": 2, "b": 2}, 10, lambda: next(clock)) as progress:
        for variant, stop in (("a", 0), ("a", 10), ("b", 0), ("b", 10)):
            progress(variant, Segment(np.arange(2), 0, stop, None))
    assert capsys.readouterr().out.splitlines()[-1].endswith("5 seed-steps/s  0 s left")


def test_progress_survives_a_coarse_clock():
    with TrainingProgress(Console(file=io.StringIO()), {"a": 1}, 10, lambda: 0.0) as progress:
        progress("a", Segment(np.arange(1), 0, 10, None))
