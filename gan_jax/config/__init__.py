"""One training set-up as a value: flat, frozen, validated when it is made.

Why: every study, command line and results file speaks of experiments, so a wrong one must be
refused here, in one line, before anything compiles. Knows every registry by its JAX-free table,
and no JAX.

Two kinds of field. Those of `Static` shape the program: names and sizes, hashable, one compilation
a value. The rest of `Experiment` does not: real numbers that are traced, one value a seed if need
be, and counters of the host's loop. `split` takes them apart.
"""

from gan_jax.config.experiment import FIELDS, Experiment, check_fields
from gan_jax.config.leaves import Leaves, split
from gan_jax.config.static import Static
from gan_jax.fields import ConfigError

__all__ = ["FIELDS", "ConfigError", "Experiment", "Leaves", "Static", "check_fields", "split"]
