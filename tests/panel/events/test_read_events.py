"""Every problem is named with its row, every row is accounted for, and no input crashes the reader."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panelcoop.errors import DataError, PanelcoopError
from panelcoop.panel.events.contract import EVENT_COLUMNS, FIELDS, codebook, event_schema
from panelcoop.panel.events.read import as_regions, read_events
from panelcoop.panel.regions import china_provinces
from panelcoop.simulate import simulate_events

GOOD = {"date": "2020-02-10", "source": "Jiangsu", "target": "湖北", "mechanism": "agreement"}


def log_of(*rows, **options):
    return read_events(pd.DataFrame([{**GOOD, **row} for row in rows]), regions=china_provinces(), **options)


def problem_of(row, **options):
    log = log_of(row, **options)
    assert len(log) + len(log.rejected) == 1
    return "; ".join(log.problems["problem"])


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"source": "Hubie"}, "unknown region 'Hubie' (nearest: Hubei"),
        ({"source": ""}, "the region is missing"),
        ({"date": "2020-02-30"}, "impossible date"),
        ({"date": "10/02/2020"}, "impossible date"),
        ({"date": "2020-0210"}, "impossible date"),
        ({"date": "2020110"}, "impossible date"),
        ({"date": "2920-02-10"}, "the year is not between 1900 and 2100"),
        ({"date": "0020-02-10"}, "the year is not between 1900 and 2100"),
        ({"date": ""}, "the date is missing"),
        ({"end": "2020-01-01"}, "ends before it starts"),
        ({"end": "soon"}, "impossible date"),
        ({"source": "湖北"}, "self-loop: CN-HB"),
        ({"source": "湖北|江苏"}, "self-loop: CN-HB"),
        ({"mechanism": "counterpart suport"}, "did you mean 'counterpart_support'"),
        ({"mechanism": None}, "the mechanism is missing"),
        ({"contents": "resource|money"}, "unknown content 'money'"),
        ({"weight": -0.5}, "negative weight"),
        ({"weight": "inf"}, "not a number"),
        ({"weight": "many"}, "not a number"),
        ({"weight": "1_000"}, "not a number"),
        ({"formality": 6}, "unknown formality"),
        ({"mandated": "perhaps"}, "neither true nor false"),
        ({"source_level": "village"}, "unknown level 'village'"),
    ],
)
def test_each_problem_is_named(row, problem):
    assert problem in problem_of(row)


def test_week_outside_the_calendar():
    assert "outside the calendar (2020-W01 to 2020-W06)" in problem_of({}, window=("2020-W01", "2020-W06"))
    assert problem_of({}, window=("2020-W01", "2020-W07")) == ""


def test_an_event_that_reaches_beyond_the_window_is_cut_not_lost():
    log = log_of({"date": "2020-02-08", "end": "2020-02-11"}, {"date": "2020-02-14", "end": "2020-02-20"},
                 {"date": "2020-02-01", "end": "2020-02-09"}, window=("2020-W07", "2020-W07"))  # fmt: skip
    assert log.events["row"].tolist() == [1, 2]
    assert "outside the calendar" in log.rejected["reasons"].iloc[0]
    entry = log.ledger.rows[log.ledger.rows["action"] == "corrected"].iloc[0]
    assert (entry["count"], entry["before"], entry["after"]) == (2, 4 + 7, 2 + 3)  # days
    assert log.window == (pd.Timestamp("2020-02-10"), pd.Timestamp("2020-02-16"))


def test_good_row_is_read_whole():
    row = {
        "end": "2020/02/12",
        "target": "湖北;Hunan",
        "contents": "policy; resource",
        "mechanism": "Joint-Departmental",
        "weight": 2,
        "formality": "Standing Body",
        "mandated": "yes",
        "document_id": "x1",
        "source_level": "Province",
    }
    event = log_of(row).events.iloc[0]
    assert event["start"] == pd.Timestamp("2020-02-10")
    assert event["end"] == pd.Timestamp("2020-02-12")
    assert (event["source"], event["target"]) == ("CN-JS", "CN-HB|CN-HN")
    assert (event["contents"], event["mechanism"]) == ("resource|policy", "joint_departmental")
    assert (event["weight"], event["formality"], event["mandated"]) == (2.0, 4.0, True)
    assert (event["document"], event["source_level"], event["row"]) == ("x1", "province", 1)


def test_counterpart_support_is_ordered_whatever_the_flag_says():
    log = log_of({"mechanism": "counterpart_support", "mandated": "false"})
    assert log.events["mandated"].tolist() == [True]
    assert "counts as ordered" in str(log.ledger)


def test_duplicates_come_first_and_point_to_the_first_row():
    log = log_of({"document": "a"}, {"document": "a", "contents": "policy"}, {"document": "b"}, {}, {}, {"weight": 2})
    assert log.events["row"].tolist() == [1, 3, 4, 6]
    assert log.problems["problem"].tolist() == [
        "duplicate document: the same event as table: row 1",
        "exact duplicate of table: row 4",
    ]


def test_a_duplicate_of_a_bad_row_is_kept():
    log = log_of({"document": "a", "weight": -1}, {"document": "a", "weight": 1})
    assert log.events["row"].tolist() == [2]


def test_mutual_event_is_no_self_loop():
    assert log_of({"source": "湖北|江苏", "target": "Jiangsu|Hubei"}).events["source"].tolist() == ["CN-HB|CN-JS"]


def test_formats_agree(tmp_path):
    drawn = simulate_events(regions=5, weeks=4, faults=1, seed=1)
    plain = read_events(drawn.events, regions=drawn.regions)
    drawn.events.to_csv(tmp_path / "log.csv", index=False)
    drawn.events.to_parquet(tmp_path / "log.parquet")
    drawn.regions.to_csv(tmp_path / "regions.csv", index=False)
    others = {
        "polars": read_events(pl.from_pandas(drawn.events), regions=drawn.regions),
        "csv": read_events(tmp_path / "log.csv", regions=tmp_path / "regions.csv"),
        "parquet": read_events(tmp_path / "log.parquet", regions=drawn.regions),
    }
    for name, log in others.items():
        pd.testing.assert_frame_equal(log.events.drop(columns="file"), plain.events.drop(columns="file"), obj=name)
        assert log.rejected["row"].tolist() == drawn.faults["row"].tolist()


def test_a_folder_is_read_file_by_file(tmp_path):
    for name in ("a.csv", "b.csv"):
        pd.DataFrame([GOOD, {**GOOD, "date": "no"}]).to_csv(tmp_path / name, index=False)
    log = read_events(tmp_path)
    assert log.events["file"].tolist() == ["a.csv"]  # the same event again in b.csv
    assert log.problems["file"].tolist() == ["a.csv", "b.csv", "b.csv"]


def test_a_folder_is_read_with_its_sub_folders_and_other_files_are_named(tmp_path):
    (tmp_path / "2020" / "02").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    for place in ("a.csv", "2020/02/b.csv.gz", ".hidden/c.csv"):
        pd.DataFrame([{**GOOD, "document": place}]).to_csv(tmp_path / place, index=False)
    (tmp_path / "2020" / "notes.xlsx").write_text("")
    log = read_events(tmp_path)
    assert log.events["file"].tolist() == ["2020/02/b.csv.gz", "a.csv"]
    assert log.ledger.rows[["source", "reason"]].values.tolist() == [
        ["2020/notes.xlsx", "the file is neither CSV nor Parquet: not read"]
    ]
    assert "2020/notes.xlsx" in log.report()


def test_columns_that_are_not_read_are_named():
    log = log_of({"formalty": 3, "Weigth": 2, "comment": "x"})
    reasons = log.ledger.rows["reason"].tolist()
    assert reasons == [
        "column 'formalty' is not read; did you mean 'formality'?",
        "column 'Weigth' is not read; did you mean 'weight'?",
        "columns that are no field are not read (comment)",
    ]
    assert all(reason in log.report() for reason in reasons)
    assert log_of({"formality": 3}).ledger.rows.empty


def test_own_headers_must_name_fields():
    with pytest.raises(DataError, match="did you mean 'formality'"):
        read_events(pd.DataFrame([{**GOOD, "rung": 3}]), columns={"rung": "formalty"})


def test_mixed_encodings_name_their_rows(tmp_path):
    head = b"date,source,target,mechanism\n"
    rows = ["2020-02-10,湖北,江苏,agreement\n".encode(), "2020-02-11,湖北,江苏,agreement\n".encode("gb18030")]
    (tmp_path / "mixed.csv").write_bytes(head + b"".join(rows))
    log = read_events(tmp_path / "mixed.csv", regions=china_provinces())
    assert log.problems[["row", "problem"]].values.tolist() == [
        [2, "mixed encodings: the row is not in the encoding of the file; save the file as UTF-8"]
    ]
    (tmp_path / "old.csv").write_bytes(head + rows[1])
    assert len(read_events(tmp_path / "old.csv", regions=china_provinces(), encoding="gb18030")) == 1


def test_ragged_rows_are_rejected(tmp_path):
    (tmp_path / "r.csv").write_text("date,source,target,mechanism\n2020-01-01,A,B\n2020-01-01,A,B,other,5\n")
    assert read_events(tmp_path / "r.csv").problems["row"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", "", "is empty"),
        ("x.csv", "date,source,target\n", "lacks the column 'mechanism'"),
        ("x.csv", "date,start,source,target,mechanism\n", "both hold 'start'"),
        ("x.parquet", "no parquet", "cannot be read as Parquet"),
        ("x.doc", "", "neither CSV nor Parquet"),
    ],
)
def test_what_is_no_log_says_so(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read_events(tmp_path / name)


def test_rejected_rows_are_saved(tmp_path):
    log = log_of({}, {"weight": -1})
    paths = log.save(tmp_path)
    assert pd.read_parquet(paths[1])["reasons"].tolist() == ["negative weight"]
    assert len(pd.read_parquet(paths[0])) == 1


def test_codebook_and_schema_list_the_same_fields():
    assert codebook().index.tolist() == [field.name for field in FIELDS]
    assert list(event_schema().columns) == list(EVENT_COLUMNS)


cell = st.one_of(st.none(), st.text(max_size=12), st.integers(), st.floats(), st.dates(), st.lists(st.text(max_size=3)))
field = st.sampled_from([f.name for f in FIELDS])
likely = st.sampled_from(
    ["2020-02-10", "湖北", "Jiangsu", "agreement", "policy", "1", "true", "2", "", "湖北|江苏", "d1"]
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(st.dictionaries(field, st.one_of(cell, likely), max_size=12), max_size=6), known=st.booleans())
def test_no_table_crashes_or_loses_a_row(rows, known):
    table = pd.DataFrame([{**dict.fromkeys(["start", "source", "target", "mechanism"]), **row} for row in rows])
    try:
        log = read_events(table, regions=china_provinces() if known else None)
    except PanelcoopError:
        assert table.empty
        return
    accounted = sorted([*log.events["row"], *log.rejected["row"]])
    assert accounted == list(range(1, len(rows) + 1))
    assert set(log.problems["row"]) == set(log.rejected["row"])
    assert np.isfinite(log.events["weight"].astype(float)).all()


@pytest.mark.parametrize("cell", ["2020-02-04T25:00", "2020-02-04 10:60", "2020-02-04T10:00 or so"])
def test_a_time_of_day_that_does_not_exist_is_no_date(cell):
    row = {"source": ["A"], "target": ["B"], "mechanism": ["agreement"]}
    log = read_events(pd.DataFrame({"date": [cell], **row}))
    assert "impossible date" in log.rejected["reasons"].iloc[0]
    for good in ("2020-02-04T23:59", "2020-02-04 10:00:00.5", "2020-02-04T10:00:00+08:00", "2020-02-04T10:00Z"):
        assert len(read_events(pd.DataFrame({"date": [good], **row}))) == 1


def test_without_an_id_the_same_event_in_another_spelling_is_a_duplicate():
    log = log_of({"source": "江苏", "date": "2020-02-01"}, {"source": "Jiangsu", "date": "2020/2/1"})
    assert log.problems["problem"].tolist() == ["exact duplicate of table: row 1"]


def test_a_bad_row_that_repeats_another_says_both():
    log = log_of({"document": "a"}, {"document": "a", "weight": -1}, {"document": "a", "date": "no", "weight": -1})
    assert log.problems[["row", "problem"]].values.tolist() == [
        [2, "negative weight"],
        [2, "duplicate document: the same event as table: row 1"],
        [3, "impossible date; write year-month-day, such as 2020-02-10"],
        [3, "negative weight"],
    ]


def test_an_empty_file_of_a_folder_is_noted(tmp_path):
    (tmp_path / "a.csv").write_text("\n")
    with pytest.raises(DataError, match="holds no CSV or Parquet file with a header"):
        read_events(tmp_path)
    pd.DataFrame([GOOD]).to_csv(tmp_path / "b.csv", index=False)
    log = read_events(tmp_path)
    assert len(log) == 1
    assert log.ledger.rows[["source", "reason"]].values.tolist() == [["a.csv", "the file is empty: not read"]]


def test_a_space_may_stand_before_a_quoted_cell(tmp_path):
    lines = 'date, source, target, mechanism\n2020-02-10, "A", "B|C", "agreement"\n'
    (tmp_path / "log.csv").write_text(lines)
    assert read_events(tmp_path / "log.csv").events[["source", "target"]].values.tolist() == [["A", "B|C"]]


def test_lazy_frames_are_collected():
    assert len(read_events(pl.DataFrame([GOOD]).lazy())) == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"parent": ["", "X", "B"]}, "no row: X"),
        ({"parent": ["", "C", "B"]}, "puts B under"),
        ({"code": ["A", " ", "C"]}, "missing or repeated codes"),
    ],
)
def test_a_region_table_that_does_not_hang_together_is_refused(rows, message):
    table = pd.DataFrame({"code": list("ABC"), "name": list("abc"), "level": ["province", "city", "county"]})
    assert as_regions(table.assign(parent=["elsewhere", "A", "B"])).codes == ["A", "B", "C"]
    with pytest.raises(DataError, match=message):
        as_regions(table.assign(**{"parent": ["", "A", "B"], **rows}))


def test_a_region_file_with_more_cells_than_headers_is_refused(tmp_path):
    path = tmp_path / "regions.csv"
    for end in ("", "x"):
        path.write_text(f"code,name\nA,Alpha,{end}\nB,Beta,{end}\n")
        with pytest.raises(DataError, match="more cells than the header"):
            as_regions(path)
