"""Exact leverage, absorbed effects included: of single rows, and of the rows of a cluster together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.errors import DataError
from panelcoop.numerics.grouping import Grouping
from panelcoop.numerics.regression.absorb import Absorber
from panelcoop.numerics.regression.direct import DirectSolver
from panelcoop.numerics.regression.least_squares import LinearFit
from panelcoop.options import FloatArray, IntArray

__all__ = ["RowsInEffects", "row_leverage", "rows_in_effects", "shared_size"]


def row_leverage(fit: LinearFit) -> FloatArray:
    """Return (n,) diagonal of the hat matrix of columns and absorbed effects together.

    Notes
    -----
    h = w (x~ B x~' + d (D'WD)^- d'), the second part from the factorised normal equations of the effects.

    Raises
    ------
    DataError
        When the effects were solved iteratively, so that no exact leverage exists.
    """
    leverage = np.empty(fit.nobs)
    for block in fit.design.blocks():
        leverage[block.rows] = np.einsum("ik,ik->i", block.columns @ fit.bread, block.columns)
    leverage += _effects_leverage(fit.absorber)
    return leverage if fit.weights is None else leverage * fit.weights


@dataclass(frozen=True, eq=False)
class RowsInEffects:
    """Rows of one cluster as the absorbed effects see them.

    Attributes
    ----------
    hat : (m, m) the effects' block of the hat matrix, scaled by the root of the weights
    shared : (m, r) coordinates of the rows on what other clusters' rows are explained by too: with U the coordinates of
        two clusters, U U' is their block of the hat matrix. The eliminated effect is left out where it is nested.
    """

    hat: FloatArray
    shared: FloatArray


def rows_in_effects(fit: LinearFit, rows: IntArray, *, nested: bool) -> RowsInEffects | None:
    """Locate rows (m,) of one cluster in the span of the effects; None without effects.

    Parameters
    ----------
    nested : whether every level of the eliminated effect lies within one cluster

    Raises
    ------
    DataError
        When the effects were solved iteratively, so that no exact leverage exists.
    """
    door = fit.absorber
    solver = _direct(door)
    if solver is None:
        return None
    lead, rest, offsets = _parts(door)
    codes, bases = lead.codes[rows], _bases(door, rows)
    root = np.ones(len(rows)) if fit.weights is None else np.sqrt(fit.weights[rows])
    own = [b * root * np.sqrt(scale[codes]) for b, scale in zip(bases, solver.scales, strict=True)]
    same = codes[:, None] == codes
    hat = sum((np.outer(one, one) * same for one in own), np.zeros((len(rows), len(rows))))
    parts = [] if nested else [np.equal.outer(codes, np.arange(lead.size)) * one[:, None] for one in own]
    if rest:
        point = np.zeros((len(rows), int(offsets[-1])))
        for grouping, offset in zip(rest, offsets[:-1], strict=True):
            point[np.arange(len(rows)), grouping.codes[rows] + offset] += 1.0
        for base, scale, tab in zip(bases, solver.scales, solver.crosstabs, strict=True):
            chosen = tab[codes]
            full = chosen if isinstance(chosen, np.ndarray) else chosen.toarray()
            point -= (base * scale[codes])[:, None] * full
        turned = (root[:, None] * point) @ solver.root
        hat += turned @ turned.T
        parts.append(turned)
    return RowsInEffects(hat, np.hstack(parts) if parts else np.empty((len(rows), 0)))


def shared_size(fit: LinearFit, *, nested: bool) -> int:
    """Return r, the number of coordinates of `RowsInEffects.shared`."""
    solver = _direct(fit.absorber)
    if solver is None:
        return 0
    lead = 0 if nested else solver.sizes[0] * len(solver.scales)
    return lead + (solver.root.shape[1] if solver.crosstabs else 0)


def _direct(door: Absorber) -> DirectSolver | None:
    if door.solver is None or isinstance(door.solver, DirectSolver):
        return door.solver
    msg = "Leverage needs effects that are solved directly; use HC1, CRV1 or a covariance in time here."
    raise DataError(msg)


def _parts(door: Absorber) -> tuple[Grouping, list[Grouping], IntArray]:
    lead = door.groupings[door.eliminated]
    rest = [g for e, g in enumerate(door.groupings) if e != door.eliminated]
    offsets = np.concatenate([[0], np.cumsum([g.size for g in rest])]).astype(np.int64)
    return lead, rest, offsets


def _bases(door: Absorber, rows: IntArray | slice) -> list[FloatArray]:
    """Return the eliminated basis columns (level, trend) of some rows."""
    size = door.nobs if isinstance(rows, slice) else len(rows)
    level = [np.ones(size)]
    return level if door.time is None else [*level, door.time[rows]]


def _effects_leverage(door: Absorber) -> FloatArray:
    solver = _direct(door)
    if solver is None:
        return np.zeros(door.nobs)
    lead, rest, offsets = _parts(door)
    bases = _bases(door, slice(None))
    total = sum((b**2 * scale[lead.codes] for b, scale in zip(bases, solver.scales, strict=True)), np.zeros(door.nobs))
    if not rest:
        return total
    inverse = solver.inverse
    places = [g.codes + o for g, o in zip(rest, offsets[:-1], strict=True)]
    for one in places:
        for other in places:
            total += inverse[one, other]
    shares = [_dense(scale, tab) for scale, tab in zip(solver.scales, solver.crosstabs, strict=True)]
    turned = [share @ inverse for share in shares]
    for base, turn in zip(bases, turned, strict=True):
        for place in places:
            total -= 2 * base * turn[lead.codes, place]
        for other_base, share in zip(bases, shares, strict=True):
            total += base * other_base * np.einsum("gp,gp->g", turn, share)[lead.codes]
    return total


def _dense(scale: FloatArray, tab: object) -> FloatArray:
    full = tab if isinstance(tab, np.ndarray) else tab.toarray()  # type: ignore[attr-defined]
    return np.asarray(full * scale[:, None])
