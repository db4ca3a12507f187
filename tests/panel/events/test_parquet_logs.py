"""Logs on disk, of events or of dyads, give the panel of the log in memory; bad rows are counted by reason."""

import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.events.assemble import assemble_events
from panelcoop.panel.events.dyad_panel import flow_table
from panelcoop.panel.events.dyads import expand_dyads
from panelcoop.panel.events.read import read_events
from panelcoop.simulate import simulate_events

ROUNDING = 1e-12  # sums in another order


@pytest.fixture(scope="module")
def drawn():
    return simulate_events(regions=6, weeks=8, seed=3)


@pytest.fixture(scope="module")
def log(drawn):
    return read_events(drawn.events, regions=drawn.regions)


@pytest.fixture(scope="module")
def panel(log):
    return assemble_events(log).data


def stored_as(layout, log, folder):
    dyads = expand_dyads(log.events)
    if layout == "events":
        return log.save(folder)[0]
    if layout == "partitions":
        for word, rows in dyads.groupby("mechanism"):
            (folder / f"mechanism={word}").mkdir(parents=True)
            rows.drop(columns="mechanism").to_parquet(folder / f"mechanism={word}" / "part.parquet")
        return folder
    for name, rows in (("part.pq", dyads[:99]), ("2020/02/part.parquet", dyads[99:])):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        rows.to_parquet(folder / name)
    (folder / "_temporary").mkdir()
    (folder / "_temporary" / "half.parquet").write_text("not finished")
    return folder


@pytest.mark.parametrize("layout", ["events", "partitions", "sub-folders"])
def test_a_log_on_disk_gives_the_same_panel(layout, drawn, log, panel, tmp_path):
    found = assemble_events(stored_as(layout, log, tmp_path / "log"), drawn.regions).data
    pd.testing.assert_frame_equal(found, panel, rtol=ROUNDING, atol=ROUNDING)


def test_flows_of_a_log_on_disk(drawn, log, tmp_path):
    found = flow_table(log.save(tmp_path)[0], drawn.regions)
    pd.testing.assert_frame_equal(found, flow_table(log), rtol=ROUNDING, atol=ROUNDING)


DYADS = {
    "day": pd.to_datetime(["2020-01-06", "2020-01-14", "2020-01-20"]),
    "source": ["A", "B", "A"],
    "target": ["B", "D", "D"],
    "mechanism": "agreement",
    "share": [1.0, 2.0, 3.0],
    "formality": [1.0, float("nan"), None],
}
EVENTS = {
    "start": pd.to_datetime(["2020-01-06", "2020-01-14"]),
    "end": pd.to_datetime(["2020-01-06", "2020-01-20"]),
    "source": ["A", "B|D"],
    "target": ["B", "B|D"],
    "mechanism": "agreement",
    "contents": ["", "policy|resource"],
}
REGIONS = pd.DataFrame({"code": ["A", "B", "D"]})


def stored(table, tmp_path):
    pd.DataFrame(table).to_parquet(tmp_path / "log.parquet")
    return tmp_path / "log.parquet"


@pytest.mark.parametrize(("table", "total"), [(DYADS, 12.0), (EVENTS, 4.0)])
def test_what_may_be_absent_is_filled(table, total, tmp_path):
    panel = assemble_events(stored(table, tmp_path), REGIONS)
    assert panel.data["intensity"].sum() == pytest.approx(total)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"share": [1.0, -2.0, 3.0]}, "1 with a share that is missing, negative or infinite"),
        ({"share": [1.0, None, float("inf")]}, "2 with a share"),
        ({"mechanism": ["agrement", None, "other"]}, "2 with no known mechanism"),
        ({"day": pd.to_datetime(["2020-01-06", None, None])}, "2 with no day"),
        ({"source": [None, "", "A"]}, "2 with no source or target"),
        ({"formality": [0.0, 6.0, 2.5]}, "3 with a formality that is no rung"),
        ({"mandated": [None, True, False]}, "1 with a flag"),
        ({"resource": [None, True, False]}, "1 with a flag"),
        ({"day": ["2020-01-06", "2020-01-14", "2020-02-30"]}, "wrong type: 'day'"),
        ({"share": ["1", "x", "3"]}, "wrong type: 'share'"),
    ],
)
def test_bad_dyads_are_counted_by_reason(change, message, tmp_path):
    with pytest.raises(DataError, match=message):
        assemble_events(stored({**DYADS, **change}, tmp_path), REGIONS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"end": pd.to_datetime(["2020-01-05", "2020-01-20"])}, "1 with an end before the start"),
        ({"start": pd.to_datetime([None, "2020-01-14"])}, "1 with no first or last day"),
        ({"target": ["A", "B|A"]}, "2 with a region that is both source and target"),
        ({"contents": ["money", None]}, "2 with an unknown content"),
        ({"weight": [-1.0, 1.0]}, "1 with a weight"),
    ],
)
def test_bad_events_are_counted_by_reason(change, message, tmp_path):
    with pytest.raises(DataError, match=message):
        assemble_events(stored({**EVENTS, **change}, tmp_path), REGIONS)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("log.csv", "day,source\n", "is no Parquet file"),
        ("log.parquet", "x", "cannot be read as Parquet"),
        ("empty", None, "holds no Parquet file"),
        ("absent.parquet", None, "no file"),
    ],
)
def test_what_is_no_parquet_says_so(name, content, message, tmp_path):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    elif name == "empty":
        path.mkdir()
    with pytest.raises(DataError, match=message):
        assemble_events(path, REGIONS)


def test_a_missing_column_names_the_remedy(tmp_path):
    with pytest.raises(DataError, match=r"lacks the column end; .*save\(folder\)"):
        assemble_events(stored({name: cells for name, cells in EVENTS.items() if name != "end"}, tmp_path), REGIONS)


def test_actors_no_region_system_knows_are_in_the_ledger(tmp_path):
    panel = assemble_events(stored({**DYADS, "source": ["Alpha", "B", "A|B"]}, tmp_path), REGIONS)
    reasons = panel.ledger.rows["reason"].tolist()
    assert sorted(reasons) == [f"dyads of an actor no region system knows: {name}" for name in ("Alpha", "A|B")]


def test_the_folder_of_a_saved_log_is_a_log(drawn, log, panel, tmp_path):
    log.save(tmp_path)
    pd.testing.assert_frame_equal(assemble_events(tmp_path, drawn.regions).data, panel, rtol=ROUNDING)
    again = read_events(tmp_path, regions=drawn.regions)
    assert len(again) == len(log)
    assert "rejected.parquet: the file stands beside the events" in again.report()


def test_tables_that_do_not_fit_together_are_named(drawn, log, tmp_path):
    log.save(tmp_path)
    other = log.events.assign(weight="much")
    other.to_parquet(tmp_path / "more.parquet")
    with pytest.raises(DataError, match="cannot be read as one table"):
        assemble_events(tmp_path, drawn.regions)
