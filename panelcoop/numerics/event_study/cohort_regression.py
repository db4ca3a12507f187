"""Regressions on dummies that are constant within cohort and period: any balance, unit or cohort effects, covariates.

The dummies are functions of cohort and period, so normal equations come from one T by T matrix per cohort.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.event_study.independent import column_size, independent_bread
from panelcoop.numerics.event_study.two_way_cells import RANK_TOLERANCE
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["CohortDummies", "CohortRegression", "cohort_regression", "regression_rows"]


@dataclass(frozen=True)
class CohortDummies:
    """Which dummy each cell of cohort and period has.

    Attributes
    ----------
    cohort
        Cohort of each unit, shape (N,).
    column
        Number of the dummy of each cell, -1 for none; cells may share one, shape (C, T).
    unit_effects
        Whether every unit has a fixed effect, or every cohort.
    """

    cohort: IntArray
    column: IntArray
    unit_effects: bool

    @property
    def size(self) -> int:
        """Number of dummies."""
        return int(self.column.max(initial=-1)) + 1

    @property
    def blocks(self) -> list[_Block]:
        """Where the parameters of each cohort lie, and its 0/1 matrix."""
        return [_block(column) for column in self.column]


@dataclass(frozen=True)
class _Block:
    """Parameters that a cohort has: their place among all (K,), and what each adds to a period, shape (T, K)."""

    place: IntArray
    matrix: FloatArray


def _block(column: IntArray) -> _Block:
    T = column.size
    has = np.flatnonzero(column >= 0)
    used, which = np.unique(column[has], return_inverse=True)
    matrix = np.zeros((T, T + used.size))
    matrix[:, :T] = np.eye(T)
    matrix[has, T + which] = 1.0
    return _Block(np.concatenate([np.arange(T), T + used]), matrix)


@dataclass(frozen=True)
class CohortRegression:
    """The fitted regression.

    Attributes
    ----------
    coefficients
        Of the M dummies, NaN where not identified, shape (M,).
    slopes
        Of covariates, NaN where effects, dummies or earlier covariates absorb one, shape (P,).
    residual
        Zero where not observed, shape (N, T).
    inverse
        Pseudo-inverse of the normal equations of period effects and dummies, shape (T + M, T + M).
    through
        Covariates on period effects and dummies, shape (T + M, P).
    score
        Influence of units on ``slopes``, shape (N, P).
    mass
        Weight of the observations of each cohort and period, shape (C, T).
    weight
        How much each unit counts, shape (N,).
    rank
        Dummies and covariates identified beside the effects.
    """

    coefficients: FloatArray
    slopes: FloatArray
    residual: FloatArray
    inverse: FloatArray
    through: FloatArray
    score: FloatArray
    mass: FloatArray
    weight: FloatArray
    rank: int


def cohort_regression(
    outcome: FloatArray, observed: BoolArray, weight: FloatArray, covariates: FloatArray, dummies: CohortDummies
) -> CohortRegression:
    """Regress on period effects, unit (or cohort) effects, dummies and covariates with one slope each.

    Parameters
    ----------
    outcome
        Shape (N, T); entries where not observed are ignored.
    observed
        Shape (N, T).
    weight
        How much each unit counts, shape (N,).
    covariates
        Shape (N, T, P); P may be zero.

    Notes
    -----
    Within a cohort the dummies and period effects are A_c theta for a 0/1 matrix A_c (T by T + M), so the normal
    equations are the sum of A_c' L_c A_c, L_c = diag(n_ct) - sum_i m_i m_i' / n_i with the observed periods m_i of each
    unit (or of the whole cohort). Covariates are regressed on all of this first (Frisch, Waugh and Lovell).
    """
    heavy = observed * weight[:, None]
    groups = [np.flatnonzero(dummies.cohort == c) for c in range(len(dummies.column))]
    mass = np.array([heavy[own].sum(axis=0) for own in groups])
    T, M = observed.shape[1], dummies.size
    gram = np.zeros((T + M, T + M))
    blocks = dummies.blocks
    for own, block in zip(groups, blocks, strict=True):
        left = _what_effects_leave(observed[own], heavy[own], unit_effects=dummies.unit_effects)
        gram[np.ix_(block.place, block.place)] += block.matrix.T @ left @ block.matrix
    inverse, astray, rank = _pseudo_inverse(gram, T)
    data = _Within(observed, heavy, groups, mass, dummies, blocks)
    y = np.where(observed, outcome, 0.0)[:, :, None]
    through = inverse @ data.moments(covariates)
    rest = data.take_out(covariates, through)
    bread, kept = independent_bread(np.einsum("nt,ntp,ntq->pq", heavy, rest, rest), column_size(covariates, heavy))
    slopes = bread @ np.einsum("nt,ntp,nt->p", heavy, rest, y[:, :, 0])
    y = np.where(observed[:, :, None], y - (covariates @ slopes)[:, :, None], 0.0)
    theta = inverse @ data.moments(y)
    error = data.take_out(y, theta)[:, :, 0]
    lost = ~np.isin(np.arange(slopes.size), kept)
    return CohortRegression(
        coefficients=np.where(astray[T:], np.nan, theta[T:, 0]),
        slopes=np.where(lost, np.nan, slopes),
        residual=error,
        inverse=inverse,
        through=through,
        score=np.einsum("nt,ntp,nt->np", heavy, rest, error) @ bread,
        mass=mass,
        weight=weight,
        rank=rank + int(kept.size),
    )


def regression_rows(fit: CohortRegression, dummies: CohortDummies, weights: FloatArray) -> FloatArray:
    """Give the influence of units on K weighted sums of dummies' coefficients, weights (M, K), shape (N, K)."""
    T = fit.residual.shape[1]
    live = np.where(np.isnan(fit.coefficients), 0.0, 1.0)[:, None] * weights
    load = fit.inverse[:, T:] @ live
    out = -fit.score @ (fit.through[T:].T @ live)
    for c, (mass, block) in enumerate(zip(fit.mass, dummies.blocks, strict=True)):
        own = dummies.cohort == c
        path = block.matrix @ load[block.place]
        if not dummies.unit_effects and mass.any():
            path = path - (mass @ path) / mass.sum()
        out[own] += fit.weight[own, None] * (fit.residual[own] @ path)
    return out


def _what_effects_leave(observed: BoolArray, heavy: FloatArray, *, unit_effects: bool) -> FloatArray:
    """Give diag(n_t) - sum m m' / n of one cohort, shape (T, T)."""
    seen = observed.astype(float)
    mass = heavy.sum(axis=0)
    if unit_effects:
        return np.asarray(np.diag(mass) - heavy.T @ (seen / np.maximum(seen.sum(axis=1), 1.0)[:, None]))
    return np.diag(mass) - np.outer(mass, mass) / max(float(mass.sum()), 1e-300)


def _pseudo_inverse(gram: FloatArray, T: int) -> tuple[FloatArray, BoolArray, int]:
    """Invert scaled normal equations; also what they do not identify, and the rank beyond the period effects."""
    size = np.sqrt(np.clip(np.diag(gram), 0.0, None))
    scale = np.where(size > 0, 1.0 / np.where(size > 0, size, 1.0), 0.0)
    values, vectors = np.linalg.eigh(scale[:, None] * gram * scale)
    live = values > RANK_TOLERANCE * max(float(values[-1]), 1e-300)
    inverse = scale[:, None] * ((vectors[:, live] / values[live]) @ vectors[:, live].T) * scale
    astray = (np.abs(vectors[:, ~live]).max(axis=1, initial=0.0) > RANK_TOLERANCE**0.5) | (size == 0)
    periods = np.linalg.eigvalsh(scale[:T, None] * gram[:T, :T] * scale[:T])
    of_periods = int((periods > RANK_TOLERANCE * max(float(periods[-1]), 1e-300)).sum())
    return inverse, astray, int(live.sum()) - of_periods


@dataclass(frozen=True)
class _Within:
    """Takes fixed effects out of values of units, cohort by cohort."""

    observed: BoolArray
    heavy: FloatArray
    groups: list[IntArray]
    mass: FloatArray
    dummies: CohortDummies
    blocks: list[_Block]

    def centred(self, values: FloatArray) -> FloatArray:
        """Take unit or cohort means out of values (N, T, K); zero where not observed."""
        seen = self.observed[:, :, None]
        inside = np.where(seen, values, 0.0)
        if self.dummies.unit_effects:
            mean = inside.sum(axis=1) / np.maximum(self.observed.sum(axis=1), 1)[:, None]
        else:
            total = np.einsum("nt,ntk->nk", self.heavy, inside)
            by_cohort = np.array([total[own].sum(axis=0) for own in self.groups])
            mean = (by_cohort / np.maximum(self.mass.sum(axis=1), 1e-300)[:, None])[self.dummies.cohort]
        return np.where(seen, inside - mean[:, None, :], 0.0)

    def moments(self, values: FloatArray) -> FloatArray:
        """Give the sum of A_c' times the centred values, shape (T + M, K)."""
        inside = self.centred(values) * self.heavy[:, :, None]
        T = values.shape[1]
        out = np.zeros((T + self.dummies.size, values.shape[2]))
        for own, block in zip(self.groups, self.blocks, strict=True):
            out[block.place] += block.matrix.T @ inside[own].sum(axis=0)
        return out

    def take_out(self, values: FloatArray, theta: FloatArray) -> FloatArray:
        """Give the residual of values on effects and A_c theta, shape (N, T, K)."""
        path = np.array([block.matrix @ theta[block.place] for block in self.blocks])
        return self.centred(values - path[self.dummies.cohort])
