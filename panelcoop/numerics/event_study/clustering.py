"""Which influences are added before they are squared, and the small-sample factor that goes with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from panelcoop.numerics.event_study.influence import (
    cluster_sums,
    dyadic_covariance,
    influence_covariance,
    positive_part,
    two_way_covariance,
)
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["Clustering", "SmallSample", "judged_covariance", "no_factor", "rounding_variance"]

ROUNDING = 1e-12
"""Share of the outcome's spread below which a standard error is rounding: residuals that are all zero leave 1e-16."""

ROUNDING_OF_LEVEL = 1e-15
"""The same as a share of the outcome's mean, for outcomes that hardly vary around it."""


@dataclass(frozen=True)
class Clustering:
    """Groups of units whose influences are summed.

    Attributes
    ----------
    kind
        "one-way", "two-way" (first + second - both), "week" (first + weeks - both, which needs the influence of every
        unit and week) or "dyadic" (units that share a member).
    first
        Group of each unit, or first member of each dyad, shape (N,); None for units themselves.
    second
        Second group or member, shape (N,).
    name
        In words.
    """

    kind: Literal["one-way", "two-way", "week", "dyadic"] = "one-way"
    first: IntArray | None = None
    second: IntArray | None = None
    name: str = "region"

    def keep(self, units: BoolArray) -> Clustering:
        """Return the groups of some units, shape (N,) of truth."""
        first, second = (None if codes is None else codes[units] for codes in (self.first, self.second))
        return replace(self, first=first, second=second)

    def covariance(self, rows: FloatArray, scores: FloatArray | None = None) -> FloatArray:
        """Add products of summed influences.

        Parameters
        ----------
        rows
            Influence of units in the sum form, shape (N, K).
        scores
            Influence of units and weeks, shape (N, T, K), for "week" only; it sums to ``rows``.

        Notes
        -----
        Two dimensions: first + second - both (Cameron, Gelbach and Miller 2011). Negative eigenvalues are set to zero.
        """
        if self.kind == "two-way":
            assert self.second is not None
            return two_way_covariance(rows, self._codes(len(rows)), self.second)
        if self.kind == "dyadic":
            assert self.second is not None
            return dyadic_covariance(rows, self._codes(len(rows)), self.second)
        if self.kind == "week":
            assert scores is not None
            by_week = influence_covariance(scores.sum(axis=0))
            both = sum(
                (influence_covariance(cluster_sums(week, self.first)) for week in scores.transpose(1, 0, 2)), 0.0
            )
            return positive_part(influence_covariance(cluster_sums(rows, self.first)) + by_week - both)
        return influence_covariance(cluster_sums(rows, self.first))

    def groups(self, units: BoolArray) -> IntArray:
        """Count groups of regions among some units, of the smaller dimension where there are two.

        Parameters
        ----------
        units
            Truth by unit and column, shape (N, J).

        Returns
        -------
        Shape (J,).
        """
        if self.kind == "dyadic":
            assert self.first is not None
            assert self.second is not None
            members = np.unique(np.concatenate([self.first, self.second])).size
            return np.full(units.shape[1], members)
        counts = [_groups_among(codes, units) for codes in (self.first, self.second) if codes is not None]
        return np.asarray(np.minimum.reduce(counts) if counts else units.sum(axis=0))

    def _codes(self, n: int) -> IntArray:
        return np.arange(n) if self.first is None else self.first


@dataclass(frozen=True)
class SmallSample:
    """The factor G/(G-1) (n-1)/(n-K) on a covariance, by coefficient.

    Attributes
    ----------
    rows, coefficients
        n and K of each coefficient, shape (J,), or (1,) for all; NaN where there is no factor.
    units
        Units that take part, shape (N, J) or (N, 1).
    weeks
        Weeks that take part, shape (J,) or (1,).
    week_effects
        Whether K counts an effect for each of these weeks; only one is counted where weeks are clusters too.
    """

    rows: FloatArray
    coefficients: FloatArray
    units: BoolArray
    weeks: FloatArray
    week_effects: bool = True

    def factor(self, clustering: Clustering) -> FloatArray:
        """Give the factor of each coefficient; one where there is none."""
        by_week = clustering.kind == "week"
        G = self.groups_by_coefficient(clustering)
        K = self.coefficients - (self.weeks - 1 if by_week and self.week_effects else 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = G / np.maximum(G - 1, 1) * (self.rows - 1) / np.maximum(self.rows - K, 1)
        out: FloatArray = np.where(np.isnan(self.rows), 1.0, found)
        return out

    def groups_by_coefficient(self, clustering: Clustering) -> FloatArray:
        """Count the groups behind each coefficient, shape (J,) or (1,)."""
        G = clustering.groups(self.units).astype(float)
        return np.asarray(np.minimum(G, self.weeks) if clustering.kind == "week" else G)

    def groups(self, clustering: Clustering) -> int:
        """Count the groups behind any coefficient."""
        found = int(clustering.groups(np.asarray(self.units.any(axis=1, keepdims=True)))[0])
        return min(found, int(self.weeks.max())) if clustering.kind == "week" else found


def _groups_among(codes: IntArray, units: BoolArray) -> IntArray:
    """Count distinct codes among the units of each column, shape (J,)."""
    order = np.argsort(codes, kind="stable")
    first = np.flatnonzero(np.diff(codes[order], prepend=codes[order][0] - 1))
    present = np.logical_or.reduceat(units[order], first, axis=0)
    return np.asarray(present.sum(axis=0))


def judged_covariance(cov: FloatArray, groups: FloatArray, rounding: float, fixed: BoolArray) -> FloatArray:
    """Set variances to NaN that nothing is left to judge by: of fewer than two groups, or of rounding.

    Parameters
    ----------
    cov
        Shape (K, K).
    groups
        Groups behind each coefficient, shape (K,) or (1,).
    rounding
        Variance that is rounding.
    fixed
        Coefficients that are zero by construction and keep a variance of zero, shape (K,).
    """
    lost = ~fixed & ((groups < 2) | ~(np.diag(cov) > rounding))
    return np.where(lost[:, None] | lost[None, :], np.nan, cov)


def rounding_variance(outcome: FloatArray) -> float:
    """Give the variance below which an estimate of a linear form of the outcome varies by rounding only."""
    known = ~np.isnan(outcome)
    seen = outcome if known.all() else outcome[known]
    if not seen.size:
        return 0.0
    return ROUNDING**2 * float(np.var(seen)) + (ROUNDING_OF_LEVEL * float(seen.mean())) ** 2


def no_factor(n: int, weeks: int) -> SmallSample:
    """Return the absence of a factor for n units and so many weeks."""
    return SmallSample(np.array([np.nan]), np.array([np.nan]), np.ones((n, 1), dtype=bool), np.array([float(weeks)]))
