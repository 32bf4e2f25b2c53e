"""Two processes on one study: one works, the other says who holds it; and holders that are gone."""

import json
import os
import re
import signal

import pytest

import gan_jax
from faults.studies import assert_same_bits, run, tiny, wait_until
from gan_jax.studies.claims import TakenError, claimed, own_note, running_process
from gan_jax.studies.discard import discard
from gan_jax.studies.folder import open_folder
from gan_jax.studies.rejudge import store_verdicts
from gan_jax.studies.workers import run_worker


def test_a_second_process_says_who_holds_the_study(tmp_path, nursery, undisturbed):
    folder = tmp_path / "s"
    process = nursery.start(f"studies.run({str(folder)!r}, pause=0.1)")
    wait_until((folder / "running").exists)
    with pytest.raises(TakenError, match=f"run by process {process} on "):
        gan_jax.run_study(tiny(), folder)
    assert nursery.wait() == 0, nursery.said()
    assert_same_bits(gan_jax.load_results(folder), undisturbed[1])


def test_a_killed_holder_is_recognised_as_gone(tmp_path, nursery, undisturbed):
    folder = tmp_path / "s"
    process = nursery.start(f"studies.run({str(folder)!r}, pause=1.0)")
    wait_until(lambda: list(folder.rglob("seeds-*/running")))
    os.kill(process, signal.SIGKILL)
    nursery.wait()
    assert (folder / "running").exists()
    run(folder, devices=4)
    assert_same_bits(gan_jax.load_results(folder), undisturbed[1])
    assert not list(folder.rglob("running"))


def test_a_process_that_has_a_dead_ones_number_is_not_taken_for_it(tmp_path):
    file = tmp_path / "running"
    with claimed(file, "it"):
        note = json.loads(file.read_text())
        assert running_process(file) is not None
    file.write_text(json.dumps(note | {"began": "another start of the machine 1"}))
    assert running_process(file) is None
    with claimed(file, "it"):
        assert str(os.getpid()) in str(running_process(file))


def test_a_claim_half_written_or_of_another_machine(tmp_path):
    file = tmp_path / "running"
    file.write_text('{"host": "')
    with claimed(file, "it"):
        pass
    file.write_text(json.dumps({"host": "elsewhere", "process": 1, "since": "now"}))
    assert_taken(file)


def assert_taken(file):
    with pytest.raises(TakenError, match=f"if that is gone, remove {file}"), claimed(file, "it"):
        raise AssertionError("claimed")


def test_the_processes_of_another_container_are_not_seen_from_here(tmp_path):
    gone = own_note() | {"process": 2**22 + 1, "began": own_note()["began"] + "0"}
    file = tmp_path / "running"
    file.write_text(json.dumps(gone))
    with claimed(file, "it"):
        pass
    file.write_text(json.dumps(gone | {"numbers": "pid:[1]"}))
    assert_taken(file)
    file.write_text(json.dumps(gone | {"numbers": "pid:[1]", "began": "before this start 1"}))
    with claimed(file, "it"):
        pass


def test_what_is_held_elsewhere_is_refused_with_the_file_to_remove(tmp_path):
    folder = tmp_path / "s"
    open_folder(tiny(), folder, "a test")
    (folder / "running").write_text(json.dumps({"host": "elsewhere", "process": 1, "since": "now"}))
    words = f"s: run by process 1 on elsewhere since now; if that is gone, remove {folder}/running"
    for held in (
        lambda: gan_jax.run_study(tiny(), folder),
        lambda: run_worker(tiny(), folder),
        lambda: discard(folder),
        lambda: store_verdicts(folder, gan_jax.Criteria()),
    ):
        with pytest.raises(TakenError, match=re.escape(words)):
            held()


def test_a_claim_that_has_become_anothers_is_left_to_it(tmp_path):
    file = tmp_path / "running"
    with claimed(file, "it"):
        file.write_text(json.dumps({"host": "elsewhere", "process": 1, "since": "now"}))
    assert "elsewhere" in file.read_text()
