"""Variants as a grid: every combination once, named; what is refused."""

import pytest

import gan_jax
from gan_jax.config import ConfigError
from gan_jax.studies.study import Study


def test_a_grid_is_every_combination_the_last_axis_fastest():
    axes = {"loss": ["hinge", "wasserstein"], "generator_learning_rate": [1e-3, 3e-4]}
    assert gan_jax.grid(axes) == {
        "hinge+glr=0.001": {"loss": "hinge", "generator_learning_rate": 1e-3},
        "hinge+glr=0.0003": {"loss": "hinge", "generator_learning_rate": 3e-4},
        "wasserstein+glr=0.001": {
            "loss": "wasserstein", "generator_learning_rate": 1e-3,
        },
        "wasserstein+glr=0.0003": {
            "loss": "wasserstein", "generator_learning_rate": 3e-4,
        },
    }  # fmt: skip


def test_fields_of_the_same_initials_are_named_whole():
    names = gan_jax.grid({"beta1": [0.5], "batch_size": [8], "beta2": [0.9]})
    assert list(names) == ["beta1=0.5+bs=8+beta2=0.9"]


def test_what_changes_together_has_a_label_and_crosses_named_variants():
    penalty = {"plain": {}, "r1": {"penalty": "r1", "penalty_weight": 10.0}}
    crossed = gan_jax.grid({"penalty": penalty}, {"small": {"batch_size": 32}})
    assert crossed == {
        "small+plain": {"batch_size": 32},
        "small+r1": {"batch_size": 32, "penalty": "r1", "penalty_weight": 10.0},
    }
    hidden = gan_jax.grid({"generator_hidden": [[8, 8], [15]]})
    assert list(hidden) == ["gh=8-8", "gh=15"]


@pytest.mark.parametrize(
    ("axes", "variants", "words"),
    [
        ({}, None, "expected fields and their values"),
        ({"loss": "hinge"}, None, "loss: 'hinge' given, expected a list of values"),
        ({"loss": []}, None, "expected a list of values"),
        ({"loss": ["hinge", "hinge"]}, None, "two variants are called 'hinge'"),
        ({"loss": ["hinge"]}, {"a": {"loss": "wasserstein"}}, "loss is set twice"),
        ({"p": {"r1": "r1"}}, None, "expected a label and its fields"),
        ({"data_seed": list(range(200)), "batch_size": list(range(200))}, None, "40000 variants"),
    ],
)
def test_a_grid_that_means_nothing_is_refused(axes, variants, words):
    with pytest.raises(ConfigError, match=words):
        gan_jax.grid(axes, variants)


def test_a_study_file_takes_variants_as_a_list_a_mapping_or_a_grid():
    named = {"name": "s", "seeds": 2}
    listed = [{"name": "a", "loss": "hinge"}, {"name": "b", "batch_size": 64}]
    mapping = {"a": {"loss": "hinge"}, "b": {"batch_size": 64}}
    study = Study.from_dict(named | {"variants": mapping})
    assert Study.from_dict(named | {"variants": listed}).to_dict() == study.to_dict()
    crossed = Study.from_dict(named | {"variants": mapping, "grid": {"data": ["ring", "grid"]}})
    assert list(crossed.variants) == ["a+ring", "a+grid", "b+ring", "b+grid"]
    assert {name: list(own) for name, own in crossed.groups().items()} == {
        "ring": ["a+ring", "b+ring"], "grid": ["a+grid", "b+grid"],
    }  # fmt: skip
    assert crossed.varied()["a+ring"] == {"data": "ring", "loss": "hinge", "batch_size": 128}
    for variants, words in (
        ([{"loss": "hinge"}], "expected a name and fields"),
        ([{"name": "a"}, {"name": "a"}], "'a' is listed more than once"),
        ([{"name": [1], "loss": "hinge"}], r"variant: \[1\] given"),
    ):
        with pytest.raises(ConfigError, match=words):
            Study.from_dict(named | {"variants": variants})
    for variants, words in (
        ({"a": None}, "variant a: None given, expected fields by name"),
        ({1: {}}, "variant: 1 given"),
        (3, "variants: 3 given"),
    ):
        with pytest.raises(ConfigError, match=words):
            Study.from_dict(named | {"variants": variants, "grid": {"loss": ["hinge"]}})
    with pytest.raises(ConfigError, match=r"variant hing: loss: 'hing' given.*'hinge'"):
        Study.from_dict(named | {"grid": {"loss": ["hing"]}})
