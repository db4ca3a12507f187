"""Days, numbers and names of the tables beside a log: read alike everywhere, never guessed, refused by row."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panelcoop.errors import DataError
from panelcoop.panel.events.coverage import coverage_grid, documents_grid
from panelcoop.panel.region_hierarchy import china_with_centre
from panelcoop.panel.tables import day_of, match_regions, read_days, read_numbers, read_table
from panelcoop.panel.weeks import DAYS, WEEKS

MONDAYS = pd.date_range("2020-01-06", periods=4, freq="7D", unit="us")


def column(*cells):
    return pd.Series(list(cells), name="date", dtype=object)


@pytest.mark.parametrize(
    "cell",
    ["2020-02-03", "2020-2-3", "2020/02/03", "20200203", 20200203, 20200203.0, "2020-W06", date(2020, 2, 3),
     pd.Timestamp("2020-02-03 14:00"), np.datetime64("2020-02-03"), " 2020-02-03T10:00 "],
)  # fmt: skip
def test_one_day_in_many_spellings(cell):
    assert read_days(column(cell), "the table").tolist() == [pd.Timestamp("2020-02-03")]


@pytest.mark.parametrize("cell", ["03/02/2020", "3.2.2020", "2020-30-01", "2020-W60", "43881", 43881, "soon", 1.5, ""])
def test_what_is_no_day_is_refused_by_table_column_and_row(cell):
    with pytest.raises(DataError, match=r"the table, column 'date': .* \(row 2\); write year-month-day"):
        read_days(column("2020-02-03", cell), "the table")


def test_weeks_end_on_sunday_and_empty_cells_may_be_missing():
    found = read_days(column("2020-W06", "", None, np.nan, pd.NaT), "the table", required=False, ends=True)
    assert found.tolist()[0] == pd.Timestamp("2020-02-09")
    assert found.isna().sum() == 4
    assert day_of("2019-W52", "x", ends=True) == pd.Timestamp("2019-12-29")


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2100, 1, 1)))
def test_days_survive_the_month_first_trap(day):
    """Whatever the day, its digits in another order are never read as another day."""
    assert read_days(column(f"{day:%Y-%m-%d}"), "t").iloc[0] == pd.Timestamp(day)
    with pytest.raises(DataError):
        read_days(column(f"{day:%d/%m/%Y}"), "t")


def test_numbers_name_table_column_cell_and_row():
    with pytest.raises(DataError, match="the table, column 'x': 1,5 in row 2 is not a finite number"):
        read_numbers(pd.Series(["1.5", "1,5"], name="x"), "the table")
    assert read_numbers(pd.Series([1, None]), "t").isna().tolist() == [False, True]


def test_names_are_matched_and_strangers_listed_with_candidates():
    system = china_with_centre()
    names = pd.Series(["湖北", "Jiangsu Province", "CN", "Hubie", ""], name="region")
    found = match_regions(names, ["CN-HB", "CN-JS"], system, table="t.csv")
    assert found.codes.tolist() == ["CN-HB", "CN-JS", None, None, ""]
    assert found.strange["name"].tolist() == ["CN", "Hubie"]
    assert "nearest: Hubei" in found.strange["nearest"].iloc[1]
    with pytest.raises(DataError, match=r"t.csv, column 'region': 'CN' \(row 3\) and 1 other names is no region"):
        match_regions(names, ["CN-HB", "CN-JS"], system, table="t.csv", strict=True)
    assert match_regions(pd.Series(["NA"], name="r"), ["NA"], None, table="t").codes.tolist() == ["NA"]  # Namibia


def test_a_table_is_read_as_text(tmp_path):
    (tmp_path / "t.csv").write_text("region,x\nNA,007\n,\n", encoding="utf-8")
    assert read_table(tmp_path / "t.csv").to_numpy().tolist() == [["NA", "007"], ["", ""]]
    (tmp_path / "l.csv").write_bytes("region\nÎle\n".encode("latin-1"))
    with pytest.raises(DataError, match="in UTF-8"):
        read_table(tmp_path / "l.csv")


COVERAGE = pd.DataFrame({"region": ["A", "B"], "first": ["2020-W03", 20200120], "last": ["2020-W04", ""]})


def test_coverage_reads_weeks_and_whole_numbers():
    found = coverage_grid(COVERAGE, ["A", "B"], MONDAYS, calendar=WEEKS)
    assert found.tolist() == [[False, True, True, False], [False, False, True, True]]
    days = pd.date_range("2020-01-24", periods=4, unit="us")
    assert coverage_grid(COVERAGE, ["A", "B"], days, calendar=DAYS)[0].tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first": ["", "2020-01-01"]}, r"coverage table, column 'first': the day is missing \(row 1\)"),
        ({"first": ["06/01/2020", "2020-01-01"]}, "is no day"),
        ({"region": ["N", "B"]}, r"coverage table, column 'region': 'N' \(row 1\) is no region of the panel"),
    ],
)
def test_coverage_is_checked(change, message):
    with pytest.raises(DataError, match=message):
        coverage_grid(COVERAGE.assign(**change), ["A", "B"], MONDAYS, calendar=WEEKS)


def test_documents_count_what_they_drop():
    table = pd.DataFrame(
        {"region": "A", "date": ["20200106", "2020-W03", "2019-12-01", "2020-01-12"], "documents": ["1", "2", "3", "4"]}
    )
    counts, ledger = documents_grid(table, ["A"], MONDAYS, calendar=WEEKS)
    np.testing.assert_array_equal(counts, [[5, 2, np.nan, np.nan]])
    assert ledger.rows[["reason", "count"]].to_numpy().tolist() == [["rows outside the window of the panel", 1]]
    with pytest.raises(DataError, match="no count of zero or more in row 2"):
        documents_grid(table.assign(documents=["1", "-2", "3", "4"]), ["A"], MONDAYS, calendar=WEEKS)
    with pytest.raises(DataError, match=r"'N' \(row 1, 2, 3, 4\) is no region of the panel"):
        documents_grid(table.assign(region="N"), ["A"], MONDAYS, calendar=WEEKS)


def test_rows_with_more_cells_than_the_header_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text("region,date,documents\nA,2020-02-03,1,5\nB,2020-02-03,1,6\n")
    with pytest.raises(DataError, match="more cells than the header"):
        read_table(tmp_path / "t.csv")
