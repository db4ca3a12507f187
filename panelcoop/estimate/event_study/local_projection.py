"""Local-projection difference in differences (Dube, Girardi, Jorda and Taylor 2023), absorbing or repeated events.

A dose in place of the event dummy gives the continuous design.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from panelcoop.checks import fail_if_not_one_of, fail_if_not_whole
from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.cells import EventFit
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.estimate.event_study.event_calendar import event_matrix, exposure_matrix, on_full_calendar
from panelcoop.estimate.event_study.long_change import LongChange, OneHorizon, fit_horizon, long_changes, lost_events
from panelcoop.numerics.event_study.clustering import SmallSample
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
        _fail_if_not_weeks(self)


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

    def __post_init__(self) -> None:
        """Refuse numbers of weeks that cannot be."""
        _fail_if_not_weeks(self)


def _fail_if_not_weeks(options: LpDid | Dose) -> None:
    """Refuse leads, lags and clean weeks that are not whole or too few."""
    fail_if_not_whole(options.leads, "leads", 1, optional=True)
    fail_if_not_whole(options.lags, "lags", 0, optional=True)
    fail_if_not_whole(options.clean_weeks, "clean_weeks", 0)


@dataclass(frozen=True)
class _Horizons:
    """Everything that was fitted, by horizon; shapes (K,), (N, K) and so on."""

    horizons: IntArray
    found: tuple[OneHorizon | None, ...]  # None at the reference
    dropped: dict[str, int]


def local_projection_fit(design: EventDesign, options: LpDid) -> tuple[EventDesign, EventFit]:
    """Regress long differences on the event, week by week, with clean controls only.

    Notes
    -----
    For horizon h: y[t + h] - y[t - 1] on a dummy for events in week t, with effects of week t and covariates of week
    t - 1; controls had no event up to t + h. For absorbing events with equal weights and no covariates this equals
    Callaway and Sant'Anna with not-yet-treated controls. Errors are clustered with G/(G-1) (n-1)/(n-K), n the rows, K
    the event, the covariates and the week effects. With variance weights clean controls of weeks without an event take
    part, as in Stata's and pyfixest's ``lpdid``: they count in n and K and inform the covariates' slopes. Equal weights
    give such weeks none. Weeks without a clean control show nothing and are left out. A studied event that takes no
    part at horizon 0 is counted in ``dropped`` by its reason. By stage, every stage's events are fitted by themselves;
    the others still make a region unclean.
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
    Long differences on the dose (zero for clean controls) with week effects. Several events of a region in one week
    have the sum of their doses. Read as a slope only if effects are linear in dose and do not differ by who chose
    which dose (Callaway, Goodman-Bacon and Sant'Anna 2024).
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
    table = design.events.table
    studied = table["focus"].to_numpy(dtype=bool) if "focus" in table else np.ones(len(table), dtype=bool)
    words = f"per {per}, clean controls, {options.weighting} weights, CRV1 by {{cluster}}, t({{df}})"
    whole = _assemble(design, _every_horizon(design, options, dose, studied), words)
    if np.isnan(whole.estimates[~np.isin(whole.horizons, whole.reference)]).all():
        msg = f"No horizon can be estimated: {next(iter(whole.reasons.values()))}. See clean_weeks, window and support."
        raise IdentificationError(msg)
    parts = {}
    for code, label in enumerate(design.split_labels if design.event_split is not None else ()):
        own = studied & (design.event_split == code)
        if own.any():
            parts[label] = _assemble(design, _every_horizon(design, options, dose, own), words)
    inserted = design.times.size - observed_weeks
    note = (f"weeks that no region observed keep their place in the calendar: {inserted}",) if inserted else ()
    return design, replace(whole, notes=(*whole.notes, *note), parts=parts)


def _every_horizon(design: EventDesign, options: LpDid, dose: FloatArray, studied: BoolArray) -> _Horizons:
    """Fit the studied events at every horizon."""
    reference = -1 - design.anticipation
    horizons = _horizons(design, options)
    amount = event_matrix(design, dose)
    exposed, focus = exposure_matrix(design), event_matrix(design, studied.astype(float)) > 0
    absorbing = design.events.kind == "absorbing"
    rule = LongChange(options.base, options.clean_weeks, absorbing, options.weighting == "variance")
    found: list[OneHorizon | None] = []
    for h in horizons:
        sample = long_changes(design, rule, (exposed, focus), int(h))
        found.append(None if h == reference else fit_horizon(design, sample, amount, options.weighting))
    start = long_changes(design, rule, (exposed, focus), 0)
    outside = int(studied.sum() - focus.sum())
    dropped = {"events outside the panel's weeks": outside} if outside else {}
    return _Horizons(horizons, tuple(found), dropped | lost_events(design, rule, (exposed, focus), start))


def _assemble(design: EventDesign, fitted: _Horizons, words: str) -> EventFit:
    """Put the horizons side by side."""
    N, K = design.starts.size, fitted.horizons.size
    estimates, rows, counts = np.zeros(K), np.zeros((N, K)), np.zeros((K, 3))
    n, coefficients = np.full(K, np.nan), np.full(K, np.nan)
    units, weeks = np.zeros((N, K), dtype=bool), np.zeros(K)
    for j, one in enumerate(fitted.found):
        if one is not None:
            estimates[j], rows[:, j], counts[j] = one.estimate, one.rows, one.counts
            n[j], coefficients[j], units[:, j], weeks[j] = one.n, one.coefficients, one.units, one.weeks
    found = {int(h): one for h, one in zip(fitted.horizons, fitted.found, strict=True) if one is not None}
    absorbed = dict.fromkeys(name for one in found.values() for name in one.absorbed)
    small = SmallSample(n, coefficients, units, weeks)
    return EventFit(
        horizons=fitted.horizons.astype(float),
        estimates=estimates,
        influence=rows,
        reference=(-1 - design.anticipation,),
        base_period="universal",
        cells=None,
        small=small,
        cells_small=small,
        t_tails=True,
        nobs=int(np.nanmax(n, initial=0)),
        convention=words,
        notes=tuple(f"'{name}' left out where it does not vary or earlier covariates span it" for name in absorbed),
        dropped=fitted.dropped,
        reasons={h: one.reason for h, one in found.items() if one.reason},
        scores=partial(_scores, design, fitted),
        counts=counts,
    )


def _scores(design: EventDesign, fitted: _Horizons) -> FloatArray:
    """Give the influence of every region and event week, shape (N, T, K)."""
    out = np.zeros((*design.outcome.shape, fitted.horizons.size))
    for j, one in enumerate(fitted.found):
        if one is not None and not one.reason:
            np.add.at(out[:, :, j], (one.unit, one.week), one.score)
    return out


def _horizons(design: EventDesign, options: LpDid) -> IntArray:
    window = design.events.window
    leads = options.leads if options.leads is not None else (window[0] if window else None)
    lags = options.lags if options.lags is not None else (window[1] if window else None)
    if leads is None or lags is None:
        msg = "Local projections need a window: LpDid(leads=8, lags=12) or events.with_options(window=(8, 12))."
        raise DataError(msg)
    return np.arange(-max(leads, 1 + design.anticipation), lags + 1)
