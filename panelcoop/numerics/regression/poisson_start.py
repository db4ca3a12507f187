"""Where Poisson steps begin: effects by proportional fitting, coefficients from a part of the rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from panelcoop.numerics.grouping import Grouping, group_sums, level_totals
from panelcoop.numerics.regression.absorb import Absorber
from panelcoop.options import FloatArray, IntArray

__all__ = ["LARGEST_INDEX", "log_likelihood", "means_without_effects", "proportional", "some_levels", "totals_of"]

CYCLES = 2  # rounds of proportional fitting that give the effects their first values
BLOCK = 32_768  # rows whose vectors stay in the cache
PART = 60_000  # rows of a part whose coefficients are close enough to save steps on all rows
ROWS_PER_LEVEL = 25  # rows that a part must hold for each level of the smaller effects, lest they be weakly connected
LEAST_SHARE = 5  # times a part's rows from which on a fit to a part pays
LEAST_LEVELS = 20  # levels of the largest effect that a part must hold
LARGEST_INDEX = 60.0  # the linear index is kept within: exp(-60) is nothing and exp(60) beyond any count


def totals_of(outcome: FloatArray, groupings: Sequence[Grouping], weights: FloatArray | None) -> list[FloatArray]:
    """Return weighted sums of the outcome (n,) by level of every effect."""
    return [group_sums(outcome, g.codes, g.size, weights) for g in groupings]


def means_without_effects(columns: FloatArray, offset: FloatArray | None, coef: FloatArray | None) -> FloatArray:
    """Return (n,) means before the effects multiply them, around one: effects take any common factor."""
    index = np.zeros(len(columns)) if offset is None else offset.copy()
    if coef is not None:
        index += columns @ coef
    index -= index.mean()
    np.clip(index, -LARGEST_INDEX, LARGEST_INDEX, out=index)
    return np.asarray(np.exp(index, out=index))


def log_likelihood(outcome: FloatArray, index: FloatArray, mean: FloatArray, weights: FloatArray | None) -> float:
    """Return the log-likelihood without the terms that do not change."""
    if weights is None:
        return float(outcome @ index - mean.sum())
    return float((outcome * index - mean) @ weights)


def proportional(
    mean: FloatArray, groupings: Sequence[Grouping], totals: Sequence[FloatArray], weights: FloatArray | None
) -> None:
    """Multiply `mean` (n,) in place by level until its sums agree roughly with the totals of every effect."""
    for _ in range(CYCLES):
        for grouping, total in zip(groupings, totals, strict=True):
            ratio = total / level_totals(grouping, mean if weights is None else mean * weights)
            for start in range(0, len(mean), BLOCK):
                rows = slice(start, start + BLOCK)
                mean[rows] *= ratio[grouping.codes[rows]]


def some_levels(door: Absorber) -> IntArray | None:
    """Return the rows of some levels of the largest effect, drawn by lot; None where all rows are few or levels are."""
    if not door.groupings:
        return None
    largest = door.groupings[door.eliminated]
    others = sum(g.size for g in door.groupings) - largest.size
    stride = door.nobs // max(PART, ROWS_PER_LEVEL * others)
    if stride < LEAST_SHARE or largest.size < LEAST_LEVELS * stride:
        return None
    chosen = np.random.default_rng(0).permutation(largest.size) < largest.size // stride
    return np.flatnonzero(chosen[largest.codes])
