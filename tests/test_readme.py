"""README's Python runs as printed, only shorter; and the experiments run."""

import re
import runpy
from pathlib import Path

import pytest

import gan_jax

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.fixture(autouse=True)
def no_loss_left():
    """README registers a loss: gone again after each test."""
    yield
    gan_jax.LOSSES.pop("squared_hinge", None)


def test_the_scripts_of_readme_run_and_are_as_short_as_they_say(here):
    study, loss, one_gan = BLOCKS
    assert len(study.splitlines()) <= 15
    assert len(loss.split("\n\n")[1].splitlines()) <= 5
    names = {}
    shorter = study.replace("5_000", "20, log_every=10, batch_size=16").replace("=32", "=2")
    assert shorter != study
    exec(shorter, names)
    assert (here / "quality.png").read_bytes().startswith(b"\x89PNG")
    exec(loss, names)
    assert gan_jax.Experiment(loss="squared_hinge").loss == "squared_hinge"
    exec(one_gan, names)
    assert names["state"].step == 10


def test_a_registered_loss_is_a_choice_of_the_command_line(here, capsys):
    from gan_jax.cli import main

    exec(BLOCKS[1], {"gan_jax": gan_jax})
    tiny = ["--steps", "10", "--log-every", "10", "--batch-size", "16", "--seeds", "2"]
    assert main(["compare", "--losses", "squared_hinge", "non_saturating", *tiny]) == 0
    assert "squared_hinge" in capsys.readouterr().out


def test_the_first_study_runs(here, capsys):
    experiment = runpy.run_path(str(ROOT / "experiments" / "first_study.py"))
    experiment["main"]("out", steps=10, seeds=2)
    assert "published" in capsys.readouterr().out
    assert gan_jax.load_results("out").sizes["seed"] == 2
