"""Names of regions: every spelling of every province, and nothing guessed."""

import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.regions import RegionSystem, china_provinces

CHINA = china_provinces()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("湖北省", "CN-HB"),
        ("湖北", "CN-HB"),
        ("鄂", "CN-HB"),
        ("HUBEI", "CN-HB"),
        (" hubei  province ", "CN-HB"),
        ("CHN_HB", "CN-HB"),
        ("cn-hb", "CN-HB"),
        ("420000", "CN-HB"),
        (420000, "CN-HB"),
        ("Inner Mongolia", "CN-NM"),
        ("Nei Mongol", "CN-NM"),
        ("Neimenggu", "CN-NM"),
        ("内蒙古自治区", "CN-NM"),
        ("內蒙古", "CN-NM"),
        ("Inner Mongolia Autonomous Region", "CN-NM"),
        ("Tibet", "CN-XZ"),
        ("Xizang", "CN-XZ"),
        ("西藏自治区", "CN-XZ"),
        ("Shaanxi", "CN-SN"),
        ("陕西省", "CN-SN"),
        ("Shanxi", "CN-SX"),
        ("山西", "CN-SX"),
        ("Shānxī", "CN-SX"),
        ("Shǎnxī", "CN-SN"),
        ("Hēilóngjiāng", "CN-HL"),
        ("Guangxi Zhuang Autonomous Region", "CN-GX"),
        ("Ningxia Hui Autonomous Region", "CN-NX"),
        ("Xinjiang Uygur Autonomous Region", "CN-XJ"),
        ("Beijing Municipality", "CN-BJ"),
        ("Beijing City", "CN-BJ"),
        ("重庆市", "CN-CQ"),
    ],
)
def test_spellings(name, code):
    assert CHINA.code_of(name) == code


@pytest.mark.parametrize(
    "name", ["吉林市", "Jilin City", "Hubie", "Hong Kong", "Unknown", "China", "", None, float("nan")]
)
def test_what_is_no_province_is_not_guessed(name):
    assert CHINA.find(name) is None


def test_the_system_holds_31_provinces_with_unique_codes_and_one_parent():
    assert len(CHINA) == len(set(CHINA.codes)) == 31
    assert set(CHINA.table["parent"]) == {"CN"}
    assert CHINA.table["adcode"].is_unique
    assert "CN-HB" in CHINA
    assert "US-NY" not in CHINA


def test_unmatched_names_are_listed_with_counts_and_candidates():
    names = pd.Series(["Hubei", "Hubie", "Hubie", "Shanxxi", None], index=[3, 1, 4, 1, 5])
    found = CHINA.match(names)
    assert list(found.codes.index) == [3, 1, 4, 1, 5]
    assert found.codes.tolist() == ["CN-HB", None, None, None, None]
    listed = found.unmatched.set_index("name")
    assert listed.loc["Hubie", "count"] == 2
    assert "Hubei" in listed.loc["Hubie", "nearest"]
    assert {"Shanxi", "Shaanxi"} <= set(listed.loc["Shanxxi", "nearest"].split(", "))
    assert "(missing)" in listed.index


def test_an_error_names_the_nearest_candidates():
    with pytest.raises(DataError, match=r"'Guandong' is no region of China, 31 provinces\. Nearest: Guangdong"):
        CHINA.code_of("Guandong")
    with pytest.raises(DataError, match="no code"):
        CHINA.name_of("CN-ZZ")


def test_any_table_makes_a_system():
    table = pd.DataFrame({"code": ["US-NY", "US-NJ"], "name": ["New York", "New Jersey"], "short": ["NY|N.Y.", "NJ"]})
    states = RegionSystem.from_table(table, label="two states", name_columns=["short"], suffixes=["state"])
    assert [states.code_of(name) for name in ("new-york", "New York State", "n.y.", "NJ")] == [
        "US-NY",
        "US-NY",
        "US-NY",
        "US-NJ",
    ]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"code": ["A", "A"], "name": ["x", "y"]}, "repeated codes"),
        ({"code": ["A", "B"], "name": ["x", "X"]}, "names both A and B"),
        ({"cod": ["A"], "name": ["x"]}, "did you mean 'cod'"),
    ],
)
def test_a_bad_table_is_an_error(table, says):
    with pytest.raises(DataError, match=says):
        RegionSystem.from_table(pd.DataFrame(table), label="t")
