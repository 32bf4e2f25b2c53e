"""The built-in registry entries as text: name, formula in one line, source.

Why: command line, help and validation must answer without importing JAX (seconds). A test holds
each table against its registry, so the two cannot drift apart.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """One line of `gan-jax list`: what the name means, and where it comes from."""

    summary: str
    source: str
    parameters: tuple[str, ...] = ()


class Registry(NamedTuple):
    """A registry's built-in entries and where the live dict is: `module.attribute`."""

    module: str
    attribute: str
    entries: dict[str, Entry]
    legend: str = ""

    def names(self) -> list[str]:
        """Every name usable now: the built-in ones, and those a script has registered."""
        return [*self.entries, *(name for name in self._live() if name not in self.entries)]

    def parameters(self, name: str) -> tuple[str, ...]:
        """Names of an entry's own parameters, for the entries that have any (losses)."""
        live = self._live().get(name)  # first: a script may have replaced a built-in entry
        if live is None and name in self.entries:
            return self.entries[name].parameters
        return tuple(getattr(live, "parameters", ()))

    def _live(self) -> dict[str, Any]:
        return getattr(sys.modules.get(self.module), self.attribute, {})


GOODFELLOW_2014 = "Goodfellow et al. 2014"
GOODFELLOW_2016 = "Goodfellow 2016 (NIPS tutorial)"

CATALOGUE: dict[str, Registry] = {
    "losses": Registry(
        "gan_jax.losses",
        "LOSSES",
        {
            "saturating": Entry("D: sp(-r) + sp(f)   G: -sp(f)", GOODFELLOW_2014),
            "non_saturating": Entry("D: sp(-r) + sp(f)   G: sp(-f)", GOODFELLOW_2014),
        },
        "r, f: logits of real and of generated samples; sp: softplus; means over the batch",
    ),
    "data": Registry(
        "gan_jax.data",
        "DATASETS",
        {"parabola": Entry("(x, x^2), x uniform on [-1/2, 1/2)", "Brownlee 2019")},
    ),
    "networks": Registry(
        "gan_jax.networks",
        "NETWORKS",
        {"dense": Entry("multilayer perceptron, He-uniform, linear last layer", "He et al. 2015")},
    ),
    "activations": Registry(
        "gan_jax.networks",
        "ACTIVATIONS",
        {
            "relu": Entry("max(x, 0)", "Nair & Hinton 2010"),
            "leaky_relu": Entry("max(x, 0.2 x)", "Radford et al. 2016"),
            "tanh": Entry("tanh(x)", "LeCun et al. 1998"),
            "elu": Entry("x if x > 0 else e^x - 1", "Clevert et al. 2016"),
            "gelu": Entry("x Phi(x), tanh approximation", "Hendrycks & Gimpel 2016"),
            "silu": Entry("x sigmoid(x)", "Elfwing et al. 2018"),
        },
    ),
    "updates": Registry(
        "gan_jax.game.updates",
        "UPDATES",
        {
            "alternating": Entry(
                "k discriminator updates, then one generator update against the new discriminator",
                GOODFELLOW_2014,
            ),
            "simultaneous": Entry(
                "the last discriminator update and the generator's, from gradients at one point",
                GOODFELLOW_2016,
            ),
        },
    ),
    "optimizers": Registry(
        "gan_jax.game.optimizers",
        "OPTIMIZERS",
        {
            "adam": Entry("Adam with beta1, beta2; epsilon 1e-8", "Kingma & Ba 2015"),
            "sgd": Entry("plain gradient descent; beta1 and beta2 unused", "Robbins & Monro 1951"),
        },
    ),
}


def nearest(name: str, choices: Iterable[str]) -> str:
    """Say which choices there are and which resembles `name`: the tail of an error message."""
    choices = list(choices)
    close = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"choices: {', '.join(choices)}{hint}"
