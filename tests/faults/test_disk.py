"""Disks that are full or read-only, folders that vanish: one clear line, and nothing lost."""

import shutil
import subprocess

import pytest

import gan_jax
from faults.studies import assert_same_bits, checkpoints, tiny, wait_until
from gan_jax.files.whole import write_text
from gan_jax.studies.files import write_yaml
from gan_jax.training.checkpoints import Checkpoints
from gan_jax.training.seeds import train_seeds

pytestmark = pytest.mark.slow


LIMIT = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size})); "


def continued(nursery, folder):
    assert nursery.run(f"studies.run({str(folder)!r})") == 0, nursery.said()
    return gan_jax.load_results(folder)


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk of half a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=500k", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs to mount a tmpfs")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_stops_no_training_but_the_result_waits(tmp_path, nursery, tiny_disk):
    folder = tiny_disk / "s"
    (tiny_disk / "other").write_bytes(bytes(400_000))
    assert nursery.run(f"studies.run({str(folder)!r})") == 1
    said = nursery.said().splitlines()
    assert "No space left on device" in said[-1]
    warnings = [line for line in said if "training goes on" in line]
    assert warnings and all("no checkpoint at step" in line for line in warnings)
    assert not [line for line in said if "Traceback" in line]
    (tiny_disk / "other").unlink()
    shutil.move(folder, tmp_path / "s")  # there is room
    results = continued(nursery, tmp_path / "s")
    assert (results["status"] == "done").all()


@pytest.mark.parametrize("size", [200, 3_000, 12_000, 40_000])
def test_files_that_may_not_grow_end_in_one_line_and_lose_nothing(
    tmp_path, nursery, undisturbed, size
):
    # From a manifest on: study.yaml has 3 kB, a checkpoint's largest file 10 kB, a result 50 kB.
    folder = tmp_path / "s"
    write_yaml(tmp_path / "tiny.yaml", tiny().to_dict())
    words = ("study", str(tmp_path / "tiny.yaml"), "--out", str(folder), "--checkpoint-every", "0")
    out = str(tmp_path / "stdout")
    code = nursery.run(f"{LIMIT.format(size=size)} studies.command(*{words!r}, out={out!r})")
    said = nursery.said()
    assert code in (1, 2), said
    last = said.splitlines()[-1]
    assert last.startswith("gan-jax: ") and "File too large" in last and str(folder) in last, said
    assert "Traceback" not in said
    assert_same_bits(continued(nursery, folder), undisturbed[1])
    assert nursery.said() == ""


def test_a_report_that_does_not_fit_leaves_the_old_one(tmp_path, nursery, undisturbed):
    folder, out = shutil.copytree(undisturbed[0], tmp_path / "s"), str(tmp_path / "stdout")
    line = f"studies.command('report', {str(folder)!r}, out={out!r})"
    assert nursery.run(line) == 0, nursery.said()
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert nursery.run(LIMIT.format(size=4_000) + line) in (1, 2)
    (said,) = nursery.said().splitlines()
    assert said.startswith("gan-jax: ") and "File too large" in said and str(folder) in said
    left = {path for path in folder.rglob("*") if path.is_file()}
    assert left == {*before} and all(path.read_bytes() == x for path, x in before.items())


def test_an_output_that_is_full_loses_no_result(tmp_path, nursery, undisturbed):
    folder = tmp_path / "s"
    write_yaml(tmp_path / "tiny.yaml", tiny().to_dict())
    words = ("study", str(tmp_path / "tiny.yaml"), "--out", str(folder))
    assert nursery.run(f"studies.command(*{words!r}, out='/dev/full')") == 1
    assert nursery.said().splitlines() == ["gan-jax: No space left on device"]
    assert_same_bits(continued(nursery, folder), undisturbed[1])


def test_a_checkpoint_that_cannot_be_written_is_said_and_tried_again(tmp_path):
    experiment = gan_jax.Experiment(steps=100, log_every=5, batch_size=16, evaluation_samples=32)
    said, folder = [], tmp_path / "c"
    folder.write_text("a file in the folder's place")

    def make_way(segment):
        if segment.stop == 100:
            folder.unlink()

    checkpointing = Checkpoints(folder, every=0, say=said.append)
    run = train_seeds(experiment, 2, 2, checkpoints=checkpointing, on_segment=make_way)
    assert len(said) == 2 and all("training goes on" in line for line in said)
    assert [path.parent.name for path in checkpoints(folder)] == ["step-000000000100"]
    assert (run.first_nonfinite_step == -1).all()


def test_a_folder_removed_in_the_middle_ends_in_one_line(tmp_path, nursery, undisturbed):
    folder = tmp_path / "s"
    write_yaml(tmp_path / "tiny.yaml", tiny().to_dict())
    words = ("study", str(tmp_path / "tiny.yaml"), "--out", str(folder), "--checkpoint-every", "0")
    out = str(tmp_path / "stdout")
    nursery.start(f"studies.command(*{words!r}, out={out!r}, pause=0.1)")
    wait_until(lambda: checkpoints(folder))
    folder.rename(tmp_path / "gone")
    code = nursery.wait()
    said = nursery.said()
    assert code in (1, 2) and "Traceback" not in said, said
    assert said.splitlines()[-1].startswith("gan-jax: "), said
    shutil.rmtree(folder, ignore_errors=True)
    (tmp_path / "gone").rename(folder)  # nothing of it is lost
    assert_same_bits(continued(nursery, folder), undisturbed[1])


def test_folders_that_may_not_be_written_are_refused_before_anything_runs(
    tmp_path, nursery, undisturbed
):
    tmp_path.chmod(0o555)
    folder = tmp_path / "s"
    try:
        assert nursery.run(f"studies.heed_permissions(); studies.run({str(folder)!r})") == 1
        assert nursery.said() == (
            f"ConfigError: out: cannot write to {folder}: Permission denied\n"
        )
    finally:
        tmp_path.chmod(0o755)


def test_what_is_being_written_when_the_disk_is_full_leaves_the_old_file(tmp_path):
    file = tmp_path / "file"
    write_text(file, "old")

    def full(temporary):
        temporary.write_text("ne")
        raise OSError(28, "No space left on device")

    from gan_jax.files.whole import write_whole

    with pytest.raises(OSError, match="No space left") as error:
        write_whole(file, full)
    assert error.value.filename == str(file)
    assert file.read_text() == "old" and [one.name for one in tmp_path.iterdir()] == ["file"]
