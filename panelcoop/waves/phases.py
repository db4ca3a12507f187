"""Do regions rise and fall together, and who leads? Concordance of phases; leads and lags with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.numerics.waves.smoothing import gaussian_smoother
from panelcoop.options import FloatArray
from panelcoop.panel.record import Panel, as_panel
from panelcoop.waves.inputs import wave_input
from panelcoop.waves.primary import thresholds_for
from panelcoop.waves.thresholds import WaveThresholds

__all__ = ["PhaseConcordance", "lead_and_lag", "phase_concordance"]

LONGEST_LAG = 8
BLOCK = 8


@dataclass(frozen=True)
class PhaseConcordance:
    """How much of the time pairs of regions are in the same phase.

    Attributes
    ----------
    mean
        Mean concordance over pairs: 1 always in the same phase, .5 what coin flips give.
    p
        Share of circular shifts of the regions' phases with a mean at least as large.
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
    panel: Panel | pd.DataFrame, *, outcome: str, thresholds: WaveThresholds | None = None
) -> PhaseConcordance:
    """Measure the concordance of rising and falling phases between regions.

    Notes
    -----
    S_it = 1 where region i's smooth rises. Concordance C_ij = mean_t [S_i S_j + (1 - S_i)(1 - S_j)] (Harding and Pagan
    2002). The null of unrelated timing keeps each region's own phases and shifts them by a random number of weeks,
    around the
    circle; p = (1 + #{mean C* >= mean C}) / (1 + draws).
    """
    record = as_panel(panel)
    agreed = thresholds_for(record, thresholds)
    work = wave_input(record, outcome)
    rising = np.diff(_smooth_regions(work.values, work.positions, agreed.bandwidth), axis=1) > 0
    matrix = _concordance(rising)
    mean = _mean_of_pairs(rising)
    rng = np.random.default_rng(agreed.seed)
    n, t = rising.shape
    rows, clock = np.arange(n)[:, None], np.arange(t)[None, :]
    shifted = [_mean_of_pairs(rising[rows, (clock + rng.integers(0, t, size=(n, 1))) % t]) for _ in range(agreed.draws)]
    return PhaseConcordance(
        mean=mean,
        p=(1 + int(np.sum(np.array(shifted) >= mean))) / (1 + agreed.draws),
        matrix=pd.DataFrame(matrix, index=work.regions, columns=work.regions),
        rising_share=pd.Series(rising.mean(axis=0), index=work.weeks[1:], name="rising_share"),
    )


def lead_and_lag(
    panel: Panel | pd.DataFrame, *, outcome: str, draws: int = 199, thresholds: WaveThresholds | None = None
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

    Returns
    -------
    pandas.DataFrame
        By region: weeks of lead (negative: lag) at the largest correlation, its interval, the correlation there.

    Notes
    -----
    The correlation of y_i,t with the mean of the *other* regions at t + l, l = -8..8, on detrended paths.
    Intervals: percentiles
    over a moving-block bootstrap (8 weeks) of the rows [y_it, others_t-8..t+8]. A region that only shares a trend has a
    wide interval.
    """
    record = as_panel(panel)
    agreed = thresholds_for(record, thresholds)
    work = wave_input(record, outcome)
    values = _detrended(_bridged(work.values, work.positions))
    others = (values.sum(axis=0) - values) / (len(values) - 1)
    rng = np.random.default_rng(agreed.seed)
    lags = np.arange(-LONGEST_LAG, LONGEST_LAG + 1)
    rows = []
    for own, other in zip(values, others, strict=True):
        target = own[LONGEST_LAG:-LONGEST_LAG]
        window = np.stack([other[LONGEST_LAG + lag : other.size - LONGEST_LAG + lag] for lag in lags])
        correlation = _correlations(target[None], window[None])[0]
        drawn = _block_rows(target.size, draws, rng)
        best = lags[_correlations(target[drawn], window[:, drawn].transpose(1, 0, 2)).argmax(axis=1)]
        low, high = np.quantile(best, [agreed.level / 2, 1 - agreed.level / 2], method="inverted_cdf")
        at = int(correlation.argmax())
        rows.append({"lead": int(lags[at]), "low": int(low), "high": int(high), "correlation": float(correlation[at])})
    return pd.DataFrame(rows, index=work.regions.rename("region"))


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


def _concordance(rising: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> FloatArray:
    s = rising.astype(np.float64)
    return np.asarray((s @ s.T + (1 - s) @ (1 - s).T) / s.shape[1])


def _mean_of_pairs(rising: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float:
    """Mean concordance over pairs from the weekly counts alone."""
    n = len(rising)
    up = rising.sum(axis=0).astype(np.float64)
    same = up * (up - 1) + (n - up) * (n - up - 1)
    return float(same.mean() / (n * (n - 1)))


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
