"""Which columns the effects leave something of: a rank test that neither units nor a column's level change."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.event_study.two_way_cells import CellSystem, effects_of
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["ColumnSize", "beyond_span", "column_size", "independent_bread"]

ABSORBED = 1e-8
"""Share of a column's centred norm that effects must leave; what they absorb leaves about 1e-13."""

ROUNDING = 1e-12
"""Share of a column's uncentred norm that is rounding."""

COLLINEAR = 1e-10
"""Share of a column's squared norm that earlier columns must leave."""


@dataclass(frozen=True)
class ColumnSize:
    """Squared norms of K columns over the cells that take part: centred and as given, shape (K,)."""

    centred: FloatArray
    raw: FloatArray


def column_size(columns: FloatArray, weight: FloatArray) -> ColumnSize:
    """Measure columns of shape (R, T, K) with cell weights of shape (R, T)."""
    raw = np.einsum("rt,rtk->k", weight, columns**2)
    mean = np.einsum("rt,rtk->k", weight, columns) / max(float(weight.sum()), 1e-300)
    return ColumnSize(np.einsum("rt,rtk->k", weight, (columns - mean) ** 2), raw)


def independent_bread(gram: FloatArray, size: ColumnSize) -> tuple[FloatArray, IntArray]:
    """Invert the Gram matrix of the columns that stand by themselves.

    Parameters
    ----------
    gram
        Gram matrix of the columns after effects were taken out, shape (K, K).
    size
        The columns before that.

    Returns
    -------
    The inverse with zeros for columns that effects absorb or that earlier columns span, (K, K); and the kept columns.
    """
    norm = np.sqrt(np.clip(np.diag(gram), 0.0, None))
    live = norm > np.maximum(ABSORBED * np.sqrt(size.centred), ROUNDING * np.sqrt(size.raw))
    live &= norm > 0
    unit = np.where(live, 1.0 / np.where(live, norm, 1.0), 0.0)
    scaled = unit[:, None] * gram * unit
    pick = _standing(scaled, np.flatnonzero(live))
    bread = np.zeros_like(gram)
    if pick.size:
        bread[np.ix_(pick, pick)] = np.linalg.inv(scaled[np.ix_(pick, pick)]) * np.outer(unit[pick], unit[pick])
    return bread, pick


def _standing(scaled: FloatArray, live: IntArray) -> IntArray:
    """Find live columns that earlier ones do not span: all of them, if no pivot of the Cholesky factor is small."""
    with contextlib.suppress(np.linalg.LinAlgError):
        if not live.size or (np.diag(np.linalg.cholesky(scaled[np.ix_(live, live)])) ** 2).min() > COLLINEAR:
            return live
    left, kept = scaled.copy(), []
    for k in live:
        if left[k, k] > COLLINEAR:
            kept.append(k)
            left = left - np.outer(left[:, k], left[k, :]) / left[k, k]
    return np.array(kept, dtype=np.int64)


def beyond_span(system: CellSystem, columns: FloatArray, slopes: FloatArray, lost: BoolArray) -> FloatArray:
    """Say how far columns that masked cells do not tell apart from the others differ from them elsewhere.

    Parameters
    ----------
    columns
        Shape (R, T, K).
    slopes
        Regression of every column on the kept ones, within effects, shape (K, K).
    lost
        Columns that were not kept, shape (K,).

    Returns
    -------
    Distance from the fit by effects and kept columns, as a share of the column's largest value; (R, T, L), zero where
    the untreated outcome does not hang on the unknown slope.
    """
    rest = columns[:, :, lost] - columns @ slopes[:, lost]
    row, period = effects_of(system, rest)
    gap = rest - row[system.row_of][:, None, :] - period[None, :, :]
    scale = np.abs(columns[:, :, lost]).max(axis=(0, 1), initial=0.0)
    share: FloatArray = gap / np.where(scale > 0, scale, 1.0)
    return np.where(np.abs(share) > ABSORBED, share, 0.0)
