"""Weights by region: one finite number for each region seen, two of them positive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import pandas as pd

from panelcoop.checks import name_few
from panelcoop.errors import DataError
from panelcoop.options import FloatArray

__all__ = ["RegionWeights", "align_weights"]

RegionWeights: TypeAlias = str | Mapping[object, float] | pd.Series
"""A column (its mean by region is used), or a weight by region."""


def align_weights(weights: object, regions: pd.Index) -> FloatArray:
    """Return the weight of each region, shape (N,).

    Parameters
    ----------
    weights
        A mapping or a Series by region; regions that are not asked for are left aside.
    regions
        Regions in which the outcome is seen.

    Raises
    ------
    DataError
        If weights have no labels or name a region twice, if one is missing, infinite or negative, or if fewer than two
        are positive.

    Examples
    --------
    >>> align_weights({"b": 2.0, "a": 1.0}, pd.Index(["a", "b"])).tolist()
    [1.0, 2.0]
    """
    if not isinstance(weights, Mapping | pd.Series):
        msg = f"Weights must be a column, a mapping or a Series by region; got {type(weights).__name__}."
        raise DataError(msg)
    by_region = pd.Series(weights)
    twice = by_region.index[by_region.index.duplicated()].unique()
    if twice.size:
        msg = f"Weights name region {name_few(twice)} more than once; give one each."
        raise DataError(msg)
    aligned = by_region.reindex(regions).to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~(np.isfinite(aligned) & (aligned >= 0))
    if bad.any():
        named = name_few(regions.take(np.flatnonzero(bad)))
        msg = f"Weights are missing, infinite or negative for region {named}; each needs a finite one >= 0."
        raise DataError(msg)
    positive = int((aligned > 0).sum())
    if positive < 2:
        msg = f"{positive} of {len(regions)} regions seen have a positive weight; a common path needs two or more."
        raise DataError(msg)
    return np.asarray(aligned)
