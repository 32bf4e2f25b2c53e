"""Studies that grow, span data sets and durations, fail in part, or are looked at meanwhile."""

import json
import os
import shutil
import socket

import numpy as np
import pytest
import xarray as xr
from setups import BASE, LOSSES, timeless, tiny_study

import gan_jax
from gan_jax.config import ConfigError
from gan_jax.game import gan
from gan_jax.studies import engines
from gan_jax.studies.assembly import is_assembled
from gan_jax.studies.cells import StudyError, TakenError, cells, running
from gan_jax.studies.engines import assemble_study
from gan_jax.studies.folder import open_folder
from gan_jax.studies.handover import export_parquet, to_arviz
from gan_jax.studies.plan import plan, plan_line
from gan_jax.studies.status import study_status

SHORT = BASE.replace(steps=10, log_every=5, evaluation_samples=16)


def trained(monkeypatch):
    """Which variants and seeds are trained, in turn."""
    seen, run_cell = [], engines._run_cell

    def watched(study, cell, *others):
        seen.append((cell.variant, cell.seeds))
        run_cell(study, cell, *others)

    monkeypatch.setattr(engines, "_run_cell", watched)
    return seen


def test_a_study_grows_by_what_is_new_only(tmp_path, monkeypatch):
    seen, folder = trained(monkeypatch), tmp_path / "grown"
    both = {"b": {"loss": "hinge"}, "a": {}}

    def run(variants, seeds):
        study = tiny_study(base=SHORT, variants=variants, seeds=seeds, lanes=None)
        return gan_jax.run_study(study, folder)

    before = run({"a": {}}, 3)
    run({"a": {}}, [2, 0, 1, 9])
    grown = run(both, [0, 1, 2, 9])
    assert seen == [("a", (0, 1, 2)), ("a", (9,)), ("b", (0, 1, 2)), ("b", (9,))]
    assert grown["variant"].values.tolist() == ["a", "b"]
    assert grown["seed"].values.tolist() == [0, 1, 2, 9]
    assert run(both, [0, 1, 2, 9]).identical(grown) and len(seen) == 4
    # Whichever way it came about, it is one study: a seed's numbers depend on the lanes alone.
    variants = {"a": {}, "b": {"loss": "hinge"}}
    whole = tiny_study(base=SHORT, variants=variants, seeds=[0, 1, 2, 9], lanes=2)
    at_once = gan_jax.run_study(whole, tmp_path / "whole")
    xr.testing.assert_identical(timeless(grown), timeless(at_once))
    xr.testing.assert_equal(grown["logit_real"][:1, :3], before["logit_real"])


def test_a_study_never_shrinks_and_keeps_its_lanes(tmp_path):
    open_folder(tiny_study(seeds=3), tmp_path / "s")
    for changes, words in (
        ({"seeds": 2}, "seeds: 2 there, not here; a study grows, but never shrinks"),
        ({"variants": {"saturating": LOSSES["saturating"]}}, "variants: non_saturating there"),
        ({"lanes": 3}, "lanes: 2 there, 3 here"),
        ({"moments": 5}, "moments: 3 there, 5 here"),
        ({"criteria": gan_jax.Criteria(tail_share=0.5)}, r"criteria.tail_share: 0.2 there, 0.5"),
        ({"name": "other"}, "name: tiny there, other here"),
    ):
        with pytest.raises(ConfigError, match=words):
            open_folder(tiny_study(**changes), tmp_path / "s")
    many = open_folder(tiny_study(seeds=100, lanes=None), tmp_path / "s")
    assert many.lanes == 2 and many.grown_from == (3,)
    sizes = [len(cell.seeds) for cell in cells(many) if cell.variant == "saturating"]
    assert sizes == [3, 64, 33]
    assert (
        open_folder(tiny_study(seeds=100, lanes=None), tmp_path / "s").to_dict() == many.to_dict()
    )


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """A study of two data sets, one of whose variants trains for longer."""
    variants = {
        "curve": {},
        "curve_longer": {"steps": 14},
        "modes": {"data": "ring"},
    }
    folder = tmp_path_factory.mktemp("several") / "s"
    study = tiny_study(base=SHORT, variants=variants, seeds=3)
    return folder, gan_jax.run_study(study, folder)


def test_data_sets_are_groups_of_one_file(several):
    folder, results = several
    with xr.open_dataset(folder / "results.nc") as plain:
        assert plain["verdict"].shape == (3, 3) and "samples" not in plain
    assert results["data"].values.tolist() == ["parabola", "parabola", "ring"]
    assert np.isnan(results["curve_error"].sel(variant="modes")).all()
    assert np.isfinite(results["high_quality"].sel(variant="modes", step=[0, 5, 10])).all()
    groups = gan_jax.load_groups(folder)
    assert list(groups) == ["parabola", "ring"]
    assert groups["parabola"]["variant"].values.tolist() == ["curve", "curve_longer"]
    assert "high_quality" not in groups["parabola"] and "high_quality" in groups["ring"]
    assert groups["ring"]["samples"].shape == (1, 3, 16, 2)
    xr.testing.assert_identical(gan_jax.load_results(folder, "ring"), groups["ring"])
    floor = "floor_sliced_wasserstein"
    assert not np.allclose(results[floor].sel(variant="modes"), results[floor].sel(variant="curve"))
    assert (results["verdict"] != "").all()
    alone = gan_jax.summarize(groups["parabola"])
    together = gan_jax.summarize(results)
    assert together.loc[["curve", "curve_longer"], "converged"].equals(alone["converged"])


def test_step_axes_are_padded_and_masked(several):
    folder, results = several
    assert results["step"].values.tolist() == [0, 5, 10, 14]
    assert results["recorded"].values.tolist() == [
        [True, True, True, False], [True, True, True, True], [True, True, True, False],
    ]  # fmt: skip
    short, longer = (results["diversity"].sel(variant=x) for x in ("curve", "curve_longer"))
    np.testing.assert_array_equal(short[:, :3], longer[:, :3])
    assert np.isnan(short[:, 3]).all() and np.isfinite(longer).all()
    # What stands for the end is each variant's own last record.
    summary = gan_jax.summarize(results)
    np.testing.assert_allclose(
        summary["quality_median"],
        [results["sliced_wasserstein"].sel(variant=name, step=step).median()
         for name, step in (("curve", 10), ("curve_longer", 14), ("modes", 10))],
        rtol=1e-6,
    )  # fmt: skip
    assert "parabola" in (folder / "seeds.csv").read_text()


def test_snapshots_are_the_first_samples_over_training(finished):
    _, results = finished
    np.testing.assert_array_equal(results["snapshots"][:, :, -1], results["samples"])
    assert results["snapshot_step"].values.tolist() == [[0, 30], [0, 30]]
    untrained = results["snapshots"][:, :, 0]
    np.testing.assert_array_equal(untrained[0], untrained[1])
    assert not np.allclose(untrained, results["snapshots"][:, :, -1])


def test_a_failed_cell_is_noted_and_the_others_run(tmp_path, monkeypatch):
    study = tiny_study(base=SHORT, variants={"bad": {}, "good": {"loss": "hinge"}}, seeds=2)
    run_cell = engines._run_cell

    def fails(study, cell, *others):
        if cell.variant == "bad":
            raise RuntimeError("out of luck\nand more")
        run_cell(study, cell, *others)

    with monkeypatch.context() as patch, pytest.raises(StudyError, match="1 of 2 cells failed"):
        patch.setattr(engines, "_run_cell", fails)
        gan_jax.run_study(study, tmp_path / "s")
    status = study_status(tmp_path / "s")
    assert status.counts["bad"]["failed"] == 1 and status.counts["good"]["done"] == 1
    ((cell, state, note),) = status.notes
    assert (cell.variant, state, note) == ("bad", "failed", "RuntimeError: out of luck")
    results = gan_jax.run_study(study, tmp_path / "s")  # tried again
    assert (results["status"] == "done").all()
    assert not list((tmp_path / "s").rglob("failed"))


def test_a_running_cell_is_told_from_one_whose_process_is_gone(tmp_path):
    study = tiny_study()
    open_folder(study, tmp_path / "s")
    cell = cells(study)[0]
    cell.folder(tmp_path / "s").mkdir(parents=True)
    note = {"host": socket.gethostname(), "process": os.getpid(), "since": "now"}
    for change, state in (
        ({}, "running"), ({"process": 2**22 + 1}, "missing"), ({"process": "x"}, "missing"),
        ({"host": "elsewhere", "process": 1}, "running"),
    ):  # fmt: skip
        (cell.folder(tmp_path / "s") / "running").write_text(json.dumps(note | change))
        assert study_status(tmp_path / "s").counts["saturating"][state] == 1


def test_the_plan_counts_programs_runs_and_steps():
    variants = {
        "slow": {"generator_learning_rate": 1e-4},
        "fast": {"generator_learning_rate": 1e-2},
        "hinge": {"loss": "hinge"},
        "clipped": {"weight_clip": 0.1},
        "longer": {"steps": 60},
    }
    study = tiny_study(variants=variants)
    size = plan(study, cells(study))
    assert size == (3, 15, 3 * (4 * 30 + 60))
    assert plan_line(study, size) == (
        "tiny: 15 runs (5 variants x 3 seeds), 3 programs to compile, 540 seed-steps"
    )


def test_learning_rates_share_one_program(tmp_path, monkeypatch):
    traces, train_step = [], gan.train_step

    def counted(*arguments):
        traces.append(1)
        return train_step(*arguments)

    monkeypatch.setattr(gan, "train_step", counted)
    rates = {f"r{i}": {"generator_learning_rate": 10.0**-i} for i in range(2, 6)}
    base = SHORT.replace(generator_hidden=(11,))
    gan_jax.run_study(tiny_study(base=base, variants=rates, seeds=3), tmp_path / "s")
    assert len(traces) == 1


def test_results_are_handed_over(finished, tmp_path):
    pd = pytest.importorskip("pandas")
    _, results = finished
    chains = to_arviz(results, "saturating")
    assert dict(chains.sizes) == {"chain": 3, "draw": 4}
    np.testing.assert_array_equal(
        chains["diversity"], results["diversity"].sel(variant="saturating")
    )
    with pytest.raises(ConfigError, match="'hinge' given; there are saturating, non_saturating"):
        to_arviz(results, "hinge")
    pytest.importorskip("pyarrow")
    seeds, curves = (pd.read_parquet(path) for path in export_parquet(results, tmp_path))
    assert len(seeds) == 6 and len(curves) == 2 * 3 * 4
    assert seeds["verdict"].tolist() == results["verdict"].values.ravel().tolist()
    one = curves.query("variant == 'non_saturating' and seed == 2 and step == 20")
    expected = results["diversity"].sel(variant="non_saturating", seed=2, step=20)
    np.testing.assert_array_equal(one["diversity"], expected)


def test_groups_of_one_name_are_told_apart(tmp_path):
    rows = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    files = [tmp_path / "a" / "my-data.npy", tmp_path / "b" / "my-data.npy"]
    for file in files:
        file.parent.mkdir()
        np.save(file, rows)
    first, second = map(str, files)
    variants = {
        "one": {"data": first},
        "two": {"data": second},
        "three": {"data": first, "evaluation_samples": 18},
        "four": {"data": "ring"},
        "five": {"data": "ring", "data_seed": 1},
    }
    groups = tiny_study(base=SHORT, variants=variants).groups()
    assert {name: list(own) for name, own in groups.items()} == {
        "my-data": ["one"], "my-data-2": ["two"], "my-data-3": ["three"],
        "ring": ["four"], "ring-2": ["five"],
    }  # fmt: skip


def test_results_written_too_early_are_not_taken_for_all(finished, tmp_path):
    folder, whole = finished
    shutil.copytree(folder, tmp_path / "s")
    last = cells(tiny_study())[-1].path(tmp_path / "s")
    result = last.read_bytes()
    last.unlink()
    study = tiny_study()
    assemble_study(study, tmp_path / "s")
    last.write_bytes(result)
    os.utime(last, (1, 1))  # copied with its time, long before the results were written
    assert not is_assembled(study, tmp_path / "s")
    xr.testing.assert_identical(timeless(gan_jax.run_study(study, tmp_path / "s")), timeless(whole))
    assert is_assembled(study, tmp_path / "s")


def test_a_cell_is_run_by_one_process_only(tmp_path):
    study = tiny_study(base=SHORT, variants={"a": {}}, seeds=2)
    folder = tmp_path / "s"
    (cell,) = cells(study)
    open_folder(study, folder)
    taken = pytest.raises(TakenError, match=f"run by process {os.getpid()} on")
    with running(cell, folder), taken, running(cell, folder):
        raise AssertionError("claimed twice")
    elsewhere = pytest.raises(StudyError, match="1 of 1 cells are run elsewhere")
    with running(cell, folder), elsewhere:
        gan_jax.run_study(study, folder)
    gone = {"host": socket.gethostname(), "process": 2**22 + 1}
    (cell.folder(folder) / "running").write_text(json.dumps(gone))
    assert (gan_jax.run_study(study, folder)["status"] == "done").all()
    assert not (cell.folder(folder) / "running").exists()


def test_a_cell_of_another_version_is_refused_in_one_line(finished, tmp_path):
    shutil.copytree(finished[0], tmp_path / "s")
    path = cells(tiny_study())[0].path(tmp_path / "s")
    old = xr.load_dataset(path).drop_vars(["snapshots", "snapshot_step"])
    path.unlink()
    old.to_netcdf(path, engine="h5netcdf")
    (tmp_path / "s" / "results.nc").unlink()
    with pytest.raises(ConfigError, match=r"result\.nc: of another version"):
        gan_jax.run_study(tiny_study(), tmp_path / "s")


def test_who_names_no_criteria_means_the_folders(tmp_path):
    strict = gan_jax.Criteria(tail_share=0.5)
    open_folder(tiny_study(criteria=strict), tmp_path / "s")
    assert open_folder(tiny_study(), tmp_path / "s").criteria == strict
    with pytest.raises(ConfigError, match=r"tail_share: 0\.5 there, 0\.4 here; `gan-jax verdicts`"):
        open_folder(tiny_study(criteria=gan_jax.Criteria(tail_share=0.4)), tmp_path / "s")


def test_a_seed_that_once_exploded_ranks_worst_whatever_its_last_number(finished):
    results = finished[1].copy(deep=True)
    results["verdict"][0] = ["converged", "diverged", "converged"]
    results["verdict"][1] = "converged"
    results["sliced_wasserstein"][:, :, -1] = [[0.2, 0.001, 0.3], [0.2, 0.5, 0.3]]
    table = gan_jax.summarize(results)
    assert table.loc["saturating", "quality_median"] == pytest.approx(0.3)
    assert table.loc["non_saturating", "improvement"] == pytest.approx(5 / 9)
