"""Contracts: a broken table is refused, with the column, the rows and the remedy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.schema import check_edges, check_panel, check_provinces, check_response_levels, check_weekly

MONDAY = pd.Timestamp("2020-01-06")


def weekly(**changes):
    table = {"iso": ["A", "B"], "week": [MONDAY, MONDAY], "y": [10.0, np.nan]}
    return pd.DataFrame({**table, **changes})


def test_good_weekly_table_passes_and_missing_cells_are_allowed():
    check_weekly(weekly(), {"y": (0, 100)}, "source")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y": [10.0, -1.0]}, r"column 'y' breaks in_range\(0, 100\) in 1 row \(B 2020-01-06: -1.0\); repair"),
        ({"y": [101.0, 102.0]}, r"column 'y' breaks in_range\(0, 100\) in 2 rows"),
        ({"week": [MONDAY, MONDAY + pd.Timedelta(days=2)]}, r"column 'week' breaks is a Monday in 1 row"),
        (
            {"iso": ["A", "A"]},
            r"share the same iso and week \(A 2020-01-06: row 0, A 2020-01-06: row 1\); keep",
        ),
    ],
)
def test_bad_weekly_table_is_named(changes, message):
    with pytest.raises(DataError, match=message):
        check_weekly(weekly(**changes), {"y": (0, 100)}, "source")


def test_absent_column_is_named():
    with pytest.raises(DataError, match=r"source has no column 'z'"):
        check_weekly(weekly(), {"z": (0, 100)}, "source")


def provinces(**changes):
    figures = [
        "grp_2018_100m_yuan",
        "grp_per_capita_2018_yuan",
        "population_2018_implied",
        "fiscal_revenue_2018_100m_yuan",
        "fiscal_expenditure_2018_100m_yuan",
    ]
    table = {**{key: [1.0, 2.0] for key in figures}, "tertiary_share_2019": [0.5, 0.6]}
    return pd.DataFrame({**table, **changes}, index=pd.Index(["A", "B"], name="iso"))


def test_provinces_need_a_population_and_a_share():
    check_provinces(provinces())
    with pytest.raises(DataError, match="population_2018_implied"):
        check_provinces(provinces(population_2018_implied=[1.0, np.nan]))
    with pytest.raises(DataError, match=r"tertiary_share_2019.*B: 60"):
        check_provinces(provinces(tertiary_share_2019=[0.5, 60]))


def test_edges_are_known_different_and_unique():
    pairs = pd.DataFrame({"a": ["A", "B"], "b": ["B", "C"]})
    check_edges(pairs, ["A", "B", "C"])
    for wrong in (pairs.assign(b=["B", "X"]), pairs.assign(b=["A", "C"]), pd.concat([pairs, pairs], ignore_index=True)):
        with pytest.raises(DataError, match="The contiguity table"):
            check_edges(wrong, ["A", "B", "C"])


def test_response_levels_have_ranks():
    table = pd.DataFrame({"iso": ["A"], "rank": [4], "part_of_province": [False], "date_start": [MONDAY]})
    check_response_levels(table)
    with pytest.raises(DataError, match="rank"):
        check_response_levels(table.assign(rank=5))


def panel_table():
    index = pd.MultiIndex.from_product([["A", "B"], [1, 2]], names=["region", "week"])
    return pd.DataFrame({"y": [1.0, 2, 3, 4]}, index=index)


def test_panel_keys_are_unique_complete_and_named():
    check_panel(panel_table())
    with pytest.raises(DataError, match="lacks 1 of its 4 region-weeks: B 2"):
        check_panel(panel_table().iloc[:3])
    check_panel(panel_table().iloc[:3], complete=False)
    with pytest.raises(DataError, match="repeated region-weeks: A 1"):
        check_panel(pd.concat([panel_table(), panel_table().iloc[:1]]))
    with pytest.raises(DataError, match="MultiIndex named"):
        check_panel(panel_table().rename_axis(["place", "week"]))


def test_stage_names_are_a_vocabulary():
    wrong = panel_table().assign(stage=pd.Categorical(["early", "late", "early", "late"]))
    with pytest.raises(DataError, match="categories early, late"):
        check_panel(wrong)
