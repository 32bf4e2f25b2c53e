"""What one field of a configuration may be: its type, its range, its name in a registry.

Every check returns or raises a `ConfigError` of one line: what was given, what was expected, the
nearest valid choice. Knows no configuration, and no JAX.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NoReturn, get_args

import numpy as np

from gan_jax.catalogue import nearest

BatchRule = Literal["halves", "full"]
BatchOrder = Literal["random", "shuffled"]
StatisticsRule = Literal["apart", "together"]
OutputRule = Literal["linear", "tanh"]
PrecisionRule = Literal["float32", "tensorfloat32", "bfloat16"]
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
LONGEST_SHOWN, LONGEST_LINE = 200, 4_000  # characters: of a value given, of an error
# Unicode's control, format (right to left, say), surrogate and line-ending characters.
UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def one_line(text: str) -> str:
    """A text as one line of characters that can be seen, the middle left out if it is very long."""
    if len(text) > LONGEST_LINE:
        text = f"{text[: LONGEST_LINE // 2]} ... {text[-LONGEST_LINE // 2 :]}"
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        repr(letter)[1:-1] if unicodedata.category(letter) in UNSEEN else letter for letter in text
    )


def shown(value: Any) -> str:
    """A value as Python writes it, in one line, cut where that is long."""
    try:
        text = one_line(repr(value))
    except Exception:  # a number of thousands of digits, a list that holds itself, anything
        return f"a {type(value).__name__}"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


class ConfigError(ValueError):
    """A set-up that cannot be run: one line saying what was given and what was expected.

    What was given may be anybody's text: of that, too, it makes one line, which a terminal shows
    and does not obey.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class FrozenDict(dict):
    """A dict that refuses every change; it hashes, copies and pickles."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("configuration is never mutated: make a new one with replace()")

    __setitem__ = __delitem__ = __ior__ = update = setdefault = _refuse  # pyright: ignore
    pop = popitem = clear = _refuse  # pyright: ignore

    def __hash__(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type, tuple[dict]]:
        return FrozenDict, (dict(self),)


def is_integer(value: Any) -> bool:
    """Whether a value is a whole number; True and False are not."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether a value is a real number, NaN and infinities included."""
    return is_integer(value) or isinstance(value, float | np.floating)


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number of hundreds of digits: out of every range
        return math.inf


def _text(value: Any) -> str | None:
    """A text as Python's own type, which YAML can write: NumPy's, say, is another."""
    return "".join(value) if isinstance(value, str) else None


def _numbers_by_name(value: Any) -> FrozenDict | None:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        return None
    for number in value.values():
        # Not "or >": a NaN compares as neither.
        if not is_number(number) or not abs(number) <= LARGEST_FLOAT32:
            return None
    return FrozenDict({_text(name): float(value[name]) for name in sorted(value)})


def _whole_numbers(value: Any) -> tuple[int, ...] | None:
    if not isinstance(value, list | tuple) or not all(map(is_integer, value)):
        return None
    return tuple(map(int, value))


def _one_of(choices: Any) -> tuple[str, Callable[[Any], Any]]:
    names = get_args(choices)
    words = " or ".join(repr(name) for name in names)
    return words, lambda v: _text(v) if v in names else None


# A field's annotation, as text -> what its value must be, in words, and how to bring it to its
# canonical type; None says that it cannot be.
KINDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "str": ("a name", _text),
    "bool": ("True or False", lambda v: bool(v) if isinstance(v, bool | np.bool_) else None),
    "int": ("a whole number", lambda v: int(v) if is_integer(v) else None),
    "float": ("a number", lambda v: _float(v) if is_number(v) else None),
    "tuple[int, ...]": ("a list of whole numbers", _whole_numbers),
    "Mapping[str, float]": ("finite numbers by name", _numbers_by_name),
    "BatchRule": _one_of(BatchRule),
    "BatchOrder": _one_of(BatchOrder),
    "StatisticsRule": _one_of(StatisticsRule),
    "OutputRule": _one_of(OutputRule),
    "PrecisionRule": _one_of(PrecisionRule),
}


def canonical(name: str, annotation: str, value: Any) -> Any:
    """Bring a field's value to its type (a list becomes a tuple, say), or refuse it."""
    kind, _, optional = annotation.partition(" | ")
    if optional and value is None:
        return None
    expected, convert = KINDS[kind]
    converted = convert(value)
    if converted is None:
        raise ConfigError(f"{name}: {shown(value)} given, expected {expected}")
    return converted


def check_range(name: str, value: Any, low: float, high: float, expected: str) -> None:
    """Refuse a number, or a tuple of them, outside low .. high; a NaN lies in no range."""
    for number in value if isinstance(value, tuple) else (value,):
        if number is not None and not low <= number <= high:
            raise ConfigError(f"{name}: {shown(value)} given, expected {expected}")


def check_whole(name: str, value: Any, low: int, high: int = 10_000) -> None:
    """Refuse what is no whole number from low to high."""
    expected = f"a whole number from {low} to {high}"
    if not is_integer(value):
        raise ConfigError(f"{name}: {shown(value)} given, expected {expected}")
    check_range(name, value, low, high, expected)


def check_name(name: str, value: str, choices: Iterable[str]) -> None:
    """Refuse a value that is none of the choices, naming the nearest."""
    choices = list(choices)
    if value not in choices:
        raise ConfigError(f"{name}: {shown(value)} given; {nearest(value, choices)}")


def check_even(name: str, value: int, why: str) -> None:
    """Refuse an odd number."""
    if value % 2:
        raise ConfigError(f"{name}: {value} given, expected an even number, {why}")


def differences(there: Mapping[str, Any], here: Mapping[str, Any], path: str = "") -> list[str]:
    """List in words where two documents differ: "base.batch_size: 128 there, 64 here"."""
    found = []
    for key in [*there, *(key for key in here if key not in there)]:
        old, new = there.get(key, "nothing"), here.get(key, "nothing")
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += differences(old, new, f"{path}{key}.")
        elif old != new:
            found.append(f"{path}{key}: {old} there, {new} here")
    return found
