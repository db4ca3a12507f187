"""What every table of a study is laid out on: its regions and periods, and how a table of the plan gets there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, name_few
from panelcoop.errors import DataError
from panelcoop.panel.events.contract import FIELDS
from panelcoop.panel.events.study_plan import StudyPlan
from panelcoop.panel.record import Ledger
from panelcoop.panel.regions import RegionSystem
from panelcoop.panel.tables import match_regions, read_days, read_numbers, read_table, refuse_repeated
from panelcoop.panel.weeks import Calendar

__all__ = ["Placed", "StudyGrid"]

DOCUMENT_COLUMNS = next((field.name, *field.aliases) for field in FIELDS if field.name == "document")


@dataclass(frozen=True)
class Placed:
    """A table whose regions are codes of the panel.

    Attributes
    ----------
    rows
        Rows of the panel's regions, and those that speak of all (an empty text).
    ledger
        Rows of other regions.
    """

    rows: pd.DataFrame
    ledger: Ledger


@dataclass(frozen=True)
class StudyGrid:
    """Regions and periods of a study, and the folder of its tables.

    Attributes
    ----------
    plan
        The plan.
    calendar
        Its calendar.
    system
        Its region system, if any.
    regions
        Codes of the panel's regions.
    periods
        First days of the panel's periods.
    """

    plan: StudyPlan
    calendar: Calendar
    system: RegionSystem | None
    regions: tuple[str, ...]
    periods: pd.DatetimeIndex

    @property
    def attributes(self) -> pd.DataFrame:
        """Rows of the region table for the panel's regions, in their order; without columns where there is no table."""
        index = pd.Index(list(self.regions), name="region")
        return pd.DataFrame(index=index) if self.system is None else self.system.table.reindex(index)

    def attribute(self, column: str) -> pd.Series:
        """Read a column of the region table as numbers.

        Raises
        ------
        DataError
            When there is no such column, or a cell is no number.
        """
        fail_if_columns_missing([column], self.attributes.columns, "The region table")
        return read_numbers(self.attributes[column], "The region table")

    def table(self, name: str) -> pd.DataFrame:
        """Read a table of the plan as text.

        Raises
        ------
        DataError
            When it is not in the plan's folder or cannot be read.
        """
        path = self.plan.folder / name
        if not path.is_file():
            msg = f"The plan names {name}, which is not in {self.plan.folder}."
            raise DataError(msg)
        return read_table(path)

    def placed(self, name: str, *columns: str) -> Placed:
        """Read a table and match its columns of regions, by default `region`; rows of other regions are left out."""
        table = self.table(name)
        named = columns or ("region",)
        fail_if_columns_missing(named, table.columns, name)
        found = {column: match_regions(table[column], self.regions, self.system, table=name) for column in named}
        known = table.assign(**{column: one.codes for column, one in found.items()})
        ledger = sum((one.ledger(name) for one in found.values()), Ledger.empty())
        return Placed(known[known[list(named)].notna().all(axis=1)], ledger)

    def named(self, name: str) -> Placed:
        """Read a table every row of which speaks of one region.

        Raises
        ------
        DataError
            When a region is missing.
        """
        found = self.placed(name)
        empty = np.flatnonzero(found.rows["region"] == "")
        if empty.size:
            msg = (
                f"{name} has no region in row {name_few(found.rows.index[empty] + 1)}; every row speaks of one region."
            )
            raise DataError(msg)
        return found

    def one_per_region(self, name: str) -> Placed:
        """Read a table that has one row for every region of the panel, in the order of the regions.

        Raises
        ------
        DataError
            When a region has no row or several.
        """
        found = self.named(name)
        refuse_repeated(found.rows[["region"]], name)
        rows = found.rows.set_index("region")
        absent = [region for region in self.regions if region not in rows.index]
        if absent:
            msg = f"{name} has no row for {name_few(absent)}."
            raise DataError(msg)
        return Placed(rows.loc[list(self.regions)], found.ledger)

    def by_period(self, name: str, column: str, *, how: Literal["mean", "sum"] = "mean") -> Placed:
        """Read a column of a table by region and date, and gather it by period.

        Parameters
        ----------
        name, column
            Table and column.
        how
            "mean" of the dates with a value; "sum" of all dates, missing where one is.

        Returns
        -------
        Placed
            All periods of the table by regions; a region without a row is missing.

        Raises
        ------
        DataError
            When a column is missing, a cell cannot be read, or a region and date stand twice.
        """
        found = self.named(name)
        fail_if_columns_missing(["date", column], found.rows.columns, name)
        days = read_days(found.rows["date"], name)
        refuse_repeated(found.rows[["region"]].assign(date=days), name)
        periods = pd.Series(self.calendar.starts(days), index=found.rows.index, name="week")
        groups = read_numbers(found.rows[column], name).groupby([periods, found.rows["region"]])
        values = groups.mean() if how == "mean" else groups.sum().where(groups.count() == groups.size())
        return Placed(values.unstack("region").reindex(columns=list(self.regions)), found.ledger)  # noqa: PD010

    def documents(self, name: str) -> set[str]:
        """List the ids of documents that a table was read from; empty where it has no such column."""
        table = self.table(name)
        told = [column for column in DOCUMENT_COLUMNS if column in table]
        return set(table[told[0]].str.strip()) - {""} if told else set()

    def reach(self, lag: int) -> pd.DatetimeIndex:
        """List the periods whose values a lag (or a lead) brings into the window."""
        return self.calendar.range(*(self.periods[at] - lag * self.calendar.step for at in (0, -1)))

    def moved(self, wide: pd.DataFrame, lag: int) -> pd.DataFrame:
        """Move a table of periods by regions ahead by a lag, and cut it to the window."""
        later = pd.DatetimeIndex(wide.index) + lag * self.calendar.step
        return wide.set_axis(later, axis=0).reindex(self.periods)

    def long(self, wide: pd.DataFrame) -> pd.Series:
        """Lay a table of the window's periods by regions out as a column of the panel."""
        index = pd.MultiIndex.from_product([list(self.regions), self.periods], names=["region", "week"])
        values = wide.reindex(index=self.periods, columns=list(self.regions)).to_numpy(float)
        return pd.Series(np.ascontiguousarray(values.T).ravel(), index=index)
