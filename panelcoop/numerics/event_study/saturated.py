"""Regressions saturated in cohort by period, solved cohort by cohort: any balance, with covariates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.event_study.independent import column_size, independent_bread
from panelcoop.numerics.event_study.two_way_cells import RANK_TOLERANCE, CellSystem, cell_system, effects_of, residual
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["CellContrast", "Saturated", "saturated_combine", "saturated_fit"]


@dataclass(frozen=True)
class CellContrast:
    """What the M coefficients compare: cohort's change from reference to period, less that of the controls.

    Attributes
    ----------
    cohort, period, reference
        Group index (controls have the last index), period and reference-period index, shape (M,).
    """

    cohort: IntArray
    period: IntArray
    reference: IntArray


@dataclass(frozen=True)
class Saturated:
    """The fitted regression.

    Attributes
    ----------
    effect
        Coefficients of the M cells, NaN where not identified, shape (M,).
    beta
        Coefficients of covariates, shape (P,); NaN where the effects or earlier covariates absorb one.
    residual
        Zero where not observed, shape (N, T).
    group_rows
        Unit indices of each group.
    systems
        Period system of each group.
    covariate_effects
        Period effects of the covariates within each group, shape (T, P) each.
    score
        Influence of units on ``beta``, shape (N, P).
    weight
        How much each unit counts, shape (N,).
    """

    effect: FloatArray
    beta: FloatArray
    residual: FloatArray
    group_rows: tuple[IntArray, ...]
    systems: tuple[CellSystem, ...]
    covariate_effects: tuple[FloatArray, ...]
    score: FloatArray
    weight: FloatArray


def saturated_fit(
    outcome: FloatArray,
    observed: BoolArray,
    units: tuple[IntArray, FloatArray],
    covariates: FloatArray,
    cells: CellContrast,
) -> Saturated:
    """Fit unit effects, cohort-by-period effects and common slopes.

    Parameters
    ----------
    outcome
        Shape (N, T); entries where not observed are ignored.
    observed
        Shape (N, T).
    units
        Cohort index of each unit (the largest index holds the controls) and how much it counts, shape (N,) each.
    covariates
        Shape (N, T, P).
    cells
        The coefficients wanted.

    Notes
    -----
    With every period but the reference free in each cohort, the regression splits into one two-way problem per
    cohort that share only the slopes; a coefficient is a difference of differences of period effects.
    """
    group, weight = units
    rows = tuple(np.flatnonzero(group == j) for j in range(int(group.max()) + 1))
    systems = tuple(cell_system(weight[r], observed[r]) for r in rows)
    y = np.where(observed, outcome, 0.0)
    beta, score_bread, within = _slopes(y, observed * weight[:, None], covariates, rows, systems)
    rest = np.where(observed, y - covariates @ np.nan_to_num(beta), 0.0)
    error = np.zeros_like(y)
    periods = []
    for r, system in zip(rows, systems, strict=True):
        error[r] = residual(system, rest[r][:, :, None])[:, :, 0]
        periods.append(effects_of(system, rest[r][:, :, None])[1][:, 0])
    effect = _contrast(cells, np.array(periods))
    effect[~_identified(cells, systems)] = np.nan
    x_effects = tuple(effects_of(s, covariates[r])[1] for r, s in zip(rows, systems, strict=True))
    score = weight[:, None] * np.einsum("ntp,nt->np", within, error) @ score_bread
    return Saturated(effect, beta, error, rows, systems, x_effects, score, weight)


def saturated_combine(fit: Saturated, cells: CellContrast, weights: FloatArray) -> FloatArray:
    """Give the influence of units on K weighted sums of cells, shape (N, K)."""
    T, K = fit.residual.shape[1], weights.shape[1]
    loads = [np.zeros((T, K)) for _ in fit.systems]
    live = np.where(np.isnan(fit.effect), 0.0, 1.0)[:, None] * weights
    for m in np.flatnonzero(live.any(axis=1)):
        for group, sign in ((cells.cohort[m], 1.0), (len(loads) - 1, -1.0)):
            loads[group][cells.period[m]] += sign * live[m]
            loads[group][cells.reference[m]] -= sign * live[m]
    out = np.empty((fit.residual.shape[0], K))
    through_slopes = np.zeros((fit.beta.size, K))
    for r, system, load, x in zip(fit.group_rows, fit.systems, loads, fit.covariate_effects, strict=True):
        out[r] = system.weight[:, None] * (fit.residual[r] @ (system.inverse @ load))
        through_slopes += x.T @ load
    return out - fit.score @ through_slopes


def _slopes(
    y: FloatArray,
    heavy: FloatArray,
    covariates: FloatArray,
    rows: tuple[IntArray, ...],
    systems: tuple[CellSystem, ...],
) -> tuple[FloatArray, FloatArray, FloatArray]:
    within = np.zeros_like(covariates)
    for r, system in zip(rows, systems, strict=True):
        within[r] = residual(system, covariates[r])
    if not covariates.shape[2]:
        return np.zeros(0), np.zeros((0, 0)), within
    gram = np.einsum("nt,ntp,ntq->pq", heavy, within, within, optimize=True)
    bread, kept = independent_bread(gram, column_size(covariates, heavy))
    lost = ~np.isin(np.arange(len(gram)), kept)
    return np.where(lost, np.nan, bread @ np.einsum("ntp,nt,nt->p", within, heavy, y)), bread, within


def _contrast(cells: CellContrast, periods: FloatArray) -> FloatArray:
    own = periods[cells.cohort, cells.period] - periods[cells.cohort, cells.reference]
    out: FloatArray = own - (periods[-1, cells.period] - periods[-1, cells.reference])
    return out


def _identified(cells: CellContrast, systems: tuple[CellSystem, ...]) -> BoolArray:
    good = np.ones(cells.cohort.size, dtype=bool)
    for m in range(good.size):
        for group in (cells.cohort[m], -1):
            null = systems[group].null
            gap = null[cells.period[m]] - null[cells.reference[m]]
            good[m] &= bool(np.abs(gap).max(initial=0.0) < RANK_TOLERANCE**0.5)
    return good
