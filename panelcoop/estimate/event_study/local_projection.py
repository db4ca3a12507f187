"""Local-projection difference in differences (Dube, Girardi, Jorda and Taylor 2023), absorbing or repeated events.

A dose in place of the event dummy gives the continuous design.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.cells import EventFit
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.estimate.event_study.event_calendar import event_matrix, exposure_matrix, on_full_calendar
from panelcoop.numerics.event_study.long_differences import week_regression
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["Dose", "LpDid", "dose_fit", "local_projection_fit"]


@dataclass(frozen=True)
class LpDid:
    """Options of local-projection difference in differences.

    Attributes
    ----------
    leads, lags
        Horizons; None takes the window of the events.
    weighting
        "equal" weighs every event equally (reweighted regression), "variance" is plain least squares.
    clean_weeks
        Repeated or switching events: an event counts if its region had none in so many weeks before, and a control
        has none from so many weeks before the event's week up to the horizon. A switching event counts in every week
        from its date to its end.
    base
        "previous" week (before the anticipation) or "mean" of all earlier weeks (premean-differenced).
    """

    leads: int | None = None
    lags: int | None = None
    weighting: Literal["equal", "variance"] = "equal"
    clean_weeks: int = 8
    base: Literal["previous", "mean"] = "previous"

    def __post_init__(self) -> None:
        """Refuse options outside their vocabulary."""
        fail_if_not_one_of(self.weighting, ("equal", "variance"), "weighting")
        fail_if_not_one_of(self.base, ("previous", "mean"), "base")


@dataclass(frozen=True)
class Dose:
    """Options of the continuous design: effect per unit of dose, events with a column ``dose``.

    Attributes
    ----------
    leads, lags, clean_weeks
        As in ``LpDid``.
    """

    leads: int | None = None
    lags: int | None = None
    clean_weeks: int = 8


@dataclass(frozen=True)
class _Sample:
    unit: IntArray
    week: IntArray
    treated: BoolArray
    change: FloatArray


def local_projection_fit(design: EventDesign, options: LpDid) -> tuple[EventDesign, EventFit]:
    """Regress long differences on the event, week by week, with clean controls only.

    Notes
    -----
    For horizon h: y[t + h] - y[t - 1] on a dummy for events in week t, with effects of week t and covariates of week
    t - 1; controls had no event up to t + h. For absorbing events with equal weights and no covariates this equals
    Callaway and Sant'Anna with not-yet-treated controls. Errors are clustered with G/(G-1) (n-1)/(n-K).
    """
    return _fit(design, options, np.ones(len(design.events.table)), "event")


def dose_fit(design: EventDesign, options: Dose) -> tuple[EventDesign, EventFit]:
    """Estimate the effect of one unit of dose by horizon.

    Raises
    ------
    DataError
        If the events have no dose or a dose is missing.

    Notes
    -----
    Long differences on the dose (zero for clean controls) with week effects. Read as a slope only if effects are
    linear in dose and do not differ by who chose which dose (Callaway, Goodman-Bacon and Sant'Anna 2024).
    """
    if "dose" not in design.events.table:
        msg = "Events need a dose: Events.from_table(table, dose='column')."
        raise DataError(msg)
    dose = design.events.table["dose"].to_numpy(dtype=float)
    if np.isnan(dose).any():
        msg = f"The dose is missing in {int(np.isnan(dose).sum())} events; fill or drop them."
        raise DataError(msg)
    plain = LpDid(options.leads, options.lags, "variance", options.clean_weeks)
    return _fit(design, plain, dose, "unit of dose")


def _fit(design: EventDesign, options: LpDid, dose: FloatArray, per: str) -> tuple[EventDesign, EventFit]:
    observed_weeks = design.times.size
    design = on_full_calendar(design)
    horizons = _horizons(design, options)
    amount = event_matrix(design, dose)
    table = design.events.table
    studied = table["focus"].to_numpy(dtype=float) if "focus" in table else np.ones(len(table))
    exposed = exposure_matrix(design)
    focus = event_matrix(design, studied) > 0
    reference = -1 - design.anticipation
    estimates, reasons = np.zeros(horizons.size), {}
    rows = np.zeros((design.starts.size, horizons.size))
    by_week = np.zeros((design.times.size, horizons.size))
    sizes, counts = np.zeros(horizons.size), np.zeros((horizons.size, 3))
    for j, h in enumerate(horizons):
        if h == reference:
            continue
        sample = _sample(design, options, (exposed, focus), int(h), reference)
        found = _one_horizon(design, options, sample, amount)
        estimates[j], rows[:, j], by_week[:, j] = found.estimate, found.rows, found.by_week
        if found.reason:
            reasons[int(h)] = found.reason
            continue
        counts[j], sizes[j] = found.counts, sample.unit.size
    if np.isnan(estimates[horizons != reference]).all():
        msg = "No horizon has an event with a clean control; shorten clean_weeks or the window."
        raise IdentificationError(msg)
    G = design.starts.size if design.cluster is None else np.unique(design.cluster).size
    return design, EventFit(
        horizons=horizons.astype(float),
        estimates=estimates,
        influence=rows,
        reference=(reference,),
        base_period="universal",
        cells=None,
        factor=1.0,
        df=float(G - 1),
        nobs=int(sizes.max()),
        convention=f"per {per}, clean controls, {options.weighting} weights, CRV1 by {design.cluster_name}, t({G - 1})",
        notes=_calendar_notes(design.times.size - observed_weeks),
        reasons=reasons,
        counts=counts,
        week_scores=by_week,
    )


def _calendar_notes(inserted: int) -> tuple[str, ...]:
    return (f"weeks that no region observed keep their place in the calendar: {inserted}",) if inserted else ()


@dataclass(frozen=True)
class _Horizon:
    estimate: float
    rows: FloatArray
    by_week: FloatArray
    counts: tuple[float, float, float]
    reason: str


def _one_horizon(design: EventDesign, options: LpDid, sample: _Sample, amount: FloatArray) -> _Horizon:
    """Regress one horizon's differences; influence by region carries the clustered factor."""
    rows, by_week = np.zeros(design.starts.size), np.zeros(design.times.size)
    needed = design.support.min_cohorts if design.support.require else 1
    if np.unique(sample.week).size < needed:
        why = f"fewer than {needed} weeks with an event and enough clean controls"
        return _Horizon(np.nan, rows, by_week, (0.0, 0.0, 0.0), why)
    treat = np.where(sample.treated, amount[sample.unit, sample.week], 0.0)
    before = sample.week - 1 - design.anticipation
    columns = np.column_stack([treat, design.covariates[sample.unit, before]])
    fit = week_regression(sample.change, columns, sample.week, _weights(sample, options))
    if np.isnan(fit.coefficients[0]):
        return _Horizon(np.nan, rows, by_week, (0.0, 0.0, 0.0), "the event is collinear with the covariates")
    np.add.at(rows, sample.unit, fit.score[:, 0])
    np.add.at(by_week, sample.week, fit.score[:, 0])
    n, G = sample.unit.size, _n_clusters(design, sample.unit)
    rows *= np.sqrt(G / max(G - 1, 1) * (n - 1) / max(n - columns.shape[1] - fit.weeks.size, 1))
    fewest = np.bincount(sample.week, ~sample.treated)[fit.weeks].min()
    counts = (float(fit.weeks.size), float(sample.treated.sum()), float(fewest))
    return _Horizon(float(fit.coefficients[0]), rows, by_week, counts, "")


def _horizons(design: EventDesign, options: LpDid) -> IntArray:
    window = design.events.window
    leads = options.leads if options.leads is not None else (window[0] if window else None)
    lags = options.lags if options.lags is not None else (window[1] if window else None)
    if leads is None or lags is None:
        msg = "Local projections need a window: LpDid(leads=8, lags=12) or events.with_options(window=(8, 12))."
        raise DataError(msg)
    return np.arange(-max(leads, 1 + design.anticipation), lags + 1)


def _sample(
    design: EventDesign, options: LpDid, events: tuple[BoolArray, BoolArray], h: int, reference: int
) -> _Sample:
    """Collect studied events and clean controls with both ends of the difference observed."""
    exposed, focus = events
    T = design.times.size
    absorbing = design.events.kind == "absorbing"
    back = T if absorbing else options.clean_weeks
    weeks = np.arange(max(-reference, -h, 0), T - max(h, 0))
    if not absorbing:
        weeks = weeks[weeks >= back]
    upto = np.concatenate([np.zeros((len(exposed), 1)), np.cumsum(exposed, axis=1)], axis=1)
    past = upto[:, weeks] - upto[:, np.maximum(weeks - back, 0)]
    ahead_end = np.minimum(weeks + max(h, 0) + design.anticipation + 1, T)
    ahead = upto[:, ahead_end] - upto[:, weeks]
    already = (design.starts[:, None] < design.times[0]) if absorbing else np.zeros((len(exposed), 1), dtype=bool)
    treated = focus[:, weeks] & (past == 0) & ~already
    control = (past == 0) & (ahead == 0) & ~already
    if absorbing:
        control &= design.starts[:, None] > design.times[weeks + max(h, 0)] + design.anticipation
    base = (
        design.outcome[:, weeks + reference] if options.base == "previous" else _running_mean(design, weeks + reference)
    )
    change = design.outcome[:, weeks + h] - base
    use = (treated | control) & ~np.isnan(change)
    if design.covariates.shape[2]:
        use &= design.observed[:, weeks + reference]
    enough = design.support.min_controls if design.support.require else 1
    has_event = (use & treated).any(axis=0) & ((use & control).sum(axis=0) >= enough)
    unit, column = np.nonzero(use & has_event)
    return _Sample(unit, weeks[column], treated[unit, column], change[unit, column])


def _running_mean(design: EventDesign, upto: IntArray) -> FloatArray:
    seen = design.observed
    total = np.cumsum(np.where(seen, design.outcome, 0.0), axis=1)
    count = np.cumsum(seen, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        out: FloatArray = total[:, upto] / np.where(count[:, upto] > 0, count[:, upto], np.nan)
    return out


def _weights(sample: _Sample, options: LpDid) -> FloatArray:
    """Weigh weeks so that every event counts once: rows over control rows of the week."""
    if options.weighting == "variance":
        return np.ones(sample.unit.size)
    n = np.bincount(sample.week)
    controls = np.bincount(sample.week, ~sample.treated, minlength=n.size)
    out: FloatArray = (n / np.maximum(controls, 1.0))[sample.week]
    return out


def _n_clusters(design: EventDesign, unit: IntArray) -> int:
    return int(np.unique(unit if design.cluster is None else design.cluster[unit]).size)
