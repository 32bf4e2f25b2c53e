"""Trackers look on: they get the recorded curves, and their failures touch nothing."""

import numpy as np
import pytest
from setups import BASE, timeless, tiny_study

import gan_jax
from gan_jax.config import ConfigError
from gan_jax.reports import watched
from gan_jax.studies import tracking

SHORT = BASE.replace(steps=25, log_every=10, evaluation_samples=16)


class Notebook:
    """Keeps what it is told; breaks after so many notes."""

    def __init__(self, study, folder, breaks_after=10**9):
        self.notes, self.left, self.closed = {}, breaks_after, False
        Notebook.last = self

    def log(self, variant, seed, step, measures):
        self.left -= 1
        if self.left < 0:
            raise ConnectionError("the tracker is gone")
        self.notes[variant, seed, step] = measures

    def close(self):
        self.closed = True


def run(tmp_path, monkeypatch, tracker, name="s"):
    monkeypatch.setitem(tracking.TRACKERS, "notebook", tracker)
    study = tiny_study(base=SHORT, variants={"calm": {}, "wild": {"generator_learning_rate": 3e38}})
    return watched.run_and_report(study, tmp_path / name, track="notebook")


def test_a_tracker_is_told_every_record_but_what_is_not_finite(tmp_path, monkeypatch, here):
    results = run(tmp_path, monkeypatch, Notebook)
    notes = Notebook.last.notes
    assert {key[2] for key in notes if key[0] == "calm"} == {0, 10, 20, 25}
    for seed in range(3):
        for step in (0, 10, 20, 25):
            told = notes["calm", seed, step]
            expected = results.sel(variant="calm", seed=seed, step=step)
            for name, value in told.items():
                assert value == expected[name].item()
            assert ("generator_loss" in told) == (step > 0)  # the untrained state took no step
    assert all(np.isfinite(list(told.values())).all() for told in notes.values())
    assert Notebook.last.closed


@pytest.mark.parametrize("breaks_after", [0, 3])
def test_a_tracker_that_breaks_touches_nothing(tmp_path, monkeypatch, here, capsys, breaks_after):
    broken = run(tmp_path, monkeypatch, lambda *x: Notebook(*x, breaks_after))
    said = "notebook stopped (ConnectionError: the tracker is gone); training goes on"
    assert capsys.readouterr().err.count(said) == 1
    whole = gan_jax.run_study(
        tiny_study(base=SHORT, variants={"calm": {}, "wild": {"generator_learning_rate": 3e38}}),
        tmp_path / "whole",
    )
    assert timeless(broken).identical(timeless(whole))


def test_one_that_does_not_open_is_said_once_and_one_not_installed_refused(
    tmp_path, monkeypatch, here, capsys
):
    def refuses(study, folder):
        raise PermissionError("no key")

    def absent(study, folder):
        raise ModuleNotFoundError("No module named 'wandb'", name="wandb")

    run(tmp_path, monkeypatch, refuses)
    assert capsys.readouterr().err.count("PermissionError: no key") == 1
    with pytest.raises(ConfigError, match=r"needs wandb, expected after: pip install 'gan-jax\["):
        run(tmp_path, monkeypatch, absent, "t")
    assert not (tmp_path / "t").exists()
    with pytest.raises(ConfigError, match=r"track: 'wandbs' given.*did you mean 'wandb'"):
        tracking.Tracking("wandbs", tiny_study(), tmp_path)


def test_tensorboard_files_hold_the_curves(tmp_path):
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import RecordWriter  # noqa: F401

    study = tiny_study(base=SHORT, variants={"calm": {}}, seeds=2)
    sent = tracking.Tracking("tensorboard", study, tmp_path)
    results = gan_jax.run_study(study, tmp_path / "s", observer=sent)
    sent.close()
    (file,) = (tmp_path / "tensorboard" / "calm" / "seed-0001").iterdir()
    found = {}
    data, place = file.read_bytes(), 0
    while place < len(data):  # TFRecord: length (8 bytes), its checksum (4), the record, its own
        length = int.from_bytes(data[place : place + 8], "little")
        event = Event.FromString(data[place + 12 : place + 12 + length])
        found |= {(value.tag, event.step): value.simple_value for value in event.summary.value}
        place += 16 + length
    expected = results["diversity"].sel(variant="calm", seed=1)
    for step, value in zip((0, 10, 20, 25), expected.values, strict=True):
        assert found["diversity", step] == value
