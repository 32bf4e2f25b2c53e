"""`--restart`: what is discarded is named, and nothing but a study's own is."""

import shutil

import pytest
from setups import timeless, tiny_study

import gan_jax
from gan_jax.cli import main
from gan_jax.fields import ConfigError
from gan_jax.studies.claims import RUNNING, TakenError, claimed
from gan_jax.studies.discard import discard
from gan_jax.studies.files import write_yaml


@pytest.fixture
def folder(tmp_path, finished):
    return shutil.copytree(finished[0], tmp_path / "s")


def test_a_finished_study_is_named_and_gone(folder):
    line = discard(folder)
    assert line == f"{folder}: discarded the study tiny: 2 of 2 cells done"
    assert list(folder.iterdir()) == []
    assert discard(folder) == f"{folder}: nothing to discard"


def test_checkpoints_of_an_unfinished_one_are_named_with_their_step(tmp_path):
    def stop(variant, segment):
        if segment.stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gan_jax.run_study(tiny_study(), tmp_path / "s", observer=stop, checkpoint_every=0)
    line = discard(tmp_path / "s")
    assert line.endswith("0 of 2 cells done, 2 checkpoints of unfinished ones at up to step 0")


def test_what_is_no_studys_stays(folder, tmp_path):
    (folder / "notes.txt").write_text("mine")
    before = sorted(folder.rglob("*"))
    with pytest.raises(ConfigError, match=r"holds what is no study's \(notes\.txt\)"):
        discard(folder)
    assert sorted(folder.rglob("*")) == before
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("mine")
    with pytest.raises(ConfigError, match=r"holds files but no study\.yaml"):
        discard(other)
    assert (other / "thesis.tex").exists()


def test_a_study_that_is_run_is_not_discarded(folder):
    before = sorted(folder.rglob("*"))
    with claimed(folder / RUNNING, "it"), pytest.raises(TakenError, match="run by process"):
        discard(folder)
    assert sorted(folder.rglob("*")) == before


def test_the_command_begins_anew_and_gives_the_same(here, finished, capsys):
    write_yaml(here / "tiny.yaml", tiny_study().to_dict())
    words = ["study", str(here / "tiny.yaml"), "--out", str(here / "s")]
    shutil.copytree(finished[0], here / "s")
    changed = tiny_study(base=tiny_study().base.replace(batch_size=24))
    write_yaml(here / "changed.yaml", changed.to_dict())
    # Another study there is refused, unless it is to be discarded.
    assert main(["study", str(here / "changed.yaml"), "--out", str(here / "s")]) == 2
    assert "batch_size: " in capsys.readouterr().err
    assert main([*words, "--restart"]) == 0
    said = capsys.readouterr().out
    assert "s: discarded the study tiny: 2 of 2 cells done" in said
    again, before = (gan_jax.load_results(folder) for folder in (here / "s", finished[0]))
    assert timeless(again).identical(timeless(before))


def test_a_study_that_cannot_be_run_discards_nothing(here, folder, capsys):
    (here / "bad.yaml").write_text("name: tiny\nseeds: 0\nvariants: {a: {}}\n")
    before = sorted(folder.rglob("*"))
    words = ["study", str(here / "bad.yaml"), "--out", str(folder), "--restart"]
    assert main(words) == 2
    assert "seeds" in capsys.readouterr().err and sorted(folder.rglob("*")) == before
