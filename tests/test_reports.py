"""Figures, terminal and report: drawn for every outcome, self-contained, hostile names as text."""

import base64
import hashlib
import io
import re

import jax
import markupsafe
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image, ImageChops
from rich.console import Console

import gan_jax
from gan_jax.reports import animation, checks, figures, scatters
from gan_jax.reports.curves import _mark_deaths, loss_curves
from gan_jax.reports.html import save_figures_and_report
from gan_jax.reports.images import mosaic
from gan_jax.reports.progress import TrainingProgress
from gan_jax.reports.samples import look_of, ranked_seeds, training_checks
from gan_jax.reports.style import colour
from gan_jax.reports.terminal import summary_table
from gan_jax.studies.cells import sample_axes
from gan_jax.studies.study import Study
from gan_jax.training.chunks import Segment

BASE = gan_jax.Experiment(steps=20, log_every=10, batch_size=16, evaluation_samples=32)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    variants = {"calm": {}, "wild": {"generator_learning_rate": 3e38}}
    study = Study("mixed", BASE, variants, 3)
    return gan_jax.run_study(study, tmp_path_factory.mktemp("mixed") / "study")


SAMPLES = ["samples", "samples_real", "snapshots", "snapshot_step"]
NO_FIGURES = {"parabola": {}}  # of the one group: quick, where a test looks elsewhere
# These results vary no number, and do not say at which step a verdict was decided.
DRAWN = set(figures.FIGURES) - {"convergence_maps"}


def test_every_figure_is_drawn_even_when_a_whole_variant_diverged(results, tmp_path):
    assert set(figures.draw_figures(results.isel(seed=[1]))) == DRAWN
    paths = figures.save_figures(results, tmp_path)
    assert {path.name for path in paths} == {f"{name}.png" for name in DRAWN}
    for path in paths:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert b"<svg" in path.with_suffix(".svg").read_bytes()


KINDS = [
    ("points", (1,)),
    ("points", (3,)),
    ("points", (9,)),
    ("images", (6, 5, 1)),
    ("images", (6, 5, 3)),
    ("sequences", (12,)),
]


def of_kind(results, kind, shape):
    """The same results with samples of another kind: noise, NaN among the generated."""
    draws, others = np.random.default_rng(0), results.drop_vars(SAMPLES)
    samples = draws.normal(size=(*results["samples"].shape[:3], *shape)).astype(np.float32)
    samples[-1, -1, -1] = np.nan
    real = draws.normal(size=(results.sizes["sample"], *shape)).astype(np.float32)
    dims = ("sample", *sample_axes(real))
    others = others.drop_vars("feature").assign(
        samples=(("variant", "seed", *dims), samples), samples_real=(dims, real)
    )
    return others.assign_attrs(results.attrs | {"kind": kind})


@pytest.mark.parametrize(("kind", "shape"), KINDS)
def test_samples_of_every_kind_are_drawn(results, tmp_path, kind, shape):
    drawn = of_kind(results, kind, shape)
    assert set(figures.draw_figures(drawn)) == DRAWN
    one = drawn.isel(variant=[0])
    snapshots = {step: one["samples"].values[0] for step in (10, 20)}
    path = figures.save_figure(training_checks(one, snapshots), tmp_path / "checks.png")
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("kind", "shape"), [("points", (2,)), *KINDS])
def test_an_animation_has_a_frame_a_step(results, tmp_path, kind, shape):
    look = look_of(of_kind(results, kind, shape))
    frames = {step: look.x_real * (1 - step / 40) for step in (0, 10, 20)}
    path = animation.save_animation(look, frames, "seed 0", tmp_path / "a.gif")
    with Image.open(path) as picture:
        assert picture.format == "GIF" and picture.n_frames == 3  # pyright: ignore
        assert picture.info["loop"] == 0  # for ever


def test_an_animation_too_large_loses_frames_but_not_the_last(results, tmp_path, monkeypatch):
    look = look_of(of_kind(results, "images", (6, 5, 3)))
    frames = {step: look.x_real * (1 - step / 40) for step in range(12)}
    whole = animation.save_animation(look, frames, "seed 0", tmp_path / "a.gif").stat().st_size
    monkeypatch.setattr(animation, "LARGEST", whole // 2)
    path = animation.save_animation(look, frames, "seed 0", tmp_path / "b.gif")
    assert path.stat().st_size <= whole // 2
    with Image.open(tmp_path / "a.gif") as every, Image.open(path) as some:
        assert (every.n_frames, some.n_frames) == (12, 4)  # pyright: ignore
        every.seek(11)
        some.seek(3)
        assert ImageChops.difference(every.convert("RGB"), some.convert("RGB")).getbbox() is None


def test_images_are_laid_in_rows_clipped_and_black_where_not_finite():
    x = np.full((3, 2, 2, 1), -3.0)
    x[1], x[2] = 0.0, np.nan
    picture = mosaic(x, columns=2)
    assert picture.shape == (2 * 2 + 2, 2 * 2 + 2, 3)
    assert (picture[:2, :2] == 0).all() and (picture[:2, 4:] == 0.5).all()
    assert (picture[4:, :2] == 0).all() and (picture[4:, 4:] == 1).all()  # the last row is short
    assert (picture[2:4] == 1).all() and (picture[:, 2:4] == 1).all()
    colours = np.array([-1.0, 0.0, 1.0]).reshape(1, 1, 1, 3)
    assert mosaic(colours, columns=1).tolist() == [[[0.0, 0.5, 1.0]]]


def test_points_in_space_keep_what_two_coordinates_would_hide():
    axes = np.concatenate([np.zeros((1, 3)), np.eye(3)])
    seen = scatters.oblique_plane(axes)(axes)
    assert len({tuple(point) for point in seen.round(3)}) == 4
    assert seen[3, 0] == 0 and seen[3, 1] > 0  # the third coordinate points upwards
    # Principal components: a line in nine dimensions is one again, its length kept.
    line = np.linspace(-1, 1, 11)[:, None] * np.full(9, 1.0)
    flat = scatters.principal_plane(line)(line)
    np.testing.assert_allclose(flat[:, 0], np.linspace(-3, 3, 11), atol=1e-12)
    np.testing.assert_allclose(flat[:, 1], 0, atol=1e-12)


def test_the_loss_figure_draws_both_players_and_half_the_discriminator(results):
    calm = results.sel(variant=["calm"])
    lines = {line.get_label(): line.get_ydata() for line in loss_curves(calm).axes[0].lines}
    for player in ("generator", "discriminator"):
        losses = calm[f"{player}_loss"].values[0, :, 1:]
        assert np.array_equal(lines[player], np.median(losses, axis=0))
    (half,) = (y for label, y in lines.items() if str(label).startswith("half"))
    assert np.array_equal(2 * half, lines["discriminator"])
    wild = loss_curves(results.sel(variant=["wild"]))
    assert wild.axes[0].get_xlabel() == "training step"


def test_one_exploding_record_does_not_flatten_the_losses(results):
    one = results.sel(variant=["calm"])
    steps = np.arange(1000)
    losses = np.sin(steps / 50)[None, None] * np.ones((1, 3, 1))
    losses[0, 0, 500] = 1e9
    names = [f"{player}_loss" for player in ("generator", "discriminator")]
    long = one[["status", "verdict"]].drop_vars("step", errors="ignore").assign_coords(step=steps)
    long = long.assign({name: (("variant", "seed", "step"), losses) for name in names})
    low, high = loss_curves(long).axes[0].get_ylim()
    assert low < -1 and 1 < high < 2


def test_snapshots_keep_frames_between_the_checks(results, tmp_path):
    experiment = BASE.replace(steps=700, log_every=1)
    snapshots = checks.Snapshots(experiment, 350)
    assert snapshots.steps == [350, 700]
    assert len(snapshots.frame_steps) == 60 == len(set(snapshots.frame_steps))
    assert snapshots.frame_steps[0] == 0 and snapshots.frame_steps[-1] == 700
    few = checks.Snapshots(BASE.replace(steps=20, log_every=1), 20)
    assert (few.steps, few.frame_steps) == ([20], [0, 10, 20])
    calm = results.sel(variant=["calm"])
    assert few.save(calm, tmp_path) == []  # nothing has been seen
    keys = jax.vmap(gan_jax.seed_key)(np.arange(3))
    states = jax.vmap(gan_jax.make_gan(BASE).init)(keys)
    for stop in (0, 5, 10, 20):
        for keep in few.keepers.values():
            keep(Segment(np.arange(3), 0, stop, states))
    assert [path.name for path in few.save(calm, tmp_path)] == ["checks.png", "animation.gif"]
    with Image.open(tmp_path / "figures" / "animation.gif") as picture:
        assert picture.n_frames == 3  # pyright: ignore


def test_a_variant_of_which_nothing_ran_is_missing_everywhere(results, tmp_path):
    partial = results.copy(deep=True)
    partial["status"].loc[{"variant": "wild"}] = "missing"
    assert set(figures.draw_figures(partial)) == DRAWN - {"improvement_matrix"}
    page = gan_jax.write_report(partial, tmp_path / "r.html", pictures=NO_FIGURES).read_text()
    assert "missing" in page


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
    chosen = results.copy(deep=True)
    chosen["sliced_wasserstein"].sel(variant="calm").values[:, -1] = [0.3, np.nan, 0.1]
    assert ranked_seeds(chosen.isel(seed=[1]), "calm") == [("the only one", 0)]
    assert ranked_seeds(chosen.isel(seed=[1, 2]), "calm") == [("best", 1), ("worst", 0)]
    assert ranked_seeds(chosen, "calm") == [("best", 2), ("median", 0), ("worst", 1)]


def test_the_report_is_one_file_that_needs_nothing_else(results, tmp_path):
    path = gan_jax.write_report(results, tmp_path)
    page = path.read_text()
    assert path.name == "report.html"
    assert "default-src 'none'" in page and "unsafe-inline" not in page
    assert not re.search(r"""(src|href)=["'](?!data:)""", page)
    assert "http:" not in page and "https:" not in page
    assert page.count("data:image/svg+xml;base64,") == len(DRAWN)
    assert "calm converged in" in page and "100 %" in page  # wild: all diverged


def test_the_pages_policy_names_its_own_style_and_script_by_hash(results, tmp_path):
    page = gan_jax.write_report(results, tmp_path / "r.html", pictures=NO_FIGURES).read_text()
    for kind, tag in (("style", "<style>"), ("script", "<script>")):
        (content,) = re.findall(f"{tag}(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in page


def test_a_studys_file_beside_the_report_is_shown_with_its_command(results, tmp_path):
    command = "gan-jax compare --losses 'a & b'"
    (tmp_path / "study.yaml").write_text(f"recorded:\n  command: {command}\n")
    page = gan_jax.write_report(results, tmp_path, pictures=NO_FIGURES).read_text()
    assert page.count(str(markupsafe.escape(command))) == 2
    (tmp_path / "study.yaml").write_text("<b>: [not yaml")
    page = gan_jax.write_report(results, tmp_path, pictures=NO_FIGURES).read_text()
    assert "&lt;b&gt;: [not yaml" in page and "Run it again" not in page


def test_drawing_once_gives_the_same_page_and_pictures(results, tmp_path):
    paths = save_figures_and_report(results, tmp_path / "once")
    again = gan_jax.write_report(results, tmp_path / "again.html")
    assert paths[-1].read_bytes() == again.read_bytes()
    assert len(paths) == len(DRAWN) + 1 and all(path.exists() for path in paths)


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
    with TrainingProgress(console, {"calm": 2}, {"calm": 20}, lambda: next(clock)) as progress:
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
    with TrainingProgress(
        console, {"a": 2, "b": 2}, {"a": 10, "b": 10}, lambda: next(clock)
    ) as progress:
        for variant, stop in (("a", 0), ("a", 10), ("b", 0), ("b", 10)):
            progress(variant, Segment(np.arange(2), 0, stop, None))
    assert capsys.readouterr().out.splitlines()[-1].endswith("5 seed-steps/s  0 s left")


def test_progress_survives_a_coarse_clock():
    with TrainingProgress(
        Console(file=io.StringIO()), {"a": 1}, {"a": 10}, lambda: 0.0
    ) as progress:
        progress("a", Segment(np.arange(1), 0, 10, None))
