"""A seed that turns NaN or Inf: recorded, shown, and the others bitwise unchanged. And memory."""

import gc
import resource
from pathlib import Path

import jax
import numpy as np
import pytest

import gan_jax
from faults.studies import BASE, tiny, wait_until
from gan_jax.reports.html import write_report
from gan_jax.studies.cells import cells
from gan_jax.studies.status import study_status
from gan_jax.training import chunks, rows, seeds
from gan_jax.training.checkpoints import Checkpoints
from gan_jax.training.seeds import train_seeds


def test_a_learning_rate_of_a_billion_ends_every_seed_and_the_report_renders(tmp_path):
    variants = {"calm": {}, "wild": {"discriminator_learning_rate": 1e9, "optimizer": "sgd"}}
    results = gan_jax.run_study(tiny(variants=variants), tmp_path / "s")
    calm, wild = (results.sel(variant=name) for name in variants)
    assert (wild["first_nonfinite_step"] >= 0).all() and (wild["verdict"] == "diverged").all()
    assert (calm["first_nonfinite_step"] == -1).all()
    assert np.isnan(wild["generator_loss"].values[:, -1]).all()
    assert "diverged" in write_report(results, tmp_path / "s").read_text(encoding="utf-8")


@pytest.mark.bits
def test_a_seed_of_nan_leaves_its_neighbours_bitwise_alone_across_an_interruption(
    tmp_path, monkeypatch
):
    """NaN in the first weights of one seed of a chunk, then a checkpoint with it, and on."""
    experiment = gan_jax.Experiment(**BASE)
    calm = train_seeds(experiment, 4, 2)

    class Spoilt(chunks.Chunk):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            if 1 in self.seeds and self.step == 0:
                state = self.lane.state
                spoilt = jax.tree.map(lambda x: x.at[1].set(np.nan), state.generator.parameters)
                generator = state.generator._replace(parameters=spoilt)
                spoilt_lane = self.lane._replace(state=state._replace(generator=generator))
                self._last = rows.known((spoilt_lane, {}))

    monkeypatch.setattr(seeds, "Chunk", Spoilt)
    whole = train_seeds(experiment, 4, 2)
    stops = iter([False] * 7 + [True])

    def stopping():
        if next(stops, False):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_seeds(experiment, 4, 2, checkpoints=Checkpoints(tmp_path, stopping=stopping))
    for run in (whole, train_seeds(experiment, 4, 2, checkpoints=Checkpoints(tmp_path))):
        assert run.first_nonfinite_step.tolist() == [-1, 1, -1, -1]
        for name, x in calm.history.items():
            others = [0, 2, 3]
            assert run.history[name][others].tobytes() == x[others].tobytes(), name
            assert np.isnan(run.history[name][1, 1:]).all()


def test_running_out_of_memory_names_what_to_lower(tmp_path):
    greedy = {"batch_size": 2**30, "generator_hidden": (2**17,), "discriminator_hidden": (2**17,)}
    study = tiny(base=gan_jax.Experiment(**(BASE | greedy)), variants={"greedy": {}})
    with pytest.raises(gan_jax.StudyError, match="out of memory") as error:
        gan_jax.run_study(study, tmp_path / "s")
    words = ("lanes 2", "batch_size 1073741824", "evaluation_samples 32", "_hidden [131072]")
    assert all(word in str(error.value) for word in words) and "\n" not in str(error.value)
    ((cell, state, note),) = study_status(tmp_path / "s").notes
    assert (cell, state) == (cells(study)[0], "failed") and "lower one of: lanes 2" in note


@pytest.mark.parametrize("n_devices", [1, 2])
def test_memory_is_flat_over_a_hundred_segments(tmp_path, monkeypatch, n_devices):
    made, live, resident, steps = [], [], [], []
    page = resource.getpagesize()

    class Kept(chunks.Chunk):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self)

    def on_devices():
        return sum(x.nbytes for x in jax.live_arrays())

    def count(segment):
        steps.append(segment.stop)
        if len(steps) % (5 * n_devices):  # to look for garbage takes longer than to train
            return
        for chunk in made:  # a row's own thread may be anywhere in what is ahead
            chunk.wait()
        gc.collect()
        if live:  # and lets go of what it called a moment after that is done
            wait_until(lambda: on_devices() <= live[0], seconds=10)
        live.append(on_devices())
        resident.append(int(Path("/proc/self/statm").read_text().split()[1]) * page)

    monkeypatch.setattr(seeds, "Chunk", Kept)
    experiment = gan_jax.Experiment(**(BASE | {"steps": 1000, "log_every": 1}))
    train_seeds(
        experiment,
        2,
        2 // n_devices,
        on_segment=count,
        checkpoints=Checkpoints(tmp_path, every=0),
        devices=jax.devices()[:n_devices],
    )
    assert len(steps) == 101 * n_devices and len(live) == 20
    assert max(resident[10:]) < max(resident[5:10]) + 16 * 2**20  # of the whole process
