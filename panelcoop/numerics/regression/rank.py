"""Which combinations of columns are not identified: a rank test that shifts and scales of columns do not change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg

from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["RankReport", "describe_combination", "rank_report", "turned_report"]

CANDIDATE = 1e-7  # eigenvalue of the correlation matrix below which a direction is measured on the data
NULL_NORM = 1e-10  # norm of a combination of unit columns that counts as zero
ABSORBED = 1e-10  # share of a column's centred norm left after absorption that counts as nothing
TURNED = 1e-10  # of the terms it sums, what rounding leaves of a combination turned to the columns as given
ROUNDING = 32 * np.finfo(float).eps  # rounding of a column's raw values that survives every subtraction


@dataclass(frozen=True, eq=False)
class RankReport:
    """What the columns identify.

    Attributes
    ----------
    null_space : (k, m) one column per combination that is zero in the data, reduced so that each is as short as can be
    identified : (k,) coefficients that no such combination touches
    scale : (k,) root mean square of each column after absorption; zero where nothing is left
    inverse : (k, k) generalised inverse of the Gram matrix
    notes : one sentence per combination, with the columns' names
    """

    null_space: FloatArray
    identified: BoolArray
    scale: FloatArray
    inverse: FloatArray
    notes: tuple[str, ...]


def rank_report(
    gram: FloatArray,
    before: FloatArray,
    raw: FloatArray,
    names: tuple[str, ...],
    measure: Callable[[FloatArray], FloatArray],
) -> RankReport:
    """Judge the rank of demeaned columns.

    Parameters
    ----------
    gram : (k, k) Gram matrix of the columns after absorption
    before : (k,) squared norms before absorption, centred
    raw : (k,) squared norms of the columns as they were given
    names : (k,) used in the notes
    measure : maps combinations (k, m) to their (m, m) Gram matrix, computed row by row on the data

    Notes
    -----
    A column is absorbed when less than 1e-10 of its centred norm is left, or no more than the rounding of its raw
    values. The others are scaled to unit norm; directions whose eigenvalue is small are measured on the data, because
    a Gram matrix squares the condition number, and count as null when their norm is below 1e-10 (or below rounding).
    """
    k = len(gram)
    norm = np.sqrt(np.clip(np.diag(gram), 0.0, None))
    floor = ROUNDING * np.sqrt(raw)
    absorbed = norm <= np.maximum(ABSORBED * np.sqrt(before), floor)
    unit = np.where(absorbed, 0.0, 1.0 / np.where(absorbed, 1.0, norm))
    live = np.flatnonzero(~absorbed)
    null = np.zeros((k, 0))
    inverse = np.zeros((k, k))
    if live.size:
        scaled = unit[live, None] * gram[np.ix_(live, live)] * unit[live]
        values, vectors = linalg.eigh(scaled, check_finite=False)
        null_unit = _null_directions(values, vectors, unit=unit, live=live, floor=floor, measure=measure)
        rank = live.size - null_unit.shape[1]
        inverse[np.ix_(live, live)] = _inverse(scaled, null_unit, rank) * np.outer(unit[live], unit[live])
        null = np.zeros((k, null_unit.shape[1]))
        null[live] = unit[live, None] * null_unit
    null = _reduce(np.hstack([np.eye(k)[:, absorbed], null]), np.where(absorbed, 1.0, norm))
    identified = np.logical_not((np.abs(null) > 0).any(axis=1))
    scale = np.where(absorbed, 0.0, norm)
    notes = tuple(_note(null[:, m], names, absorbed) for m in range(null.shape[1]))
    return RankReport(null, identified, scale, inverse, notes)


def _null_directions(
    values: FloatArray,
    vectors: FloatArray,
    *,
    unit: FloatArray,
    live: IntArray,
    floor: FloatArray,
    measure: Callable[[FloatArray], FloatArray],
) -> FloatArray:
    """Return an orthonormal basis, in unit columns, of the combinations that vanish on the data."""
    suspects = vectors[:, values < CANDIDATE]
    if not suspects.shape[1]:
        return suspects
    full = np.zeros((len(unit), suspects.shape[1]))
    full[live] = unit[live, None] * suspects
    squared, turn = linalg.eigh(measure(full), check_finite=False)
    turned = suspects @ turn
    rounding = np.sqrt(((np.abs(turned) * (unit * floor)[live, None]) ** 2).sum(axis=0))
    null = np.sqrt(np.clip(squared, 0.0, None)) <= np.maximum(NULL_NORM, rounding)
    return np.asarray(turned[:, null])


def _inverse(scaled: FloatArray, null: FloatArray, rank: int) -> FloatArray:
    """Return the pseudo-inverse of a unit-diagonal Gram matrix whose null space is known."""
    if rank == len(scaled):
        try:
            factor = linalg.cho_factor(scaled, lower=True, check_finite=False)
        except linalg.LinAlgError:  # weights of such different size that rounding makes an eigenvalue negative
            return np.asarray(linalg.pinvh(scaled, check_finite=False))
        return np.asarray(linalg.cho_solve(factor, np.eye(len(scaled)), check_finite=False))
    basis = linalg.null_space(null.T)
    inner = basis.T @ scaled @ basis
    return np.asarray(basis @ linalg.solve(inner, basis.T, assume_a="pos", check_finite=False))


def _reduce(null: FloatArray, norm: FloatArray) -> FloatArray:
    """Return the same null space in reduced column-echelon form, small entries exactly zero."""
    if null.shape[1] == 0:
        return null
    work = (null * norm[:, None]).T.copy()
    row = 0
    for column in range(work.shape[1]):
        if row == len(work):
            break
        pivot = row + int(np.argmax(np.abs(work[row:, column])))
        if abs(work[pivot, column]) < 1e-6 * np.abs(work[row:]).max():
            continue
        work[[row, pivot]] = work[[pivot, row]]
        work[row] /= work[row, column]
        factor = work[:, column].copy()
        factor[row] = 0.0
        if factor.any():
            work -= np.outer(factor, work[row])
        row += 1
    work[np.abs(work) < 1e-7] = 0.0
    return np.asarray(work.T / norm[:, None])


def turned_report(report: RankReport, turn: FloatArray, names: tuple[str, ...]) -> RankReport:
    """Return what the columns as given identify, when the report is on columns centred around a constant.

    Parameters
    ----------
    turn : (k, k) carries coefficients on the centred columns to coefficients on the columns as given
    """
    if not report.null_space.shape[1]:
        return report
    null = turn @ report.null_space
    null[np.abs(null) <= TURNED * (np.abs(turn) @ np.abs(report.null_space))] = 0.0
    touched = (np.abs(null) > 0).any(axis=1)
    nothing = np.zeros(len(names), dtype=bool)
    notes = tuple(_note(null[:, m], names, nothing) for m in range(null.shape[1]))
    return replace(report, null_space=null, identified=np.asarray(~touched, dtype=bool), notes=notes)


def describe_combination(weights: FloatArray, names: tuple[str, ...]) -> str:
    """Write a combination of columns as text, scaled so that its first coefficient is one.

    Examples
    --------
    >>> describe_combination(np.array([2.0, 0.0, -2.0]), ("a", "b", "c"))
    'a - c'
    """
    used = np.flatnonzero(weights)
    scaled = weights[used] / weights[used[0]]
    text = str(names[used[0]])
    for value, column in zip(scaled[1:], used[1:], strict=True):
        size = "" if abs(abs(value) - 1) < 1e-6 else f"{abs(value):.6g} "
        text += f" {'-' if value < 0 else '+'} {size}{names[column]}"
    return text


def _note(weights: FloatArray, names: tuple[str, ...], absorbed: BoolArray) -> str:
    used = np.flatnonzero(weights)
    if used.size == 1 and absorbed[used[0]]:
        return f"'{names[used[0]]}' is not identified: the fixed effects (or the constant) absorb it."
    listed = ", ".join(f"'{names[c]}'" for c in used)
    text = describe_combination(weights, names)
    if used.size == 1:
        return f"{listed} is not identified: it is zero in every row."
    return f"{listed} are not identified separately: {text} does not vary (within the fixed effects)."
