"""The thresholds of the verdicts: one frozen value, stored with every result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from gan_jax.catalogue import nearest
from gan_jax.fields import LARGEST_FLOAT32, ConfigError, canonical, check_range, shown


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """The thresholds of the verdicts; stored with every result.

    A curve's *tail* is its last records, at least one. `floor` is a measure of real samples
    against real ones.

    Raises:
      ConfigError: when a threshold is not a finite number from 0 on, or a share is above 1.
    """

    tail_share: float = 0.2
    """The tail: this share of the records."""
    diverged_diversity: float = 1000.0
    """Diverged: the samples once spread more than this many times as wide as the data."""
    collapsed_diversity: float = 0.05
    """Collapsed, totally: the tail's median diversity is below this (1 is the data's)."""
    partial_diversity: float = 0.5
    """Collapsed, partially: the tail's median diversity is below this."""
    partial_coverage: float = 0.85
    """Collapsed, partially: the tail's median coverage of the known truth is below this."""
    converged_factor: float = 3.0
    """Converged: quality within this factor of the floor's 95th percentile.

    Parabola seeds end in two humps: of the default comparison's 128, nine tenths of the tail lie
    below 3 floors for 65, between 3 and 8 for 9, above 8 for 54. The rate hardly depends on it.
    """
    converged_error: float = 0.1
    """Converged: where the truth is a curve, and the mean distance from it is within this share of
    the mean distance of two real samples. Distances along slices overlook a cloud about a curve."""
    converged_high_quality: float = 0.5
    """Converged: where the modes are known, and the share of samples of high quality is at least
    this share of the real samples' own. Distances along slices overlook a cloud about the modes."""
    point_tolerance: float = 0.01
    """Of data that are one point, whose floor is zero: converged means within this, data units, and
    oscillating a deviation beyond it. No generator of theirs counts as collapsed."""
    converged_share: float = 0.9
    """Converged: all that at this share of the tail's records."""
    separating_accuracy: float = 0.99
    """Overpowered: the tail's median accuracies on real and on fake are both at least this."""
    vanishing_gradient: float = 1e-3
    """Overpowered: the generator's gradient norm is below this share of its own early median."""
    oscillation_errors: float = 2.0
    """Oscillating: the tail's deviation about its trend, in standard deviations of the floor."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = canonical(f"criteria: {field.name}", "float", getattr(self, field.name))
            object.__setattr__(self, field.name, value)
            limit = 1.0 if field.name.endswith("share") else LARGEST_FLOAT32
            check_range(f"criteria: {field.name}", value, 0, limit, f"a number from 0 to {limit:g}")

    @classmethod
    def from_dict(cls, thresholds: Any) -> Self:
        """Thresholds by name; those that are not named keep their defaults.

        Raises:
          ConfigError: for a name that is no threshold, or a value that cannot be one.
        """
        if not isinstance(thresholds, Mapping):
            raise ConfigError(f"criteria: {shown(thresholds)} given, expected thresholds by name")
        known = [threshold.name for threshold in fields(cls)]
        for name in thresholds:
            if name not in known:
                raise ConfigError(f"criteria: {shown(name)} given; {nearest(name, known)}")
        return cls(**thresholds)
