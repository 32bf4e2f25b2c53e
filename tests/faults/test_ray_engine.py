"""Cells on a Ray cluster of several nodes on this machine: lost nodes, errors, a killed driver."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import gan_jax
from faults.crew import RATES
from faults.ray_hooks import PLACE
from faults.studies import assert_same_bits, tiny, wait_until
from gan_jax.config import ConfigError
from gan_jax.studies.claims import StudyError
from gan_jax.studies.files import read_yaml, write_yaml
from gan_jax.studies.recorded import recorded_command
from gan_jax.studies.status import study_status

# Before Ray is imported: it listens on loopback only.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
ray = pytest.importorskip("ray", reason="needs Ray, the extra `ray`")

# A node that is added forks; JAX, which has threads by then, warns of that.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning"),
]
TESTS = Path(__file__).parents[1]
HOOKS = ("faults.ray_hooks",)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where hooks write and read; and the environment in which nodes and drivers find them."""
    place = tmp_path_factory.mktemp("place")
    paths = [str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PLACE, str(place))
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        yield place


@pytest.fixture(scope="module")
def cluster(place):
    """A head that runs no cells and two nodes that run one each."""
    from ray.cluster_utils import Cluster

    here = {"node_ip_address": "127.0.0.1", "object_store_memory": 80 * 2**20}
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False} | here
    )
    cluster.spare = [cluster.add_node(num_cpus=1, **here) for _ in range(2)]
    cluster.here = here
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    return gan_jax.run_study(tiny(variants=RATES), tmp_path_factory.mktemp("local") / "s")


@pytest.fixture
def begun(place):
    """What the nodes have begun, a line each; emptied."""
    for name in ("log", "pause"):
        (place / name).unlink(missing_ok=True)
    return lambda: (place / "log").read_text().split() if (place / "log").exists() else []


def on(cluster, **settings):
    return gan_jax.OnRay(address=cluster.address, imports=HOOKS, **settings)


def test_results_are_those_of_the_local_engine_bit_for_bit(tmp_path, cluster, local, begun, capfd):
    results = gan_jax.run_study(tiny(variants=RATES), tmp_path / "s", on(cluster))
    assert_same_bits(results, local)
    assert sorted(begun()) == sorted(RATES)
    assert "4 of 4 cells done, 0 running" in capfd.readouterr().err
    assert not list((tmp_path / "s").rglob("running"))
    text = (tmp_path / "s" / "study.yaml").read_text()
    assert cluster.address not in text and "127.0.0.1" not in text
    gan_jax.run_study(tiny(variants=RATES), tmp_path / "s", on(cluster))  # complete: nothing runs
    assert len(begun()) == 4


def test_a_node_removed_in_the_middle_costs_its_cells_a_second_run(
    tmp_path, cluster, local, begun, place
):
    (place / "pause").write_text("3")

    def remove():
        wait_until(lambda: len(begun()) >= 2)
        cluster.remove_node(cluster.spare.pop(), allow_graceful=False)
        (place / "pause").unlink()

    thread = threading.Thread(target=remove)
    thread.start()
    results = gan_jax.run_study(tiny(variants=RATES), tmp_path / "s", on(cluster))
    thread.join()
    cluster.spare.append(cluster.add_node(num_cpus=1, **cluster.here))
    assert_same_bits(results, local)
    assert len(begun()) > 4 and {*begun()} == {*RATES}


def test_what_a_cell_does_wrong_is_noted_and_not_tried_again(tmp_path, cluster, begun):
    study = tiny(variants={"bad": {}, "rate_0": RATES["rate_0"]})
    where = os.uname().nodename
    words = f"the first of variant bad at seeds 0 to 3 on {where}: RuntimeError: out of luck; the"
    with pytest.raises(StudyError, match=f"1 of 2 cells failed, {words} rest is kept"):
        gan_jax.run_study(study, tmp_path / "s", on(cluster))
    assert sorted(begun()) == ["bad", "rate_0"]
    status = study_status(tmp_path / "s")
    assert status.counts["bad"]["failed"] == 1 and status.counts["rate_0"]["done"] == 1
    assert status.notes[0][2] == f"RuntimeError: out of luck (on {where})"


def test_a_cell_that_kills_its_process_is_not_tried_for_ever(tmp_path, cluster, begun):
    with pytest.raises(StudyError, match="was lost 2 times") as refusal:
        gan_jax.run_study(
            tiny(variants={"deadly": {}}), tmp_path / "s", on(cluster, cell_retries=1)
        )
    assert begun() == ["deadly"] * 2
    assert os.uname().nodename in str(refusal.value) and "127.0.0.1" not in str(refusal.value)


DRIVER = """
import sys, gan_jax
from faults.crew import RATES
from faults.studies import tiny
engine = gan_jax.OnRay(address=sys.argv[2], imports=("faults.ray_hooks",))
gan_jax.run_study(tiny(variants=RATES), sys.argv[1], engine, command="a test")
"""


def test_a_killed_driver_loses_no_finished_cell(tmp_path, cluster, local, begun, place):
    (place / "pause").write_text("1")
    folder = tmp_path / "s"
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(folder), cluster.address])
    try:
        wait_until(lambda: list(folder.rglob("result.nc")))
    finally:
        driver.kill()
        driver.wait()
    (place / "pause").unlink()
    done = [path.parent.parent.name for path in folder.rglob("result.nc")]
    assert 0 < len(done) < 4
    before = begun()
    results = gan_jax.run_study(tiny(variants=RATES), folder, on(cluster))
    assert_same_bits(results, local)
    again = {*begun()[len(before) :]}  # one of them twice, where the killed driver had sent it too
    assert again == {*RATES} - {*done}


def listening(session):
    """Addresses that processes of a session listen on, in /proc/net/tcp's hexadecimal."""
    sockets = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(process.name)) != session and session not in ancestors(process.name):
                continue
            links = [os.readlink(one) for one in (process / "fd").iterdir()]
        except OSError:
            continue
        sockets |= {link[8:-1] for link in links if link.startswith("socket:[")}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                found.add(fields[1].partition(":")[0])
    return found


def ancestors(process):
    found = set()
    while int(process) > 1:
        process = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1]
        found.add(int(process))
    return found


LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}


def test_by_the_command_line_on_this_machine_alone_and_ended_by_a_signal(tmp_path, begun, place):
    write_yaml(tmp_path / "s.yaml", tiny(variants=RATES).to_dict())
    words = ["study", str(tmp_path / "s.yaml"), "--out", str(tmp_path / "s"), "--engine", "ray"]
    command = [sys.executable, "-m", "gan_jax", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        wait_until(lambda: list((tmp_path / "s").rglob("seeds-*/running")))
        wait_until(lambda: listening(process.pid))
        assert listening(process.pid) <= LOOPBACK
        wait_until(lambda: list((tmp_path / "s").rglob("result.nc")))
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=300)
    assert process.returncode in (143, 0), said  # 0: it was quicker
    if process.returncode:
        assert "continue with: python -m gan_jax study" in said.splitlines()[-1]
        assert not list((tmp_path / "s").rglob("running"))
    assert "Traceback" not in said and "Warning" not in said, said


def test_without_ray_or_with_someone_to_look_on_it_is_refused(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="observer, keepers: given, expected none"):
        gan_jax.run_study(tiny(), tmp_path / "s", "ray", observer=lambda *_: None)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'gan-jax\[ray\]'"):
        gan_jax.run_study(tiny(), tmp_path / "s", "ray")
    with pytest.raises(ConfigError, match="cell_cpus: 0 given, expected a whole number from 1"):
        gan_jax.OnRay(cell_cpus=0)


def test_an_address_at_which_nobody_listens_is_refused_at_once(tmp_path):
    def refused(address, words):
        with pytest.raises(ConfigError, match=re.escape(words)) as why:
            gan_jax.run_study(tiny(), tmp_path / "s", gan_jax.OnRay(address=address))
        assert "\n" not in str(why.value)

    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        refused(address, f"ray_address: nobody answers at {address} (Connection refused)")
    refused("head", "ray_address: 'head' given, expected HOST:PORT, or auto")


def test_addresses_are_not_recorded(monkeypatch, tmp_path):
    given = ["gan-jax", "study", "s.yaml", "--ray-address", "10.0.0.1:6379", "--engine=ray"]
    monkeypatch.setattr(sys, "argv", [*given, "--some-address=10.0.0.2:1"])
    assert recorded_command() == (
        "gan-jax study s.yaml --ray-address ADDRESS --engine=ray --some-address=ADDRESS"
    )
    from gan_jax.studies.folder import open_folder

    open_folder(tiny(), tmp_path / "s")
    assert read_yaml(tmp_path / "s" / "study.yaml")["recorded"]["command"] == recorded_command()
