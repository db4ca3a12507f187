"""Dated events of regions: when they begin, when they end, how strong they are, and which weeks count."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, fail_if_not_one_of, name_few
from panelcoop.errors import DataError
from panelcoop.estimate.event_study.week_scale import readable_dates
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
        if self.anticipation is not None and self.anticipation < 0:
            msg = f"anticipation counts weeks before the event and cannot be negative; got {self.anticipation}."
            raise DataError(msg)
        if self.window is not None and (min(self.window) < 0 or self.window[0] < 1):
            msg = f"window is (leads, lags) with at least one lead, for example (8, 12); got {self.window}."
            raise DataError(msg)

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
        """Read events from a table with one row per region and event; rows without a date are no events.

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
            Value that stands for "never" (for example 0 or 10000); missing always does.

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
            Takes the panel's data, returns true or false per row; missing counts as false and is noted.
        kind
            "absorbing" keeps the first week per region; "repeated" every week in which the rule turns true;
            "switching" every spell, with its last week.
        clean_weeks
            Weeks the rule must have been false before an event counts (repeated events), for example 8. The weeks
            must be observed: an event too close to the start of the panel does not count. For ``LpDid`` keep every
            event and set its ``clean_weeks`` instead: an event left out here cannot make a control unclean.
        """
        data = as_panel(panel).data
        answer = rule(data)
        unknown = int(answer.isna().sum())
        flags = answer.where(answer.notna(), other=False).astype(bool).rename("flag").reset_index()
        truth = flags.pivot_table(index="week", columns="region", values="flag", aggfunc="any", fill_value=False)
        truth = truth.astype(bool).sort_index()
        previous = truth.shift(1, fill_value=False).astype(bool)
        begins = truth & ~previous
        if clean_weeks:
            recent = previous.astype(float).rolling(clean_weeks, min_periods=clean_weeks).max()
            begins &= recent.eq(0) & (np.arange(len(truth)) >= clean_weeks)[:, None]
        rows = [_spells(truth[region], begins[region], region, kind) for region in truth.columns]
        table = pd.DataFrame([row for part in rows for row in part], columns=["region", "date", "end"])
        found = cls.from_table(table, end="end" if kind == "switching" else None, kind=kind)
        notes = (f"rows in which the rule is missing count as false: {unknown}",) if unknown else ()
        return replace(found, notes=found.notes + notes)

    def with_options(
        self,
        *,
        anticipation: int | None = None,
        window: tuple[int, int] | None = None,
        ends: WindowEnds | None = None,
    ) -> Events:
        """Return the events with another anticipation, window or treatment of its ends."""
        return replace(
            self,
            anticipation=self.anticipation if anticipation is None else anticipation,
            window=self.window if window is None else window,
            ends=self.ends if ends is None else ends,
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


def _spells(truth: pd.Series, begins: pd.Series, region: Hashable, kind: EventKind) -> list[tuple[object, ...]]:
    starts = list(truth.index[begins])
    if kind == "absorbing":
        starts = starts[:1]
    return [(region, start, _last_true(truth, start)) for start in starts]


def _last_true(truth: pd.Series, start: object) -> object:
    after = truth.loc[start:]
    stopped = ~after.to_numpy(dtype=bool)
    return after.index[int(stopped.argmax()) - 1] if stopped.any() else after.index[-1]


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
