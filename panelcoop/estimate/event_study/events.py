"""Dated events of regions: when they begin, when they end, how strong they are, and which weeks count."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from types import EllipsisType
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, fail_if_not_one_of, fail_if_not_whole, name_few
from panelcoop.errors import DataError
from panelcoop.estimate.event_study.panel_grid import panel_grid
from panelcoop.estimate.event_study.rule_spells import rule_spells
from panelcoop.estimate.event_study.week_scale import readable_dates, week_scale
from panelcoop.panel.record import Panel, as_panel

__all__ = ["EventKind", "Events", "WindowEnds", "fail_if_several_dates"]

EventKind: TypeAlias = Literal["absorbing", "repeated", "switching"]
"""One event for good; several events per region; or spells that begin and end."""

WindowEnds: TypeAlias = Literal["binned", "dropped"]
"""Horizons beyond the window are pooled into its ends, or left out."""


@dataclass(frozen=True)
class Events:
    """Events by region and date.

    Attributes
    ----------
    table
        Columns region, date and, where given, end, dose and focus; sorted. A region without a row is never treated.
        Several events of a region in one week of the panel count as one: their doses add up, the latest end holds.
        Where ``focus`` is given, only events marked true are studied; the others still make a region unclean.
    kind
        "absorbing", "repeated" or "switching" (with ``end``).
    anticipation
        Weeks before an event that may already respond; None means 2 where weeks are dates and 0 where periods are
        plain numbers.
    window
        Leads and lags shown, for example (8, 12): horizons -8 to 12; None shows every horizon.
    ends
        What becomes of horizons beyond the window.
    dose_bins
        Ascending edges of dose bins, for effects by dose (absorbing events with a dose): (0, 1, 2) makes the bins
        (0, 1] and (1, 2].
    notes
        What was left out on the way here.

    Examples
    --------
    >>> events = Events.from_table(pd.DataFrame({"region": ["a", "b", "b"], "date": [3, 5, 5]}))
    >>> print(events)
    Events: 2 absorbing events in 2 regions, dates 3 to 5
    """

    table: pd.DataFrame
    kind: EventKind = "absorbing"
    anticipation: int | None = None
    window: tuple[int, int] | None = None
    ends: WindowEnds = "binned"
    dose_bins: tuple[float, ...] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse options that cannot be."""
        fail_if_not_one_of(self.kind, ("absorbing", "repeated", "switching"), "kind")
        fail_if_not_one_of(self.ends, ("binned", "dropped"), "ends")
        fail_if_not_whole(self.anticipation, "anticipation (weeks before the event)", 0, optional=True)
        if self.window is not None:
            _fail_if_no_window(self.window)

    @classmethod
    def from_table(
        cls,
        table: pd.DataFrame,
        *,
        region: str = "region",
        date: str = "date",
        end: str | None = None,
        dose: str | None = None,
        focus: str | None = None,
        kind: EventKind = "absorbing",
    ) -> Events:
        """Read events from a table with one row per region and event; a missing or infinite date is no event.

        Dates may be numbers, dates, periods or ISO weeks such as "2020-W04". Rows that repeat another are left out and
        counted in the notes; several dates of a region inside one week of the panel are one event (see ``table``).

        Raises
        ------
        DataError
            If a column is missing, dates are of several types, an event ends before it begins, or an absorbing region
            has two numbers as dates (two dates in different weeks are found where the panel's weeks are known).
        """
        extra = {given: name for given, name in ((end, "end"), (dose, "dose"), (focus, "focus")) if given}
        names = {region: "region", date: "date", **extra}
        fail_if_columns_missing(names, list(table.columns), "The table of events")
        tidy = table[list(names)].rename(columns=names).dropna(subset=["date"])
        tidy = tidy[~tidy["date"].isin([np.inf])]
        for given, name in ((date, "date"), (end, "end")):
            if given:
                _fail_if_mixed(tidy[name], given)
                tidy[name] = readable_dates(tidy[name])
        repeated = int(tidy.duplicated().sum())
        tidy = tidy.drop_duplicates().sort_values(["region", "date"]).reset_index(drop=True)
        if "end" in tidy and (tidy["end"] < tidy["date"]).any():
            bad = tidy.loc[tidy["end"] < tidy["date"], "region"]
            msg = f"An event ends before it begins in {name_few(bad)}; check columns '{date}' and '{end}'."
            raise DataError(msg)
        if kind == "absorbing" and pd.api.types.is_numeric_dtype(tidy["date"].dtype):
            distinct = tidy.drop_duplicates(["region", "date"])["region"]
            fail_if_several_dates(list(distinct[distinct.duplicated()].unique()))
        notes = (f"rows of the table that repeat another are left out: {repeated}",) if repeated else ()
        return cls(tidy, kind=kind, notes=notes)

    @classmethod
    def from_column(cls, panel: Panel | pd.DataFrame, column: str, *, never: Hashable = None) -> Events:
        """Read one date per region from a column of the panel.

        Parameters
        ----------
        panel
            The panel whose regions are meant.
        column
            Holds the first treated week (or year), constant within region.
        never
            Value that stands for "never" (for example 0 or 10000); missing and infinity always do.

        Raises
        ------
        DataError
            If the column varies within a region.
        """
        data = as_panel(panel).data
        fail_if_columns_missing([column], list(data.columns), "The panel")
        by_region = data[column].groupby(level="region", sort=True)
        first = by_region.first()
        moving = by_region.nunique()
        if (moving > 1).any():
            msg = f"'{column}' must be constant within a region; it varies in {name_few(moving.index[moving > 1])}."
            raise DataError(msg)
        kept = first[first.notna() & (first != never)]
        return cls.from_table(pd.DataFrame({"region": kept.index, "date": kept.to_numpy()}))

    @classmethod
    def from_rule(
        cls,
        panel: Panel | pd.DataFrame,
        rule: Callable[[pd.DataFrame], pd.Series],
        *,
        kind: EventKind = "absorbing",
        clean_weeks: int = 0,
    ) -> Events:
        """Date events where a rule on the panel's columns turns true.

        Parameters
        ----------
        panel
            The panel.
        rule
            Takes the panel's data, returns true or false per row; missing counts as not observed.
        kind
            "absorbing" keeps the first week per region; "repeated" every week in which the rule turns true;
            "switching" every spell, with its last week.
        clean_weeks
            Weeks the rule must have been false before an event counts (repeated events), for example 8. The region must
            be observed in all of them. For ``LpDid`` keep every event and set its ``clean_weeks`` instead: an event
            left out here cannot make a control unclean.

        Notes
        -----
        Rows may be missing. A spell goes on across them until the rule is observed to be false; an event whose week
        before is not observed begins in its first observed week. The notes of the events count both.
        """
        fail_if_not_one_of(kind, ("absorbing", "repeated", "switching"), "kind")
        fail_if_not_whole(clean_weeks, "clean_weeks", 0)
        data = as_panel(panel).data
        grid = panel_grid(data.index)
        answer = rule(data)
        flags = answer.where(answer.notna(), other=False).astype(bool).astype(float).where(answer.notna())
        place = week_scale(grid.weeks).times.astype(np.int64)
        calendar = np.full((len(grid.regions), int(place[-1]) + 1), np.nan)
        calendar[:, place] = grid.spread(flags.reindex(data.index))
        spells, told = rule_spells(calendar, clean_weeks, only_first=kind == "absorbing")
        first, last = (list(grid.weeks[np.searchsorted(place, spells[:, column])]) for column in (1, 2))
        table = pd.DataFrame({"region": grid.regions[spells[:, 0]], "date": first, "end": last})
        found = cls.from_table(table, end="end" if kind == "switching" else None, kind=kind)
        unknown = int(answer.isna().sum())
        missing = (f"rows in which the rule is missing count as not observed: {unknown}",) if unknown else ()
        return replace(found, notes=(*found.notes, *missing, *told))

    def with_options(
        self,
        *,
        anticipation: int | EllipsisType | None = ...,
        window: tuple[int, int] | EllipsisType | None = ...,
        ends: WindowEnds | EllipsisType = ...,
    ) -> Events:
        """Return the events with another anticipation, window or treatment of its ends; None undoes the first two."""
        return replace(
            self,
            anticipation=self.anticipation if isinstance(anticipation, EllipsisType) else anticipation,
            window=self.window if isinstance(window, EllipsisType) else window,
            ends=self.ends if isinstance(ends, EllipsisType) else ends,
        )

    def with_dose_bins(self, edges: Sequence[float]) -> Events:
        """Return the events with their doses put into bins, so that effects can be averaged by dose.

        Raises
        ------
        DataError
            If there is no dose, edges do not ascend, or a dose lies outside them.
        """
        if "dose" not in self.table:
            msg = "These events have no dose: Events.from_table(table, dose='column')."
            raise DataError(msg)
        bins = tuple(float(e) for e in edges)
        outside = (self.table["dose"] <= bins[0]) | (self.table["dose"] > bins[-1]) | self.table["dose"].isna()
        if sorted(set(bins)) != list(bins) or outside.any():
            low, high = self.table["dose"].min(), self.table["dose"].max()
            msg = f"Edges must ascend and hold every dose; doses run from {low} to {high}."
            raise DataError(msg)
        return replace(self, dose_bins=bins)

    def with_focus(self, focus: Callable[[pd.DataFrame], pd.Series]) -> Events:
        """Return the events with only some of them studied: a rule on the table, true or false per row."""
        return replace(self, table=self.table.assign(focus=focus(self.table).astype(bool)))

    def without_regions(self, regions: list[Hashable]) -> Events:
        """Return the events without some regions (which then count as never treated: drop them from the panel too)."""
        return replace(self, table=self.table[~self.table["region"].isin(regions)].reset_index(drop=True))

    def __str__(self) -> str:
        """Say in one line what the events are."""
        n, regions = len(self.table), self.table["region"].nunique()
        span = f", dates {self.table['date'].min()} to {self.table['date'].max()}" if n else ""
        return f"Events: {n} {self.kind} events in {regions} regions{span}"

    __repr__ = __str__


def fail_if_several_dates(regions: Sequence[Hashable]) -> None:
    """Refuse regions whose absorbing event has several dates."""
    if len(regions):
        msg = (
            f"Absorbing events have one date per region, but {name_few(regions)} has several. "
            "Keep the first, or use kind='repeated'."
        )
        raise DataError(msg)


def _fail_if_no_window(window: Sequence[object]) -> None:
    """Refuse a window that is not two whole numbers, the first at least one."""
    if len(window) != 2:
        msg = f"window is (leads, lags) with at least one lead, for example (8, 12); got {window}."
        raise DataError(msg)
    fail_if_not_whole(window[0], "The first number of window (leads)", 1)
    fail_if_not_whole(window[1], "The second number of window (lags)", 0)


def _fail_if_mixed(values: pd.Series, column: str) -> None:
    """Refuse dates that cannot be compared with one another."""
    given = values.dropna()
    try:
        given.sort_values()
    except TypeError as error:
        kinds = given.map(lambda value: type(value).__name__)
        odd = kinds.index[kinds != kinds.mode()[0]]
        msg = (
            f"Column '{column}' mixes types ({name_few(sorted(kinds.unique()), 4)}); rows that differ from the others: "
            f"{name_few(odd, 5)}. Give all dates one type, for example with pandas.to_datetime."
        )
        raise DataError(msg) from error
