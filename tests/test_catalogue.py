"""The JAX-free tables against the registries they describe."""

import importlib

import pytest

import gan_jax
from gan_jax.catalogue import CATALOGUE, nearest


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_table_and_registry_have_the_same_entries(name):
    registry = CATALOGUE[name]
    live = getattr(importlib.import_module(registry.module), registry.attribute)
    assert list(live) == list(registry.entries)
    for entry_name, entry in registry.entries.items():
        assert entry.summary and entry.source
        assert entry.parameters == getattr(live[entry_name], "parameters", {})
        assert entry.rows == getattr(live[entry_name], "rows", None)
        assert entry.supports == getattr(live[entry_name], "supports", ())


def test_data_entries_tell_the_shape_and_kind_of_a_sample():
    for name, entry in CATALOGUE["data"].entries.items():
        dataset = gan_jax.DATASETS[name]
        assert (entry.shape, entry.kind) == (dataset.shape, dataset.kind), name


def test_a_registered_entry_is_among_the_names(registered):
    registered(gan_jax.LOSSES, "mine", gan_jax.LOSSES["saturating"])
    assert "mine" in CATALOGUE["losses"].names()


def test_nearest_offers_a_name_only_where_one_is_near():
    assert nearest("satuating", ["saturating", "hinge"]).endswith("did you mean 'saturating'?")
    assert nearest("xyz", ["saturating", "hinge"]) == "choices: saturating, hinge"


def test_every_public_name_loads():
    for name in gan_jax.__all__:
        assert getattr(gan_jax, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'trian_seeds'"):
        _ = gan_jax.trian_seeds
