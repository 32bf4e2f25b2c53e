"""What a table of registry entries is, and how a name is looked up in it."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """One line of `gan-jax list`: what the name means, and where it comes from.

    Attributes:
      summary: its formula, or what it is, in one line.
      source: authors and year.
      parameters: the defaults of its own parameters, for the entries that have any (losses).
      supports: which options it can be combined with, where that is not all of them: a network's
        "packing", "normalization", "spectral_norm", "output", "initialization", "dropout",
        "maxout", "activation", "halving" of an image's sides by every layer, and "images" or
        "sequences" where it takes nothing else; a loss's "label_smoothing", and "batch_average"
        where its terms are compared with means over the batch; "batch_statistics" of a
        normalisation that computes with them; "scaling" of data whose range is known, "within_one"
        where it is -1 .. 1 at most; "deviation" of an initialisation that takes one.
      shape: of one sample, for data.
      kind: "points", "images" or "sequences", for data.
      rows: of data from a file, how many samples are for training and how many are held out.
    """

    summary: str
    source: str
    parameters: Mapping[str, float] = {}
    supports: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    kind: str = "points"
    rows: tuple[int, int] | None = None


class Registry(NamedTuple):
    """A registry's built-in entries and where the live dict is: `module.attribute`."""

    module: str
    attribute: str
    entries: dict[str, Entry]
    legend: str = ""

    def names(self) -> list[str]:
        """Every name usable now: the built-in ones, and those a script has registered."""
        return [*self.entries, *(name for name in self._live() if name not in self.entries)]

    def parameters(self, name: str) -> Mapping[str, float]:
        """The defaults of an entry's own parameters, for the entries that have any (losses)."""
        return self._of(name, "parameters", {})

    def supports(self, name: str, option: str) -> bool:
        """Whether an entry can be combined with an option; see `Entry.supports`."""
        return option in self._of(name, "supports", ())

    def find(self, name: str) -> Any:
        """The entry of a name: the live one where its module is loaded, else the table's line."""
        return self._live().get(name) or self.entries[name]

    def supporting(self, option: str) -> list[str]:
        """The names of all entries that can be combined with an option."""
        return [name for name in self.names() if self.supports(name, option)]

    def _of(self, name: str, attribute: str, absent: Any) -> Any:
        # A script may have replaced a built-in entry, or named a plain function.
        known = name in self._live() or name in self.entries
        return getattr(self.find(name), attribute, absent) if known else absent

    def _live(self) -> dict[str, Any]:
        return getattr(sys.modules.get(self.module), self.attribute, {})


MANY = 20
LONGEST = 100  # characters that are compared: of a text of megabytes that alone would take minutes


def nearest(name: Any, choices: Iterable[str]) -> str:
    """Say which choices there are and which resembles `name`: the tail of an error message.

    Of very many choices only the one that is near, where one is. What is no text resembles none.
    """
    choices = list(choices)
    text = name[:LONGEST] if isinstance(name, str) else ""
    close = difflib.get_close_matches(text, choices, n=1, cutoff=0.5)
    if close and len(choices) > MANY:
        return f"did you mean '{close[0]}'?"
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"choices: {', '.join(choices)}{hint}"
