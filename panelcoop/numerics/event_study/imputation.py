"""Imputed effects: fit the untreated cells, subtract, average; with the weights every outcome carries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.event_study.independent import beyond_span, column_size, independent_bread
from panelcoop.numerics.event_study.two_way_cells import CellSystem, effects_of, extrapolate, residual
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["Imputed", "MaskedRegression", "carried_over", "impute", "imputed_slope", "masked_regression"]


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
        Coefficients of covariates, shape (P,); zero for those the untreated cells do not identify.
    estimable
        Whether each estimate is identified, shape (K,).
    kept
        Covariates that stand by themselves on the untreated cells.
    spanned
        Cells whose untreated outcome does not hang on the slope of a covariate that was not kept, shape (R, T).
    """

    estimates: FloatArray
    slope: FloatArray
    untreated: FloatArray
    beta: FloatArray
    estimable: BoolArray
    kept: IntArray
    spanned: BoolArray


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
    -Z0 (Z0'Z0)^-1 Z1'w (Borusyak, Jaravel and Spiess 2024, Theorem 2). A covariate that effects or earlier covariates
    absorb on the untreated cells is left out; an average over cells where it would matter is not estimable.
    """
    slope, targets = _plain_slope(system, weights)
    beta, kept, estimable = np.zeros(covariates.shape[2]), np.zeros(0, dtype=np.int64), targets
    spanned: BoolArray = np.ones(outcome.shape, dtype=bool)
    if beta.size:
        within, bread, kept, gap = _covariate_system(system, covariates)
        beta = bread @ np.einsum("r,rtp,rt->p", system.weight, within, outcome)
        slope = _through_covariates(system, slope, covariates, within, bread)
        spanned = np.asarray(~gap.any(axis=2))
        estimable = estimable & ~np.any(weights[~spanned] != 0, axis=0)
    rest = outcome - covariates @ beta
    row, period = effects_of(system, rest[:, :, None])
    untreated = row[system.row_of] + period.T + covariates @ beta
    estimates = np.einsum("rtk,rt->k", weights, outcome - untreated)
    return Imputed(np.where(estimable, estimates, np.nan), slope, untreated, beta, estimable, kept, spanned)


def imputed_slope(system: CellSystem, weights: FloatArray, covariates: FloatArray) -> FloatArray:
    """Give only the weight of every outcome in K averages of imputed effects, shape (R, T, K); see ``impute``."""
    slope, _ = _plain_slope(system, weights)
    if not covariates.shape[2]:
        return slope
    within, bread, _, _ = _covariate_system(system, covariates)
    return _through_covariates(system, slope, covariates, within, bread)


def _plain_slope(system: CellSystem, weights: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Carry averages through row and period effects; also whether each is identified."""
    load = weights.sum(axis=1) / system.weight[:, None]
    carried = extrapolate(system, system.gather(load), weights.sum(axis=0))
    slope = weights / system.weight[:, None, None]
    slope -= carried.weights
    return slope, carried.estimable


def _through_covariates(
    system: CellSystem, slope: FloatArray, covariates: FloatArray, within: FloatArray, bread: FloatArray
) -> FloatArray:
    through = np.einsum("r,rtk,rtp->pk", system.weight, slope, covariates, optimize=True)
    return np.asarray(slope - within @ (bread @ through))


def carried_over(system: CellSystem, columns: FloatArray, covariates: FloatArray) -> FloatArray:
    """Fit columns on the masked cells by row effects, period effects and covariates, and predict them everywhere.

    Parameters
    ----------
    columns
        Shape (R, T, K); only masked cells are read.
    covariates
        Shape (R, T, P); P may be zero.

    Returns
    -------
    Shape (R, T, K).
    """
    through = np.zeros((covariates.shape[2], columns.shape[2]))
    if covariates.shape[2]:
        within, bread, _, _ = _covariate_system(system, covariates)
        through = bread @ np.einsum("r,rtp,rtk->pk", system.weight, within, columns, optimize=True)
    part = covariates @ through
    row, period = effects_of(system, columns - part)
    out: FloatArray = row[system.row_of][:, None, :] + period[None, :, :] + part
    return out


def _covariate_system(
    system: CellSystem, covariates: FloatArray
) -> tuple[FloatArray, FloatArray, IntArray, FloatArray]:
    """Take effects out of covariates, invert what stands by itself, and measure what lies outside its span."""
    within = residual(system, covariates)
    gram = np.einsum("r,rtp,rtq->pq", system.weight, within, within)
    bread, kept = independent_bread(gram, column_size(covariates, system.mask * system.weight[:, None]))
    lost = ~np.isin(np.arange(len(gram)), kept)
    gap = beyond_span(system, covariates, bread @ gram, lost) if lost.any() else np.zeros((*within.shape[:2], 0))
    return np.where(lost, 0.0, within), bread, kept, gap


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
    bread, kept = independent_bread(gram, column_size(columns, system.mask * system.weight[:, None]))
    slope = within @ bread
    beta = np.einsum("r,rtk,rt->k", system.weight, slope, outcome, optimize=True)
    part = columns @ beta
    row, period = effects_of(system, (outcome - part)[:, :, None])
    lost = ~np.isin(np.arange(beta.size), kept)
    return MaskedRegression(np.where(lost, np.nan, beta), slope, part + row[system.row_of] + period.T, int(kept.size))
