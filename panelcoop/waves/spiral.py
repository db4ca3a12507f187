"""Does each wave stand above the last one? Troughs, peaks and formality, wave by wave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.numerics.waves.ascent_test import exceedance
from panelcoop.options import FloatArray, IntArray
from panelcoop.panel.record import Panel, as_panel
from panelcoop.waves.inputs import matrix_of
from panelcoop.waves.wave_verdict import WaveVerdict

__all__ = ["Spiral", "reversals", "spiral"]


@dataclass(frozen=True)
class Spiral:
    """Waves in order, each against the last.

    Attributes
    ----------
    waves
        One row per wave: weeks and levels of trough and peak, formality where measured, and for each of them the
        rise over the last wave with its p-value against the noise range (levels only).
    troughs_rise, peaks_rise, formality_rises
        Whether every wave stands above the last; None with fewer than two waves, or where formality is not measured.
    note
        What is missing.
    """

    waves: pd.DataFrame
    troughs_rise: bool | None
    peaks_rise: bool | None
    formality_rises: bool | None
    note: str


def spiral(result: WaveVerdict, panel: Panel | pd.DataFrame | None = None, *, formality: str | None = None) -> Spiral:
    """Compare trough, peak and formality of each wave with those of the last.

    Parameters
    ----------
    result
        A wave test: its smooth path is cut into waves at reversals of at least the noise range c.
    panel, formality
        Panel and column of formality (mean level of the instruments used); a wave's formality is the mean over its
        weeks.

    Raises
    ------
    DataError
        If formality is named without the panel that holds it, or is no numeric column of the panel.

    Notes
    -----
    Any difference between two points of the smooth is an increment, and noise moves an increment by at most its
    range: p-values of rises are conservative in the same way as that of U.
    """
    if formality is not None and panel is None:
        msg = f"The column '{formality}' of formality needs its panel: spiral(result, panel, formality='{formality}')."
        raise DataError(msg)
    smooth = result.path["smooth"].to_numpy(dtype=np.float64)
    troughs, peaks = reversals(smooth, result.test.threshold)
    weeks = result.path.index
    waves = pd.DataFrame(
        {
            "trough_week": weeks.take(troughs),
            "trough": smooth[troughs],
            "peak_week": weeks.take(peaks),
            "peak": smooth[peaks],
        },
        index=pd.RangeIndex(1, len(troughs) + 1, name="wave"),
    )
    for name in ("trough", "peak"):
        rise = waves[name].diff()
        waves[f"{name}_rise"] = rise
        waves[f"{name}_p"] = [np.nan if np.isnan(r) else exceedance(result.test.ranges, float(r)) for r in rise]
    if formality is not None and panel is not None:
        waves["formality"] = _by_wave(as_panel(panel), formality, weeks, troughs)
    note = "" if formality is not None else "Formality is not measured in this panel."
    return Spiral(
        waves=waves,
        troughs_rise=_all_rise(waves["trough"]),
        peaks_rise=_all_rise(waves["peak"]),
        formality_rises=_all_rise(waves["formality"]) if "formality" in waves else None,
        note=note,
    )


def reversals(path: FloatArray, threshold: float) -> tuple[IntArray, IntArray]:
    """Cut a path into waves: troughs and the peaks that follow, at reversals of at least the threshold.

    Notes
    -----
    A peak is confirmed when the path has fallen by the threshold, a trough when it has risen by it; the last peak may
    stand at the end. A path that never rises by the threshold has no wave.

    Examples
    --------
    >>> troughs, peaks = reversals(np.array([0.0, 3.0, 1.0, 5.0, 4.9]), 1.0)
    >>> troughs.tolist(), peaks.tolist()
    ([0, 2], [1, 3])
    """
    troughs: list[int] = []
    peaks: list[int] = []
    low = high = 0
    rising = False
    for t in range(1, path.size):
        if rising:
            high = t if path[t] > path[high] else high
            if path[high] - path[t] >= threshold:
                peaks.append(high)
                rising, low = False, t
        else:
            low = t if path[t] < path[low] else low
            if path[t] - path[low] >= threshold:
                troughs.append(low)
                rising, high = True, t
    if rising:
        peaks.append(high)
    return np.array(troughs, dtype=np.int64), np.array(peaks, dtype=np.int64)


def _by_wave(panel: Panel, column: str, weeks: pd.Index, troughs: IntArray) -> list[float]:
    values, _, labels = matrix_of(panel, column)
    seen = np.isfinite(values)
    counts = seen.sum(axis=0)
    weekly = np.where(counts > 0, np.where(seen, values, 0.0).sum(axis=0) / np.maximum(counts, 1), np.nan)
    series = pd.Series(weekly, index=labels).reindex(weeks).to_numpy(dtype=np.float64)
    ends = [*troughs[1:].tolist(), series.size]
    parts = [series[a:b] for a, b in zip(troughs.tolist(), ends, strict=True)]
    return [float(np.nanmean(part)) if np.isfinite(part).any() else float("nan") for part in parts]


def _all_rise(levels: pd.Series) -> bool | None:
    steps = levels.diff().iloc[1:]
    return None if steps.empty or steps.isna().any() else bool((steps > 0).all())
