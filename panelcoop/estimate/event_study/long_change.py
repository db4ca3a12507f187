"""Long differences of studied events and clean controls, and the regression of one horizon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.numerics.event_study.long_differences import week_regression
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["LongChange", "OneHorizon", "Sample", "fit_horizon", "long_changes", "lost_events"]


@dataclass(frozen=True)
class LongChange:
    """What is compared.

    Attributes
    ----------
    base
        "previous" week or "mean" of all earlier weeks.
    clean_weeks
        Weeks without an event that repeated and switching events need.
    absorbing
        Whether events are for good.
    every_week
        Whether clean controls of weeks without an event take part too.
    """

    base: Literal["previous", "mean"]
    clean_weeks: int
    absorbing: bool
    every_week: bool


@dataclass(frozen=True)
class Sample:
    """Rows of one horizon.

    Attributes
    ----------
    unit, week, treated, change
        Region, event week, whether the event is there, and the long difference of each row, shape (n,).
    thin
        Event weeks left out for want of clean controls.
    few
        How many there were at most in such a week.
    """

    unit: IntArray
    week: IntArray
    treated: BoolArray
    change: FloatArray
    thin: int
    few: int

    @property
    def event_weeks(self) -> IntArray:
        """Weeks in which an event takes part."""
        return np.unique(self.week[self.treated])


@dataclass(frozen=True)
class OneHorizon:
    """The regression of one horizon.

    Attributes
    ----------
    estimate
        NaN where it cannot be had.
    rows, units
        Influence of regions without small-sample factor, and which take part, shape (N,).
    unit, week, score
        Influence by row of the regression, shape (n,).
    counts
        Event weeks, events, fewest controls.
    n, coefficients, weeks
        Rows, coefficients and week effects that the small-sample factor counts.
    reason
        Why there is no estimate.
    absorbed
        Covariates that the regression leaves out.
    """

    estimate: float
    rows: FloatArray
    units: BoolArray
    unit: IntArray
    week: IntArray
    score: FloatArray
    counts: tuple[float, float, float]
    n: float
    coefficients: float
    weeks: float
    reason: str = ""
    absorbed: tuple[str, ...] = ()


def long_changes(design: EventDesign, rule: LongChange, events: tuple[BoolArray, BoolArray], h: int) -> Sample:
    """Collect studied events and clean controls with both ends of the difference observed.

    Parameters
    ----------
    events
        Weeks in which an event happens or lasts, and weeks in which a studied one begins, shape (N, T) each.
    h
        Horizon.
    """
    _, focus = events
    weeks, clean, ahead = _clean(design, rule, events, h)
    treated, control = focus[:, weeks] & clean, clean & ahead
    if rule.absorbing:
        control &= design.starts[:, None] > design.times[weeks + max(h, 0)] + design.anticipation
    change = _changes(design, rule, weeks, h)
    use = (treated | control) & ~np.isnan(change)
    needed = design.support.min_controls if design.support.require else 1
    events_here, controls_here = (use & treated).any(axis=0), (use & control & ~treated).sum(axis=0)
    thin = events_here & (controls_here < needed)
    unit, column = np.nonzero(use & ~thin & (events_here | rule.every_week))
    few = int(controls_here[thin].max(initial=0))
    return Sample(unit, weeks[column], treated[unit, column], change[unit, column], int(thin.sum()), few)


def _clean(
    design: EventDesign, rule: LongChange, events: tuple[BoolArray, BoolArray], h: int
) -> tuple[IntArray, BoolArray, BoolArray]:
    """Give usable event weeks, regions without an event before them, and without one up to the horizon."""
    exposed, _ = events
    T, reference = design.times.size, -1 - design.anticipation
    back = T if rule.absorbing else rule.clean_weeks
    weeks = np.arange(max(-reference, -h, 0), T - max(h, 0))
    if not rule.absorbing:
        weeks = weeks[weeks >= back]
    upto = np.concatenate([np.zeros((len(exposed), 1)), np.cumsum(exposed, axis=1)], axis=1)
    past = upto[:, weeks] - upto[:, np.maximum(weeks - back, 0)]
    ahead = upto[:, np.minimum(weeks + max(h, 0) + design.anticipation + 1, T)] - upto[:, weeks]
    already = (design.starts[:, None] < design.times[0]) if rule.absorbing else np.zeros((len(exposed), 1), dtype=bool)
    return weeks, np.asarray((past == 0) & ~already), np.asarray(ahead == 0)


def _changes(design: EventDesign, rule: LongChange, weeks: IntArray, h: int) -> FloatArray:
    before = weeks - 1 - design.anticipation
    base = design.outcome[:, before] if rule.base == "previous" else _running_mean(design, before)
    change: FloatArray = design.outcome[:, weeks + h] - base
    if design.covariates.shape[2]:
        change = np.where(design.observed[:, before], change, np.nan)
    return change


def _running_mean(design: EventDesign, upto: IntArray) -> FloatArray:
    seen = design.observed
    total = np.cumsum(np.where(seen, design.outcome, 0.0), axis=1)
    count = np.cumsum(seen, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        out: FloatArray = total[:, upto] / np.where(count[:, upto] > 0, count[:, upto], np.nan)
    return out


def lost_events(
    design: EventDesign, rule: LongChange, events: tuple[BoolArray, BoolArray], sample: Sample
) -> dict[str, int]:
    """Count studied events that take no part at horizon 0, by reason."""
    focus = events[1]
    weeks, clean, _ = _clean(design, rule, events, 0)
    unit, week = np.nonzero(focus)
    used = np.zeros(focus.shape, dtype=bool)
    used[sample.unit[sample.treated], sample.week[sample.treated]] = True
    known, fresh = np.zeros(focus.shape, dtype=bool), np.zeros(focus.shape, dtype=bool)
    known[:, weeks] = ~np.isnan(_changes(design, rule, weeks, 0))
    fresh[:, weeks] = clean
    early = ~np.isin(np.arange(focus.shape[1]), weeks)
    before = "before its event" if rule.absorbing else f"in the {rule.clean_weeks} weeks before"
    reasons = {
        "events too near the start of the panel": early[week],
        f"events of regions with another {before}": ~fresh[unit, week],
        "events whose outcome or covariates are missing": ~known[unit, week],
        "events in weeks with too few clean controls": ~used[unit, week],
    }
    left, counted = np.ones(unit.size, dtype=bool), {}
    for why, here in reasons.items():
        if (left & here).any():
            counted[why] = int((left & here).sum())
        left &= ~here
    return counted


def fit_horizon(
    design: EventDesign, sample: Sample, amount: FloatArray, weighting: Literal["equal", "variance"]
) -> OneHorizon:
    """Regress one horizon's differences on the event (or dose) within event weeks."""
    N = design.starts.size
    needed = design.support.min_cohorts if design.support.require else 1
    event_weeks = sample.event_weeks
    if event_weeks.size < needed:
        return _nothing(N, _too_few(design, sample, needed))
    treat = np.where(sample.treated, amount[sample.unit, sample.week], 0.0)
    before = sample.week - 1 - design.anticipation
    columns = np.column_stack([treat, design.covariates[sample.unit, before]])
    fit = week_regression(sample.change, columns, sample.week, _weights(sample, weighting))
    if np.isnan(fit.coefficients[0]):
        return _nothing(N, "the event is collinear with the covariates")
    rows, units = np.zeros(N), np.zeros(N, dtype=bool)
    np.add.at(rows, sample.unit, fit.score[:, 0])
    units[sample.unit] = True
    lost = np.isnan(fit.coefficients)
    fewest = np.bincount(sample.week, ~sample.treated)[event_weeks].min()
    return OneHorizon(
        estimate=float(fit.coefficients[0]),
        rows=rows,
        units=units,
        unit=sample.unit,
        week=sample.week,
        score=fit.score[:, 0],
        counts=(float(event_weeks.size), float(sample.treated.sum()), float(fewest)),
        n=float(sample.unit.size),
        coefficients=float(columns.shape[1] - lost.sum() + fit.weeks.size),
        weeks=float(fit.weeks.size),
        absorbed=tuple(name for name, gone in zip(design.covariate_names, lost[1:], strict=True) if gone),
    )


def _too_few(design: EventDesign, sample: Sample, needed: int) -> str:
    """Say what is missing: events, controls, or weeks with both."""
    weeks = sample.event_weeks.size
    if not sample.thin and not weeks:
        return "no studied event has clean weeks before it and an observed change"
    if not design.support.require:
        return "no week with an event has a clean control"
    least = design.support.min_controls
    thin = f"; {sample.thin} others have at most {sample.few} of the {least} clean controls" if sample.thin else ""
    return f"{weeks} of the {needed} event weeks that the support rule asks for{thin}"


def _nothing(n: int, reason: str) -> OneHorizon:
    empty = np.zeros(0, dtype=np.int64)
    zero = np.zeros(n)
    return OneHorizon(
        np.nan, zero, np.zeros(n, dtype=bool), empty, empty, np.zeros(0), (0.0, 0.0, 0.0), np.nan, np.nan, 0.0, reason
    )


def _weights(sample: Sample, weighting: Literal["equal", "variance"]) -> FloatArray:
    """Weigh weeks so that every event counts once: rows over control rows of the week."""
    if weighting == "variance":
        return np.ones(sample.unit.size)
    n = np.bincount(sample.week)
    controls = np.bincount(sample.week, ~sample.treated, minlength=n.size)
    out: FloatArray = (n / np.maximum(controls, 1.0))[sample.week]
    return out
