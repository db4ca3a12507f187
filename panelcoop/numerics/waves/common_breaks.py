"""Breaks at dates that all regions share: Andrews's sup-F and Bai and Perron's partition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.errors import DataError
from panelcoop.options import FloatArray, IntArray

__all__ = ["ANDREWS_CRITICAL", "BreakPartition", "SupF", "break_partition", "break_statistics", "sup_f"]

EXACT_FIT = 1e-14
"""Sum of squared residuals, relative to the sum of squares, that rounding explains: no fit counts as closer."""
ANDREWS_CRITICAL = {1: 8.85, 2: 11.79, 3: 14.15}
"""5% critical values of sup-F times the number of coefficients that break, 15% trimming (Andrews 1993, table I): for
regressors without a trend and noise without serial correlation; `break_test` draws its own for the week."""


@dataclass(frozen=True)
class SupF:
    """Largest F over candidate dates, the last position of the first regime, and F at every candidate."""

    statistic: float
    at: int
    candidates: IntArray
    profile: FloatArray


@dataclass(frozen=True)
class BreakPartition:
    """Best partitions into 1, 2, ... segments.

    Attributes
    ----------
    breaks
        For m = 0, 1, ... the last positions of the first m segments.
    ssr, bic, lwz
        Sum of squared residuals and two criteria for each m.
    chosen
        Number of breaks with the smallest BIC.
    """

    breaks: tuple[tuple[int, ...], ...]
    ssr: FloatArray
    bic: FloatArray
    lwz: FloatArray
    chosen: int


def sup_f(paths: FloatArray, columns: FloatArray, *, trim: float = 0.15) -> SupF:
    """Return the sup-F of one break in all coefficients, on one path or on all regions together.

    Parameters
    ----------
    paths
        Shape (T,) or (T, N): with several regions each has its own coefficients and the date is common (Bai 2010).
    columns
        Regressors that break, shape (T, k), such as a constant, or a constant and the week.
    trim
        Share of the weeks left out at both ends.

    Returns
    -------
    SupF

    Notes
    -----
    F_t = [SSR_0 - SSR_t] / [SSR_t / (N T - 2 k N)]: the Wald form, which grows with the number of coefficients, as
    strucchange's ``Fstats`` reports it. Verified on the Nile: 75.93 at 1898 (Zeileis et al. 2003).

    References
    ----------
    Andrews, D. W. K. (1993), Tests for parameter instability, *Econometrica* 61, 821-856. Bai, J. (2010), Common
    breaks in
    means and variances for panel data, *Journal of Econometrics* 157, 78-92.
    """
    y = paths[:, None] if paths.ndim == 1 else paths
    candidates, profile = break_statistics(y[:, :, None], columns, trim=trim)
    one = profile[:, 0]
    best = int(one.argmax())
    return SupF(float(one[best]), int(candidates[best]), candidates, one)


def break_statistics(paths: FloatArray, columns: FloatArray, *, trim: float = 0.15) -> tuple[IntArray, FloatArray]:
    """Return F at every candidate date for many data sets at once.

    Parameters
    ----------
    paths
        Shape (T, N, R): R data sets of N regions.
    columns
        Shape (T, k).
    trim
        Share left out at both ends.

    Returns
    -------
    candidates (C,), F (C, R)
    """
    weeks, n, r = paths.shape
    k = columns.shape[1]
    first = max(int(np.floor(trim * weeks)), k)
    candidates = np.arange(first - 1, weeks - first, dtype=np.int64)
    flat = paths.reshape(weeks, n * r)
    least = _least((paths * paths).sum(axis=(0, 1)))
    whole = np.maximum(_ssr(flat, columns).reshape(n, r).sum(axis=0), least)
    profile = np.empty((candidates.size, r))
    for i, end in enumerate(candidates):
        split = _ssr(flat[: end + 1], columns[: end + 1]) + _ssr(flat[end + 1 :], columns[end + 1 :])
        ssr = np.maximum(split.reshape(n, r).sum(axis=0), least)
        profile[i] = (whole - ssr) / (ssr / (n * (weeks - 2 * k)))
    return candidates, profile


def break_partition(paths: FloatArray, columns: FloatArray, *, most: int = 5, trim: float = 0.15) -> BreakPartition:
    """Find the partitions with the smallest sum of squares by dynamic programming.

    Parameters
    ----------
    paths
        Shape (T,) or (T, N); dates are common to all regions.
    columns
        Shape (T, k).
    most
        Largest number of breaks.
    trim
        Fewest weeks of a segment as a share of T.

    Raises
    ------
    DataError
        If not even one break fits between segments of the minimum length.

    Notes
    -----
    BIC = n log(SSR / n) + n (1 + log(2 pi)) + log(n) [(m + 1)(k N + 1)], counting each date as a parameter as
    strucchange does;
    LWZ of Liu, Wu and Zidek (1997). Verified on the Nile: SSR 2835157, 1597457, 1552924, ... and one break.

    References
    ----------
    Bai, J. and P. Perron (2003), Computation and analysis of multiple structural change models, *Journal of Applied
    Econometrics* 18, 1-22.
    """
    y = paths[:, None] if paths.ndim == 1 else paths
    weeks, n = y.shape
    k = columns.shape[1]
    shortest = max(int(np.floor(trim * weeks)), k + 1)
    most = min(most, weeks // shortest - 1)
    if most < 1:
        msg = f"{weeks} weeks leave no room for two segments of {shortest} weeks."
        raise DataError(msg)
    cost = _segment_costs(y, columns, shortest)
    best, choice = [cost[0]], []
    for _ in range(most):
        options = best[-1][:-1, None] + cost[1:, :]
        choice.append(options.argmin(axis=0))
        best.append(options.min(axis=0))
    ssr = np.maximum([row[-1] for row in best], _least(((y - y.mean(axis=0)) ** 2).sum()))
    breaks = tuple(_backtrack(choice[:m], weeks) for m in range(most + 1))
    size, m = n * weeks, np.arange(most + 1)
    bic = size * (np.log(ssr / size) + 1 + np.log(2 * np.pi)) + np.log(size) * (m + 1) * (k * n + 1)
    free = (m + 1) * k * n + m
    lwz = np.log(ssr / np.maximum(size - free, 1)) + free * 0.299 * np.log(size) ** 2.1 / size
    return BreakPartition(breaks, ssr, bic, lwz, int(bic.argmin()))


def _least(total: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(EXACT_FIT * total, np.finfo(float).tiny))


def _ssr(y: FloatArray, x: FloatArray) -> FloatArray:
    """Sum of squared residuals of each column."""
    frame = np.linalg.qr(x)[0]
    return np.asarray((y * y).sum(axis=0) - ((frame.T @ y) ** 2).sum(axis=0))


def _segment_costs(y: FloatArray, columns: FloatArray, shortest: int) -> FloatArray:
    """SSR of segment [i, j], shape (T, T); infinite where too short."""
    weeks = len(y)
    cost = np.full((weeks, weeks), np.inf)
    centred = y - y.mean(axis=0)
    for i in range(weeks - shortest + 1):
        for j in range(i + shortest - 1, weeks):
            cost[i, j] = float(_ssr(centred[i : j + 1], columns[i : j + 1]).sum())
    return cost


def _backtrack(choice: list[IntArray], weeks: int) -> tuple[int, ...]:
    ends, at = [], weeks - 1
    for step in reversed(choice):
        at = int(step[at])
        ends.append(at)
    return tuple(reversed(ends))
