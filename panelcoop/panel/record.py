"""What a panel is: labelled region-by-week data, the roles of its columns, and an account of every cell lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, name_few
from panelcoop.errors import DataError
from panelcoop.options import FloatArray
from panelcoop.panel.keys import fail_if_keys_bad, fail_if_keys_taken, is_keyed, period_label, plain_labels
from panelcoop.panel.periods import ordered_periods

if TYPE_CHECKING:
    from panelcoop.panel.plan import Plan

__all__ = ["LEDGER_COLUMNS", "Ledger", "Panel", "Role", "SpatialWeights", "as_panel", "panel_from_frame"]

Role: TypeAlias = Literal["outcome", "driver", "control", "stage", "weight", "offset", "event", "other"]
"""What a column is for."""

COPY_ON_WRITE = int(pd.__version__.split(".")[0]) >= 3  # a shallow copy is then safe from changes to the original

LEDGER_COLUMNS = ("source", "region", "week", "variable", "action", "reason", "count", "before", "after")
"""One row per loss or change: action is dropped, imputed, corrected, missing, excluded or noted."""
NO_ROWS = pd.DataFrame(columns=list(LEDGER_COLUMNS), dtype=object)


@dataclass(frozen=True)
class Ledger:
    """Every row or cell dropped, imputed or corrected on the way to the panel.

    Attributes
    ----------
    rows
        Frame with the columns of ``LEDGER_COLUMNS``; region and week are empty strings where a row speaks of many.
    """

    rows: pd.DataFrame

    @classmethod
    def empty(cls) -> Ledger:
        """Return a ledger without rows."""
        return cls(NO_ROWS.copy())

    @classmethod
    def of(cls, entries: Iterable[Mapping[str, object]]) -> Ledger:
        """Make a ledger from entries; missing keys become empty, ``count`` defaults to 1.

        Examples
        --------
        >>> print(Ledger.of([{"source": "jhu", "action": "corrected", "reason": "negative count"}]))
        Ledger: 1 cell or row in 1 entry
          jhu: corrected, negative count (1)
        """
        filled = [{**dict.fromkeys(LEDGER_COLUMNS, ""), "count": 1, **entry} for entry in entries]
        return cls(pd.DataFrame(filled, columns=list(LEDGER_COLUMNS)).astype(object)) if filled else cls.empty()

    def __add__(self, other: Ledger) -> Ledger:
        """Return the entries of both, in order."""
        frames = [ledger.rows for ledger in (self, other) if len(ledger.rows)]
        return Ledger(pd.concat(frames, ignore_index=True)) if frames else Ledger.empty()

    def summary(self) -> pd.DataFrame:
        """Count cells and rows by source, action and reason."""
        keys = ["source", "action", "reason"]
        return (
            self.rows.assign(count=self.rows["count"].astype(int)).groupby(keys, sort=True)["count"].sum().reset_index()
        )

    def __str__(self) -> str:
        """Say in a few lines what was lost and why."""
        table = self.summary()
        total = int(table["count"].sum())
        things = "cell or row" if total == 1 else "cells or rows"
        head = f"Ledger: {total:,} {things} in {len(self.rows):,} {'entry' if len(self.rows) == 1 else 'entries'}"
        lines = [f"  {r.source}: {r.action}, {r.reason} ({r.count:,})" for r in table.itertuples()]
        return "\n".join([head, *lines])


@dataclass(frozen=True)
class SpatialWeights:
    """Spatial weights between regions.

    Attributes
    ----------
    name
        Such as "contiguity".
    regions
        Labels of the N regions, in the order of the matrix.
    matrix
        Shape (N, N), zero diagonal, rows sum to one when ``row_standardised``.
    row_standardised
        Whether rows were divided by their sums.
    isolates
        Regions without any neighbour: their spatial lag is missing, never zero.
    note
        How it was built (for example: "Hainan joined to Guangdong by the plan").
    """

    name: str
    regions: tuple[str, ...]
    matrix: FloatArray
    row_standardised: bool = True
    isolates: tuple[str, ...] = ()
    note: str = ""

    def frame(self) -> pd.DataFrame:
        """Return the matrix with its labels."""
        return pd.DataFrame(self.matrix, index=list(self.regions), columns=list(self.regions))


@dataclass(frozen=True)
class Panel:
    """A region-by-week panel, frozen.

    Attributes
    ----------
    data
        One row per region and week; unique MultiIndex named (region, week), sorted. A panel by day keeps the name of
        the level: its labels are days.
    roles
        Role of each column.
    notes
        What each column honestly measures: unit, source, caution.
    regions
        One row per region: names and attributes; index named region.
    weights
        Spatial weights by name.
    empty_slots
        What the study asked for and no data exist for, with the reason (for example public opinion).
    ledger
        Every row or cell dropped, imputed or corrected.
    plan
        The plan the panel was assembled from, if any.
    """

    data: pd.DataFrame
    roles: Mapping[str, Role] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    regions: pd.DataFrame = field(default_factory=pd.DataFrame)
    weights: Mapping[str, SpatialWeights] = field(default_factory=lambda: MappingProxyType({}))
    empty_slots: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ledger: Ledger = field(default_factory=Ledger.empty)
    plan: Plan | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle read-only mappings as dictionaries."""
        return {name: dict(v) if isinstance(v, MappingProxyType) else v for name, v in vars(self).items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take them back as read-only mappings."""
        for name, value in state.items():
            object.__setattr__(self, name, MappingProxyType(value) if isinstance(value, dict) else value)

    def columns_of(self, role: Role) -> list[str]:
        """List the columns that play a role, in the order of the data."""
        return [str(c) for c in self.data.columns if self.roles.get(str(c)) == role]

    def with_columns(self, columns: Mapping[str, pd.Series], roles: Mapping[str, Role] | None = None) -> Panel:
        """Return a panel with more (or replaced) columns; this one stays as it is."""
        data = self.data.assign(**columns)
        other: dict[str, Role] = dict.fromkeys(columns, "other")
        merged = {**self.roles, **other, **(roles or {})}
        return replace(self, data=data, roles=MappingProxyType(merged))

    def without_regions(self, regions: Iterable[object]) -> Panel:
        """Return the panel without some regions, for example to leave an outlier out."""
        gone = set(regions)
        unknown = gone - set(self.data.index.get_level_values("region"))
        if unknown:
            msg = f"The panel has no region {name_few(sorted(map(str, unknown)))}."
            raise DataError(msg)
        keep = ~self.data.index.get_level_values("region").isin(gone)
        return replace(self, data=self.data[keep])

    def describe(self) -> pd.DataFrame:
        """Give balance, coverage and missingness by variable.

        Returns
        -------
        pandas.DataFrame
            Indexed by variable: role, cells, missing, share_missing, regions and weeks with data, first_week,
            last_week, balanced (no region-week missing), mean, sd, min, max (numbers only).
        """
        n_regions, n_weeks = (self.data.index.unique(level).size for level in ("region", "week"))
        return pd.DataFrame(
            [_describe_column(self.data[c], self.roles.get(str(c), "other"), n_regions * n_weeks) for c in self.data],
            index=pd.Index([str(c) for c in self.data], name="variable"),
        )

    def __str__(self) -> str:
        """Describe the panel in a few lines a person understands."""
        regions, weeks = (self.data.index.unique(level) for level in ("region", "week"))
        full = len(regions) * len(weeks)
        balance = "balanced" if len(self.data) == full else f"unbalanced, {len(self.data) / full:.1%} of cells"
        unit, label = _unit(weeks), _labeller(weeks)
        lines = [f"Panel: {len(regions):,} regions x {len(weeks):,} {unit} = {len(self.data):,} rows ({balance})"]
        if len(weeks):
            lines.append(f"  {unit:<9} {label(weeks.min())} to {label(weeks.max())}")
        for role in ("outcome", "driver", "control", "stage", "event"):
            names = self.columns_of(role)
            if names:
                lines.append(f"  {role + 's':<9} {name_few(names, 6)}")
        lines += [f"  weights   {name}" + (f" ({w.note})" if w.note else "") for name, w in self.weights.items()]
        lines += [f"  EMPTY     {slot}: {why}" for slot, why in self.empty_slots.items()]
        if len(self.ledger.rows):
            lines.append(f"  ledger    {int(self.ledger.summary()['count'].sum()):,} cells or rows, see panel.ledger")
        return "\n".join(lines)

    __repr__ = __str__


def panel_from_frame(
    frame: pd.DataFrame,
    *,
    region: str = "region",
    week: str = "week",
    roles: Mapping[str, Role] | None = None,
    weights: Iterable[SpatialWeights] = (),
) -> Panel:
    """Make a panel of one's own table.

    Parameters
    ----------
    frame
        One row per region and week, in any order. Regions have labels of any type; weeks (days, months) are
        numbers, dates, periods, ISO weeks as text, or an ordered Categorical: see ``ordered_periods``.
    region, week
        Names of the two key columns, or of index levels.
    roles
        Role of each column; columns not named are "other".
    weights
        Spatial weights to carry along.

    Returns
    -------
    Panel

    Raises
    ------
    DataError
        If a key column is missing or has missing values, another column has a key's name, a region-week stands twice
        (the rows are named), or the weeks are text without an order of time.

    Examples
    --------
    >>> own = pd.DataFrame({"state": ["a", "a", "b", "b"], "t": [1, 2, 1, 2], "y": [0.0, 1.0, 2.0, 3.0]})
    >>> print(panel_from_frame(own, region="state", week="t", roles={"y": "outcome"}))
    Panel: 2 regions x 2 weeks = 4 rows (balanced)
      weeks     1 to 2
      outcomes  y
    """
    if is_keyed(frame, region, week):
        fail_if_columns_missing(list(roles or {}), ["region", "week", *frame.columns], "The table")
        ordered_periods(pd.Series(frame.index.unique("week")), week)  # refuses what it would refuse of a column
        return _panel_of(frame.copy(deep=not COPY_ON_WRITE), roles or {}, weights)
    flat = frame.reset_index() if {region, week} & {n for n in frame.index.names if n} else frame
    fail_if_columns_missing([region, week, *(roles or {})], list(flat.columns), "The table")
    fail_if_keys_taken(flat, region, week)
    fail_if_keys_bad(flat, region, week)
    plain = flat.assign(**{region: plain_labels(flat[region]), week: ordered_periods(flat[week], week)})
    data = plain.rename(columns={region: "region", week: "week"}).set_index(["region", "week"]).sort_index()
    return _panel_of(data, roles or {}, weights)


def as_panel(panel: Panel | pd.DataFrame) -> Panel:
    """Take a panel as it is, or a frame whose index (or columns) hold region and week."""
    return panel if isinstance(panel, Panel) else panel_from_frame(panel)


def _panel_of(data: pd.DataFrame, roles: Mapping[str, Role], weights: Iterable[SpatialWeights]) -> Panel:
    named: dict[str, Role] = {str(c): roles.get(str(c), "other") for c in data.columns}
    return Panel(data=data, roles=MappingProxyType(named), weights=MappingProxyType({w.name: w for w in weights}))


def _describe_column(values: pd.Series, role: str, full: int) -> dict[str, object]:
    seen, label = values.dropna(), _labeller(values.index.unique("week"))
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    regions, weeks = (seen.index.get_level_values(level) for level in ("region", "week"))
    row: dict[str, object] = {
        "role": role,
        "cells": len(seen),
        "missing": full - len(seen),
        "share_missing": 1 - len(seen) / full if full else np.nan,
        "regions": regions.nunique(),
        "weeks": weeks.nunique(),
        "first_week": label(weeks.min()) if len(seen) else "",
        "last_week": label(weeks.max()) if len(seen) else "",
        "balanced": len(seen) == full,
    }
    moments = (
        {"mean": seen.mean(), "sd": seen.std(), "min": seen.min(), "max": seen.max()} if numeric and len(seen) else {}
    )
    return {**row, **{name: moments.get(name, np.nan) for name in ("mean", "sd", "min", "max")}}


def _unit(weeks: pd.Index) -> str:
    """Tell a panel by day, in which two periods lie a day apart, from one by week."""
    apart = np.diff(weeks.sort_values().to_numpy()) if isinstance(weeks, pd.DatetimeIndex) else np.array([])
    return "days" if (apart == np.timedelta64(1, "D")).any() else "weeks"


def _labeller(weeks: pd.Index) -> Callable[[object], str]:
    """Return what writes a period: a day as it is where the panel is by day, else a Monday as its ISO week."""
    return _day_label if _unit(weeks) == "days" else period_label


def _day_label(day: object) -> str:
    return f"{day:%Y-%m-%d}"
