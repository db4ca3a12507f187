"""Quiet spells: a calendar cut so that repeated events are one event per region and spell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.errors import IdentificationError
from panelcoop.estimate.event_study.events import Events
from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.record import Panel, SpatialWeights

__all__ = ["PLACE", "QuietSpells", "SpellRule", "quiet_spells", "reached", "ring_sample"]

PLACE = "place"
"""Column with the region itself, to cluster by: a region stands in several spells."""


@dataclass(frozen=True)
class SpellRule:
    """When a spell begins and ends.

    Attributes
    ----------
    depth
        Borders across which an event reaches: 0 the region of the event only, 1 its neighbours, 2 also theirs.
    clean_weeks
        Weeks before a spell whose events still reach into it.
    anticipation
        Weeks before an event that may respond.
    min_controls
        Regions out of reach that every week of a spell needs.
    quiet_share
        Share of regions out of reach that begins a spell.
    first_week
        No spell begins before it.
    """

    depth: int = 1
    clean_weeks: int = 8
    anticipation: int = 2
    min_controls: int = 5
    quiet_share: float = 0.5
    first_week: pd.Timestamp | None = None


@dataclass(frozen=True)
class QuietSpells:
    """Regions by spell, in which events are absorbing.

    Attributes
    ----------
    panel
        Rows of all spells; a region is called "region, spell", its own name stands in the column ``place``.
    events
        The first event of each region in each spell, or in the clean weeks before it.
    neighbours
        Who borders whom, with the names of ``panel`` on both axes; nobody borders across spells.
    table
        By spell: first and last week, regions out of reach at its beginning and end.
    rule
        What was asked for.
    """

    panel: Panel
    events: Events
    neighbours: pd.DataFrame
    table: pd.DataFrame
    rule: SpellRule


@dataclass(frozen=True)
class _Spell:
    start: int
    end: int
    first: FloatArray  # week of each region's first event, infinity without one, (N,)
    far: tuple[int, int]


def quiet_spells(panel: Panel, onset: str, *, neighbours: SpatialWeights, rule: SpellRule | None = None) -> QuietSpells:
    """Cut the calendar into spells that begin quiet and end before too few regions are out of reach.

    Parameters
    ----------
    panel
        A panel by week.
    onset
        Column that is positive in the week of an event.
    neighbours
        Who borders whom.
    rule
        When spells begin and end.

    Returns
    -------
    QuietSpells

    Raises
    ------
    DataError
        If the column is not there.
    IdentificationError
        If no week is quiet enough.

    Notes
    -----
    An event reaches the regions within ``depth`` borders for the rest of its spell, from ``anticipation`` weeks before
    it on. A spell begins in the first week in which events of the last ``clean_weeks`` weeks, and those that come
    within the anticipation, leave ``quiet_share`` of the regions out of reach; it ends before fewer than
    ``min_controls`` are left, and the next one may begin in the week after. Spells do not overlap. The rule looks at
    events only, never at outcomes.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([list("abcd"), range(6)], names=["region", "week"])
    >>> onset = pd.DataFrame({"onset": 0.0}, index=index)
    >>> onset.loc[("a", 4), "onset"] = 1.0
    >>> line = SpatialWeights("line", ("a", "b", "c", "d"), np.eye(4, k=1) + np.eye(4, k=-1))
    >>> rule = SpellRule(clean_weeks=2, anticipation=0, min_controls=1)
    >>> quiet_spells(Panel(data=onset), "onset", neighbours=line, rule=rule).table["far_at_end"].tolist()
    [2]
    """
    rule = rule or SpellRule()
    fail_if_columns_missing([onset], list(panel.data.columns), "The panel")
    wide = panel.data.reset_index().pivot_table(index="week", columns="region", values=onset, dropna=False) > 0
    near = neighbours.frame().loc[list(wide.columns), list(wide.columns)] > 0
    spells = _spells(wide, near.to_numpy(), rule)
    if not spells:
        msg = (
            f"No week leaves {rule.quiet_share:.0%} of regions out of reach of '{onset}': reduce depth or quiet_share."
        )
        raise IdentificationError(msg)
    weeks, regions = wide.index, wide.columns
    table = [(weeks[s.start], weeks[s.end], *s.far) for s in spells]
    return QuietSpells(
        panel=Panel(data=pd.concat([_rows(panel, weeks, k, s) for k, s in enumerate(spells, 1)]).sort_index()),
        events=_events(weeks, regions, spells, rule.anticipation),
        neighbours=_blocks(near, len(spells)),
        table=pd.DataFrame(table, columns=["start", "end", "far_at_start", "far_at_end"]),
        rule=rule,
    )


def ring_sample(spells: QuietSpells) -> tuple[Panel, Events]:
    """Make the first ring an absorbing event: a region's first event next door, its own weeks left out.

    Returns
    -------
    The panel without region-weeks that an event of the region itself has reached, and one event per region whose
    neighbour has one first. Any estimator for absorbing events then compares the ring with regions out of reach;
    imputation gives the effects of ``Rings`` with one ring.
    """
    own = spells.events.table.set_index("region")["date"]
    rows = spells.panel.data.index.to_frame(index=False)
    home = rows["region"].map(own)
    step = pd.Timedelta(days=7) if pd.api.types.is_datetime64_any_dtype(rows["week"]) else 1
    ahead = home.isna() | (rows["week"] + spells.rule.anticipation * step < home)
    kept = spells.panel.data[ahead.to_numpy()]
    dates = _ring_dates(spells, 1)
    dates = dates[dates.index.isin(kept.index.unique("region"))]
    return Panel(data=kept), Events.from_table(dates.rename_axis("region").reset_index())


def reached(spells: QuietSpells, ring: int) -> pd.Series:
    """Date the regions that an event reaches in a ring first within their spell: 0 at home, 1 next door, and so on."""
    weeks = spells.panel.data.index.to_frame(index=False).groupby("region")["week"].agg(["min", "max"])
    dates = _ring_dates(spells, ring)
    own = weeks.loc[dates.index]
    return dates[(dates >= own["min"]) & (dates <= own["max"])]


def _ring_dates(spells: QuietSpells, ring: int) -> pd.Series:
    """Date the first event at a distance, for regions that no nearer event has reached before."""
    near = spells.neighbours.to_numpy(dtype=bool)
    own = spells.events.table.set_index("region")["date"].reindex(spells.neighbours.index)
    inside = _within(near, ring)
    nearer = _within(near, ring - 1) if ring else np.zeros_like(near)
    first = pd.Series({r: own[inside[i] & ~nearer[i]].min() for i, r in enumerate(own.index)}, name="date")
    before = pd.Series({r: own[nearer[i]].min() for i, r in enumerate(own.index)})
    return first[first.notna() & ~(before <= first)]


def _spells(wide: pd.DataFrame, near: BoolArray, rule: SpellRule) -> list[_Spell]:
    happened, within = wide.to_numpy(), _within(near, rule.depth)
    at = 0 if rule.first_week is None else int((wide.index < rule.first_week).sum())
    found = []
    while at < len(happened):
        first = _first(happened, max(at - rule.clean_weeks, 0))
        reach = np.where(within, first[None, :], np.inf).min(axis=1) - rule.anticipation
        far = (reach[None, :] > np.arange(at, len(happened))[:, None]).sum(axis=1)
        if far[0] < max(rule.quiet_share * happened.shape[1], rule.min_controls):
            at += 1
            continue
        few = far < rule.min_controls
        length = int(few.argmax()) if few.any() else few.size
        found.append(_Spell(at, at + length - 1, first, (int(far[0]), int(far[length - 1]))))
        at += length
    return found


def _within(near: BoolArray, depth: int) -> BoolArray:
    linked = near | near.T
    reached: BoolArray = np.eye(len(near), dtype=bool)
    for _ in range(depth):
        reached = reached | (reached.astype(float) @ linked > 0)
    return reached


def _first(happened: BoolArray, start: int) -> FloatArray:
    later = happened[start:]
    return np.where(later.any(axis=0), later.argmax(axis=0) + start, np.inf)


def _rows(panel: Panel, weeks: pd.Index, number: int, spell: _Spell) -> pd.DataFrame:
    region, week = (panel.data.index.get_level_values(level) for level in ("region", "week"))
    inside = (week >= weeks[spell.start]) & (week <= weeks[spell.end])
    names = pd.Index([_name(r, number) for r in region[inside]])
    index = pd.MultiIndex.from_arrays([names, week[inside]], names=["region", "week"])
    rows: pd.DataFrame = panel.data[inside].assign(**{PLACE: pd.Index(region[inside])}).set_axis(index)
    return rows


def _events(weeks: pd.Index, regions: pd.Index, spells: list[_Spell], anticipation: int) -> Events:
    rows = [
        (_name(region, k), weeks[int(first)])
        for k, spell in enumerate(spells, 1)
        for region, first in zip(regions, spell.first, strict=True)
        if first <= spell.end + anticipation
    ]
    return Events.from_table(pd.DataFrame(rows, columns=["region", "date"]))


def _blocks(near: pd.DataFrame, count: int) -> pd.DataFrame:
    names = [_name(r, k) for k in range(1, count + 1) for r in near.index]
    return pd.DataFrame(np.kron(np.eye(count), near.to_numpy(dtype=float)) > 0, index=names, columns=names)


def _name(region: object, spell: int) -> str:
    return f"{region}, {spell}"
