"""The contract of every table: which columns, of which type, in which range, with which unique key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from panelcoop.checks import fail_if_columns_missing, name_few
from panelcoop.errors import DataError
from panelcoop.panel.stages import STAGES

if TYPE_CHECKING:
    import pandera.pandas as pa

__all__ = ["check_edges", "check_panel", "check_provinces", "check_response_levels", "check_weekly"]

POSITIVE = (
    "grp_2018_100m_yuan",
    "grp_per_capita_2018_yuan",
    "population_2018_implied",
    "fiscal_revenue_2018_100m_yuan",
    "fiscal_expenditure_2018_100m_yuan",
)


def check_provinces(provinces: pd.DataFrame) -> None:
    """Check the table of provinces: one row per region, positive figures, a share between zero and one.

    Raises
    ------
    DataError
        Names the column, the rows and the remedy.
    """
    import pandera.pandas as pa

    columns = {name: pa.Column(float, pa.Check.gt(0), nullable=True, coerce=True) for name in POSITIVE}
    columns["population_2018_implied"] = pa.Column(float, pa.Check.gt(0), coerce=True)
    columns["tertiary_share_2019"] = pa.Column(float, pa.Check.in_range(0, 1), nullable=True, coerce=True)
    _check(provinces, pa.DataFrameSchema(columns, index=pa.Index(str, unique=True)), "The table of provinces")


def check_weekly(frame: pd.DataFrame, variables: Mapping[str, tuple[float, float]], source: str) -> None:
    """Check the weekly figures of a source: unique region-weeks, Mondays, numbers in their range.

    Parameters
    ----------
    frame
        Columns `iso`, `week` and the variables.
    variables
        Variable to its smallest and largest possible value.
    source
        Name for messages.

    Raises
    ------
    DataError
        Names the column, the rows and the remedy.

    Examples
    --------
    >>> bad = pd.DataFrame({"iso": ["A"], "week": [pd.Timestamp("2020-01-06")], "stringency": [120.0]})
    >>> check_weekly(bad, {"stringency": (0, 100)}, "oxcgrt")
    Traceback (most recent call last):
    ...
    panelcoop.errors.DataError: oxcgrt: column 'stringency' breaks in_range(0, 100) in 1 row (A 2020-01-06: 120.0); ...
    """
    import pandera.pandas as pa

    monday = pa.Check(lambda weeks: weeks.dt.day_of_week == 0, error="is a Monday")
    columns = {"iso": pa.Column(str), "week": pa.Column("datetime64[ns]", monday, coerce=True)}
    columns |= {
        name: pa.Column(float, pa.Check.in_range(low, high), nullable=True, coerce=True)
        for name, (low, high) in variables.items()
    }
    _check(frame, pa.DataFrameSchema(columns, unique=["iso", "week"]), source)


def check_edges(edges: pd.DataFrame, regions: Sequence[str]) -> None:
    """Check the pairs of neighbours: regions of the system, no region beside itself, each pair once.

    Raises
    ------
    DataError
        Names the column, the rows and the remedy.
    """
    import pandera.pandas as pa

    known = pa.Check.isin(list(regions))
    different = pa.Check(lambda pairs: pairs["a"] != pairs["b"], error="two different regions")
    schema = pa.DataFrameSchema(
        {"a": pa.Column(str, known), "b": pa.Column(str, known)}, checks=different, unique=["a", "b"]
    )
    _check(edges, schema, "The contiguity table")


def check_response_levels(table: pd.DataFrame) -> None:
    """Check the declared response levels: ranks one to four, one declaration per region and day.

    Raises
    ------
    DataError
        Names the column, the rows and the remedy.
    """
    import pandera.pandas as pa

    columns = {
        "iso": pa.Column(str),
        "rank": pa.Column(float, pa.Check.in_range(1, 4), coerce=True),
        "part_of_province": pa.Column(bool, coerce=True),
        "date_start": pa.Column("datetime64[ns]", coerce=True),
    }
    _check(table, pa.DataFrameSchema(columns, unique=["iso", "date_start"]), "The table of response levels")


def check_panel(data: pd.DataFrame, *, complete: bool = True) -> None:
    """Check a panel: unique and, if asked, complete keys; sorted; stages named as they should be.

    Parameters
    ----------
    data
        MultiIndex (region, week).
    complete
        Whether every region must have every week.

    Raises
    ------
    DataError
        Names the column, the rows and the remedy.

    Examples
    --------
    >>> index = pd.MultiIndex.from_tuples([("A", 1), ("A", 2), ("B", 1)], names=["region", "week"])
    >>> check_panel(pd.DataFrame({"y": [1.0, 2.0, 3.0]}, index=index))
    Traceback (most recent call last):
    ...
    panelcoop.errors.DataError: The panel lacks 1 of its 4 region-weeks: B 2; ...
    """
    if list(data.index.names) != ["region", "week"]:
        msg = f"The panel needs a MultiIndex named (region, week); found {list(data.index.names)}."
        raise DataError(msg)
    if data.index.has_duplicates:
        twice = data.index[data.index.duplicated()]
        msg = f"The panel has {len(twice)} repeated region-weeks: {_keys(twice)}; keep one row each."
        raise DataError(msg)
    whole = pd.MultiIndex.from_product([data.index.unique("region"), data.index.unique("week")])
    absent = whole[~whole.isin(data.index)]
    if complete and len(absent):
        msg = f"The panel lacks {len(absent)} of its {len(whole)} region-weeks: {_keys(absent)}; add them as missing."
        raise DataError(msg)
    for name in (c for c in data.columns if isinstance(data[c].dtype, pd.CategoricalDtype)):
        odd = sorted(set(data[name].cat.categories) - set(STAGES))
        if odd:
            msg = f"Column '{name}' has categories {name_few(odd)}; stages are {', '.join(STAGES)}."
            raise DataError(msg)


def _check(frame: pd.DataFrame, schema: pa.DataFrameSchema, where: str) -> None:
    """Validate, and put what pandera found into one sentence per column and rule."""
    from pandera.errors import SchemaErrors

    fail_if_columns_missing(list(schema.columns), list(frame.columns), where)
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as fault:
        raise DataError(_sentences(fault.failure_cases, frame, where)) from None


def _sentences(cases: pd.DataFrame, frame: pd.DataFrame, where: str) -> str:
    found = []
    doubled = cases[cases["check"] == "multiple_fields_uniqueness"]
    cases = cases.drop(doubled.index)
    if len(doubled):
        key = " and ".join(doubled["column"].unique())
        where_they_are = sorted({_cell(frame, label, f"row {label}") for label in doubled["index"]})
        found.append(f"{where}: rows share the same {key} ({name_few(where_they_are)}); keep one row each.")
    for (column, rule), rows in cases.groupby(["column", "check"], sort=False, dropna=False):
        cells = [_cell(frame, row.index, row.failure_case) for row in rows.itertuples(index=False)]
        cells = list(dict.fromkeys(cells))
        one = "row" if len(cells) == 1 else "rows"
        name = f"column '{column}'" if isinstance(column, str) else "the key"
        found.append(f"{where}: {name} breaks {rule} in {len(cells)} {one} ({name_few(cells)}); repair or drop these.")
    return "\n".join(found)


def _cell(frame: pd.DataFrame, label: object, value: object) -> str:
    """Name a failing cell by its region and week, else by its row label."""
    if label not in frame.index or not {"iso", "week"} <= set(frame.columns):
        return str(value) if label is None else f"{label}: {value}"
    row = frame.loc[[label]].iloc[0]
    return f"{row['iso']} {row['week']:%Y-%m-%d}: {value}"


def _keys(index: pd.Index) -> str:
    return name_few(" ".join(f"{k:%Y-%m-%d}" if isinstance(k, pd.Timestamp) else str(k) for k in key) for key in index)
