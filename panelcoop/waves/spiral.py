"""Does each wave stand above the last one? Troughs, peaks and formality, wave by wave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.checks import name_few
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
        What is missing, and how formality was averaged.
    """

    waves: pd.DataFrame
    troughs_rise: bool | None
    peaks_rise: bool | None
    formality_rises: bool | None
    note: str


def spiral(
    result: WaveVerdict,
    panel: Panel | pd.DataFrame | None = None,
    *,
    formality: str | None = None,
    weights: str | None = None,
) -> Spiral:
    """Compare trough, peak and formality of each wave with those of the last.

    Parameters
    ----------
    result
        A wave test: its smooth path is cut into waves at reversals of at least the noise range c.
    panel, formality
        Panel and column of formality (mean level of the instruments used in a region-week).
    weights
        Column of the event weight w behind each cell's formality f; a wave's formality is then sum w f / sum w over
        its cells, as if its events were pooled. Without it every cell with a value counts alike, and the note says so.

    Raises
    ------
    DataError
        If formality is named without the panel that holds it, formality or weights are no numeric column of it,
        weights are negative or named without formality, or the panel's weeks are not those of the result.

    Notes
    -----
    Any difference between two points of the smooth is an increment, and noise moves an increment by at most its
    range: p-values of rises are conservative in the same way as that of U.
    """
    if formality is not None and panel is None:
        msg = f"The column '{formality}' of formality needs its panel: spiral(result, panel, formality='{formality}')."
        raise DataError(msg)
    if weights is not None and formality is None:
        msg = f"The weights '{weights}' weigh formality; name its column too: spiral(..., formality='formality')."
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
        waves["formality"] = _by_wave(as_panel(panel), (formality, weights), weeks, troughs)
    return Spiral(
        waves=waves,
        troughs_rise=_all_rise(waves["trough"]),
        peaks_rise=_all_rise(waves["peak"]),
        formality_rises=_all_rise(waves["formality"]) if "formality" in waves else None,
        note=_note(waves, weights),
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


def _by_wave(panel: Panel, columns: tuple[str, str | None], weeks: pd.Index, troughs: IntArray) -> list[float]:
    """Weighted mean of formality over the cells of each wave; NaN where none has a value."""
    values, regions, labels = matrix_of(panel, columns[0])
    at = labels.get_indexer(weeks)
    if not (at >= 0).any():
        msg = f"The panel's weeks ({name_few(labels, 2)}) are not those of the result ({name_few(weeks, 2)})."
        raise DataError(msg)
    weight = np.isfinite(values).astype(np.float64)
    if columns[1] is not None:
        given = matrix_of(panel, columns[1])[0]
        _fail_if_negative(given, columns[1], regions)
        weight *= np.nan_to_num(given)
    parts = np.split(at, troughs)[1:]
    cells = [(np.nan_to_num(values[:, part]), weight[:, part]) for part in (one[one >= 0] for one in parts)]
    return [float((w * f).sum() / w.sum()) if w.sum() > 0 else float("nan") for f, w in cells]


def _fail_if_negative(weights: FloatArray, name: str, regions: pd.Index) -> None:
    bad = (weights < 0).any(axis=1)
    if bad.any():
        named = name_few(regions.take(np.flatnonzero(bad)))
        msg = f"Weights '{name}' are negative in region {named}; they count events and are 0 or more."
        raise DataError(msg)


def _note(waves: pd.DataFrame, weights: str | None) -> str:
    if "formality" not in waves:
        return "Formality is not measured in this panel."
    missing = waves.index[waves["formality"].isna()]
    gap = f"Formality is not measured in wave {name_few(missing)}. " if len(missing) else ""
    how = "Every region-week with a value counts alike." if weights is None else f"Region-weeks weigh by '{weights}'."
    return gap + how


def _all_rise(levels: pd.Series) -> bool | None:
    steps = levels.diff().iloc[1:]
    return None if steps.empty or steps.isna().any() else bool((steps > 0).all())
