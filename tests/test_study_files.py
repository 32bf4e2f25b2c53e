"""The ready-made studies: each is valid and explained; the published ones are as published."""

from pathlib import Path

import pytest

import gan_jax
from gan_jax.studies.cells import cells
from gan_jax.studies.files import read_yaml
from gan_jax.studies.plan import plan
from gan_jax.studies.study import Study

FOLDER = Path(__file__).parents[1] / "experiments" / "studies"
FILES = sorted(FOLDER.glob("*.yaml"))


def study(name):
    return Study.from_dict(read_yaml(FOLDER / f"{name}.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_study_file_is_valid_explained_and_in_the_index(file):
    ready = study(file.stem)
    assert ready.name == file.stem
    assert file.read_text().startswith("# ")
    index = (FOLDER.parent / "README.md").read_text()
    assert f"`studies/{file.name}`" in index


def test_the_files_that_users_look_for_are_there():
    names = {file.stem for file in FILES}
    assert names >= {
        *("seed_stability", "loss_comparison", "learning_rate_map", "penalties", "updates"),
        *("architectures", "pacgan", "pacgan_full", "alpha_gan_ring", "alpha_gan_ring_full"),
    }


def test_every_loss_is_compared_on_three_data_sets():
    comparison = study("loss_comparison")
    assert list(comparison.groups()) == ["parabola", "ring", "grid"]
    for experiments in comparison.groups().values():
        assert {experiment.loss for experiment in experiments.values()} == set(gan_jax.LOSSES)


def test_a_map_of_learning_rates_compiles_one_program_a_loss():
    rates = study("learning_rate_map")
    assert plan(rates, cells(rates)).programs == 2 and len(rates.variants) == 72


def test_the_published_protocols_are_as_published():
    pacgan = study("pacgan_full")
    assert len(pacgan.seeds) == 10
    for experiment in pacgan.experiments().values():
        expected = gan_jax.preset("ring", data=experiment.data, packing=experiment.packing)
        assert experiment == expected and experiment.total_steps == 400_000
    ring = study("alpha_gan_ring_full")
    assert len(ring.seeds) == 200
    for experiment in ring.experiments().values():
        assert (experiment.n_train, experiment.latent_pool) == (50_000, 50_000)
        assert experiment.generator_hidden == (400,) * 4
        assert experiment.discriminator_hidden == (200,) * 4
        assert experiment.total_steps == 400 * 391  # batches of 128 a pass, the last one short
