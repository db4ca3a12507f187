"""Randomisation inference for event dates: regions exchange their event histories, the study is estimated again."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_level
from panelcoop.errors import DataError, IdentificationError, PanelcoopWarning
from panelcoop.estimate.event_study.aggregate import mean_effect
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.event_weeks import collapse_ties
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.estimate.event_study.week_scale import WeekScale, week_scale
from panelcoop.numerics.resampling.permutations import permutation_block, plan_permutations
from panelcoop.numerics.resampling.wild_pvalue import TIE, DrawPolynomials, interval_by_inversion
from panelcoop.options import FloatArray, IntArray
from panelcoop.panel.record import Panel, as_panel
from panelcoop.progress import track

__all__ = ["DateRandomisation", "randomise_dates"]

EXACT = 1e-7  # how nearly a constant effect of one must be found as one in the data
NOT_LINEAR = "no interval: the estimator is not linear in the outcome"
LINEAR = 1e-6  # how nearly the estimate of a sum must agree with those of its parts


class Summary(Protocol):
    """Reduces an event study to an estimate and its standard error."""

    def __call__(self, study: EventStudy) -> tuple[float, float]:
        """Return estimate and standard error."""


@dataclass(frozen=True)
class DateRandomisation:
    """The effect under every way dates could have been assigned.

    Attributes
    ----------
    estimate, statistic
        The estimate in the data and its t statistic.
    pvalue
        Share of assignments whose |t| is at least as large, the data's own included.
    draws
        t statistics of the assignments, the data's first.
    enumerated
        Whether every distinct assignment was looked at.
    conf_low, conf_high
        Constant effects that are not rejected, around the estimate; NaN where none was asked for or none exists.
    reason
        Why there is no interval; empty where there is one or none was asked for.
    """

    estimate: float
    statistic: float
    pvalue: float
    draws: FloatArray
    enumerated: bool
    conf_low: float = np.nan
    conf_high: float = np.nan
    reason: str = ""

    @property
    def p_error(self) -> float:
        """Monte Carlo error of the p-value: that of a share of draws, 0 where all are looked at."""
        return 0.0 if self.enumerated else float(np.sqrt(self.pvalue * (1 - self.pvalue) / self.draws.size))


def randomise_dates(
    panel: Panel | pd.DataFrame,
    events: Events,
    *,
    draws: int = 999,
    seed: int = 0,
    summary: Summary = mean_effect,
    level: float | None = 0.95,
    **study: Any,  # noqa: ANN401
) -> DateRandomisation:
    """Exchange whole event histories (and "never") among regions and estimate again.

    Parameters
    ----------
    panel, events
        As in ``event_study``.
    draws, seed
        Random assignments and their seed; with fewer distinct assignments all are enumerated instead.
    summary
        What is tested; the mean effect by default.
    level
        Coverage of the interval, which triples the time; None leaves it out.
    **study
        Further arguments of ``event_study``.

    Notes
    -----
    The assignment: which region got which history (its dates with their ends, doses and focus) is as good as random.
    Statistics are studentised; the first is that of the data. Draws that cannot be estimated count as larger, which is
    conservative.

    The interval inverts the test of a constant effect: a value c is kept while the test of zero on the outcome less c
    in every week from the event on (for switching events, until its end) has a p-value above 1 - ``level``
    (Rosenbaum, 2002, section 2.6). Estimates are linear in the outcome and their variances quadratic, so each
    assignment is estimated for the outcome, for the constant effect and for their sum, and the test of every c is
    known from these. Where that does not hold (a Poisson model, a summary that does not give a constant effect back)
    there is no interval, and ``reason`` says why.

    References
    ----------
    Rosenbaum, P. R. (2002). Observational Studies, 2nd edition. Springer.

    Examples
    --------
    >>> from panelcoop.estimate.event_study.teaching import staggered_example
    >>> exact, dated = staggered_example()
    >>> noise = np.random.default_rng(0).normal(size=len(exact.data))
    >>> own = exact.with_columns({"y": exact.data["y"] + noise})
    >>> found = randomise_dates(own, dated, draws=99, outcome="y", estimator="imputation")
    >>> bool(found.conf_low <= found.estimate <= found.conf_high)
    True
    """
    if level is not None:
        fail_if_not_level(level)
    whole = as_panel(panel)
    regions, weeks = (whole.data.index.unique(name).sort_values() for name in ("region", "week"))
    scale = week_scale(weeks)
    events = collapse_ties(events, scale)
    plan = plan_permutations(_histories(events, regions, scale), draws, seed)

    def measured(outcome: pd.Series, dated: Events) -> tuple[float, float]:
        data = whole.data.copy(deep=False)
        data[study["outcome"]] = outcome
        moved = replace(whole, data=data)
        return summary(event_study(moved, dated, **study))

    estimate, error = summary(event_study(whole, events, **study))
    own = whole.data[study["outcome"]].astype(float)
    effect, reason, size = own, "", float(own.std()) or 1.0  # an effect of the outcome's own size costs no digits
    if level is not None:
        effect = size * _constant_effect(own, events, scale)
        reason = _why_no_interval(measured, (own, effect), events, (estimate, error, size))
    asked = (own, effect, own + effect) if level is not None and not reason else (own,)
    orders = [order for block in range(plan.blocks) for order in permutation_block(plan, block)]
    moved = (_exchanged(events, regions, order) for order in track(orders, "randomising dates"))
    with warnings.catch_warnings():  # the study in the data has given its warnings
        warnings.simplefilter("ignore", PanelcoopWarning)
        found = np.array([[_tried(measured, outcome, dated) for outcome in asked] for dated in moved])
    every = _statistics(found[:, 0])
    result = DateRandomisation(estimate, estimate / error, _share(every), every, plan.enumerated, reason=reason)
    if len(asked) == 1 or level is None:
        return result
    if not _adds_up(found[:, :, 0]):
        return replace(result, reason=NOT_LINEAR)
    low, high = interval_by_inversion(_polynomials(found, estimate, size), estimate, 1 - level, "weak")
    return replace(result, conf_low=low, conf_high=high)


Measure = Callable[[pd.Series, Events], tuple[float, float]]
"""Takes an outcome and events, returns an estimate and its standard error."""


def _constant_effect(outcome: pd.Series, events: Events, scale: WeekScale) -> pd.Series:
    """Give an effect of one to every region-week from an event on, to its end where events switch."""
    week = scale.numbers(outcome.index.get_level_values("week"))
    code, regions = pd.factorize(outcome.index.get_level_values("region"))
    switching = events.kind == "switching"
    last = scale.numbers(events.table["end"]) if switching else np.full(len(events.table), np.inf)
    place = regions.get_indexer(pd.Index(events.table["region"]))
    order = events.table.groupby("region").cumcount().to_numpy()
    on = np.zeros(len(outcome), dtype=bool)
    for nth in range(int(order.max(initial=-1)) + 1):  # the first event of every region, then the second, ...
        own = (order == nth) & (place >= 0)
        begin, end = np.full(len(regions), np.inf), np.full(len(regions), -np.inf)
        begin[place[own]] = scale.numbers(events.table["date"])[own]
        end[place[own]] = np.nan_to_num(last[own], nan=np.inf)
        on |= (week >= begin[code]) & (week <= end[code])
    return pd.Series(on.astype(float), index=outcome.index).where(outcome.notna())


def _why_no_interval(
    measured: Measure, outcomes: tuple[pd.Series, pd.Series], events: Events, known: tuple[float, float, float]
) -> str:
    """Say why the test of a constant effect cannot be inverted; an empty string where it can."""
    (own, effect), (estimate, error, size) = outcomes, known
    if not error > 0:
        return "no interval: the estimate has no error"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PanelcoopWarning)
            alone, _ = measured(effect, events)
            both, _ = measured(own + effect, events)
    except (IdentificationError, DataError) as fault:
        return f"no interval: a constant effect cannot be estimated ({fault})"
    seen = alone / size
    if not abs(seen - 1) < EXACT:
        return f"no interval: a constant effect of one is found as {seen:.4g}, so its test says nothing of the summary"
    return "" if _adds_up(np.array([[estimate, alone, both]])) else NOT_LINEAR


def _tried(measured: Measure, outcome: pd.Series, events: Events) -> tuple[float, float]:
    try:
        return measured(outcome, events)
    except IdentificationError:
        return np.nan, np.nan


def _adds_up(estimates: FloatArray) -> bool:
    """Say whether in every draw (draws, 3) the estimate for the sum of two outcomes is the sum of their estimates."""
    own, one, both = estimates[np.isfinite(estimates).all(axis=1)].T
    return bool((np.abs(both - own - one) <= LINEAR * (np.abs(own) + np.abs(one) + 1e-300)).all())


def _statistics(found: FloatArray) -> FloatArray:
    """Return t of each draw (draws, 2), infinite where it could not be estimated."""
    estimate, error = found.T
    known = np.isfinite(estimate) & (error > 0)
    return np.where(known, estimate / np.where(known, error, 1.0), np.inf)


def _share(statistics: FloatArray) -> float:
    """Return the share of statistics at least as large as the first."""
    return float((np.abs(statistics) >= abs(statistics[0]) * (1 - TIE)).mean())


def _polynomials(found: FloatArray, estimate: float, size: float) -> DrawPolynomials:
    """Turn estimates and errors (draws, 3, 2) for outcome, effect of some size and sum into functions of the gap."""
    (a, b, _), (own, one, both) = found[:, :, 0].T, np.square(found[:, :, 1].T)
    one = np.nan_to_num(one)  # an assignment that explains the effect whole leaves it no error
    cross = (both - own - one) / 2 / size
    b, one = b / size, one / size**2
    q0 = own - 2 * estimate * cross + estimate**2 * one
    n0, rest = a - estimate * b, (b, q0, cross - estimate * one, one)
    lost = ~(np.isfinite(a) & np.isfinite(b) & np.isfinite(both) & (own > 0))
    n1, q0, q01, q1 = (np.where(lost, flat, values) for flat, values in zip((0.0, 1.0, 0.0, 0.0), rest, strict=True))
    return DrawPolynomials(np.where(lost, np.inf, n0), n1, q0, q01, q1, *(float(q[0]) for q in (q0, q01, q1)))


def _histories(events: Events, regions: pd.Index, scale: WeekScale) -> IntArray:
    """Code the whole history of events of each region, dose and focus included; regions without events share one."""
    table = events.table.assign(date=scale.numbers(events.table["date"]))
    told = {region: str(rows.drop(columns="region").to_numpy().tolist()) for region, rows in table.groupby("region")}
    return np.unique([told.get(region, "") for region in regions], return_inverse=True)[1].astype(np.int64)


def _exchanged(events: Events, regions: pd.Index, order: IntArray) -> Events:
    """Give region i the history of region order[i]."""
    place = np.empty(order.size, dtype=np.int64)
    place[order] = np.arange(order.size)
    owner = regions[place[regions.get_indexer(pd.Index(events.table["region"]))]]
    table = events.table.assign(region=owner).sort_values(["region", "date"]).reset_index(drop=True)
    return replace(events, table=table)
