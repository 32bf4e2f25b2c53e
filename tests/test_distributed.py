"""One training over several processes: two real ones on the loopback, as on two machines."""

import socket
import sys

import hosts
import numpy as np
import pytest
import yaml

import gan_jax
from gan_jax.commands.hosts import HostFlags
from gan_jax.config import ConfigError
from gan_jax.studies import recorded as records
from gan_jax.training import processes
from gan_jax.training.checkpoints import newest_steps

pytestmark = pytest.mark.slow


FIELDS = {"steps": 60, "log_every": 5, "batch_size": 16, "evaluation_samples": 32}
STUDY = {
    "name": "spanning",
    "seeds": 3,
    "lanes": 2,
    "batch_devices": 2,
    "moments": 2,
    "base": FIELDS,
    "variants": {"non_saturating": {}},
}


def places(tmp_path, study=STUDY, n=2):
    """A working directory a process, each with the study's file."""
    found = [tmp_path / f"host-{number}" for number in range(n)]
    for place in found:
        place.mkdir(parents=True)
        (place / "study.yaml").write_text(yaml.safe_dump(study))
    return found


def files(place):
    return {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}


def assert_identical(one, other):
    for name, values in one.drop_vars("wall_seconds").data_vars.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The study run by one process of two devices: its folder and results."""
    (place,) = places(tmp_path_factory.mktemp("one"), n=1)
    ((code, _, errors),) = hosts.ended([hosts.alone(["study", "study.yaml"], place, devices=2)])
    assert code == 0, errors
    return place, gan_jax.load_results(place / "results" / "spanning")


@pytest.mark.bits
def test_two_processes_come_to_the_bits_of_one_and_write_once(tmp_path, reference):
    first, second = places(tmp_path)
    # Two devices each: two rows, of one device in either process.
    ended = hosts.ended(hosts.start(["study", "study.yaml"], [first, second], devices=2))
    assert [code for code, *_ in ended] == [0, 0], ended
    results = gan_jax.load_results(first / "results" / "spanning")
    # Two numbers have one sum, whoever adds them.
    assert_identical(results, reference[1])
    printed = [line for line in ended[1][1].splitlines() if not line.startswith("[Gloo]")]
    assert files(second) == {"study.yaml"} and printed == []
    assert files(first) == files(reference[0])
    recorded = (first / "results" / "spanning" / "study.yaml").read_text()
    assert "--coordinator ADDRESS --processes 2 --process 0" in recorded
    assert "127.0.0.1" not in recorded


def test_a_signal_to_any_of_them_ends_all_and_the_same_command_continues(tmp_path, reference):
    found = places(tmp_path)
    arguments = ["study", "study.yaml", "--checkpoint-every", "0"]
    running = hosts.start(arguments, found, pause=0.3)
    cell = found[0] / "results" / "spanning" / "cells" / "non_saturating" / "seeds-0000-0002"
    hosts.wait_for(lambda: list(cell.glob("checkpoints/chunk-0000/step-*")), running)
    running[1].terminate()
    ended = hosts.ended(running)
    assert [code for code, *_ in ended] == [143, 143], ended
    assert "0 of 1 cells are done and kept, 1 in part" in ended[0][2]
    # The first of them alone, with a second device: the same mesh, so the same training.
    ((code, said, errors),) = hosts.ended([hosts.alone(arguments, found[0], devices=2)])
    assert code == 0, errors
    assert "continuing" in said
    assert_identical(gan_jax.load_results(found[0] / "results" / "spanning"), reference[1])


def test_a_process_that_is_killed_ends_the_others_in_a_line(tmp_path):
    found = places(tmp_path)
    running = hosts.start(["study", "study.yaml", "--checkpoint-every", "0"], found, pause=0.3)
    cell = found[0] / "results" / "spanning" / "cells" / "non_saturating" / "seeds-0000-0002"
    hosts.wait_for(lambda: list(cell.glob("checkpoints/chunk-0000/step-*")), running)
    running[1].kill()
    (code, _, errors), _ = hosts.ended(running)
    assert code == 1, errors
    words = f"LostError: process 0 on {socket.gethostname()} has lost another process"
    assert words in errors
    # What was trained is kept, and where the other was is not.
    assert newest_steps(cell / "checkpoints") and not (cell / "running").exists()
    said = f"{words}: it was ended, or failed (on {socket.gethostname()})\n"
    assert (cell / "failed").read_text() == said


def test_a_failure_elsewhere_names_the_process_and_ends_the_cell_in_all(tmp_path):
    study = STUDY | {"base": FIELDS | {"data": "points.npy"}, "variants": {"both": {}}}
    found = places(tmp_path, study)
    np.save(found[0] / "points.npy", np.random.default_rng(0).normal(size=(640, 2)))
    ended = hosts.ended(hosts.start(["study", "study.yaml"], found))
    (code, _, errors), (_, _, said) = ended
    assert code == 1
    who = f"process 1 on {socket.gethostname()}"
    assert f"ElsewhereError: {who}: ConfigError: " in errors and "points.npy" in errors
    assert f"variant both at seeds 0 to 2 on {socket.gethostname()}" in errors
    assert who in said and "points.npy" in said


def test_other_data_elsewhere_are_noticed(tmp_path):
    study = STUDY | {"base": FIELDS | {"data": "points.npy"}}
    found = places(tmp_path, study)
    for number, place in enumerate(found):
        np.save(place / "points.npy", np.random.default_rng(number).normal(size=(640, 2)))
    (code, _, errors), _ = hosts.ended(hosts.start(["study", "study.yaml"], found))
    assert code == 1
    assert "data: process 1 has others than process 0" in errors


def test_a_mesh_that_does_not_span_the_processes_is_refused(tmp_path):
    found = places(tmp_path)
    arguments = ["study", "study.yaml", "--batch-devices", "1"]
    ended = hosts.ended(hosts.start(arguments, found))
    assert [code for code, *_ in ended] == [2, 0], ended
    assert "batch_devices: 1 given, expected a multiple of 2, the number of pro" in ended[0][2]
    assert not (found[0] / "results").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"coordinator": "host:1"}, "expected all three, or none"),
        ({"processes": 2, "process": 0}, "expected all three, or none"),
        ({"distributed": True, "process": 0}, "distributed: given with coordinator"),
        ({"coordinator": "host", "processes": 2, "process": 0}, "'host' given, expected HOST:PORT"),
        ({"coordinator": "h:0", "processes": 2, "process": 0}, "'h:0' given, expected HOST:PORT"),
        ({"coordinator": "h:1", "processes": 2, "process": 2}, "process: 2 given, expected a numb"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(flags, message):
    with pytest.raises(ConfigError, match=message):
        HostFlags(**flags).run(lambda: pytest.fail("it ran"))


def test_without_flags_a_command_runs_here():
    ran = []
    HostFlags().run(lambda: ran.append(1))
    assert ran == [1]


def test_addresses_are_not_recorded(monkeypatch):
    flags = ["--coordinator", "node7.cluster:1234", "--processes", "2", "--coordinator=10.0.0.7:1"]
    monkeypatch.setattr(sys, "argv", ["gan-jax", "study", "a.yaml", *flags])
    recorded = records.recorded_command()
    assert recorded == (
        "gan-jax study a.yaml --coordinator ADDRESS --processes 2 --coordinator=ADDRESS"
    )


def test_what_the_first_process_says_arrives_bit_for_bit():
    arrays = {
        "a": np.array([[-0.0, np.nan], [np.inf, 1e-45]], np.float32),
        "b": np.arange(3, dtype=np.uint8),
        "scalar": np.array(7, np.int32),
        "none": np.zeros((0, 4), np.float32),
    }
    message, found = processes._unpacked(processes._packed({"step": 3}, arrays))
    assert message == {"step": 3} and found.keys() == arrays.keys()
    for name, x in arrays.items():
        assert found[name].dtype == x.dtype and found[name].shape == x.shape
        assert found[name].tobytes() == x.tobytes()


def test_one_process_has_nobody_to_agree_with():
    processes.agree(number=15)
    processes.check_same("data", {"x": np.zeros(2)})
    assert processes.from_first({"a": 1})[0] == {"a": 1}
    with pytest.raises(ValueError, match="mine"), processes.together():
        raise ValueError("mine")
