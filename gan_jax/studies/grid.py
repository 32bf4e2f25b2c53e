"""Variants as a grid: every combination of some fields' values, each with a name of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from gan_jax.fields import ConfigError

MOST_VARIANTS = 10_000

# One choice along an axis: what it adds to a variant's name, and the fields it sets.
Choice = tuple[str, Mapping[str, Any]]


def grid(
    axes: Mapping[str, Any], variants: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, dict[str, Any]]:
    """Cross axes with one another, and with `variants` where there are some.

    Args:
      axes: a field -> the values it takes, such as {"loss": ["hinge", "wasserstein"]}; or any name
        -> fields by label, for what changes together: {"penalty": {"none": {}, "r1": {"penalty":
        "r1", "penalty_weight": 10}}}. The last axis varies fastest.
      variants: name -> fields, each crossed with all of the grid.

    Returns:
      Name -> fields. A name joins the variant's own and the choices with "+": values that are names
      and labels as they are, other values with the field's initials, as in "hinge+glr=0.001" for a
      generator_learning_rate; the field's whole name where two axes have the same initials.

    Raises:
      ConfigError: for an axis without choices, a field that two axes set, or too many variants.
    """
    if not isinstance(axes, Mapping) or not axes:
        raise ConfigError(f"grid: {axes!r} given, expected fields and their values")
    initials = {axis: "".join(word[:1] for word in str(axis).split("_")) for axis in axes}
    taken = Counter(initials.values())
    short = {axis: str(axis) if taken[brief] > 1 else brief for axis, brief in initials.items()}
    choices = [_choices(axis, values, short[axis]) for axis, values in axes.items()]
    choices.insert(0, list((variants or {"": {}}).items()))
    count = 1
    for axis in choices:
        count *= len(axis)
    if count > MOST_VARIANTS:
        raise ConfigError(f"grid: {count} variants, expected at most {MOST_VARIANTS}")
    crossed: dict[str, dict[str, Any]] = {}
    for combination in product(*choices):
        fields: dict[str, Any] = {}
        for label, chosen in combination:
            for field, value in chosen.items():
                if field in fields:
                    raise ConfigError(f"grid: {field} is set twice, the second time by {label!r}")
                fields[field] = value
        name = "+".join(label for label, _ in combination if label)
        if name in crossed:
            raise ConfigError(f"grid: two variants are called {name!r}; give them labels")
        crossed[name] = fields
    return crossed


def _choices(axis: str, values: Any, short: str) -> list[Choice]:
    if isinstance(values, Mapping) and values:
        for label, fields in values.items():
            if not isinstance(label, str) or not isinstance(fields, Mapping):
                raise ConfigError(
                    f"grid: {axis}: {label!r}: {fields!r} given, expected a label and its fields"
                )
        return list(values.items())
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        raise ConfigError(f"grid: {axis}: {values!r} given, expected a list of values")
    return [(_label(short, value), {axis: value}) for value in values]


def _label(axis: str, value: Any) -> str:
    """A value as part of a name: letters, digits and ._=- only."""
    if isinstance(value, str):
        return value.rpartition("/")[2]  # of a file the name, not the folder
    if isinstance(value, list | tuple):
        return f"{axis}={'-'.join(map(str, value))}"
    return f"{axis}={value:g}" if isinstance(value, float) else f"{axis}={value}"
