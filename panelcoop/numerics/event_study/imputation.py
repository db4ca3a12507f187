"""Imputed effects: fit the untreated cells, subtract, average; with the weights every outcome carries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.event_study.two_way_cells import CellSystem, effects_of, extrapolate, residual
from panelcoop.options import BoolArray, FloatArray

__all__ = ["Imputed", "MaskedRegression", "impute", "masked_regression"]


@dataclass(frozen=True)
class Imputed:
    """K weighted means of imputed effects on R rows (cohorts or units).

    Attributes
    ----------
    estimates
        Shape (K,).
    slope
        Weight of one unit's outcome in each estimate, shape (R, T, K); treated part plus ``first_stage``.
    untreated
        Fitted outcome without treatment, shape (R, T).
    beta
        Coefficients of covariates, shape (P,).
    estimable
        Whether each estimate is identified, shape (K,).
    """

    estimates: FloatArray
    slope: FloatArray
    untreated: FloatArray
    beta: FloatArray
    estimable: BoolArray


def impute(system: CellSystem, outcome: FloatArray, weights: FloatArray, covariates: FloatArray) -> Imputed:
    """Average outcome less its fitted untreated value.

    Parameters
    ----------
    system
        Row and period effects on the untreated cells.
    outcome
        Shape (R, T); unit outcomes or cohort means; unread cells may hold anything finite.
    weights
        Weight of each cell in the K averages, shape (R, T, K).
    covariates
        Shape (R, T, P); P may be zero.

    Notes
    -----
    The estimates are linear in the outcome: sum of n_r slope y. On untreated cells the weights are
    -Z0 (Z0'Z0)^-1 Z1'w (Borusyak, Jaravel and Spiess 2024, Theorem 2).
    """
    load = weights.sum(axis=1) / system.weight[:, None]
    carried = extrapolate(system, system.gather(load), weights.sum(axis=0))
    slope = weights / system.weight[:, None, None] - carried.weights
    beta = np.zeros(covariates.shape[2])
    if beta.size:
        within = residual(system, covariates)
        gram_inverse = np.linalg.pinv(np.einsum("r,rtp,rtq->pq", system.weight, within, within), hermitian=True)
        beta = gram_inverse @ np.einsum("r,rtp,rt->p", system.weight, within, outcome)
        through = np.einsum("r,rtk,rtp->pk", system.weight, slope, covariates, optimize=True)
        slope = slope - within @ (gram_inverse @ through)
    rest = outcome - covariates @ beta
    row, period = effects_of(system, rest[:, :, None])
    untreated = row[system.row_of] + period.T + covariates @ beta
    estimates = np.einsum("rtk,rt->k", weights, outcome - untreated)
    return Imputed(np.where(carried.estimable, estimates, np.nan), slope, untreated, beta, carried.estimable)


@dataclass(frozen=True)
class MaskedRegression:
    """Least squares of the outcome on K columns with row and period effects on masked cells.

    Attributes
    ----------
    coefficients
        Shape (K,); NaN where a column is collinear.
    slope
        Bread times demeaned column, shape (R, T, K): coefficients are sums of n_r slope y.
    fitted
        Fitted values on the masked cells, shape (R, T).
    rank
        Columns identified.
    """

    coefficients: FloatArray
    slope: FloatArray
    fitted: FloatArray
    rank: int


def masked_regression(system: CellSystem, outcome: FloatArray, columns: FloatArray) -> MaskedRegression:
    """Regress masked cells on columns, row effects and period effects.

    Parameters
    ----------
    columns
        Shape (R, T, K). A column that is collinear with earlier ones or with the effects gets NaN.
    """
    within = residual(system, columns)
    gram = np.einsum("r,rtk,rtl->kl", system.weight, within, within, optimize=True)
    raw = np.einsum("r,rtk->k", system.weight, (columns * system.mask[:, :, None]) ** 2)
    kept = _independent(gram, raw)
    bread = np.zeros_like(gram)
    bread[np.ix_(kept, kept)] = np.linalg.inv(gram[np.ix_(kept, kept)])
    slope = within @ bread
    beta = np.einsum("r,rtk,rt->k", system.weight, slope, outcome, optimize=True)
    part = columns @ beta
    row, period = effects_of(system, (outcome - part)[:, :, None])
    lost = ~np.isin(np.arange(beta.size), kept)
    return MaskedRegression(np.where(lost, np.nan, beta), slope, part + row[system.row_of] + period.T, int(kept.size))


def _independent(gram: FloatArray, raw: FloatArray) -> FloatArray:
    """Keep columns whose residual on earlier kept ones is not numerically zero (pivot-free Cholesky)."""
    left = gram.copy()
    kept = []
    for k in range(len(gram)):
        if left[k, k] > 1e-10 * max(raw[k], 1e-300):
            kept.append(k)
            left = left - np.outer(left[:, k], left[k, :]) / left[k, k]
    return np.array(kept, dtype=np.int64)
