"""Row and period effects on masked, weighted cells, solved exactly: the first stage of imputation estimators.

A row is a cohort of n units on a balanced panel, or a single unit (n = 1) anywhere else: the algebra is the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.options import BoolArray, FloatArray

__all__ = ["CellSystem", "Extrapolation", "cell_system", "cells_estimable", "effects_of", "extrapolate", "residual"]

RANK_TOLERANCE = 1e-9
"""Eigenvalues below this share of the largest count as zero; counts are integers, so noise is near 1e-14."""


@dataclass(frozen=True)
class CellSystem:
    """Normal equations of row and period effects after the row effects are eliminated.

    Attributes
    ----------
    weight
        Units per row, shape (R,).
    mask
        One where a cell takes part, shape (R, T).
    length
        Periods per row that take part, shape (R,).
    inverse
        Pseudo-inverse of the period system, shape (T, T).
    null
        Orthonormal basis of combinations of period effects that are not identified, shape (T, d).
    """

    weight: FloatArray
    mask: FloatArray
    length: FloatArray
    inverse: FloatArray
    null: FloatArray


def cell_system(weight: FloatArray, mask: BoolArray) -> CellSystem:
    """Set up the period system diag(n_t) - sum_r n_r m_r m_r' / T_r."""
    m = mask.astype(float)
    length = m.sum(axis=1)
    scaled = m * (weight / np.maximum(length, 1.0))[:, None]
    system = np.diag(weight @ m) - m.T @ scaled
    values, vectors = np.linalg.eigh(system)
    live = values > RANK_TOLERANCE * max(float(values[-1]), 1.0)
    inverse = (vectors[:, live] / values[live]) @ vectors[:, live].T
    return CellSystem(weight, m, length, inverse, vectors[:, ~live])


def effects_of(system: CellSystem, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Fit row and period effects to K columns of cell values.

    Parameters
    ----------
    values
        Shape (R, T, K); only masked cells are read.

    Returns
    -------
    Row effects (R, K) and period effects (T, K).
    """
    masked = values * system.mask[:, :, None]
    mean = masked.sum(axis=1) / np.maximum(system.length, 1.0)[:, None]
    weighted = np.tensordot(system.weight, masked, axes=(0, 0))
    right = weighted - system.mask.T @ (system.weight[:, None] * mean)
    period = system.inverse @ right
    row = mean - (system.mask @ period) / np.maximum(system.length, 1.0)[:, None]
    return row, period


def residual(system: CellSystem, values: FloatArray) -> FloatArray:
    """Take row and period effects out of K columns; cells outside the mask become zero, shape (R, T, K)."""
    row, period = effects_of(system, values)
    out: FloatArray = (values - row[:, None, :] - period[None, :, :]) * system.mask[:, :, None]
    return out


@dataclass(frozen=True)
class Extrapolation:
    """Weights that carry the effects fitted on masked cells to K targets.

    Attributes
    ----------
    weights
        Weight of one unit of row r in period t on the masked cells, shape (R, T, K): the fitted value of target k
        is the sum of n_r weights y.
    estimable
        Whether each target is identified by the masked cells, shape (K,).
    """

    weights: FloatArray
    estimable: BoolArray


def extrapolate(system: CellSystem, row_load: FloatArray, period_load: FloatArray) -> Extrapolation:
    """Find the least-squares weights of targets sum_r p_r alpha_r + sum_t q_t lambda_t.

    Parameters
    ----------
    row_load, period_load
        Loads of the K targets on row effects (R, K) and period effects (T, K).
    """
    per_length = row_load / np.maximum(system.length, 1.0)[:, None]
    right = period_load - system.mask.T @ per_length
    period = system.inverse @ right
    length = np.maximum(system.length, 1.0)[:, None]
    row = (row_load / system.weight[:, None] - system.mask @ period) / length
    size = 1.0 + np.abs(period_load).sum(axis=0) + np.abs(row_load).sum(axis=0)
    missing = (np.abs(row_load) * (system.length == 0)[:, None]).sum(axis=0) > RANK_TOLERANCE * size
    astray = np.abs(system.null.T @ right).max(axis=0, initial=0.0) > RANK_TOLERANCE**0.5 * size
    weights = (row[:, None, :] + period[None, :, :]) * system.mask[:, :, None]
    return Extrapolation(weights, ~(missing | astray))


def cells_estimable(system: CellSystem) -> BoolArray:
    """Say for which cells the masked cells identify row effect plus period effect, shape (R, T)."""
    mean = system.mask @ system.null / np.maximum(system.length, 1.0)[:, None]
    astray = np.abs(system.null[None, :, :] - mean[:, None, :]).max(axis=2, initial=0.0)
    out: BoolArray = (astray < RANK_TOLERANCE**0.5) & (system.length > 0)[:, None]
    return out
