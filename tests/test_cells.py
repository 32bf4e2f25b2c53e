"""Cells: failed, running, claimed, of another version, and results that lack some."""

import json
import os
import shutil
import socket

import pytest
import xarray as xr
from setups import SHORT, timeless, tiny_study

import gan_jax
from gan_jax.config import ConfigError
from gan_jax.studies import engines
from gan_jax.studies.assembly import is_assembled
from gan_jax.studies.cells import cells, origin_of, read_cell, running, write_dataset
from gan_jax.studies.claims import StudyError, TakenError
from gan_jax.studies.engines import assemble_study
from gan_jax.studies.folder import open_folder
from gan_jax.studies.status import study_status


def test_a_failed_cell_is_noted_and_the_others_run(tmp_path, monkeypatch):
    study = tiny_study(base=SHORT, variants={"bad": {}, "good": {"loss": "hinge"}}, seeds=2)
    run_cell = engines.run_cell

    def fails(study, cell, *others):
        if cell.variant == "bad":
            raise RuntimeError("out of luck\nand more")
        run_cell(study, cell, *others)

    with monkeypatch.context() as patch, pytest.raises(StudyError, match="1 of 2 cells failed"):
        patch.setattr(engines, "run_cell", fails)
        gan_jax.run_study(study, tmp_path / "s")
    status = study_status(tmp_path / "s")
    assert status.counts["bad"]["failed"] == 1 and status.counts["good"]["done"] == 1
    ((cell, state, note),) = status.notes
    assert (cell.variant, state, note) == (
        "bad", "failed", f"RuntimeError: out of luck (on {socket.gethostname()})"
    )  # fmt: skip
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
    study, cell = tiny_study(), cells(tiny_study())[0]
    path = cell.path(tmp_path / "s")
    old = xr.load_dataset(path).drop_vars(["snapshots", "snapshot_step"])
    write_dataset(path, old)
    with pytest.raises(ConfigError, match=r"result\.nc: of another version"):
        read_cell(cell, tmp_path / "s", origin_of(study, cell.variant))


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
