"""Leases on cells: kept by a heartbeat, taken over when it stops, had by one of many."""

import contextlib
import os
import threading
import time

import pytest

from faults.studies import foreign, wait_until
from gan_jax.studies import leases as leases_module
from gan_jax.studies.claims import TakenError
from gan_jax.studies.leases import Leases, LostError

pytestmark = pytest.mark.slow


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_a_lease_without_a_heartbeat_is_taken_over_by_the_watchers_own_clock(tmp_path):
    file, clock = tmp_path / "running", Clock()
    leases = Leases(3.0, clock)
    foreign(file, lease=10.0, token="theirs")
    os.utime(file, (4e9, 4e9))  # whatever their clock says

    def take():
        with leases.held(file, "it") as lease:
            lease.check()

    for now in (0.0, 9.9):
        clock.now = now
        with pytest.raises(TakenError, match="it: run by process 1 on elsewhere"):
            take()
    os.utime(file, (1.0, 1.0))  # a heartbeat
    for now in (10.1, 20.0):
        clock.now = now
        with pytest.raises(TakenError):
            take()
    clock.now = 20.2
    take()
    assert not file.exists()


def test_a_claim_without_a_lease_never_runs_out_on_another_machine(tmp_path):
    file, clock = tmp_path / "running", Clock()
    foreign(file)
    for clock.now in (0.0, 1e6):
        with pytest.raises(TakenError), Leases(3.0, clock).held(file, "it"):
            raise AssertionError("taken")


def test_the_heartbeat_keeps_a_lease_and_its_loss_is_noticed(tmp_path):
    file, others = tmp_path / "running", Leases(1.0)
    with Leases(1.0).held(file, "it") as lease:
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            with pytest.raises(TakenError), others.held(file, "it"):
                raise AssertionError("taken")
            time.sleep(0.1)
        lease.check()
        foreign(file, token="theirs", lease=1.0)
        wait_until(lambda: lease.lost, 5)
        with pytest.raises(LostError):
            lease.check()
    assert "theirs" in file.read_text()  # it is not ours to remove


@pytest.mark.parametrize("locks", [True, False])
def test_of_many_that_find_a_lease_run_out_one_has_it(tmp_path, monkeypatch, locks):
    if not locks:
        monkeypatch.setattr(leases_module, "alone", lambda _: contextlib.nullcontext())
    for turn in range(20):
        file, ready, holding = tmp_path / f"{turn}", threading.Barrier(6), []

        def take(file=file, ready=ready, holding=holding):
            clock = Clock()
            leases = Leases(1.0, clock)
            with contextlib.suppress(TakenError), leases.held(file, "it"):
                raise AssertionError("taken at once")
            clock.now = 2.0
            ready.wait()
            with contextlib.suppress(TakenError), leases.held(file, "it") as lease:
                ready.wait()  # all have tried
                with contextlib.suppress(LostError):
                    lease.check()
                    holding.append(lease)
                return
            ready.wait()

        foreign(file, lease=1.0, token="theirs")
        threads = [threading.Thread(target=take) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(holding) == 1
