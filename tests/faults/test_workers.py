"""Workers of one study: real processes, some killed and some stopped; each cell done once."""

import contextlib
import json
import os
import signal
import time

import pytest

import gan_jax
from faults.crew import RATES, Crew
from faults.studies import assert_same_bits, foreign, tiny, wait_until
from gan_jax.cli import main
from gan_jax.studies.cells import cells
from gan_jax.studies.claims import StudyError
from gan_jax.studies.files import write_yaml
from gan_jax.studies.folder import open_folder
from gan_jax.studies.status import study_status
from gan_jax.training.checkpoints import newest_steps

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def crew(tmp_path_factory):
    crew = Crew(tmp_path_factory.mktemp("crew") / "stderr")
    yield crew
    crew.close()


@pytest.fixture(autouse=True)
def nobody_stays(crew):
    yield
    crew.end()


@pytest.fixture(scope="module")
def alone(tmp_path_factory, crew):
    """The same study by one process that shares it with nobody."""
    folder = tmp_path_factory.mktemp("alone") / "s"
    code = f"from faults import studies; studies.run({str(folder)!r}, variants=crew.RATES)"
    assert crew.run(code) == 0, crew.said()
    return gan_jax.load_results(folder)


def start(crew, folder, **options):
    log = str(folder.parent / "log")
    given = "".join(f", {name}={value!r}" for name, value in options.items())
    return crew.start(f"crew.work({str(folder)!r}, {log!r}{given})")


def held_by(folder, process):
    """The cells whose lease a process has."""
    found = []
    for file in folder.rglob("seeds-*/running"):
        with contextlib.suppress(OSError, ValueError):
            if json.loads(file.read_text())["process"] == process:
                found.append(file)
    return found


def assert_each_once(folder):
    assert sorted((folder.parent / "log").read_text().split()) == sorted(RATES)
    assert not list(folder.rglob("running")) and not list(folder.rglob("*.tmp"))


def test_three_workers_of_which_one_is_killed_do_each_cell_once(tmp_path, crew, alone):
    folder = tmp_path / "s"
    workers = [start(crew, folder, pause=0.1) for _ in range(3)]
    wait_until(lambda: held_by(folder, workers[0]))
    time.sleep(0.5)
    os.kill(workers[0], signal.SIGKILL)
    assert crew.wait(workers[0]) == -signal.SIGKILL
    assert [crew.wait(worker) for worker in workers[1:]] == [0, 0], crew.said()
    assert_each_once(folder)
    assert_same_bits(gan_jax.load_results(folder), alone)


def test_a_worker_stopped_beyond_its_lease_and_woken_harms_nothing(tmp_path, crew, alone):
    folder = tmp_path / "s"
    stopped = start(crew, folder, pause=0.3, lease=1.0)
    wait_until(lambda: held_by(folder, stopped))
    time.sleep(1.0)
    os.kill(stopped, signal.SIGSTOP)
    other = start(crew, folder, lease=1.0)
    assert crew.wait(other) == 0, crew.said()
    assert_each_once(folder)
    before = (folder / "results.nc").read_bytes()
    os.kill(stopped, signal.SIGCONT)
    assert crew.wait(stopped) == 0, crew.said()
    assert "taken over by another worker; dropped here" in crew.said()
    assert_each_once(folder)
    assert (folder / "results.nc").read_bytes() == before
    assert_same_bits(gan_jax.load_results(folder), alone)


def test_what_fails_is_tried_once_and_said_by_all(tmp_path, crew):
    folder = tmp_path / "s"
    workers = [start(crew, folder, bad="rate_2", pause=0.1) for _ in range(2)]
    for worker in workers:  # what failed before one began, it would try once more
        wait_until(lambda: held_by(folder, worker))  # noqa: B023
    (tmp_path / "go").touch()
    assert [crew.wait(worker) for worker in workers] == [1, 1]
    said = crew.said()
    host = os.uname().nodename
    why = "1 of 4 cells failed, the first of variant rate_2 at seeds 0 to 3: RuntimeError: out of "
    assert said.count(f"{why}luck (on {host})") == 2, said
    lines = (tmp_path / "log").read_text().splitlines()
    assert sorted(lines) == ["failed rate_2", "rate_0", "rate_1", "rate_3"]
    assert study_status(folder).counts["rate_2"]["failed"] == 1
    assert crew.wait(start(crew, folder)) == 0, crew.said()  # tries it again
    assert_same_bits(gan_jax.load_results(folder), gan_jax.run_study(tiny(variants=RATES), folder))


def test_a_cell_that_kills_its_workers_fails_after_so_many(tmp_path, crew, alone):
    folder = tmp_path / "s"
    for _ in range(2):
        assert crew.wait(start(crew, folder, deadly="rate_2", retries=1)) == -signal.SIGKILL
    assert crew.wait(start(crew, folder, deadly="rate_2", retries=1)) == 1
    host = os.uname().nodename
    why = "WorkersLostError: its worker was lost 2 times in a row before it had come any further"
    assert (
        f"1 of 4 cells failed, the first of variant rate_2 at seeds 0 to 3: {why} (on {host})"
        in (crew.said())
    )
    lines = (tmp_path / "log").read_text().splitlines()
    assert sorted(lines) == ["killed rate_2"] * 2 + ["rate_0", "rate_1", "rate_3"]
    assert crew.wait(start(crew, folder)) == 0, crew.said()  # tries it again
    assert_same_bits(gan_jax.load_results(folder), alone)


def test_losses_are_counted_anew_once_a_cell_has_come_further(tmp_path, crew):
    folder = tmp_path / "s"

    def losses():
        notes = [json.loads(file.read_text()) for file in folder.rglob("seeds-*/running")]
        return [(note["losses"], note["trained"]) for note in notes]

    for _ in range(3):  # each is killed after a checkpoint of its own
        worker = start(crew, folder, pause=0.3, variants={"rate_0": RATES["rate_0"]}, retries=0)
        wait_until(lambda: held_by(folder, worker))  # noqa: B023
        ((lost, trained),) = losses()
        assert lost == 0
        (cell,) = folder.glob("cells/*/*")
        wait_until(lambda: sum(newest_steps(cell / "checkpoints")) > trained)  # noqa: B023
        os.kill(worker, signal.SIGKILL)
        assert crew.wait(worker) == -signal.SIGKILL


def test_the_status_tells_of_a_lease_without_a_heartbeat(tmp_path):
    folder = tmp_path / "s"
    study = tiny()
    open_folder(study, folder, "a test")
    file = cells(study)[0].folder(folder) / "running"
    file.parent.mkdir(parents=True)
    foreign(file, lease=60.0, token="theirs")
    ((_, state, note),) = study_status(folder).notes
    assert state == "running" and "sign of life" not in note
    os.utime(file, (time.time() - 600,) * 2)
    ((_, state, note),) = study_status(folder).notes
    assert state == "running" and "elsewhere since now, without a sign of life for 60" in note


def test_a_run_that_is_no_worker_says_who_has_the_cells(tmp_path, crew):
    folder, one = tmp_path / "s", {"only": {}}
    worker = start(crew, folder, pause=0.5, variants=one)
    wait_until(lambda: held_by(folder, worker))
    with pytest.raises(StudyError, match=f"1 of 1 cells are run elsewhere .*process {worker} on"):
        gan_jax.run_study(tiny(variants=one), folder)
    assert study_status(folder).counts["only"]["running"] == 1
    os.kill(worker, signal.SIGTERM)
    assert crew.wait(worker) == 1  # here, Interrupted is an error like any other
    assert "Interrupted" in crew.said() and not held_by(folder, worker)


def test_workers_by_the_command_line(tmp_path, crew, alone):
    write_yaml(tmp_path / "s.yaml", tiny(variants=RATES).to_dict())
    words = ("study", str(tmp_path / "s.yaml"), "--out", str(tmp_path / "s"), "--worker")
    code = "from faults import studies; studies.command(*{!r}, out={!r})"
    out = [str(tmp_path / f"stdout-{k}") for k in range(2)]
    workers = [crew.start(code.format(words, one)) for one in out]
    assert [crew.wait(worker) for worker in workers] == [0, 0], crew.said()
    assert all("gan-jax report" in (tmp_path / f"stdout-{k}").read_text() for k in range(2))
    assert_same_bits(gan_jax.load_results(tmp_path / "s"), alone)


def test_flags_that_contradict_a_worker_are_refused(here, tmp_path, capsys):
    write_yaml(tmp_path / "s.yaml", tiny().to_dict())
    for words, expected in (
        (["--worker", "--engine", "ray"], "worker and engine: both given"),
        (["--worker", "--restart"], "restart: given to a worker"),
        (["--worker", "--track", "tensorboard"], "track: given, expected only where one process"),
        (["--worker", "--lease-seconds", "0.1"], "lease_seconds: 0.1 given, expected seconds"),
        (
            ["--engine", "ray", "--checkpoint-every", "5"],
            "checkpoint_every: given with the eng",
        ),
        (["--worker", "--cell-retries", "-1"], "cell_retries: -1 given, expected a whole number"),
        (
            ["--ray-address", "10.0.0.1:6379"],
            "--ray-address: given, expected only with --engine ray",
        ),
        (["--cell-gpus", "1"], "--cell-gpus: given, expected only with --engine ray"),
        (["--cell-retries", "0"], "--cell-retries: given, expected only with --engine ray or --w"),
        (["--lease-seconds", "5"], "--lease-seconds: given, expected only with --worker"),
        (["--checkpoint-every", "nan"], "checkpoint_every: nan given, expected seconds"),
    ):
        assert main(["study", str(tmp_path / "s.yaml"), "--out", str(tmp_path / "s"), *words]) == 2
        assert expected in capsys.readouterr().err
        assert not (tmp_path / "s").exists()
