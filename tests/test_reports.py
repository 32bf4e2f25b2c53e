"""Figures, terminal and report: drawn for every outcome, self-contained, hostile names as text."""

import io
import re

import numpy as np
import pytest

import gan_jax
from gan_jax.reports import figures
from gan_jax.reports.html import answer
from gan_jax.reports.terminal import TrainingProgress, summary_table
from gan_jax.studies.study import Study

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


def test_every_seed_is_on_the_quality_figure_beside_median_and_floor(results):
    axis = figures.quality_over_steps(results.sel(variant=["calm"])).axes[0]
    curves = results["sliced_wasserstein"].sel(variant="calm").values
    drawn = [line.get_ydata() for line in axis.lines]
    for curve in (*curves, np.median(curves, axis=0)):
        assert any(np.array_equal(curve, line) for line in drawn)
    floor = np.percentile(results["floor_sliced_wasserstein"], 95)
    assert any(np.allclose(line, floor) for line in drawn)


def test_the_same_variant_has_the_same_colour(results):
    assert figures.colour(results, "calm") != figures.colour(results, "wild")


def test_best_median_and_worst_rank_a_diverged_seed_last(results):
    chosen = results.sel(variant="calm").copy(deep=True)
    final = chosen["sliced_wasserstein"].values
    final[:, -1] = [0.3, np.nan, 0.1]
    assert figures.ranked_seeds(chosen, "sliced_wasserstein") == [
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


def test_the_terminal_table_fits_80_columns_and_shows_failures(results):
    from rich.console import Console

    console = Console(width=80, record=True, file=io.StringIO())
    console.print(summary_table(gan_jax.summarize(results), "t", "sliced_wasserstein"))
    text = console.export_text()
    assert "…" not in text and "failed" in text and "100 %" in text
    assert all(len(line.rstrip()) <= 80 for line in text.splitlines())


def test_progress_without_a_terminal_is_plain_lines(monkeypatch, capsys):
    from rich.console import Console

    from gan_jax.training.loop import Segment

    clock = iter(range(0, 1000, 4))
    monkeypatch.setattr("gan_jax.reports.terminal.time.monotonic", lambda: next(clock))
    with TrainingProgress(Console(force_terminal=False), 40, 20) as progress:
        for start in (0, 10):
            progress("calm", Segment(np.arange(2), start, start + 10, None))
    lines = capsys.readouterr().out.splitlines()
    # 20 seed-steps in 4 seconds, none left.
    assert lines[0] == "compiling"
    assert lines[1:] == [
        "calm  50%  step 10 of 20",
        "calm  100%  step 20 of 20  5 seed-steps/s  0 s left",
    ]
