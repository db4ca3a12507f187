"""Adjust p-values of many tests."""

from __future__ import annotations

import numpy as np

from panelcoop.options import FloatArray

__all__ = ["holm"]


def holm(p_values: FloatArray) -> FloatArray:
    """Adjust p-values (m,) by Holm's (1979) step-down method.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    steps = np.arange(len(p_values), 0, -1) * p_values[order]
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
