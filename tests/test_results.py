"""A study's folder: cells, results that stay paired and labelled, resuming, what is refused."""

import csv
import shutil

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml
from setups import BASE, LOSSES, timeless, tiny_study

import gan_jax
from gan_jax.analysis import quality
from gan_jax.config import ConfigError
from gan_jax.fields import differences
from gan_jax.files.whole import write_text
from gan_jax.studies import engines
from gan_jax.studies import folder as study_folder
from gan_jax.studies.cells import cells, missing_cells
from gan_jax.studies.files import read_yaml
from gan_jax.studies.study import Study


def test_cells_are_whole_chunks_of_lanes():
    many = tiny_study(seeds=150, lanes=20)
    sizes = [len(cell.seeds) for cell in cells(many) if cell.variant == "saturating"]
    assert sizes == [80, 70]
    assert sum((cell.seeds for cell in cells(many)[:2]), ()) == tuple(range(150))


def test_results_are_labelled_complete_and_judged(finished):
    folder, results = finished
    assert dict(results.sizes) == {
        "variant": 2, "seed": 3, "step": 4, "sample": 32, "feature": 2, "draw": 100,
        "final_draw": 20, "moment": 2, "shown": 32,
    }  # fmt: skip
    assert results["variant"].values.tolist() == list(LOSSES)
    assert (results["status"] == "done").all()
    assert np.isfinite(results["sliced_wasserstein"]).all()
    assert results["samples"].shape == (2, 3, 32, 2)
    xr.testing.assert_identical(gan_jax.load_results(folder), results)
    xr.testing.assert_identical(gan_jax.load_results(folder / "results.nc"), results)
    with xr.open_dataset(folder / "results.nc") as plain:
        assert plain.attrs["study"] == "tiny"
        assert plain.attrs["study_file"] == (folder / "study.yaml").read_text()


def test_a_name_longer_than_the_first_one_is_kept_whole(tmp_path):
    named = tiny_study(variants={"a": {}, "a_longer_name": {}}, seeds=1)
    results = gan_jax.run_study(named, tmp_path / "named")
    assert results["variant"].values.tolist() == ["a", "a_longer_name"]
    assert gan_jax.load_results(tmp_path / "named").identical(results)


def test_variants_are_paired_by_seed(finished):
    # The same untrained generators and discriminators, so the same first record, bit for bit.
    _, results = finished
    first = results.isel(step=0)
    for name in ("sliced_wasserstein", "diversity", "accuracy_real"):
        values = first[name].values
        np.testing.assert_array_equal(values[0], values[1])
        assert len(np.unique(values[0])) > 1


def test_the_files_beside_the_results(finished):
    folder, results = finished
    with (folder / "seeds.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["variant"], row["seed"]) for row in rows] == [
        (variant, str(seed)) for variant in LOSSES for seed in range(3)
    ]
    last = float(results["sliced_wasserstein"].isel(variant=1, seed=2, step=-1))
    np.testing.assert_allclose(float(rows[-1]["sliced_wasserstein"]), last, rtol=1e-6)
    recorded = read_yaml(folder / "study.yaml")
    assert recorded["base"]["optimizer"] == "adam" and recorded["base"]["steps"] == 30
    assert set(recorded["recorded"]["packages"]) >= {"jax", "jaxlib", "flax", "optax"}
    assert recorded["recorded"]["devices"] and recorded["lanes"] == 2
    assert Study.from_dict(recorded).to_dict() == tiny_study().to_dict()
    assert not list(folder.rglob("*.tmp"))


@pytest.mark.bits
def test_results_are_the_training_itself(finished):
    _, results = finished
    experiment = BASE.replace(loss="saturating")
    evaluation = quality.evaluation(experiment)
    run = gan_jax.train_seeds(experiment, 3, lanes=2, evaluation=evaluation)
    np.testing.assert_array_equal(
        results["generator_loss"].sel(variant="saturating"), run.history["generator_loss"]
    )
    samples = quality.samples(BASE, run.states)
    np.testing.assert_array_equal(results["samples"].sel(variant="saturating"), samples)
    assert results["feature"].values.tolist() == ["x", "y"]


def test_a_complete_study_is_read_not_run(finished, monkeypatch):
    folder, results = finished
    monkeypatch.setitem(engines.ENGINES, "local", None)
    xr.testing.assert_identical(gan_jax.run_study(tiny_study(), folder), results)


@pytest.mark.bits
def test_a_study_interrupted_between_cells_continues_to_the_same_numbers(finished, tmp_path):
    _, whole = finished
    folder = tmp_path / "tiny"

    def interrupt(variant, segment):
        if variant == "non_saturating":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gan_jax.run_study(tiny_study(), folder, observer=interrupt)
    assert [cell.variant for cell in missing_cells(tiny_study(), folder)] == ["non_saturating"]
    seen = set()
    results = gan_jax.run_study(tiny_study(), folder, observer=lambda variant, _: seen.add(variant))
    assert seen == {"non_saturating"}
    xr.testing.assert_identical(timeless(results), timeless(whole))


def test_seeds_keep_their_order_over_many_cells(tmp_path):
    order = np.random.default_rng(0).permutation(80).tolist()
    many = tiny_study(seeds=order, lanes=64, variants={"only": {}}, base=BASE.replace(steps=2))
    results = gan_jax.run_study(many, tmp_path / "many")
    assert results["seed"].values.tolist() == order
    alone = gan_jax.train_seeds(many.first_experiment(), [7], lanes=64)
    np.testing.assert_array_equal(
        results["logit_real"].sel(seed=7).values[0], alone.history["logit_real"][0]
    )


def test_a_study_is_recognised_whatever_its_names_and_overrides(tmp_path):
    odd = {
        "1e-3": {"generator_learning_rate": np.float64(1e-3)},
        "null": {"generator_hidden": (8, 8)},
        "2": {"batch_size": np.int64(18)},
    }
    for _ in range(2):
        results = gan_jax.run_study(tiny_study(variants=odd, seeds=1), tmp_path / "odd")
    assert results["variant"].values.tolist() == list(odd)


def test_a_complete_study_without_its_table_is_repaired(finished, tmp_path):
    folder, _ = finished
    shutil.copytree(folder, tmp_path / "tiny")
    (tmp_path / "tiny" / "seeds.csv").unlink()
    gan_jax.run_study(tiny_study(), tmp_path / "tiny")
    assert (tmp_path / "tiny" / "seeds.csv").read_text() == (folder / "seeds.csv").read_text()


def test_a_folder_that_cannot_take_results_is_refused_before_training(tmp_path):
    study_folder.open_folder(tiny_study(), tmp_path / "tiny")
    (tmp_path / "tiny" / "cells").write_text("in the way")
    with pytest.raises(ConfigError, match=r"cannot write to .*cells"):
        gan_jax.run_study(tiny_study(), tmp_path / "tiny")


def test_another_study_is_refused_with_the_difference_named(finished):
    folder, _ = finished
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    both = r"seeds: 2 there, not here.*never shrinks; batch_size: 16 there, 18 here"
    with pytest.raises(ConfigError, match=both):
        gan_jax.run_study(tiny_study(seeds=2, base=BASE.replace(batch_size=18)), folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_study_is_not_continued_with_other_versions(finished, tmp_path):
    folder, _ = finished
    recorded = read_yaml(folder / "study.yaml")
    recorded["recorded"]["packages"]["jax"] = "0.0.1"
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(recorded))
    with pytest.raises(ConfigError, match=r"begun with other versions \(jax: 0\.0\.1 there"):
        gan_jax.run_study(tiny_study(), tmp_path)


def test_folders_that_cannot_serve_are_refused(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(ConfigError, match=r"holds files but no study\.yaml"):
        gan_jax.run_study(tiny_study(), tmp_path / "mine")
    with pytest.raises(ConfigError, match=r"cannot write to .*thesis\.txt"):
        gan_jax.run_study(tiny_study(), tmp_path / "mine" / "thesis.txt" / "sub")
    with pytest.raises(ConfigError, match=r"cannot write to .*thesis\.txt"):
        gan_jax.run_study(tiny_study(), tmp_path / "mine" / "thesis.txt")
    with pytest.raises(ConfigError, match=r"engine: 'loca' given.*did you mean 'local'"):
        gan_jax.run_study(tiny_study(), tmp_path / "new", engine="loca")
    assert not (tmp_path / "new").exists()


def test_unreadable_results_are_one_line(tmp_path):
    (tmp_path / "results.nc").write_bytes(b"not a NetCDF file at all")
    for path, words in ((tmp_path, "not a readable"), (tmp_path / "none.nc", "No such file")):
        with pytest.raises(ConfigError, match=words) as refusal:
            gan_jax.load_results(path)
        assert "\n" not in str(refusal.value)


def test_a_missing_cell_is_missing_never_a_zero(finished, tmp_path):
    from gan_jax.studies.assembly import Reference, assemble

    folder, whole = finished
    partial = tmp_path / "tiny"
    done = next(cell for cell in cells(tiny_study()) if cell.variant == "saturating")
    shutil.copytree(done.folder(folder), done.folder(partial))
    shutil.copy(folder / "study.yaml", partial)
    names = ("sliced_wasserstein", "pair_distance")
    floors = {name: whole[f"floor_{name}"].values[0] for name in names}
    reference = Reference(floors, {}, whole["samples_real"].values, (), "points")
    given = (tiny_study(), partial, "sliced_wasserstein", {"parabola": reference}, {})
    assemble(*given)
    results = gan_jax.load_results(partial)
    assert (results["status"].sel(variant="non_saturating") == "missing").all()
    assert np.isnan(results["sliced_wasserstein"].sel(variant="non_saturating")).all()
    assert (results["verdict"].sel(variant="non_saturating") == "").all()
    np.testing.assert_array_equal(
        results["sliced_wasserstein"].sel(variant="saturating"),
        whole["sliced_wasserstein"].sel(variant="saturating"),
    )
    summary = gan_jax.summarize(results)
    assert summary.loc["non_saturating", "seeds"] == 0
    assert summary.loc["non_saturating", "missing"] == 3
    assert np.isnan(summary.loc["non_saturating", "converged"])


def test_the_summary_counts_every_seed_once(finished):
    _, results = finished
    summary = gan_jax.summarize(results)
    assert isinstance(summary, pd.DataFrame) and summary.index.tolist() == list(LOSSES)
    three = summary[["converged", "collapsed", "diverged", "other"]]
    np.testing.assert_allclose(three.sum(axis=1), 1)
    for variant, row in summary.iterrows():
        share = (results["verdict"].sel(variant=variant) == "collapsed").mean()
        np.testing.assert_allclose(row["collapsed"], share)
        assert row["collapsed_low"] <= row["collapsed"] <= row["collapsed_high"]
    median = results["sliced_wasserstein"].isel(step=-1).median("seed")
    np.testing.assert_allclose(summary["quality_median"], median, rtol=1e-6)
    for name, q in (("quality_q25", 0.25), ("quality_q75", 0.75)):
        quantile = results["sliced_wasserstein"].isel(step=-1).quantile(q, "seed")
        np.testing.assert_allclose(summary[name], quantile, rtol=1e-6)
    for name in ("accuracy_real", "accuracy_fake"):
        np.testing.assert_allclose(summary[name], results[name].isel(step=-1).median("seed"))


def test_a_diverged_study_is_summarised_not_averaged_away(tmp_path):
    wild = tiny_study(base=BASE.replace(generator_learning_rate=3e38), variants={"wild": {}})
    summary = gan_jax.summarize(gan_jax.run_study(wild, tmp_path / "wild"))
    assert summary.loc["wild", "diverged"] == 1
    assert np.isnan(summary.loc["wild", "quality_median"])


def test_differences_are_named_key_by_key():
    there, here = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1, "c": 4}, "e": 5}
    assert differences(there, here) == [
        "a.c: 2 there, 4 here", "d: 3 there, nothing here", "e: nothing there, 5 here",
    ]  # fmt: skip


def test_a_file_is_whole_or_not_there(tmp_path):
    target = tmp_path / "file.txt"
    write_text(target, "old")

    def fails(path):
        path.write_text("half")
        raise OSError("disk full")

    from gan_jax.files.whole import write_whole

    with pytest.raises(OSError, match="disk full"):
        write_whole(target, fails)
    assert target.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["file.txt"]
