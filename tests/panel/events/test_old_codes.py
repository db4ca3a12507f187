"""Old codes of regions are read as those of today, by the day of the event, and counted."""

import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.events.assemble import assemble_events
from panelcoop.panel.events.read import as_regions, read_events, with_code_changes
from panelcoop.panel.region_hierarchy import region_hierarchy

REGIONS = pd.DataFrame(
    [("A", "Alpha", "province", ""), ("B", "Beta", "province", ""), ("D", "Delta", "province", "")],
    columns=["code", "name", "level", "parent"],
)
CHANGES = pd.DataFrame(
    {"old": ["A0", "B0", "D"], "new": ["A", "A0", "B"], "since": ["2020-02-01", "2019-01-01", "2020-03-01"]}
)
ROWS = pd.DataFrame(
    {
        "date": ["2020-01-08", "2020-03-08", "2020-01-15", "2020-03-15", "no"],
        "source": ["A0", "A0|D", "B0", "A", "A0"],
        "target": ["B", "B0", "D", "D", "B"],
        "mechanism": "agreement",
    }
)


@pytest.fixture
def land():
    return region_hierarchy(REGIONS, label="land", changes=CHANGES)


def test_old_codes_are_read_as_new_ones(land):
    log = read_events(ROWS, regions=land)
    assert log.events[["row", "source", "target"]].values.tolist() == [
        [1, "A", "B"],
        [3, "A", "D"],  # D was itself until March
        [4, "A", "B"],
    ]
    assert log.rejected["row"].tolist() == [2, 5]
    assert "self-loop: A" in log.problems["problem"].iloc[0]  # A0 and B0 are A by now
    counts = log.ledger.rows[log.ledger.rows["action"] == "corrected"].set_index("reason")["count"].to_dict()
    assert counts == {
        "old code 'A0' read as 'A'": 3,
        "old code 'D' read as 'B'": 2,
        "old code 'B0' read as 'A'": 2,
    }
    assert log.problems["value"].tolist()[0] == "B0"  # problems show the cell as it was written


def test_a_hierarchy_gives_the_panel_its_regions(land):
    log = read_events(ROWS, regions=land)
    assert assemble_events(log).data.index.unique("region").tolist() == ["A", "B", "D"]
    pd.testing.assert_frame_equal(assemble_events(log, land).data, assemble_events(log).data)


def test_changes_come_from_a_file(tmp_path, land):
    REGIONS.to_csv(tmp_path / "regions.csv", index=False)
    CHANGES.to_csv(tmp_path / "changes.csv", index=False)
    joined = with_code_changes(tmp_path / "regions.csv", tmp_path / "changes.csv")
    pd.testing.assert_frame_equal(read_events(ROWS, regions=joined).events, read_events(ROWS, regions=land).events)
    with pytest.raises(DataError, match="no file"):
        with_code_changes(tmp_path / "regions.csv", tmp_path / "absent.csv")


@pytest.mark.parametrize("written", ["utf-8", "gb18030"])
def test_tables_of_regions_are_in_utf_8_or_the_encoding_of_the_log(tmp_path, written):
    table = pd.DataFrame({"code": ["A", "B"], "name": ["湖北", "山东"]})
    table.to_csv(tmp_path / "regions.csv", index=False, encoding=written)
    (tmp_path / "log.csv").write_text("start,source,target,mechanism\n2020-02-03,湖北,山东,other\n", encoding="gb18030")
    log = read_events(tmp_path / "log.csv", regions=tmp_path / "regions.csv", encoding="gb18030")
    assert log.events[["source", "target"]].values.tolist() == [["A", "B"]]


def test_tables_of_regions_in_parquet_and_in_an_unknown_encoding(tmp_path):
    table = pd.DataFrame({"code": ["A", "B"], "name": ["湖北", "山东"]})
    table.to_parquet(tmp_path / "regions.parquet")
    assert as_regions(tmp_path / "regions.parquet").find("湖北") == "A"
    table.to_csv(tmp_path / "regions.csv", index=False, encoding="gb18030")
    with pytest.raises(DataError, match="Name its encoding"):
        as_regions(tmp_path / "regions.csv")
