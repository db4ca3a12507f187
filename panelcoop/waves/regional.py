"""Common and idiosyncratic: the factor behind the regions, and waves of single regions after it is removed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.numerics.waves.ascent_test import noise_threshold
from panelcoop.numerics.waves.autoregression import ar1_paths, fit_noise
from panelcoop.numerics.waves.cross_dependence import CrossDependence, first_factor, pesaran_cd
from panelcoop.numerics.waves.interrupted_ascent import ascent_of, up_down_up_of
from panelcoop.numerics.waves.smoothing import gaussian_smoother
from panelcoop.options import FloatArray
from panelcoop.panel.record import Panel, as_panel
from panelcoop.waves.inputs import WaveInput, wave_input
from panelcoop.waves.primary import thresholds_for
from panelcoop.waves.thresholds import WaveThresholds

__all__ = ["RegionWaves", "region_waves", "step_down"]


@dataclass(frozen=True)
class RegionWaves:
    """Waves of single regions beside the common path.

    Attributes
    ----------
    table
        One row per region: loading on the first factor, U and A3 of what the region does on its own, noise range c,
        p-value of A3, and the same adjusted for all regions (Romano-Wolf).
    factor_share
        Share of the within-region variance that the first factor explains.
    mean_and_factor
        Correlation of the common mean path with the first factor.
    common
        By week: mean path and first factor.
    dependence, remaining_dependence
        Pesaran's CD before and after the first factor is removed; the second is biased downward.
    notes
        What was done to missing cells.
    """

    table: pd.DataFrame
    factor_share: float
    mean_and_factor: float
    common: pd.DataFrame
    dependence: CrossDependence
    remaining_dependence: CrossDependence
    notes: tuple[str, ...]


def region_waves(panel: Panel | pd.DataFrame, *, outcome: str, thresholds: WaveThresholds | None = None) -> RegionWaves:
    """Test each region for waves of its own, after the first common factor is removed.

    Parameters
    ----------
    panel
        A panel, or a frame with region and week as index or columns.
    outcome
        Column to test.
    thresholds
        As for `wave_test`.

    Returns
    -------
    RegionWaves

    Raises
    ------
    DataError
        As for `wave_test`.

    Notes
    -----
    v_it = y_it - a_i - l_i f_t. Each region has its own AR(1) noise around linear plus half-cosines; draws
    resample whole
    *week vectors* of innovations, so that what is left of dependence between regions is kept. Adjusted p-values
    follow the
    step-down of Romano and Wolf (2005) on A3_i divided by region i's noise range c_i. A3 (up, down, up) rather
    than U, because
    the factor takes the drift away.
    """
    record = as_panel(panel)
    agreed = thresholds_for(record, thresholds)
    work = wave_input(record, outcome)
    factor = first_factor(work.values)
    own = work.values - np.nanmean(work.values, axis=1, keepdims=True) - np.outer(factor.loadings, factor.path)
    filled, notes = _fill(own, work)
    ranges, smooth = _ranges(filled, work.positions, agreed)
    critical = np.array([noise_threshold(np.sort(column), agreed.level) for column in ranges.T])
    critical = np.where(critical > 0, critical, np.inf)
    waves = np.array([up_down_up_of(path) for path in smooth.T])
    table = pd.DataFrame(
        {
            "loading": factor.loadings,
            "ascent": ascent_of(smooth),
            "up_down_up": waves,
            "threshold": critical,
            "p": _p_values(ranges, waves),
            "p_adjusted": step_down(waves / critical, ranges / critical),
        },
        index=work.regions.rename("region"),
    )
    mean = work.common().path
    return RegionWaves(
        table=table,
        factor_share=factor.share,
        mean_and_factor=float(np.corrcoef(mean, factor.path)[0, 1]),
        common=pd.DataFrame({"mean": mean, "first_factor": factor.path}, index=work.weeks.rename("week")),
        dependence=pesaran_cd(work.values),
        remaining_dependence=pesaran_cd(own),
        notes=work.notes + notes,
    )


def step_down(statistics: FloatArray, draws: FloatArray) -> FloatArray:
    """Return Romano-Wolf adjusted p-values of one-sided statistics.

    Parameters
    ----------
    statistics
        Shape (m,), large against the null.
    draws
        Joint null draws, shape (B, m).

    Examples
    --------
    >>> draws = np.arange(1.0, 20.0)[:, None] * np.ones((1, 2))
    >>> step_down(np.array([30.0, 10.0]), draws).tolist()
    [0.05, 0.55]
    """
    order = np.argsort(-statistics, kind="stable")
    adjusted = np.empty(statistics.size)
    worst = 0.0
    for step, one in enumerate(order):
        largest = draws[:, order[step:]].max(axis=1)
        worst = max(worst, float((1 + (largest >= statistics[one]).sum()) / (1 + len(draws))))
        adjusted[one] = worst
    return adjusted


def _fill(own: FloatArray, work: WaveInput) -> tuple[FloatArray, tuple[str, ...]]:
    """Bridge missing cells of a region by straight lines."""
    seen = np.isfinite(own)
    if seen.all():
        return own, ()
    filled = np.array([np.interp(work.positions, work.positions[s], row[s]) for row, s in zip(own, seen, strict=True)])
    return filled, (f"{(~seen).mean():.1%} of cells bridged by straight lines for the region-by-region tests.",)


def _ranges(values: FloatArray, positions: FloatArray, agreed: WaveThresholds) -> tuple[FloatArray, FloatArray]:
    """Noise ranges (draws, N) from joint week vectors, and smooth paths (T, N)."""
    smoother = gaussian_smoother(positions, agreed.bandwidth * (positions[-1] - positions[0] + 1))
    fits = [
        fit_noise(row, positions, cosines=agreed.cosines, cap=agreed.root_cap, minimum_weeks=agreed.minimum_weeks)
        for row in values
    ]
    innovations = np.column_stack([fit.innovations for fit in fits])
    roots = np.array([fit.root for fit in fits])
    rng = np.random.default_rng(agreed.seed)
    span = int(positions[-1] - positions[0]) + 1
    seen = np.rint(positions - positions[0]).astype(np.int64)
    ranges = np.empty((agreed.draws, len(values)))
    for draw in range(agreed.draws):
        noise = ar1_paths(innovations[rng.integers(0, len(innovations), span)], roots)
        ranges[draw] = np.ptp(smoother @ noise[seen], axis=0)
    return ranges, np.asarray(smoother @ values.T)


def _p_values(ranges: FloatArray, ascent: FloatArray) -> FloatArray:
    p = (1 + (ranges >= ascent).sum(axis=0)) / (1 + len(ranges))
    return np.asarray(np.where(ascent > 0, p, 1.0))
