"""Do regions rise and fall together, and who leads? Concordance of phases; leads and lags with intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Unpack

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.numerics.waves.smoothing import gaussian_smoother
from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.record import Panel, as_panel
from panelcoop.waves.inputs import NO_RATE, InputOptions, fail_if_given, wave_input
from panelcoop.waves.primary import thresholds_for
from panelcoop.waves.thresholds import WaveThresholds

__all__ = ["PhaseConcordance", "lead_and_lag", "phase_concordance"]

FEWEST_WEEKS = 3
LONGEST_LAG = 8
BLOCK, FEWEST_BLOCKS = 8, 3
LEAD_COLUMNS = ("lead", "low", "high", "correlation")
ROUNDING = 1e-10
"""Share of a path's size that a fit to a straight line leaves by rounding."""


@dataclass(frozen=True)
class PhaseConcordance:
    """How much of the time pairs of regions are in the same phase.

    Attributes
    ----------
    mean
        Mean concordance over pairs: 1 always in the same phase, .5 what coin flips give.
    p
        Share of circular shifts of the regions' phases with a mean at least as large; NaN with fewer than
        ``minimum_weeks`` weeks.
    matrix
        Concordance of every pair.
    rising_share
        Share of regions rising, by week.
    """

    mean: float
    p: float
    matrix: pd.DataFrame
    rising_share: pd.Series


def phase_concordance(
    panel: Panel | pd.DataFrame,
    *,
    outcome: str,
    thresholds: WaveThresholds | None = None,
    **how: Unpack[InputOptions],
) -> PhaseConcordance:
    """Measure the concordance of rising and falling phases between regions.

    Parameters
    ----------
    panel
        A panel, or a frame with region and week as index or columns.
    outcome
        Column.
    thresholds
        Bandwidth, draws and seed.
    **how
        bounds, as for `wave_test`; weights and offset are refused.

    Raises
    ------
    DataError
        If fewer than three weeks are seen, weights or an offset are given, or as for `wave_test`.

    Notes
    -----
    S_it = 1 where region i's smooth rises. Concordance C_ij = mean_t [S_i S_j + (1 - S_i)(1 - S_j)] (Harding and Pagan
    2002). The null of unrelated timing keeps each region's own phases and shifts them by a random number of weeks,
    around the circle; p = (1 + #{mean C* >= mean C}) / (1 + draws).
    """
    fail_if_given(how, {"weights": "every pair of regions counts alike", "offset": NO_RATE}, "Concordance of phases")
    record = as_panel(panel)
    agreed = thresholds_for(record, thresholds)
    work = wave_input(record, outcome, **how)
    if work.weeks.size < FEWEST_WEEKS:
        msg = f"Phases need {FEWEST_WEEKS} weeks or more (two steps of the smooth); {work.weeks.size} are seen."
        raise DataError(msg)
    rising = np.diff(_smooth_regions(work.values, work.positions, agreed.bandwidth), axis=1) > 0
    return PhaseConcordance(
        mean=_mean_of_pairs(rising),
        p=_shift_p(rising, agreed) if work.weeks.size >= agreed.minimum_weeks else float("nan"),
        matrix=pd.DataFrame(_concordance(rising), index=work.regions, columns=work.regions),
        rising_share=pd.Series(rising.mean(axis=0), index=work.weeks[1:], name="rising_share"),
    )


def lead_and_lag(
    panel: Panel | pd.DataFrame,
    *,
    outcome: str,
    draws: int = 199,
    thresholds: WaveThresholds | None = None,
    **how: Unpack[InputOptions],
) -> pd.DataFrame:
    """Estimate by how many weeks each region leads or lags the others.

    Parameters
    ----------
    panel
        A panel, or a frame with region and week as index or columns.
    outcome
        Column.
    draws
        Bootstrap draws for the intervals.
    thresholds
        Level and seed.
    **how
        weights (of the other regions in their mean) and bounds, as for `wave_test`; an offset is refused.

    Returns
    -------
    pandas.DataFrame
        By region: weeks of lead (negative: lag) at the largest correlation, its interval, the correlation there; NaN
        for a region that never changes, or whose others never do.

    Raises
    ------
    DataError
        If there are fewer than 40 weeks (8 of lead, 8 of lag, three blocks of 8), an offset is given, or as for
        `wave_test`.

    Notes
    -----
    The correlation of y_i,t with the mean of the *other* regions at t + l, l = -8..8, on detrended paths. Intervals:
    percentiles over a moving-block bootstrap (8 weeks) of the rows [y_it, others_t-8..t+8]. A region that only shares
    a trend has a wide interval.
    """
    fail_if_given(how, {"offset": NO_RATE}, "Lead and lag")
    record = as_panel(panel)
    agreed = thresholds_for(record, thresholds)
    work = wave_input(record, outcome, **how)
    bridged = _bridged(work.values, work.positions)
    _fail_if_short(bridged.shape[1])
    level = agreed.level / 2
    rng = np.random.default_rng(agreed.seed)
    lags = np.arange(-LONGEST_LAG, LONGEST_LAG + 1)
    rows = []
    for own, other in _beside_others(bridged, work.weights):
        target = own[LONGEST_LAG:-LONGEST_LAG]
        window = np.stack([other[LONGEST_LAG + lag : other.size - LONGEST_LAG + lag] for lag in lags])
        drawn = _block_rows(target.size, draws, rng)
        if not (target.any() and other.any()):
            rows.append(dict.fromkeys(LEAD_COLUMNS, np.nan))
            continue
        correlation = _correlations(target[None], window[None])[0]
        best = lags[_correlations(target[drawn], window[:, drawn].transpose(1, 0, 2)).argmax(axis=1)]
        low, high = np.quantile(best, [level, 1 - level], method="inverted_cdf")
        at = int(correlation.argmax())
        rows.append(dict(zip(LEAD_COLUMNS, (lags[at], low, high, correlation[at]), strict=True)))
    return pd.DataFrame(rows, index=work.regions.rename("region"), columns=list(LEAD_COLUMNS), dtype=np.float64)


def _beside_others(values: FloatArray, weights: FloatArray | None) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Each region's detrended path beside the mean of the others; zero where there is nothing but rounding."""
    weight = np.ones(len(values)) if weights is None else weights
    paths = _detrended(values)
    spread = np.abs(values).max(axis=1, keepdims=True)
    paths = np.where(np.abs(paths).max(axis=1, keepdims=True) > ROUNDING * spread, paths, 0.0)
    total = weight @ paths
    for own, w in zip(paths, weight, strict=True):
        rest = weight.sum() - w
        other = (total - w * own) / rest if rest > 0 else np.zeros_like(own)
        yield own, np.where(np.abs(other).max() > ROUNDING * spread.max(), other, 0.0)


def _fail_if_short(weeks: int) -> None:
    least = 2 * LONGEST_LAG + FEWEST_BLOCKS * BLOCK
    if weeks < least:
        msg = (
            f"Leads and lags up to {LONGEST_LAG} weeks need {least} weeks or more ({FEWEST_BLOCKS} blocks of {BLOCK} "
            f"weeks between them); got {weeks}."
        )
        raise DataError(msg)


def _bridged(values: FloatArray, positions: FloatArray) -> FloatArray:
    clock = np.arange(positions[0], positions[-1] + 1)
    seen = np.isfinite(values)
    return np.array([np.interp(clock, positions[s], row[s]) for row, s in zip(values, seen, strict=True)])


def _smooth_regions(values: FloatArray, positions: FloatArray, bandwidth: float) -> FloatArray:
    filled = _bridged(values, positions)
    clock = np.arange(float(filled.shape[1]))
    keep = np.rint(positions - positions[0]).astype(np.int64)
    return np.asarray((filled @ gaussian_smoother(clock, bandwidth * clock.size).T)[:, keep])


def _detrended(values: FloatArray) -> FloatArray:
    clock = np.arange(float(values.shape[1]))
    basis = np.column_stack([np.ones_like(clock), clock - clock.mean()])
    return np.asarray(values - (values @ np.linalg.pinv(basis).T) @ basis.T)


def _concordance(rising: BoolArray) -> FloatArray:
    s = rising.astype(np.float64)
    return np.asarray((s @ s.T + (1 - s) @ (1 - s).T) / s.shape[1])


def _mean_of_pairs(rising: BoolArray) -> float:
    """Mean concordance over pairs from the weekly counts alone."""
    n = len(rising)
    up = rising.sum(axis=0).astype(np.float64)
    same = up * (up - 1) + (n - up) * (n - up - 1)
    return float(same.mean() / (n * (n - 1)))


def _shift_p(rising: BoolArray, agreed: WaveThresholds) -> float:
    """Share of draws, each region's phases moved around the circle, with a mean concordance at least as large."""
    n, t = rising.shape
    mean, rng = _mean_of_pairs(rising), np.random.default_rng(agreed.seed)
    rows, clock = np.arange(n)[:, None], np.arange(t)[None, :]
    moved = (rising[rows, (clock + rng.integers(0, t, size=(n, 1))) % t] for _ in range(agreed.draws))
    return (1 + sum(_mean_of_pairs(one) >= mean for one in moved)) / (1 + agreed.draws)


def _correlations(target: FloatArray, window: FloatArray) -> FloatArray:
    """Correlation of (B, T) with each of (B, L, T), shape (B, L)."""
    a = target - target.mean(axis=1, keepdims=True)
    b = window - window.mean(axis=2, keepdims=True)
    scale = np.sqrt((a * a).sum(axis=1)[:, None] * (b * b).sum(axis=2))
    return np.asarray(np.einsum("bt,blt->bl", a, b) / np.maximum(scale, 1e-300))


def _block_rows(length: int, draws: int, rng: np.random.Generator) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Row numbers of moving-block samples, shape (draws, length)."""
    starts = rng.integers(0, max(length - BLOCK, 0) + 1, size=(draws, -(-length // BLOCK)))
    rows = (starts[:, :, None] + np.arange(BLOCK)[None, None, :]).reshape(draws, -1)[:, :length]
    return np.asarray(np.minimum(rows, length - 1))
