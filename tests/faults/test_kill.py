"""SIGKILL, at random moments and at renamings of every kind: the same bits in the end."""

import random
import signal
import time

import pytest

import gan_jax
from faults.studies import assert_same_bits, checkpoints, wait_until

pytestmark = pytest.mark.slow


KILLS = 20


def test_killed_twenty_times_at_random_moments_it_ends_with_the_same_bits(
    tmp_path, nursery, undisturbed, record_property
):
    moments, kills, studies, kept = random.Random(0), 0, 0, 0
    while kills < KILLS or not (tmp_path / f"{studies}" / "results.nc").exists():
        folder = tmp_path / f"{studies}"
        nursery.start(f"studies.run({str(folder)!r})")
        if kills < KILLS:
            if kills % 2:  # on a slow machine, the others come to no checkpoint
                wait_until(lambda: checkpoints(folder) or (folder / "results.nc").exists())  # noqa: B023
            time.sleep(moments.uniform(0.2, 3.0))
            kept += bool(checkpoints(folder))
            nursery.signal(signal.SIGKILL)
        code = nursery.wait()
        assert code in (0, -signal.SIGKILL), nursery.said()
        kills += code != 0
        if code == 0:  # it was quicker
            assert_same_bits(gan_jax.load_results(folder), undisturbed[1])
            studies += kills < KILLS
    assert kept  # some were killed with something to go on from
    assert nursery.said() == ""  # a killed process damages nothing
    record_property(
        "said",
        f"SIGKILL: {kills} at random moments, {kept} with a checkpoint to go on from; "
        f"{studies + 1} studies ended with the bits of the undisturbed one",
    )


# What is renamed: claims, the study, checkpoints, old ones put away, states, results and sums.
RENAMED = (
    "running", "study.yaml", "step-*", "*-step-*", "states.npz", "result.nc.sha256", "result.nc",
    "seeds.csv", "results.nc.sha256", "results.nc",
)  # fmt: skip


@pytest.mark.parametrize("after", [False, True])
def test_killed_before_and_after_each_renaming_it_ends_with_the_same_bits(
    tmp_path, nursery, undisturbed, record_property, after
):
    folder = tmp_path / "s"
    for name in ("study.yaml", *RENAMED):
        if name == "study.yaml" and (folder / name).exists():
            continue  # it is written once
        ending = f"studies.end_at_rename(1, {after}, {name!r})"
        code = nursery.run(f"{ending}; studies.run({str(folder)!r})")
        assert code == -signal.SIGKILL, (name, nursery.said())
    assert nursery.run(f"studies.run({str(folder)!r})") == 0, nursery.said()
    assert_same_bits(gan_jax.load_results(folder), undisturbed[1])
    where = "after" if after else "before"
    record_property("said", f"SIGKILL: {where} the renaming of {len(RENAMED)} kinds of files")
    left = [path for path in folder.rglob("*") if ".tmp" in path.name or "step-" in path.name]
    assert not left
