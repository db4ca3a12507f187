"""Questions put to an event study from outside: other dates, other samples, other assignments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.events import Events, period_numbers, region_starts
from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.numerics.resampling.permutations import permutation_block, plan_permutations
from panelcoop.options import FloatArray
from panelcoop.panel.record import Panel, as_panel
from panelcoop.progress import track

__all__ = ["DateRandomisation", "fake_dates", "horizon_composition", "leave_one_region_out", "randomise_dates"]


class Summary(Protocol):
    """Reduces an event study to an estimate and its standard error."""

    def __call__(self, study: EventStudy) -> tuple[float, float]:
        """Return estimate and standard error."""


def mean_effect(study: EventStudy) -> tuple[float, float]:
    """Average the effect over treated cells, or over lags for estimators without cells."""
    if study.cells is not None:
        overall = aggregate_events(study).overall
        return overall.estimate, overall.std_error
    lags = study.lags
    weight = np.full(len(lags), 1 / len(lags))
    cov = study.cov.loc[lags, lags].to_numpy()
    return float(weight @ study.params[lags].to_numpy()), float(np.sqrt(weight @ cov @ weight))


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
        event (less its anticipation) on are taken out, so no true effect can leak in.
    """
    whole = as_panel(panel)
    regions, weeks = (whole.data.index.unique(level).sort_values() for level in ("region", "week"))
    starts = region_starts(events, regions, weeks)
    dated = isinstance(weeks, pd.DatetimeIndex)
    lead = events.anticipation if events.anticipation is not None else (2 if dated else 0)
    number = period_numbers(weeks, whole.data.index.get_level_values("week"))
    before = number < starts[regions.get_indexer(whole.data.index.get_level_values("region"))] - lead
    outcome = str(study["outcome"])
    hidden = whole.with_columns({outcome: whole.data[outcome].where(before)})
    rows = {}
    for shift in shifts:
        moved = _shifted(events, weeks, shift)
        try:
            rows[shift] = (*mean_effect(event_study(hidden, moved, **study)), "")
        except (IdentificationError, DataError) as fault:
            rows[shift] = (np.nan, np.nan, str(fault))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["estimate", "std_error", "reason"]).rename_axis(
        "shift"
    )


def _shifted(events: Events, weeks: pd.Index, shift: int) -> Events:
    step = (weeks[1] - weeks[0]) if len(weeks) > 1 else 1
    table = events.table.assign(date=events.table["date"] - shift * step)
    return Events(table, events.kind, events.anticipation, events.window, events.ends)


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
    """Exchange event dates (and "never") among regions and estimate again.

    Parameters
    ----------
    panel, events
        As in ``event_study``; absorbing events.
    draws, seed
        Random assignments and their seed; with fewer distinct assignments all are enumerated instead.
    summary
        What is tested; the mean effect by default.
    **study
        Further arguments of ``event_study``.

    Notes
    -----
    The assignment: which region got which date is as good as random. Statistics are studentised. Draws that cannot
    be estimated count as larger, which is conservative.
    """
    whole = as_panel(panel)
    regions, weeks = (whole.data.index.unique(level).sort_values() for level in ("region", "week"))
    dates = pd.Series(None, index=regions, dtype=object)
    dates.loc[events.table["region"]] = list(events.table["date"])
    starts = region_starts(events, regions, weeks)
    plan = plan_permutations(np.unique(starts, return_inverse=True)[1], draws, seed)
    estimate, error = summary(event_study(whole, events, **study))
    found = []
    for block in range(plan.blocks):
        for order in track(list(permutation_block(plan, block)), "randomising dates"):
            table = pd.DataFrame({"region": regions, "date": dates.to_numpy()[order]}).dropna()
            moved = Events(table.infer_objects(), events.kind, events.anticipation, events.window, events.ends)
            found.append(_statistic(whole, moved, summary, study))
    every = np.array(found)
    observed = abs(estimate / error)
    pvalue = float((np.abs(every) >= observed * (1 - 1e-10)).mean())
    return DateRandomisation(estimate, estimate / error, pvalue, every, plan.enumerated)


def _statistic(panel: Panel, events: Events, summary: Summary, study: dict[str, Any]) -> float:
    try:
        estimate, error = summary(event_study(panel, events, **study))
    except IdentificationError:
        return np.inf
    return estimate / error if error > 0 else np.inf
