"""Row and period effects on masked, weighted cells, solved exactly: the first stage of imputation estimators.

A row is a cohort of n units on a balanced panel, or a single unit (n = 1) anywhere else: the algebra is the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["CellSystem", "Extrapolation", "cell_system", "cells_estimable", "effects_of", "extrapolate", "residual"]

RANK_TOLERANCE = 1e-9
"""Eigenvalues below this share of the largest count as zero; counts are integers, so noise is near 1e-14."""


@dataclass(frozen=True)
class CellSystem:
    """Normal equations of row and period effects after the row effects are eliminated.

    Attributes
    ----------
    weight
        Units per line of data, shape (R,).
    mask
        One where a cell takes part, shape (R, T).
    row_of
        Effect to which each line belongs, shape (R,); lines may share one (state effects for counties).
    mass
        Units behind each effect and period, shape (E, T).
    length
        Unit-periods behind each effect, shape (E,); zero where none takes part.
    inverse
        Pseudo-inverse of the period system, shape (T, T).
    null
        Orthonormal basis of combinations of period effects that are not identified, shape (T, d).
    """

    weight: FloatArray
    mask: FloatArray
    row_of: IntArray
    mass: FloatArray
    length: FloatArray
    inverse: FloatArray
    null: FloatArray

    @property
    def divisor(self) -> FloatArray:
        """Length as a column to divide by: one where nothing takes part, shape (E, 1)."""
        return np.where(self.length > 0, self.length, 1.0)[:, None]

    def gather(self, values: FloatArray) -> FloatArray:
        """Sum over the lines of each effect, weighted by units: (R, ...) to (E, ...)."""
        weighted = values * self.weight.reshape(-1, *[1] * (values.ndim - 1))
        if np.array_equal(self.row_of, np.arange(self.mass.shape[0])):
            return weighted
        out = np.zeros((self.mass.shape[0], *values.shape[1:]))
        np.add.at(out, self.row_of, weighted)
        return out


def cell_system(weight: FloatArray, mask: BoolArray, row_of: IntArray | None = None) -> CellSystem:
    """Set up the period system diag(n_t) - sum_e m_e m_e' / n_e.

    Parameters
    ----------
    weight
        Units per line, shape (R,).
    mask
        Cells that take part, shape (R, T).
    row_of
        Effect of each line, codes 0..E-1; one effect per line by default.
    """
    m = mask.astype(float)
    own = np.arange(len(m)) if row_of is None else row_of
    mass = np.zeros((int(own.max()) + 1, m.shape[1]))
    np.add.at(mass, own, m * weight[:, None])
    length = mass.sum(axis=1)
    system = np.diag(mass.sum(axis=0)) - mass.T @ (mass / np.where(length > 0, length, 1.0)[:, None])
    values, vectors = np.linalg.eigh(system)
    live = values > RANK_TOLERANCE * max(float(values[-1]), 1.0)
    inverse = (vectors[:, live] / values[live]) @ vectors[:, live].T
    return CellSystem(weight, m, own, mass, length, inverse, vectors[:, ~live])


def effects_of(system: CellSystem, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Fit row and period effects to K columns of cell values.

    Parameters
    ----------
    values
        Shape (R, T, K); only masked cells are read.

    Returns
    -------
    Row effects (E, K) and period effects (T, K).
    """
    total = system.gather(values * system.mask[:, :, None])
    mean = total.sum(axis=1) / system.divisor
    period = system.inverse @ (total.sum(axis=0) - system.mass.T @ mean)
    return mean - (system.mass @ period) / system.divisor, period


def residual(system: CellSystem, values: FloatArray) -> FloatArray:
    """Take row and period effects out of K columns; cells outside the mask become zero, shape (R, T, K)."""
    row, period = effects_of(system, values)
    out: FloatArray = (values - row[system.row_of][:, None, :] - period[None, :, :]) * system.mask[:, :, None]
    return out


@dataclass(frozen=True)
class Extrapolation:
    """Weights that carry the effects fitted on masked cells to K targets.

    Attributes
    ----------
    weights
        Weight of one unit of line r in period t on the masked cells, shape (R, T, K): the fitted value of target k
        is the sum of n_r weights y.
    estimable
        Whether each target is identified by the masked cells, shape (K,).
    """

    weights: FloatArray
    estimable: BoolArray


def extrapolate(system: CellSystem, row_load: FloatArray, period_load: FloatArray) -> Extrapolation:
    """Find the least-squares weights of targets sum_e p_e alpha_e + sum_t q_t lambda_t.

    Parameters
    ----------
    row_load, period_load
        Loads of the K targets on row effects (E, K) and period effects (T, K).
    """
    right = period_load - system.mass.T @ (row_load / system.divisor)
    period = system.inverse @ right
    row = (row_load - system.mass @ period) / system.divisor
    size = 1.0 + np.abs(period_load).sum(axis=0) + np.abs(row_load).sum(axis=0)
    missing = (np.abs(row_load) * (system.length == 0)[:, None]).sum(axis=0) > RANK_TOLERANCE * size
    astray = np.abs(system.null.T @ right).max(axis=0, initial=0.0) > RANK_TOLERANCE**0.5 * size
    weights = (row[system.row_of][:, None, :] + period[None, :, :]) * system.mask[:, :, None]
    return Extrapolation(weights, ~(missing | astray))


def cells_estimable(system: CellSystem) -> BoolArray:
    """Say for which cells the masked cells identify row effect plus period effect, shape (R, T)."""
    mean = system.mass @ system.null / system.divisor
    astray = np.abs(system.null[None, :, :] - mean[:, None, :]).max(axis=2, initial=0.0)
    out: BoolArray = ((astray < RANK_TOLERANCE**0.5) & (system.length > 0)[:, None])[system.row_of]
    return out
