"""Levels, parents, aliases and changes of code; the shipped systems are complete."""

import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.region_hierarchy import china_with_centre, extend_system, region_hierarchy, us_states

ROWS = pd.DataFrame(
    [
        ("N", "Land", "nation", "", "Le Pays|国家"),
        ("P", "Upper", "province", "N", ""),
        ("Q", "Lower", "province", "N", ""),
        ("T", "Mill Town", "city", "P", "Milltown"),
        ("K", "Brook County", "county", "T", ""),
    ],
    columns=["code", "name", "level", "parent", "other_names"],
)
CHANGES = pd.DataFrame({"old": ["T0"], "new": ["T"], "since": ["2016-01-01"]})


@pytest.fixture
def land():
    return region_hierarchy(ROWS, label="land", changes=CHANGES)


def test_ancestors_and_children(land):
    assert [land.ancestor("K", level) for level in ("county", "city", "province", "nation")] == ["K", "T", "P", "N"]
    assert land.ancestor("Q", "city") is None
    assert land.children("N") == ["P", "Q"]
    assert land.parent("N") is None


def test_aliases_and_old_codes(land):
    assert land.code_of("国家") == "N"
    assert land.code_of("milltown") == "T"
    assert land.code_of("T0") == land.code_of("T0", "2015-06-01") == "T"
    with pytest.raises(DataError, match="T9"):
        land.code_of("T9", "2015-06-01")


def test_an_old_code_that_is_still_a_region_means_it_until_it_is_replaced():
    changes = pd.DataFrame({"old": ["Q"], "new": ["P"], "since": ["2016-01-01"]})
    merged = region_hierarchy(ROWS, label="land", changes=changes)
    assert [merged.find("Q", day) for day in ("2015-12-31", "2016-01-01", None)] == ["Q", "P", "P"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"old": ["a", "a"], "new": ["T", "P"], "since": "2016-01-01"}, "replaced twice"),
        ({"old": ["a"], "new": ["T"], "since": ["01/02/2016"]}, "no day year-month-day"),
        ({"old": ["a"], "new": ["T"]}, "no column 'since'"),
    ],
)
def test_bad_changes_of_code_are_named(changes, message):
    with pytest.raises(DataError, match=message):
        region_hierarchy(ROWS, label="land", changes=pd.DataFrame(changes))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"level": ["nation", "province", "province", "town", "county"]}, "unknown levels town"),
        ({"parent": ["", "N", "N", "X", "T"]}, "no row: X"),
        ({"parent": ["", "N", "P", "P", "T"]}, "puts Q under"),
        ({"other_names": ["", "twin", "twin", "", ""]}, "names both"),
    ],
)
def test_bad_tables_are_named(change, message):
    with pytest.raises(DataError, match=message):
        region_hierarchy(ROWS.assign(**change), label="land")


def test_changes_in_a_circle_are_refused():
    circle = pd.DataFrame({"old": ["a", "b"], "new": ["b", "a"], "since": "2016-01-01"})
    with pytest.raises(DataError, match="circle"):
        region_hierarchy(ROWS, label="land", changes=circle).code_of("a")


def test_cities_can_be_added_to_china():
    wuhan = pd.DataFrame(
        {"code": ["420100"], "name": ["Wuhan"], "level": ["city"], "parent": ["CN-HB"], "name_zh": ["武汉市"]}
    )
    system = extend_system(china_with_centre(), wuhan)
    assert system.code_of("武汉市") == "420100"
    assert system.table.loc["420100", "parent"] == "CN-HB"


def test_shipped_systems():
    china, states = china_with_centre(), us_states()
    assert (china.table["parent"] == "CN").sum() == 31
    assert (states.table["parent"] == "US").sum() == 51
    assert states.code_of("District of Columbia") == states.code_of("DC") == "US-DC"
    assert states.code_of("Washington") == "US-WA"
    assert states.code_of("加利福尼亚州") == "US-CA"


def test_numbers_as_codes_and_every_column_of_names():
    table = ROWS.assign(code=[1, 2, 3, 4, 5], parent=[None, 1, 1, 2, 4], name_zh=["国", "上", "下", "坊", "溪"])
    numbered = region_hierarchy(table, label="land")
    assert numbered.ancestor("溪", "province") == "2"
    assert numbered.children("1") == ["2", "3"]


def test_states_are_known_by_their_short_chinese_names():
    assert [us_states().find(name) for name in ("加利福尼亚", "纽约", "华盛顿")] == ["US-CA", "US-NY", None]
