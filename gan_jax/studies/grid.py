"""Variants as a grid: every combination of some fields' values, each with a name of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from gan_jax.config import check_fields
from gan_jax.fields import ConfigError, shown

# A file of a megabyte could ask for more combinations than there is time to count.
MOST_VARIANTS = 10_000
MOST_AXES, LONGEST_AXIS = 100, 100

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
        raise ConfigError(f"grid: {shown(axes)} given, expected fields and their values")
    for axis in axes:
        if not isinstance(axis, str) or len(axis) > LONGEST_AXIS:
            raise ConfigError(f"grid: {shown(axis)} given, expected a field or a short name")
    if len(axes) > MOST_AXES:
        raise ConfigError(f"grid: {len(axes)} axes, expected at most {MOST_AXES}")
    initials = {axis: "".join(word[:1] for word in axis.split("_")) for axis in axes}
    taken = Counter(initials.values())
    short = {axis: axis if taken[brief] > 1 else brief for axis, brief in initials.items()}
    choices = [_choices(axis, values, short[axis]) for axis, values in axes.items()]
    choices.insert(0, list((variants or {"": {}}).items()))
    count = prod(map(len, choices))
    if count > MOST_VARIANTS:
        raise ConfigError(f"grid: {shown(count)} variants, expected at most {MOST_VARIANTS}")
    crossed: dict[str, dict[str, Any]] = {}
    for combination in product(*choices):
        fields: dict[str, Any] = {}
        for label, chosen in combination:
            for field, value in chosen.items():
                if field in fields:
                    raise ConfigError(
                        f"grid: {field} is set twice, the second time by {shown(label)}"
                    )
                fields[field] = value
        name = "+".join(label for label, _ in combination if label)
        if name in crossed:
            raise ConfigError(f"grid: two variants are called {shown(name)}; give them labels")
        crossed[name] = fields
    return crossed


def _choices(axis: str, values: Any, short: str) -> list[Choice]:
    if isinstance(values, Mapping) and values:
        for label, fields in values.items():
            if not isinstance(label, str) or not isinstance(fields, Mapping):
                raise ConfigError(
                    f"grid: {axis}: {shown(label)}: {shown(fields)} given, "
                    "expected a label and its fields"
                )
            check_fields(fields)
        return list(values.items())
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        raise ConfigError(f"grid: {axis}: {shown(values)} given, expected a list of values")
    check_fields([axis])
    return [(_label(short, value), {axis: value}) for value in values]


def _label(axis: str, value: Any) -> str:
    """A value as part of a name: letters, digits and ._=- only."""
    if isinstance(value, str):
        return value.rpartition("/")[2]  # of a file the name, not the folder
    if isinstance(value, list | tuple):
        return f"{axis}={'-'.join(map(str, value))}"
    return f"{axis}={value:g}" if isinstance(value, float) else f"{axis}={value}"
