"""Questions put to an event study from outside: other dates, other samples, other assignments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.aggregate import mean_effect
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.event_weeks import collapse_ties, region_starts
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.estimate.event_study.rings import Rings
from panelcoop.estimate.event_study.week_scale import WeekScale, week_scale
from panelcoop.numerics.resampling.permutations import permutation_block, plan_permutations
from panelcoop.options import FloatArray, IntArray
from panelcoop.panel.record import Panel, as_panel
from panelcoop.progress import track

__all__ = ["DateRandomisation", "fake_dates", "horizon_composition", "leave_one_region_out", "randomise_dates"]


class Summary(Protocol):
    """Reduces an event study to an estimate and its standard error."""

    def __call__(self, study: EventStudy) -> tuple[float, float]:
        """Return estimate and standard error."""


def leave_one_region_out(panel: Panel | pd.DataFrame, events: Events, **study: Any) -> pd.DataFrame:  # noqa: ANN401
    """Estimate again without each region in turn.

    Parameters
    ----------
    panel, events
        As in ``event_study``.
    **study
        Further arguments of ``event_study``.

    Returns
    -------
    pandas.DataFrame
        By region left out ("none" first): overall effect, std_error, change; NaN with a reason where the study cannot
        be estimated without that region.

    Examples
    --------
    >>> from panelcoop.estimate.event_study.teaching import staggered_example
    >>> panel, events = staggered_example()
    >>> len(leave_one_region_out(panel, events, outcome="y", estimator="imputation"))
    9
    """
    whole = as_panel(panel)
    rings = study.get("estimator")
    if isinstance(rings, Rings):
        labelled = rings.labelled(whole.data.index.unique("region").sort_values())
        study = {**study, "estimator": replace(rings, neighbours=labelled)}
    base = mean_effect(event_study(whole, events, **study))
    rows: list[dict[str, object]] = [
        {"region": "none", "estimate": base[0], "std_error": base[1], "change": 0.0, "reason": ""}
    ]
    for region in track(list(whole.data.index.unique("region")), "leaving one region out"):
        try:
            found = mean_effect(event_study(whole.without_regions([region]), events.without_regions([region]), **study))
            reason = ""
        except (IdentificationError, DataError) as fault:
            found, reason = (np.nan, np.nan), str(fault)
        rows.append(
            {
                "region": region,
                "estimate": found[0],
                "std_error": found[1],
                "change": found[0] - base[0],
                "reason": reason,
            }
        )
    return pd.DataFrame(rows).set_index("region")


def fake_dates(
    panel: Panel | pd.DataFrame,
    events: Events,
    *,
    shifts: Sequence[int] = (4, 8, 12),
    **study: Any,  # noqa: ANN401
) -> pd.DataFrame:
    """Pretend events happened earlier, on data from before they did: the effect should be zero.

    Parameters
    ----------
    panel, events
        As in ``event_study``; absorbing events.
    shifts
        Weeks by which dates are moved back.
    **study
        Further arguments of ``event_study``.

    Returns
    -------
    pandas.DataFrame
        By shift: overall placebo effect, std_error, and a reason where it cannot be estimated. Rows from the true
        event (less its anticipation) on are taken out, so no true effect can leak in; Callaway-Sant'Anna therefore
        keeps every row that is left (``unbalanced="cross-section"``).
    """
    whole = as_panel(panel)
    regions, weeks = (whole.data.index.unique(level).sort_values() for level in ("region", "week"))
    scale = week_scale(weeks)
    starts = region_starts(events, regions, scale)
    lead = events.anticipation if events.anticipation is not None else (2 if scale.dated else 0)
    number = scale.times[weeks.get_indexer(whole.data.index.get_level_values("week"))]
    before = number < starts[regions.get_indexer(whole.data.index.get_level_values("region"))] - lead
    outcome = str(study["outcome"])
    hidden = whole.with_columns({outcome: whole.data[outcome].where(before)})
    asked = {**study, "estimator": _rows_kept(study.get("estimator", "callaway-santanna"))}
    rows = {}
    for shift in shifts:
        moved = _shifted(events, scale, shift)
        try:
            rows[shift] = (*mean_effect(event_study(hidden, moved, **asked)), "")
        except (IdentificationError, DataError) as fault:
            rows[shift] = (np.nan, np.nan, str(fault))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["estimate", "std_error", "reason"]).rename_axis(
        "shift"
    )


def _rows_kept(estimator: object) -> object:
    """Let Callaway-Sant'Anna keep regions that are hidden from their true event on."""
    chosen = CallawaySantAnna() if estimator == "callaway-santanna" else estimator
    return replace(chosen, unbalanced="cross-section") if isinstance(chosen, CallawaySantAnna) else chosen


def _shifted(events: Events, scale: WeekScale, shift: int) -> Events:
    """Move every date back by whole periods of the panel."""
    numbers = scale.numbers(events.table["date"])
    dates = [scale.label(number - shift) for number in numbers]
    table = events.table.assign(date=pd.Series(dates, index=events.table.index, dtype=events.table["date"].dtype))
    return replace(events, table=table)


def horizon_composition(study: EventStudy) -> pd.DataFrame:
    """Show which cohorts each horizon averages: the weight of every cohort, by horizon.

    Returns
    -------
    pandas.DataFrame
        Horizons by cohorts, rows sum to one; a change of composition can look like dynamics.

    Examples
    --------
    >>> from panelcoop.estimate.event_study.teaching import staggered_example
    >>> panel, events = staggered_example()
    >>> study = event_study(panel, events, outcome="y", estimator="imputation")
    >>> horizon_composition(study).loc[4].to_dict()
    {4: 1.0, 6: 0.0}
    """
    cells = study.needed_cells()
    use = cells.estimated
    table = pd.DataFrame(
        {
            "horizon": cells.horizon[use].astype(int),
            "cohort": [study.cohort_labels[c] for c in cells.cohort[use]],
            "mass": cells.mass[use],
        }
    )
    wide = table.pivot_table(index="horizon", columns="cohort", values="mass", aggfunc="sum", fill_value=0.0)
    return wide.div(wide.sum(axis=1), axis=0)


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
    """

    estimate: float
    statistic: float
    pvalue: float
    draws: FloatArray
    enumerated: bool


def randomise_dates(
    panel: Panel | pd.DataFrame,
    events: Events,
    *,
    draws: int = 999,
    seed: int = 0,
    summary: Summary = mean_effect,
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
    **study
        Further arguments of ``event_study``.

    Notes
    -----
    The assignment: which region got which history (its dates with their ends, doses and focus) is as good as random.
    Statistics are studentised; the first is that of the data. Draws that cannot be estimated count as larger, which is
    conservative.
    """
    whole = as_panel(panel)
    regions, weeks = (whole.data.index.unique(level).sort_values() for level in ("region", "week"))
    events = collapse_ties(events, week_scale(weeks))
    plan = plan_permutations(_histories(events, regions, week_scale(weeks)), draws, seed)
    estimate, error = summary(event_study(whole, events, **study))
    orders = [order for block in range(plan.blocks) for order in permutation_block(plan, block)]
    moved = (_exchanged(events, regions, order) for order in track(orders, "randomising dates"))
    every = np.array([_statistic(whole, one, summary, study) for one in moved])
    pvalue = float((np.abs(every) >= abs(every[0]) * (1 - 1e-10)).mean())
    return DateRandomisation(estimate, estimate / error, pvalue, every, plan.enumerated)


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


def _statistic(panel: Panel, events: Events, summary: Summary, study: dict[str, Any]) -> float:
    try:
        estimate, error = summary(event_study(panel, events, **study))
    except IdentificationError:
        return np.inf
    return estimate / error if error > 0 else np.inf
