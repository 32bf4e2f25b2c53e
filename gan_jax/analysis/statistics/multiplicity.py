"""Many comparisons at once: p-values adjusted for how many were made.

A study of seven variants makes 21 pairs; at 5 % each, one differs by chance alone.
"""

from __future__ import annotations

import numpy as np


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's step-down adjustment: some adjusted p below alpha by chance in alpha of studies.

    Sorted ascending, p_(i) becomes the largest of (m - j + 1) p_(j) over j <= i, at most 1, with
    i = 1 .. m. It holds however the comparisons depend on one another.

    Args:
      p_values: [k]; NaN is a comparison that was not made: it stays NaN and is not counted.

    Returns:
      Adjusted p-values [k], in the order given.

    Raises:
      ValueError: when they are not one row, or one lies outside [0, 1].

    Source: Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure".
    """
    p_values, order = _sorted(p_values)
    m = order.size
    stepped = np.maximum.accumulate(p_values[order] * np.arange(m, 0, -1))
    return _back(p_values, order, stepped)


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's adjustment: of those below alpha, alpha are false on average.

    Sorted ascending, p_(i) becomes the least of m p_(j) / j over j >= i. It holds for independent
    or positively dependent comparisons.

    Args:
      p_values: [k]; NaN is a comparison that was not made: it stays NaN and is not counted.

    Returns:
      Adjusted p-values [k], in the order given.

    Raises:
      ValueError: when they are not one row, or one lies outside [0, 1].

    Source: Benjamini and Hochberg 1995, "Controlling the False Discovery Rate".
    """
    p_values, order = _sorted(p_values)
    m = order.size
    scaled = p_values[order] * m / np.arange(1, m + 1)
    return _back(p_values, order, np.minimum.accumulate(scaled[::-1])[::-1])


def _sorted(p_values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The p-values, and where the known ones lie, in ascending order."""
    p_values = np.asarray(p_values, np.float64)
    known = ~np.isnan(p_values)
    if p_values.ndim != 1 or not ((p_values[known] >= 0) & (p_values[known] <= 1)).all():
        raise ValueError(f"p-values {p_values} given, expected one row of numbers from 0 to 1")
    # NaN sorts last.
    return p_values, np.argsort(p_values, kind="stable")[: known.sum()]


def _back(p_values: np.ndarray, order: np.ndarray, adjusted: np.ndarray) -> np.ndarray:
    result = np.full_like(p_values, np.nan)
    result[order] = np.minimum(adjusted, 1.0)
    return result
