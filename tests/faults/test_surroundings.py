"""Clocks, paths, homes, locales, caches, hash seeds and devices: the same bits, wherever."""

import inspect
import itertools
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import gan_jax
from faults.studies import assert_same_bits, run, tiny
from gan_jax.training.checkpoints import Checkpoints
from gan_jax.training.seeds import train_seeds

pytestmark = pytest.mark.slow


SCRIPT = "import sys; sys.path.insert(0, {tests!r}); import faults.studies as studies; {line}"


def in_a_process(line, **environment):
    """Run a line in a fresh process, without a terminal."""
    code = SCRIPT.format(tests=str(Path(__file__).parents[1]), line=line)
    env = {name: x for name, x in os.environ.items() if environment.get(name, x) is not None}
    env |= {name: x for name, x in environment.items() if x is not None}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    assert ran.returncode == 0 and "Traceback" not in ran.stderr, ran.stderr


def half(folder, pause=0.0):
    """Train some segments of the study, and be interrupted."""
    seen = []

    def stop(variant, segment):
        seen.append(segment.stop)
        if len(seen) == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gan_jax.run_study(tiny(), folder, observer=stop, checkpoint_every=0)


def test_a_clock_that_was_set_back_changes_nothing(tmp_path, undisturbed):
    half(tmp_path / "s")
    for path in (tmp_path / "s").rglob("*"):
        os.utime(path, (time.time() + 1e9,) * 2)  # all that is there is of the future
    run(tmp_path / "s", devices=4)
    assert_same_bits(gan_jax.load_results(tmp_path / "s"), undisturbed[1])


def test_long_paths_of_any_letters_and_a_folder_that_moves(tmp_path, undisturbed):
    long = tmp_path.joinpath(*["ein sehr länger Ordnerñame ☃ %20 " * 3] * 6) / "s"
    half(long)
    moved = tmp_path / "elsewhere"
    shutil.move(long, moved)
    resumed = []
    gan_jax.run_study(tiny(), moved, observer=lambda _, segment: resumed.append(segment.resumed))
    assert any(resumed)
    assert_same_bits(gan_jax.load_results(moved), undisturbed[1])


@pytest.mark.bits
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "1", "LANG": "C", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "2", "HOME": "/proc/none", "JAX_COMPILATION_CACHE_DIR": None,
         "XDG_CACHE_HOME": None, "TERM": None},
    ],
)  # fmt: skip
@pytest.mark.parametrize("devices", [1, 3])
def test_other_processes_hash_seeds_devices_and_homes_give_the_same_bits(
    tmp_path, undisturbed, environment, devices
):
    folder = tmp_path / "größe"
    in_a_process(f"studies.run({str(folder)!a}, devices={devices})", **environment)
    assert_same_bits(gan_jax.load_results(folder), undisturbed[1])


def test_a_clock_that_is_set_back_again_and_again_ends_no_checkpoints(tmp_path, monkeypatch):
    # What cannot be set back; and whoever asks for the time of day finds it ever earlier.
    assert inspect.signature(Checkpoints).parameters["clock"].default is time.monotonic
    moments, before = itertools.count(), time.time()
    monkeypatch.setattr(time, "time", lambda: before - 1000.0 * next(moments))
    monkeypatch.setattr("gan_jax.training.checkpoints.LARGEST_SHARE", float("inf"))
    experiment = gan_jax.Experiment(steps=100, log_every=5, batch_size=16, evaluation_samples=32)
    train_seeds(experiment, 2, 2, checkpoints=Checkpoints(tmp_path, every=1e-6))
    assert [one.name[-3:] for one in sorted((tmp_path / "chunk-0000").iterdir())] == ["050", "100"]
