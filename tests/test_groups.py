"""Results of several data sets and durations: groups, padded steps, what is handed over."""

import numpy as np
import pytest
import xarray as xr
from setups import SHORT, tiny_study

import gan_jax
from gan_jax.config import ConfigError
from gan_jax.studies.handover import export_parquet, to_arviz


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """A study of two data sets, one of whose variants trains for longer."""
    variants = {
        "modes": {"data": "ring"},
        "curve": {},
        "curve_longer": {"steps": 14},
    }
    folder = tmp_path_factory.mktemp("several") / "s"
    study = tiny_study(base=SHORT, variants=variants, seeds=3)
    return folder, gan_jax.run_study(study, folder)


def test_data_sets_are_groups_of_one_file(several):
    folder, results = several
    with xr.open_dataset(folder / "results.nc") as plain:
        assert plain["verdict"].shape == (3, 3) and "samples" not in plain
    assert results["data"].values.tolist() == ["ring", "parabola", "parabola"]
    assert np.isnan(results["curve_error"].sel(variant="modes")).all()
    assert np.isfinite(results["high_quality"].sel(variant="modes", step=[0, 5, 10])).all()
    groups = gan_jax.load_groups(folder)
    assert list(groups) == ["ring", "parabola"]  # in the study's order
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
        [True, True, True, False], [True, True, True, False], [True, True, True, True],
    ]  # fmt: skip
    short, longer = (results["diversity"].sel(variant=x) for x in ("curve", "curve_longer"))
    np.testing.assert_array_equal(short[:, :3], longer[:, :3])
    assert np.isnan(short[:, 3]).all() and np.isfinite(longer).all()
    # What stands for the end is each variant's own last record.
    summary = gan_jax.summarize(results)
    np.testing.assert_allclose(
        summary["quality_median"],
        [results["sliced_wasserstein"].sel(variant=name, step=step).median()
         for name, step in (("modes", 10), ("curve", 10), ("curve_longer", 14))],
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


def test_a_seed_that_once_exploded_ranks_worst_whatever_its_last_number(finished):
    results = finished[1].copy(deep=True)
    results["verdict"][0] = ["converged", "diverged", "converged"]
    results["verdict"][1] = "converged"
    results["sliced_wasserstein"][:, :, -1] = [[0.2, 0.001, 0.3], [0.2, 0.5, 0.3]]
    table = gan_jax.summarize(results)
    assert table.loc["saturating", "quality_median"] == pytest.approx(0.3)
    assert table.loc["non_saturating", "improvement"] == pytest.approx(5 / 9)
