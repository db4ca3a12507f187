"""Averages of group-time effects: by horizon, cohort, calendar week, stage or dose, over chosen cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from panelcoop.errors import IdentificationError
from panelcoop.estimate.event_study.cells import CellEstimates, combined, group_influence
from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.numerics.event_study.cell_aggregation import Grouping
from panelcoop.options import BoolArray, FloatArray

__all__ = ["Averages", "average_by", "balanced_cohorts", "horizon_cells"]


@dataclass(frozen=True)
class Averages:
    """Averages of cells and their overall mean.

    Attributes
    ----------
    labels
        What each average is of, length J.
    values
        Shape (J,).
    rows
        Influence of regions without small-sample factor, shape (N, J).
    overall, overall_row
        Their mean and its influence, shape (N,).
    fixed
        Averages that are zero by construction, shape (J,); None where there are none.
    """

    labels: list[object]
    values: FloatArray
    rows: FloatArray
    overall: float
    overall_row: FloatArray
    fixed: BoolArray | None = None


def average_by(study: EventStudy, cells: CellEstimates, by: str, post: BoolArray) -> Averages:
    """Average the marked cells after the event, shape (M,) of truth."""
    how = _HOW.get(by)
    return _by_split(study, cells, by, post) if how is None else how(study, cells, post)


def horizon_cells(study: EventStudy, cells: CellEstimates, keep: BoolArray) -> Averages:
    """Average marked cells by horizon, before and after the event; overall is the plain mean over horizons >= 0.

    Raises
    ------
    IdentificationError
        If no marked cell lies after the event.
    """
    grouping, values, rows = group_influence(cells, study.shown, keep)
    after = grouping.labels >= 0
    if not after.any():
        msg = "No effect after the event is among the chosen cells; widen window= or lower balance=."
        raise IdentificationError(msg)
    labels: list[object] = [int(h) for h in grouping.labels]
    moving = keep & cells.estimated & ~cells.reference
    fixed = ~np.isin(grouping.labels, study.shown[moving])
    return Averages(labels, values, rows, float(values[after].mean()), rows[:, after].mean(axis=1), fixed)


def balanced_cohorts(cells: CellEstimates, most: int) -> BoolArray:
    """Mark the cells of cohorts with an effect at every horizon from 0 to ``most``, at horizons these share, (M,).

    Raises
    ------
    IdentificationError
        If no cohort has them all.

    Notes
    -----
    As ``balance_e`` of R did: cohorts seen at least ``most`` weeks after their event, at horizons up to ``most`` and
    from ``most`` less the panel's length on, so that all horizons average the same cohorts.
    """
    horizon, starts = cells.horizon, cells.starts[cells.cohort]
    periods = cells.times[cells.period]
    last, first = periods.max(), min(periods.min(), starts.min())
    asked = np.unique(horizon[(last - starts >= most) & (horizon >= 0) & (horizon <= most)])
    whole = np.zeros(cells.starts.size, dtype=bool)
    for c in np.unique(cells.cohort[last - starts >= most]):
        whole[c] = asked.size > 0 and np.isin(asked, horizon[cells.estimated & (cells.cohort == c)]).all()
    if not whole.any():
        msg = f"No cohort has an effect at every horizon from 0 to {most}; lower balance=."
        raise IdentificationError(msg)
    out: BoolArray = whole[cells.cohort] & (horizon <= most) & (horizon >= most - (last - first))
    return out


def _overall(_study: EventStudy, cells: CellEstimates, post: BoolArray) -> Averages:
    _, total, rows = group_influence(cells, np.zeros(cells.effect.size), post)
    return Averages(["overall"], total, rows, float(total[0]), rows[:, 0])


def _by_week(study: EventStudy, cells: CellEstimates, post: BoolArray) -> Averages:
    grouping, values, rows = group_influence(cells, cells.period.astype(float), post)
    labels: list[object] = [study.week_labels[int(t)] for t in grouping.labels]
    return Averages(labels, values, rows, float(values.mean()), rows.mean(axis=1))


def _by_split(study: EventStudy, cells: CellEstimates, by: str, post: BoolArray) -> Averages:
    """Average by the stage or the dose of the event."""
    if study.split_by != by:
        how = "event_study(..., stage='column')" if by == "stage" else "events.with_dose_bins(edges)"
        msg = f"Effects by {by} need the {by} of each event: use {how}."
        raise IdentificationError(msg)
    code = cells.cohort_split[cells.cohort]
    grouping, values, rows = group_influence(cells, code.astype(float), post & (code >= 0))
    labels: list[object] = [study.stage_labels[int(c)] for c in grouping.labels]
    whole = _overall(study, cells, post)
    return Averages(labels, values, rows, whole.overall, whole.overall_row)


def _by_cohort(study: EventStudy, cells: CellEstimates, post: BoolArray) -> Averages:
    """Average a cohort's weeks plainly (or by observations, where these are the mass), then cohorts by their size."""
    present, member = np.unique(cells.cohort[post], return_inverse=True)
    plain = np.zeros((cells.effect.size, present.size))
    plain[np.flatnonzero(post), member] = 1.0
    heavy = plain * cells.mass[:, None]
    size = heavy.sum(axis=0)
    if cells.mass_is_units:
        size = size / plain.sum(axis=0)
        plain = plain / plain.sum(axis=0)
    else:
        plain = heavy / size
    values, share = np.nan_to_num(cells.effect) @ plain, size / size.sum()
    every = np.ones((present.size, 1), dtype=bool)
    grouping = Grouping(np.zeros(1), share[:, None], every, size.sum(keepdims=True))
    overall_row = combined(cells, plain @ share[:, None], grouping, values, present)[:, 0]
    labels: list[object] = [study.cohort_labels[c] for c in present]
    return Averages(labels, values, cells.influence.combine(plain), float(values @ share), overall_row)


_HOW: dict[str, Callable[[EventStudy, CellEstimates, BoolArray], Averages]] = {
    "overall": _overall,
    "cohort": _by_cohort,
    "calendar": _by_week,
}
