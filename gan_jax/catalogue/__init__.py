"""The built-in registry entries as text: name, formula in one line, source.

Why: command line, help and validation must answer without importing JAX (seconds). A test holds
each table against its registry, so the two cannot drift apart.
"""

from gan_jax.catalogue.game import GAME
from gan_jax.catalogue.parts import PARTS
from gan_jax.catalogue.registry import Entry, Registry, nearest

CATALOGUE: dict[str, Registry] = GAME | PARTS

__all__ = ["CATALOGUE", "Entry", "Registry", "nearest"]
