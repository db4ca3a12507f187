"""Questions put to an event study from outside: other dates, other samples, other assignments."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.aggregate import aggregate_events, mean_effect
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.dyadic import Dyadic
from panelcoop.estimate.event_study.event_weeks import collapse_ties
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.fake_events import fake_estimator, fake_events, hidden_rows
from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.estimate.event_study.rings import Rings
from panelcoop.estimate.event_study.week_scale import week_scale
from panelcoop.panel.record import Panel, as_panel
from panelcoop.progress import track

__all__ = ["fake_dates", "horizon_composition", "leave_one_region_out"]


def leave_one_region_out(
    panel: Panel | pd.DataFrame,
    events: Events,
    *,
    by: str | None = None,
    **study: Any,  # noqa: ANN401
) -> pd.DataFrame:
    """Estimate again without each region in turn; with dyads, without all dyads of each member in turn.

    Parameters
    ----------
    panel, events
        As in ``event_study``.
    by
        Column of groups of regions, for example the place of several spells, that are left out together.
    **study
        Further arguments of ``event_study``.

    Returns
    -------
    pandas.DataFrame
        By region, member or group left out ("none" first): overall effect, std_error, change; NaN with a reason where
        the study cannot be estimated without it.

    Examples
    --------
    >>> from panelcoop.estimate.event_study.teaching import staggered_example
    >>> panel, events = staggered_example()
    >>> len(leave_one_region_out(panel, events, outcome="y", estimator="imputation"))
    9
    """
    whole = as_panel(panel)
    rings = study.get("estimator")
    groups = _left_out_together(whole, rings, by)
    if isinstance(rings, Rings):
        labelled = rings.labelled(whole.data.index.unique("region").sort_values())
        study = {**study, "estimator": replace(rings, neighbours=labelled)}
    base = mean_effect(event_study(whole, events, **study))
    rows: list[dict[str, object]] = [
        {"region": "none", "estimate": base[0], "std_error": base[1], "change": 0.0, "reason": ""}
    ]
    for region, gone in track(list(groups.items()), "leaving one region out"):
        try:
            found = mean_effect(event_study(whole.without_regions(gone), events.without_regions(gone), **study))
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


def _left_out_together(panel: Panel, estimator: object, by: str | None) -> dict[Hashable, list[Hashable]]:
    """Group the regions: by a column, dyads by each of their members, or every region by itself."""
    regions = list(panel.data.index.unique("region"))
    if by is not None:
        fail_if_columns_missing([by], list(panel.data.columns), "The panel")
        label = panel.data[by].groupby(level="region", sort=True).first()
        return {group: list(label.index[label == group]) for group in sorted(label.dropna().unique())}
    dyadic = Dyadic() if estimator == "dyadic" else estimator
    if not isinstance(dyadic, Dyadic):
        return {region: [region] for region in regions}
    members = {dyad: [part.strip() for part in str(dyad).split(dyadic.separator)] for dyad in regions}
    every = sorted({member for pair in members.values() for member in pair})
    return {member: [dyad for dyad in regions if member in members[dyad]] for member in every}


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
        As in ``event_study``; absorbing events, or repeated ones with ``LpDid`` or ``Dose``.
    shifts
        Weeks by which dates are moved back.
    **study
        Further arguments of ``event_study``.

    Returns
    -------
    pandas.DataFrame
        By shift: overall placebo effect, std_error, pvalue, and a reason where it cannot be estimated.

    Raises
    ------
    IdentificationError
        If events have an end (switching), or the estimator is ``Rings``, whose regions are reached by others' events.

    Notes
    -----
    No true effect can leak in: rows from the true event (less its anticipation) on are taken out, for good if it is
    absorbing, so that Callaway-Sant'Anna keeps every row that is left (``unbalanced="cross-section"``). After a
    repeated event they are taken out for the estimator's clean weeks; the true events still make regions unclean, and
    only weeks after the fake event that lie before the true one are averaged.
    """
    whole = as_panel(panel)
    estimator = fake_estimator(events, study.get("estimator", "callaway-santanna"))
    regions, weeks = (whole.data.index.unique(level).sort_values() for level in ("region", "week"))
    scale = week_scale(weeks)
    events = collapse_ties(events, scale)
    lead = events.anticipation if events.anticipation is not None else (2 if scale.dated else 0)
    place = [regions.get_indexer(whole.data.index.get_level_values("region"))]
    place.append(weeks.get_indexer(whole.data.index.get_level_values("week")))
    gone = hidden_rows(events, regions, scale, lead, estimator)[tuple(place)]
    outcome = str(study["outcome"])
    hidden = whole.with_columns({outcome: whole.data[outcome].where(~gone)})
    rows = {}
    for shift in shifts:
        try:
            moved, chosen = fake_events(events, scale, shift, lead, estimator)
            found = aggregate_events(event_study(hidden, moved, **{**study, "estimator": chosen})).overall
            rows[shift] = (found.estimate, found.std_error, found.pvalue, "")
        except (IdentificationError, DataError) as fault:
            rows[shift] = (np.nan, np.nan, np.nan, str(fault))
    columns = ["estimate", "std_error", "pvalue", "reason"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("shift")


def horizon_composition(study: EventStudy) -> pd.DataFrame:
    """Show which cohorts each horizon averages: the weight of every cohort, by horizon.

    Returns
    -------
    pandas.DataFrame
        Horizons by cohorts, rows sum to one; a change of composition can look like dynamics. Horizons are those of
        ``params``: window and bins apply.

    Examples
    --------
    >>> from panelcoop.estimate.event_study.teaching import staggered_example
    >>> panel, events = staggered_example()
    >>> study = event_study(panel, events, outcome="y", estimator="imputation")
    >>> horizon_composition(study).loc[4].to_dict()
    {4: 1.0, 6: 0.0}
    """
    cells = study.needed_cells()
    use = cells.estimated & ~np.isnan(study.shown)
    table = pd.DataFrame(
        {
            "horizon": study.shown[use].astype(int),
            "cohort": [study.cohort_labels[c] for c in cells.cohort[use]],
            "mass": cells.mass[use],
        }
    )
    wide = table.pivot_table(index="horizon", columns="cohort", values="mass", aggfunc="sum", fill_value=0.0)
    return wide.div(wide.sum(axis=1), axis=0)
