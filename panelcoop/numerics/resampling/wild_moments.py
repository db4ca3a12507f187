"""Group sums of a regression taken once, so that every further contrast costs nothing in rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.grouping import counting_sort, group_sums
from panelcoop.numerics.resampling.wild_regression import WildRegression
from panelcoop.options import FloatArray, IntArray

__all__ = ["GroupMoments", "Moments", "Pair", "group_moments", "moments_by_group", "pair_scores"]

MOST_GRAM_VALUES = 50_000_000


@dataclass(frozen=True, eq=False)
class Pair:
    """A direction z = X c and a residual vector e = a e_hat + X d, by their coefficients.

    Attributes
    ----------
    direction
        c, shape (k,).
    share
        a.
    shift
        d, shape (k,).
    number
        Which contrast the direction belongs to.
    """

    direction: FloatArray
    share: float
    shift: FloatArray
    number: int

    def residuals(self, fit: WildRegression) -> FloatArray:
        """Return e, shape (n,)."""
        if not self.shift.any():
            return self.share * fit.residuals
        moved = fit.regressors @ self.shift
        return moved + self.share * fit.residuals if self.share else moved


@dataclass(frozen=True, eq=False)
class GroupMoments:
    """Sums by group: weighted Gram matrices (G, k, k) of the regressors and scores (G, k) of the residuals."""

    grams: FloatArray
    scores: FloatArray


Moments = dict[int, GroupMoments]
"""Moments by the identity of the array of codes; groupings too large for Gram matrices are absent."""


def moments_by_group(fit: WildRegression, groupings: Iterable[tuple[IntArray, int]]) -> Moments:
    """Take the moments of each grouping that is small enough."""
    k = fit.coefficients.size
    return {id(codes): group_moments(fit, codes, size) for codes, size in groupings if size * k * k <= MOST_GRAM_VALUES}


def group_moments(fit: WildRegression, codes: IntArray, size: int) -> GroupMoments:
    """Sum Gram matrices and scores by group.

    Parameters
    ----------
    fit
        The regression.
    codes
        Group of each row, 0 .. size - 1, shape (n,); a group may be empty.
    size
        Number of groups.
    """
    order = counting_sort(codes, size)
    X = fit.regressors if order is None else fit.regressors[order]
    weights = fit.weights if order is None else fit.weights[order]
    scaled = X if (weights == 1.0).all() else X * weights[:, None]
    ends = np.cumsum(np.bincount(codes, minlength=size))
    k = X.shape[1]
    grams = np.zeros((size, k, k))
    for g, (start, stop) in enumerate(zip(np.r_[0, ends[:-1]], ends, strict=True)):
        np.matmul(scaled[start:stop].T, X[start:stop], out=grams[g])
    return GroupMoments(grams, group_sums(fit.regressors, codes, size, fit.weights * fit.residuals))


def pair_scores(fit: WildRegression, pair: Pair, codes: IntArray, size: int, moments: Moments) -> FloatArray:
    """Return the sums by group of w x e, shape (size, k)."""
    known = moments.get(id(codes))
    if known is None:
        return group_sums(fit.regressors, codes, size, fit.weights * pair.residuals(fit))
    return np.asarray(pair.share * known.scores + known.grams @ pair.shift)
