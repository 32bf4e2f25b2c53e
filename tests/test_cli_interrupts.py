"""Ctrl-C at the command line: what is done is kept, and how to go on is said."""

import gc
import shutil
import signal
import subprocess
import sys

import pytest
from faults.studies import wait_until
from setups import tiny_study

from gan_jax.cli import main
from gan_jax.reports import watched
from gan_jax.studies import status
from gan_jax.studies.cells import cells
from gan_jax.training.interrupts import Interrupted, heard_signals


def test_ctrl_c_says_how_to_continue(here, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise Interrupted(signal.SIGTERM)

    monkeypatch.setattr("gan_jax.training.seeds.train_seeds", interrupted)
    monkeypatch.setattr(sys, "argv", ["gan-jax", "compare", "--restart", "--seeds", "2"])
    assert main(["compare", "--seeds", "2", "--steps", "30"]) == 143
    assert capsys.readouterr().err == (
        "gan-jax: interrupted: 0 of 2 cells are done and kept; "
        "continue with: gan-jax compare --seeds 2\n"
    )


def test_an_interrupt_without_words_is_named(capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("gan_jax.reports.watched.show_spectra", interrupted)
    assert main(["spectrum", "anywhere"]) == 130
    assert capsys.readouterr().err == "gan-jax: interrupted\n"


QUICK_PROGRESS = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job's is ignored
import gan_jax.reports.progress as progress
from gan_jax.cli import main
progress.PLAIN_EVERY = 0.0
sys.exit(main())
"""


@pytest.mark.parametrize("after", ["compiling", "step 0 of", "non_saturating"])
def test_a_real_ctrl_c_ends_cleanly_whatever_is_going_on(tmp_path, after):
    # Slow enough to be caught in the middle: many steps of a small batch, few lanes.
    slow = ["--seeds", "4", "--steps", "20000", "--batch-size", "16", "--log-every", "100"]
    command = [sys.executable, "-u", "-c", QUICK_PROGRESS, "compare", *slow]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if after in line:
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130, errors
    done = 1 if after == "non_saturating" else 0
    first, last = errors.split("\n", 1)[1].splitlines()
    assert first == "finishing what runs, to keep it; Ctrl-C again leaves at once"
    assert last.startswith(f"gan-jax: interrupted: {done} of 2 cells are done and kept")
    assert "; continue with: " in last and last.endswith(" ".join(["compare", *slow]))


IN_PART = ", some trained in part and kept at "


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([], ""),
        ([0], ""),  # drawn, but not trained
        ([200, 200], f"{IN_PART}step 200"),
        # A chunk that is trained to its end waits for the cell's others.
        ([10_000, 200, 0], f"{IN_PART}steps 200 to 10,000"),
    ],
)
def test_where_unfinished_cells_go_on_is_said(finished, here, capsys, monkeypatch, steps, words):
    folder = shutil.copytree(finished[0], here / "tiny")
    shutil.rmtree(cells(tiny_study())[1].folder(folder))
    monkeypatch.setattr(watched, "trained_steps", lambda cell, folder: steps)
    monkeypatch.setattr(watched, "run_study", lambda *_, **__: None)
    watched.run_visibly(tiny_study(), folder)
    said = capsys.readouterr().out.splitlines()
    assert f"{folder}: continuing, 1 of 2 cells to run{words}" in said

    monkeypatch.setattr(status, "trained_steps", lambda cell, folder: steps)
    notes = [note for _, _, note in status.study_status(folder).notes]
    begun = "interrupted; seeds that had begun are kept at "
    assert notes == ([words.replace(IN_PART, begun)] if words else [])


def test_an_interrupt_that_python_drops_is_heard_and_not_called_ignored(capsys):
    # Python ignores what a garbage collector's callback raises; JAX has such a callback.
    def interrupted(phase, _):
        if phase == "start":
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with heard_signals() as heard:
            gc.callbacks.append(interrupted)
            try:
                gc.collect()
            finally:
                gc.callbacks.remove(interrupted)
            wait_until(lambda: heard.number is not None)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard.number == signal.SIGINT
    assert "Exception ignored" not in capsys.readouterr().err
