"""Files truncated, with a bit flipped, emptied, swapped, of another version: named, never used."""

import contextlib
import errno
import hashlib
import json
import os
import resource
import shutil

import pytest
import xarray as xr

import gan_jax
from faults.studies import BASE, assert_same_bits, checkpoints, run, tiny
from gan_jax.config import ConfigError
from gan_jax.files.netcdf import read_flat
from gan_jax.reports.html import write_report
from gan_jax.studies.cells import cells, write_dataset
from gan_jax.studies.damage import damaged_cells
from gan_jax.studies.status import study_status
from gan_jax.training.checkpoints import Checkpoints
from gan_jax.training.seeds import train_seeds

pytestmark = pytest.mark.slow


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def empty(path):
    path.write_bytes(b"")


class EnoughError(Exception):
    """Ends a training in its middle."""


@pytest.fixture
def halfway(tmp_path):
    """A folder of checkpoints of 4 seeds, the last at step 100, and the whole training."""
    seen = []

    def stopping():
        seen.append(1)
        if len(seen) == 6:
            raise EnoughError

    experiment = gan_jax.Experiment(**BASE).replace(steps=150)
    with pytest.raises(EnoughError):
        train_seeds(
            experiment, 4, 2, checkpoints=Checkpoints(tmp_path / "c", every=0, stopping=stopping)
        )
    steps = [[place.name for place in sorted(one.glob("step-*"))] for one in chunks(tmp_path)]
    assert steps == [["step-000000000050", "step-000000000100"]] * 2
    return tmp_path / "c", experiment


def chunks(folder):
    return sorted((folder / "c").glob("chunk-*"))


def assert_trained_alike(run, experiment):
    whole = train_seeds(experiment, 4, 2)
    assert all(run.history[name].tobytes() == x.tobytes() for name, x in whole.history.items())
    assert run.first_nonfinite_step.tobytes() == whole.first_nonfinite_step.tobytes()


@pytest.mark.parametrize("harm", [flip_a_bit, truncate, empty])
@pytest.mark.parametrize("what", ["state/*", "state/**/d/*", "manifest.json"])
def test_of_a_damaged_checkpoint_the_one_before_is_used(halfway, harm, what):
    folder, experiment = halfway
    newest = folder / "chunk-0000" / "step-000000000100"
    harm(
        max((file for file in newest.glob(what) if file.is_file()), key=lambda x: x.stat().st_size)
    )
    said, steps = [], []
    run = train_seeds(
        experiment,
        4,
        2,
        checkpoints=Checkpoints(folder, say=said.append),
        on_segment=lambda segment: steps.append((segment.resumed, segment.stop)),
    )
    assert len(said) == 1 and said[0].startswith(f"{newest}: ") and "not used" in said[0]
    assert [stop for resumed, stop in steps if resumed] == [50, 100]
    assert_trained_alike(run, experiment)


def test_checkpoints_without_a_file_or_with_another_are_not_used(halfway):
    folder, experiment = halfway
    first, second = sorted((folder / "chunk-0000").glob("step-*"))
    (second / "state" / "extra").write_text("")
    (first / "manifest.json").unlink()
    said = []
    run = train_seeds(experiment, 4, 2, checkpoints=Checkpoints(folder, say=said.append))
    assert said == [
        f"{second}: state/extra is not its own; not used",
        f"{first}: manifest.json is missing; not used",
    ]
    assert_trained_alike(run, experiment)  # of that chunk from the beginning


def test_another_training_is_refused_with_the_difference_named(halfway):
    folder, experiment = halfway

    def differing(words, experiment=experiment, seeds=4, lanes=2):
        with pytest.raises(ConfigError, match="is of another training") as refusal:
            train_seeds(experiment, seeds, lanes, checkpoints=Checkpoints(folder))
        assert words in str(refusal.value) and "\n" not in str(refusal.value)

    differing("experiment.batch_size: 16 there, 24 here", experiment.replace(batch_size=24))
    differing("seeds: [0, 1] there, [7, 1] here", seeds=[7, 1, 2, 3])
    differing("lanes: 2 there, 3 here", lanes=3)


def test_another_format_or_type_of_number_is_refused(halfway, monkeypatch):
    from gan_jax.training import checkpoints

    folder, experiment = halfway
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "FORMAT", 2)
        with pytest.raises(ConfigError, match="format: 1 there, 2 here"):
            train_seeds(experiment, 4, 2, checkpoints=Checkpoints(folder))
    import jax

    with (
        jax.enable_x64(True),
        pytest.raises(ConfigError, match="x64: False there, True here"),
    ):
        train_seeds(experiment, 4, 2, checkpoints=Checkpoints(folder))


def test_checkpoints_of_two_chunks_swapped_are_told(halfway):
    folder, experiment = halfway
    (folder / "chunk-0000").rename(folder / "aside")
    (folder / "chunk-0001").rename(folder / "chunk-0000")
    (folder / "aside").rename(folder / "chunk-0001")
    said = []
    run = train_seeds(experiment, 4, 2, checkpoints=Checkpoints(folder, differs=said.append))
    assert len(said) == 4 and all("seeds: " in line for line in said)
    assert_trained_alike(run, experiment)


def test_the_last_two_checkpoints_are_kept_and_none_of_a_finished_cell(halfway, undisturbed):
    folder, experiment = halfway
    train_seeds(experiment, 4, 2, checkpoints=Checkpoints(folder, every=0))
    for chunk in folder.iterdir():
        assert [place.name[-3:] for place in sorted(chunk.iterdir())] == ["100", "150"]
    assert not checkpoints(undisturbed[0])


@pytest.fixture
def copy(tmp_path, undisturbed):
    return shutil.copytree(undisturbed[0], tmp_path / "s")


def assert_run_again(folder, undisturbed, capsys, *words):
    results = run(folder, devices=4)
    said = capsys.readouterr().err
    assert all(word in said for word in words) and "set aside, and run again" in said, said
    assert_same_bits(results, undisturbed[1])
    assert all(word in results.attrs["run_again"] for word in words)
    assert all(word in "\n".join(study_status(folder).run_again) for word in words)
    page = write_report(results, folder).read_text(encoding="utf-8")
    assert "Found damaged, and run again" in page
    run(folder, devices=4)
    assert capsys.readouterr().err == ""  # all is well now


@pytest.mark.parametrize("harm", [flip_a_bit, truncate, empty])
@pytest.mark.parametrize("name", ["result.nc", "states.npz"])
def test_a_damaged_result_is_named_and_its_cell_run_again(copy, undisturbed, capsys, harm, name):
    path = cells(tiny())[0].folder(copy) / name
    harm(path)
    why = "empty" if harm is empty else "damaged"
    assert_run_again(copy, undisturbed, capsys, f"seeds-0000-0003/{name}: {why}")


def test_results_of_two_cells_swapped_are_told_and_run_again(copy, undisturbed, capsys):
    one, other = (cell.folder(copy) for cell in cells(tiny()))
    one.rename(copy / "aside")
    other.rename(one)
    (copy / "aside").rename(other)
    assert_run_again(copy, undisturbed, capsys, "result.nc: holds another cell")


def test_a_result_of_another_version_is_run_again(copy, undisturbed, capsys):
    path = cells(tiny())[0].path(copy)
    write_dataset(path, xr.load_dataset(path).drop_vars(["snapshots", "snapshot_step"]))
    assert_run_again(copy, undisturbed, capsys, "result.nc: of another version")


def test_a_result_without_its_checksum_is_run_again(copy, undisturbed, capsys):
    (cells(tiny())[0].folder(copy) / "result.nc.sha256").unlink()
    assert_run_again(copy, undisturbed, capsys, "result.nc: without its checksum")


def test_too_many_open_files_are_no_damage(copy):
    study, before = tiny(), resource.getrlimit(resource.RLIMIT_NOFILE)
    path, taken = cells(study)[0].path(copy), []
    read_flat(path)  # what it imports opens files, too
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 50, before[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        for reads in (lambda: read_flat(path), lambda: damaged_cells(study, copy)):
            with pytest.raises(OSError) as error:
                reads()
            assert error.value.errno == errno.EMFILE and error.value.filename
        os.close(taken.pop())  # one is enough to open the file; to look into it takes another
        with pytest.raises(OSError) as error:
            read_flat(path)
        assert error.value.errno == errno.EMFILE and error.value.filename == str(path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for one in taken:
            os.close(one)
    assert damaged_cells(study, copy) == {}


@pytest.mark.parametrize("name", ["results.nc", "seeds.csv"])
@pytest.mark.parametrize("harm", [flip_a_bit, truncate, empty])
def test_damaged_results_of_the_study_are_put_together_again(copy, undisturbed, harm, name):
    before = (copy / "seeds.csv").read_bytes()
    harm(copy / name)
    if name == "results.nc":
        with pytest.raises(ConfigError, match=r"results\.nc: (damaged|empty)"):
            gan_jax.load_results(copy)
    assert_same_bits(run(copy, devices=4), undisturbed[1])
    assert (copy / "seeds.csv").read_bytes() == before


def test_a_checkpoint_of_another_cell_is_not_used_in_a_study(tmp_path, undisturbed, capsys):
    folder = tmp_path / "s"
    seen = []

    def stop(variant, segment):
        seen.append(segment.stop)
        if len(seen) == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gan_jax.run_study(tiny(), folder, observer=stop, checkpoint_every=0)
    one, other = (cell.folder(folder) for cell in cells(tiny()))
    shutil.rmtree(other, ignore_errors=True)
    other.parent.mkdir(exist_ok=True)
    one.rename(other)
    assert_same_bits(run(folder, devices=4), undisturbed[1])
    said = capsys.readouterr().err
    assert "experiment.loss: saturating there, non_saturating here" in said and "not used" in said


def test_a_manifest_that_lies_about_its_step_is_not_believed(halfway):
    folder, experiment = halfway
    newest = sorted((folder / "chunk-0000").glob("step-*"))[-1]
    document = json.loads((newest / "manifest.json").read_text())
    document["body"]["step"] = 50
    said = []

    def assert_not_believed(words):
        (newest / "manifest.json").write_text(json.dumps(document))
        run = train_seeds(experiment, 4, 2, checkpoints=Checkpoints(folder, say=said.append))
        assert said.pop() == f"{newest}: {words}; not used" and not said
        assert_trained_alike(run, experiment)

    assert_not_believed("manifest.json is damaged: its SHA-256 is another")
    body = json.dumps(document["body"], sort_keys=True)
    document["sha256"] = hashlib.sha256(body.encode()).hexdigest()
    assert_not_believed("of step 50, whatever its name says")
