"""A batch shared out among devices: one device's numbers but for rounding; really shared out."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import meshes
import pytest
from setups import BASE, BLOBS, POISONED, tiny_study

import gan_jax
from gan_jax.config import ConfigError
from gan_jax.studies.cells import cells, origin_of
from gan_jax.training.checkpoints import Checkpoints
from gan_jax.training.interrupts import Interrupted
from gan_jax.training.rows import device_rows
from gan_jax.training.seeds import train_seeds

DEVICES = jax.devices()
SHORT = gan_jax.Experiment(steps=20, log_every=5, batch_size=32, evaluation_samples=32)
BATCH_NORM = {"generator_normalization": "batch", "discriminator_normalization": "batch"}
SETUPS = {
    "several full batches, noise": {
        "discriminator_batch": "full",
        "discriminator_steps": 2,
        "instance_noise": 0.1,
    },
    "batch statistics apart": BATCH_NORM,
    "batch statistics together, dropout": BATCH_NORM
    | {"discriminator_statistics": "together", "discriminator_dropout": 0.3},
    "spectral norm, r1, a training set in order": {
        "spectral_norm": True,
        "penalty": "r1",
        "n_train": 100,
        "batch_order": "shuffled",
        "latent_pool": 50,
    },
    "packs, a lazy penalty between samples": {
        "packing": 2,
        "data": "ring",
        "loss": "relativistic_average",
        "penalty": "gradient_penalty",
        "penalty_every": 2,
    },
    "images": {
        "data": "blobs",
        "generator": "convolutional",
        "discriminator": "convolutional",
        "generator_normalization": "batch",
        "discriminator_hidden": (4,),
    },
}


@pytest.mark.parametrize("name", SETUPS)
def test_gradients_and_a_step_are_one_devices(name, registered):
    registered(gan_jax.DATASETS, "blobs", BLOBS)
    alone, shared = meshes.both_ways(DEVICES, **SETUPS[name])
    assert 0 < meshes.disagreement(shared, alone) < meshes.ROUNDING
    # The comparison is of something: a state that has moved, and not as another seed's.
    assert (alone[1][0].step == 1).all()
    other = jax.tree.map(lambda x: x[::-1], alone)
    assert meshes.disagreement(shared, other) > 1000 * meshes.ROUNDING


def with_eight(what):
    """What a process with eight devices sees; see `meshes`."""
    tests = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": f"{tests.parent}{os.pathsep}{tests}"}
    command = [sys.executable, tests / "meshes.py", what]
    finished = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert finished.returncode == 0, finished.stderr[-3000:]
    return json.loads(finished.stdout)


@pytest.mark.bits
def test_eight_devices_alone_and_in_rows_are_the_bits_of_fewer():
    assert with_eight("rows") == {
        "devices": 8,
        "rows": [4, 2],
        "eight are one": True,
        "four rows are two": True,
    }


def test_eight_devices_share_a_batch():
    seen = with_eight("sums")
    assert 0 < seen["difference"] < meshes.ROUNDING
    # Adam's steps are as long for a small gradient as for a large one: roundings grow.
    assert 0 < seen["after 20 steps"] < 1e-3
    assert seen["collectives"] == ["all-reduce"]  # samples stay where they are
    assert {13, 26} <= {*seen["sizes"]}  # 104 / 8 of either kind, 208 / 8 of the generator's


def test_seeds_that_fail_do_so_at_one_devices_steps(registered):
    registered(gan_jax.DATASETS, "poisoned", POISONED)
    experiment = SHORT.replace(data="poisoned", log_every=20)  # a stretch of 18 steps
    alone, shared = (train_seeds(experiment, 4, 2, batch_devices=n) for n in (1, 2))
    first = alone.first_nonfinite_step
    assert (shared.first_nonfinite_step == first).all()
    assert len({*first}) > 2 and (first < 19).any()
    assert meshes.farthest(shared.states, alone.states) < 1e-3


@pytest.mark.bits
def test_training_continues_with_the_same_bits(tmp_path):
    def stop():
        if len(seen) == 2:
            raise Interrupted(15)

    experiment = SHORT.replace(steps=200)
    whole = meshes.trained(experiment, 2, 2, batch_devices=2)
    seen = []
    fields = {"evaluation": meshes.quality.evaluation(experiment), "batch_devices": 2}
    with pytest.raises(Interrupted):
        checkpoints = Checkpoints(tmp_path, every=1e9, stopping=stop)
        train_seeds(experiment, 2, 2, **fields, on_segment=seen.append, checkpoints=checkpoints)
    assert seen[-1].stop == 50
    seen = []
    run = train_seeds(
        experiment, 2, 2, **fields, on_segment=seen.append, checkpoints=Checkpoints(tmp_path)
    )
    assert seen[0].resumed and seen[0].stop == 50
    assert meshes.identical((run.states, dict(run.history), run.first_nonfinite_step), whole)
    assert run.batch_devices == 2
    with pytest.raises(ConfigError, match=r"another training \(batch_devices: 2 there, 4 here\)"):
        train_seeds(
            experiment, 2, 2, **fields | {"batch_devices": 4}, checkpoints=Checkpoints(tmp_path)
        )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"batch_devices": 0}, "batch_devices: 0 given, expected a whole number from 1 on"),
        ({"batch_devices": 2.0}, "batch_devices: 2.0 given, expected a whole number"),
        ({"batch_devices": True}, "batch_devices: True given, expected a whole number"),
        ({"batch_devices": 32}, "batch_size: 32 given, 16 a discriminator update, expected"),
        ({"batch_devices": 16}, "batch_devices: 16 given, expected at most the 4 devices"),
        ({"batch_devices": 2, "devices": DEVICES[:3]}, "a number that divides the 3 devices"),
        ({"batch_devices": 2, "devices": DEVICES[:1]}, "at most the 1 device there"),
        ({"batch_devices": 2, "seed_devices": 3}, "seed_devices: 3 given with batch_devices: 2"),
        ({"seed_devices": 0}, "seed_devices: 0 given"),
    ],
)
def test_a_mesh_that_cannot_be_is_refused_before_anything_is_compiled(fields, message):
    with pytest.raises(ConfigError, match=message):
        train_seeds(SHORT, 1, **fields)


def test_rows_cover_the_devices_in_order():
    rows = device_rows(2)
    assert [row.devices for row in rows] == [tuple(DEVICES[:2]), tuple(DEVICES[2:])]
    assert [row.devices for row in device_rows()] == [(device,) for device in DEVICES]
    assert [row.devices for row in device_rows(2, 1, DEVICES[1:])] == [tuple(DEVICES[1:3])]


@dataclasses.dataclass(frozen=True)
class Elsewhere:
    """A device of another process, as far as rows look at it."""

    process_index: int
    id: int


def test_rows_of_several_processes_take_as_many_devices_of_each():
    devices = [Elsewhere(process, i) for process in range(2) for i in range(4)]
    rows = device_rows(4, devices=devices)
    names = [[(one.process_index, one.id) for one in row.devices] for row in rows]
    assert names == [
        [(0, 0), (0, 1), (1, 0), (1, 1)],
        [(0, 2), (0, 3), (1, 2), (1, 3)],
    ]
    with pytest.raises(ConfigError, match="batch_devices: 1 given, expected a multiple of 2, the"):
        device_rows(1, devices=devices)
    with pytest.raises(ConfigError, match="devices: 4, 2 by process, expected as many in each"):
        device_rows(2, devices=devices[:6])


def test_a_study_records_how_many_devices_share_a_batch(tmp_path):
    study = tiny_study(batch_devices=2)
    assert gan_jax.Study.from_dict(study.to_dict()) == study
    assert "batch_devices" not in tiny_study().to_dict()
    assert origin_of(study, "saturating") != origin_of(tiny_study(), "saturating")
    assert [cell.seeds for cell in cells(study)] == [cell.seeds for cell in cells(tiny_study())]
    with pytest.raises(ConfigError, match="variant odd: batch_size: 18 given, 9 a discriminator"):
        tiny_study(batch_devices=2, variants={"odd": {"batch_size": 18}})
    with pytest.raises(ConfigError, match="batch_devices: 8 given, expected at most the 4 dev"):
        gan_jax.run_study(tiny_study(batch_devices=8), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_study_is_continued_with_the_same_number_only(tmp_path):
    fields = {"base": BASE.replace(steps=10, log_every=5), "seeds": 2, "moments": 0}
    variants = {"saturating": {"loss": "saturating"}}
    fields["variants"] = variants
    results = gan_jax.run_study(tiny_study(batch_devices=2, **fields), tmp_path / "study")
    assert (results["status"] == "done").all()
    with pytest.raises(ConfigError, match=r"another study .*batch_devices: 2 there, 1 here"):
        gan_jax.run_study(tiny_study(**fields), tmp_path / "study")
