"""The commands that read results: verdicts anew, a report again, how far a study is, power."""

import shutil

import numpy as np
import pytest
import xarray as xr
import yaml
from setups import SHORT, tiny_study

import gan_jax
from gan_jax.cli import main
from gan_jax.config import ConfigError
from gan_jax.studies.cells import cells
from gan_jax.studies.folder import open_folder, read_study
from gan_jax.studies.rejudge import read_criteria


@pytest.fixture
def run(here, finished):
    """A copy of the finished study's folder."""
    return shutil.copytree(finished[0], here / "run")


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_verdicts_are_recomputed_and_written_only_when_asked(run, here, capsys):
    lenient = "converged_factor: 1e6\nconverged_error: 1e6\npartial_coverage: 0\n"
    (here / "lenient.yaml").write_text(lenient + "partial_diversity: 0\ncollapsed_diversity: 0\n")
    before, results = contents(run), gan_jax.load_results(run)
    command = ["verdicts", "run", "--criteria", "lenient.yaml"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    changed = int((results["verdict"] != "converged").sum())  # anything is near enough for these
    assert changed and f"{changed} of 6 verdicts changed" in printed and "--write" in printed
    assert contents(run) == before

    assert main([*command, "--write"]) == 0
    again = gan_jax.load_results(run)
    assert (again["verdict"] == "converged").all()
    xr.testing.assert_equal(again["diversity"], results["diversity"])
    assert read_study(run).criteria.converged_factor == 1e6
    assert "converged" in (run / "seeds.csv").read_text()
    # The folder's study has these criteria now, and is complete with them.
    study = tiny_study(criteria=read_study(run).criteria)
    assert gan_jax.run_study(study, run).identical(again)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tail: 0.5", "strict.yaml: criteria: 'tail' given.*did you mean 'tail_share'"),
        ("tail_share: 2", "strict.yaml: criteria: tail_share: 2.0 given"),
        ("[1]", r"expected thresholds by name"),
        ("[]", r"expected thresholds by name"),
        ("a: [", "strict.yaml, line"),
    ],
)
def test_wrong_criteria_are_one_line(here, capsys, text, words):
    (here / "strict.yaml").write_text(text)
    assert main(["verdicts", "nowhere", "--criteria", "strict.yaml"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    with pytest.raises(ConfigError, match=words.removeprefix("strict.yaml: ")):
        read_criteria(here / "strict.yaml")


def test_a_report_is_drawn_again_and_exported(run, capsys):
    assert main(["report", "run", "--export", "parquet"]) == 0
    printed = capsys.readouterr().out
    for name in ("report.html", "seeds.parquet", "curves.parquet", "figures/outcome_shares.png"):
        assert (run / name).stat().st_size > 0 and name in printed
    assert main(["report", "nowhere"]) == 2
    assert "nowhere: no study.yaml there" in capsys.readouterr().err


def test_an_unfinished_study_is_reported_as_far_as_it_is(here, capsys):
    def stop(variant, segment):
        if variant == "non_saturating":
            raise KeyboardInterrupt

    study = tiny_study(base=SHORT, seeds=2)
    with pytest.raises(KeyboardInterrupt):
        gan_jax.run_study(study, here / "half", observer=stop)
    assert main(["report", "half"]) == 0
    assert "2 of 4 trainings have not been done" in capsys.readouterr().out
    assert gan_jax.load_results(here / "half")["status"].values.tolist() == [
        ["done", "done"], ["missing", "missing"],
    ]  # fmt: skip
    whole = gan_jax.run_study(study, here / "half")  # what was written then is not mistaken for all
    assert (whole["status"] == "done").all()
    open_folder(study, here / "begun")
    assert main(["report", "begun"]) == 2
    assert "no cell is done yet" in capsys.readouterr().err


def test_status_counts_cells_and_names_what_failed(here, capsys):
    study = tiny_study(seeds=3)
    open_folder(study, here / "run")
    place = cells(study)[0].folder(here / "run")
    place.mkdir(parents=True)
    (place / "failed").write_text("RuntimeError: out of memory\n")
    assert main(["study", "--status", "run"]) == 0
    printed = capsys.readouterr().out
    lines = [line.split() for line in printed.splitlines()]
    assert ["saturating", "0", "0", "0", "1"] in lines
    assert ["non_saturating", "0", "0", "1", "0"] in lines and ["all", "0", "0", "1", "1"] in lines
    assert [
        "saturating,",
        "seeds",
        "0",
        "to",
        "2:",
        "failed,",
        "RuntimeError:",
        "out",
        "of",
        "memory",
    ] in lines
    for wrong in (["study"], ["study", "x.yaml", "--status", "run"]):
        assert main(wrong) == 2
        assert "file and --status: expected one of them" in capsys.readouterr().err


def test_growing_on_the_command_line_runs_only_what_is_new(here, capsys):
    document = {"name": "s", "seeds": 2, "base": {"steps": 10, "batch_size": 16},
                "variants": {"a": {}}}  # fmt: skip
    (here / "s.yaml").write_text(yaml.safe_dump(document))
    assert main(["study", "s.yaml"]) == 0
    assert "s: 2 runs (1 variant x 2 seeds), 1 program to compile, 20" in capsys.readouterr().out
    document |= {"seeds": 3, "grid": {"loss": {"a": {}, "b": {"loss": "hinge"}}}}
    del document["variants"]
    (here / "s.yaml").write_text(yaml.safe_dump(document))
    assert main(["study", "s.yaml"]) == 0
    assert "continuing, 3 of 4 cells to run" in capsys.readouterr().out


def test_power_says_how_many_seeds(run, capsys):
    assert main(["power", "--rates", "0.47", "0.22"]) == 0
    assert capsys.readouterr().out.startswith(
        "63 seeds per arm: Fisher's exact test, two-sided 5 %"
    )
    paired = ["power", "--rates", "0.47", "0.22", "--paired"]
    assert main([*paired, "--covariance", "0"]) == 0
    assert capsys.readouterr().out.startswith("65 seeds per arm: McNemar's exact test")
    for wrong, words in (
        (paired, "paired: expected --covariance"),
        ([*paired[:-1], "--covariance", "0"], "covariance: it is of paired seeds"),
        ([*paired, "--covariance", "0.9"], "covariance 0.9 given, expected within -0.1034 .. 0.1"),
        (["power"], "rates and pilot: expected one of them"),
        (["power", "--pilot", "run", "--paired"], "a pilot's results say both themselves"),
        ([*paired[:-1], "--variants", "a", "b"], "expected --pilot beside them"),
        ([*paired[:-1], "--power", "0.9999999999999999"], "expected at most 0.9999"),
        (["power", "--rates", "0.5", "0.5"], "equal rates"),
        (["power", "--rates", "0.5", "1.5"], "expected numbers from 0 to 1"),
        (["power", "--pilot", "run", "--variants", "saturating", "hinge"], "expected two of satur"),
    ):
        assert main(wrong) == 2
        assert words in capsys.readouterr().err


def test_a_pilot_is_read_from_results(run, here, capsys, monkeypatch):
    results = gan_jax.load_results(run).isel(seed=[0, 1, 2, 0, 1, 2, 0, 1])
    # Of eight seeds the first four converge under both, one more under the first variant alone ...
    results["verdict"][0] = ["converged"] * 6 + ["collapsed"] * 2
    results["verdict"][1] = ["converged"] * 3 + ["collapsed"] * 5
    monkeypatch.setattr("gan_jax.studies.results.load_results", lambda _: results)
    assert main(["power", "--pilot", "run"]) == 0
    printed = capsys.readouterr().out
    # Covariance 3/8 - 6/8 x 3/8.
    assert "covariance of a seed's two outcomes: 0.094" in printed
    assert "saturating: converged in 75.0 % of 8 seeds" in printed


def test_the_summary_compares_with_the_first_variant(finished):
    _, results = finished
    results = results.copy(deep=True)
    results["verdict"][0], results["verdict"][1] = "converged", "collapsed"
    results["sliced_wasserstein"][0, :, -1] = [0.1, 0.2, 0.3]
    results["sliced_wasserstein"][1, :, -1] = [0.4, np.nan, 0.3]
    table = gan_jax.summarize(results)
    first, second = table.loc["saturating"], table.loc["non_saturating"]
    assert np.isnan(first["difference"]) and second["reference"] == "saturating"
    assert second["difference"] == -1 and second["p_value"] == second["p_adjusted"] == 0.25
    # Of nine pairs none of the second is nearer, one ties.
    assert second["improvement"] == pytest.approx(0.5 / 9)
    # The failed seed is scored as the untrained generator; of three seeds the mean is of all.
    untrained = np.median(results["sliced_wasserstein"].values[1, :, 0])
    assert second["iqm"] == pytest.approx(np.mean([0.4, 0.3, untrained]), rel=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: x.drop_attrs(), "study, quality, criteria"),
        (lambda x: x.drop_dims("seed"), "seed, status, verdict"),
        (lambda x: x.assign_attrs(quality="beauty"), "beauty, floor_beauty missing"),
        (lambda x: x.assign_attrs(criteria="{oops"), "its criteria cannot be read"),
        (lambda x: x.assign_attrs(criteria='{"tail": 1}'), "its criteria cannot be read"),
    ],
)
def test_a_file_that_is_no_studys_results_is_one_line(here, finished, capsys, change, words):
    change(finished[1]).to_netcdf("results.nc", engine="h5netcdf")
    (here / "c.yaml").write_text("tail_share: 0.5")
    commands = (
        ["report", "."], ["verdicts", ".", "--criteria", "c.yaml"], ["power", "--pilot", "."],
    )  # fmt: skip
    for command in commands:
        assert main(command) == 2
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1


def test_a_report_is_not_made_with_other_data_than_the_study_was_begun_with(here, capsys):
    rows = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    np.save("x.npy", rows)

    def stop(variant, segment):
        if variant == "non_saturating":
            raise KeyboardInterrupt

    study = tiny_study(base=SHORT.replace(data="x.npy"), seeds=2)
    with pytest.raises(KeyboardInterrupt):
        gan_jax.run_study(study, here / "run", observer=stop)
    np.save("x.npy", rows + 100)
    assert main(["report", "run"]) == 2
    assert "begun with another data x.npy" in capsys.readouterr().err
