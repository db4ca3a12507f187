"""The 25 French records: 24 events, 598 patients, in both layouts."""

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.events.adapters.transfers import PUBLIC_NAMES, read_patient_transfers
from panelcoop.panel.events.assemble import assemble_events
from panelcoop.panel.weeks import DAYS

RECORDED = 604  # sum of the column `patients`
TWICE = 6  # to Germany on 31 March, inside the last record
ROUNDING = 1e-12


@pytest.fixture(scope="module")
def table(root):
    return pd.read_csv(root / "data" / "facts" / "france_patient_transfers_2020.csv")


@pytest.fixture(scope="module")
def log(table):
    return read_patient_transfers(table)


def test_the_overlapping_record_counts_once(log, table):
    assert table["patients"].sum() == RECORDED
    assert len(log) + len(log.rejected) == 25
    assert log.rejected["row"].tolist() == [13]
    assert log.events["weight"].sum() == RECORDED - TWICE


def test_the_published_headers_give_the_same_log(log, table, tmp_path):
    published = table.rename(columns={new: old for old, new in PUBLIC_NAMES.items()})
    published["debut_transfert"] = pd.to_datetime(published["debut_transfert"]).dt.strftime("%d/%m/%Y")
    published.to_csv(tmp_path / "t.csv", index=False, sep=";")
    published.to_json(tmp_path / "t.json", orient="records", force_ascii=False)
    for name in ("t.csv", "t.json"):
        pd.testing.assert_frame_equal(read_patient_transfers(tmp_path / name).events, log.events)


def test_regions_by_days(log, table):
    panel = assemble_events(log, calendar=DAYS)
    assert panel.data.shape[0] == 13 * 19
    sent = panel.data["out_intensity"].groupby("region").sum()
    by_hand = table[table["source_region"] == "Île-de-France"]["patients"].sum()
    assert sent["FR-IDF"] == pytest.approx(by_hand)
    assert sent["FR-GES"] == pytest.approx(312)
    assert panel.data["out_intensity"].sum() == pytest.approx(RECORDED - TWICE)
    at_home = table["target_region"].notna()
    assert panel.data["in_intensity"].sum() == pytest.approx(table.loc[at_home, "patients"].sum())


def test_a_day_by_hand(log):
    """On 2 April: 12/2 to Occitanie, 1/3 of 48, 38, 14 and 13, and 172/16 abroad."""
    day = assemble_events(log, calendar=DAYS).data.xs(pd.Timestamp("2020-04-02"), level="week")
    np.testing.assert_allclose(day.loc["FR-IDF", "out_intensity"], (48 + 38 + 14 + 13) / 3, rtol=ROUNDING)
    np.testing.assert_allclose(day.loc["FR-GES", "out_intensity"], 12 / 2 + 172 / 16, rtol=ROUNDING)
    assert day.loc["FR-NOR", "in_intensity"] == pytest.approx((38 + 14) / 3)
    assert day.loc["FR-GES", "breadth"] == pytest.approx(5 / 16)  # Occitanie and four countries
    assert day.loc["FR-GES", "reciprocity"] == 0
    assert np.isnan(day.loc["FR-HDF", "reciprocity"])
    assert day.loc["FR-HDF", "intensity"] == 0


def test_two_vehicles_of_one_day_are_two_transfers(table):
    one = table.head(1)
    twice = pd.concat([one, one.assign(vehicle="another"), one], ignore_index=True)
    log = read_patient_transfers(twice)
    assert log.events["row"].tolist() == [1, 2]
    assert log.rejected["row"].tolist() == [3]


def test_files_that_are_no_table_of_transfers(tmp_path, table):
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(DataError, match="cannot be read as a table of transfers"):
        read_patient_transfers(tmp_path / "empty.csv")
    accented = table.head(1).assign(source_region="Île-de-France")
    accented.to_csv(tmp_path / "t.csv", index=False, encoding="cp1252")
    assert read_patient_transfers(tmp_path / "t.csv", encoding="cp1252").events["source"].tolist() == ["FR-IDF"]
    with pytest.raises(DataError, match="cannot be read in utf-8"):
        read_patient_transfers(tmp_path / "t.csv")
