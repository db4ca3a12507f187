"""Poisson separation: zeros that columns and effects predict perfectly, so that their fitted mean runs to zero."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from panelcoop.numerics.grouping import Grouping
from panelcoop.numerics.regression.absorb import Absorber, absorber
from panelcoop.numerics.regression.design_moments import design_of
from panelcoop.numerics.regression.rank import rank_report
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["all_zero_levels", "separated_rows"]

RECTIFIER_TOLERANCE = 1e-5  # fitted certificates smaller than this are zero
FORCED = 1e-7  # largest fitted certificate that is let pass at a positive outcome
MOST_ROUNDS = 100
MOST_MULTIPLIERS = 100
HEAVY = 1e4  # weight of positive outcomes


def all_zero_levels(outcome: FloatArray, groupings: Sequence[Grouping]) -> BoolArray:
    """Return (n,) rows in a level whose outcomes are all zero, repeated until no such level is left."""
    alive: BoolArray | None = None
    while True:
        empty = []
        for g in groupings:
            totals = np.bincount(g.codes, outcome if alive is None else outcome * alive, g.size)
            present = g.counts if alive is None else np.bincount(g.codes, alive, g.size)
            empty.append((totals <= 0) & (present > 0))
        if not any(e.any() for e in empty):
            lost: BoolArray = np.zeros(len(outcome), dtype=bool) if alive is None else ~alive
            return lost
        alive = np.ones(len(outcome), dtype=bool) if alive is None else alive
        for g, none in zip(groupings, empty, strict=True):
            alive &= ~none[g.codes]


def separated_rows(outcome: FloatArray, columns: FloatArray, effects: Sequence[IntArray]) -> BoolArray:
    """Find rows separated by any combination of columns and effects.

    Parameters
    ----------
    outcome : (n,) non-negative
    columns : (n, k)
    effects : codes (n,) per effect

    Returns
    -------
    (n,) True where the outcome is zero and some combination of regressors is positive there, zero at every positive
    outcome and never negative

    Notes
    -----
    The iterative rectifier of Correia, Guimaraes and Zylkin (2019): regress a certificate (one at zeros) on the
    regressors, forced to zero at positive outcomes, set negative fitted values to zero, repeat until none is negative.
    Instead of enormous weights, which would cost digits, positive outcomes get a moderate weight and their misfit is
    handed back to the target until it is gone (the method of multipliers).
    """
    zero = outcome == 0
    if not zero.any():
        return np.asarray(zero, dtype=bool)
    door = absorber(effects, weights=np.where(zero, 1.0, HEAVY), nobs=len(outcome))
    certificate = zero.astype(float)
    inverse: FloatArray | None = None
    for _ in range(MOST_ROUNDS):
        fitted, inverse = _forced_fit(certificate, zero, columns, door, inverse)
        fitted[np.abs(fitted) < RECTIFIER_TOLERANCE] = 0.0
        if not (fitted[zero] < 0).any():
            return np.asarray(zero & (fitted > 0))
        certificate = np.where(zero, np.maximum(fitted, 0.0), 0.0)
        if not certificate.any():
            return certificate > 0
    return np.zeros(len(outcome), dtype=bool)


def _forced_fit(
    certificate: FloatArray, zero: BoolArray, columns: FloatArray, door: Absorber, inverse: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Regress the certificate on columns and effects with fitted values of zero at positive outcomes."""
    target = certificate.copy()
    names = tuple(f"x{j + 1}" for j in range(columns.shape[1]))
    for _ in range(MOST_MULTIPLIERS):
        design, moments = design_of(columns, target, door)
        if inverse is None:
            report = rank_report(moments.gram, moments.before, moments.raw, names, design.measure)
            inverse = report.inverse
        fitted = target - design.residual(inverse @ moments.cross)
        misfit = np.where(zero, 0.0, fitted)
        if float(np.abs(misfit).max(initial=0.0)) < FORCED:
            break
        target -= misfit
    return fitted, np.asarray(inverse)
