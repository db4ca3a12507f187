"""GDELT and CoronaNet: small tables in the published layouts."""

import gzip
from zipfile import ZipFile

import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.events.adapters.coronanet import CORONANET_COLUMNS, read_coronanet
from panelcoop.panel.events.adapters.gdelt import GDELT_COLUMNS, read_gdelt
from panelcoop.panel.region_hierarchy import us_states

REGIONS = pd.DataFrame(
    [("CN", "China", "nation", ""), ("CN-HB", "Hubei", "province", "CN"), ("CN-JS", "Jiangsu", "province", "CN")],
    columns=["code", "name", "level", "parent"],
)


COUNTRIES = {"China": "CH", "France": "FR", "Georgia": "GG", "Liberia": "LI", "United States": "US"}  # FIPS 10-4


def gdelt_row(code, first, second, **cells):
    """One row in the published layout; places are written as the source writes them, city, region and country."""
    row = dict.fromkeys(GDELT_COLUMNS, "")
    row |= {"SQLDATE": "20200210", "EventCode": code, "EventRootCode": code[:2], "SOURCEURL": f"u{code}{second}"}
    for actor, place in (("Actor1", first), ("Actor2", second)):
        land = COUNTRIES.get(place.rsplit(", ", maxsplit=1)[-1], "")
        row |= {f"{actor}Type1Code": "GOV", f"{actor}Geo_FullName": place, f"{actor}Geo_CountryCode": land}
        row[f"{actor}Geo_Type"] = {0: "1", 1: "5", 2: "4"}[place.count(",")] if place else "0"
    return row | cells


def gdelt(*rows):
    return pd.DataFrame(rows)[list(GDELT_COLUMNS)]


def test_gdelt(tmp_path):
    rows = [
        gdelt_row("057", "Nanjing, Jiangsu, China", "Wuhan, Hubei, China"),
        gdelt_row("071", "China", "Wuhan, Hubei, China"),
        gdelt_row("040", "Jiangsu, China", "Hubei, China"),
        gdelt_row("071", "Nanjing, Jiangsu, China", "Lyon, Rhone, France"),
        gdelt_row("190", "Jiangsu, China", "Hubei, China"),
        gdelt_row("071", "Jiangsu, China", "Hubei, China", Actor1Type1Code="MIL"),
        gdelt_row("057", "Nanjing, Jiangsu, China", "Wuhan, Hubei, China"),
        gdelt_row("064", "Somewhere, X, China", "Hubei, China", Actor1Geo_ADM1Code="CH04"),
        gdelt_row("050", "Somewhere, Y, China", "Hubei, China"),
        gdelt_row("050", "", "Hubei, China"),
    ]
    gdelt(*rows).to_csv(tmp_path / "g.CSV", sep="\t", header=False, index=False)
    log = read_gdelt(tmp_path / "g.CSV", REGIONS, places={"CH04": "CN-JS"})
    found = log.events[["source", "target", "mechanism", "contents", "formality"]].fillna(0).values.tolist()
    assert found == [
        ["CN-JS", "CN-HB", "agreement", "policy", 3],
        ["CN", "CN-HB", "other", "resource", 0],
        ["CN-JS", "CN-HB", "other", "information", 1],
        ["CN-JS", "CN-HB", "other", "information", 0],
    ]
    lost = log.ledger.rows.set_index("reason")["count"].to_dict()
    assert lost == {
        "no cooperative class": 1,
        "an actor is no government or not named": 1,
        "an actor is placed in another country": 1,
        "duplicate document": 1,
        "unknown region": 1,
        "the region is missing": 1,
    }


def test_gdelt_puts_no_foreign_actor_in_a_region_of_the_same_name():
    houston = "Houston, Texas, United States"
    rows = [
        gdelt_row("057", "Georgia", houston),
        gdelt_row("057", "Victoria, Maryland, Liberia", houston),
        gdelt_row("057", "Atlanta, Georgia, United States", houston),
        gdelt_row("057", "United States", houston),
        gdelt_row("057", "Somewhere, United States", houston, Actor1Geo_ADM1Code="USMD"),
    ]
    for number, row in enumerate(rows):
        row["SOURCEURL"] = str(number)
    log = read_gdelt(gdelt(*rows), us_states())
    assert log.events["source"].tolist() == ["US-GA", "US", "US-MD"]
    assert log.rejected.empty
    assert log.ledger.rows["count"].tolist() == [2]


def test_gdelt_needs_to_know_the_country():
    provinces = REGIONS[REGIONS["level"] == "province"]
    table = gdelt(
        gdelt_row("057", "Nanjing, Jiangsu, China", "Wuhan, Hubei, China"),
        gdelt_row("057", "Hubei, France", "Jiangsu, China"),
    )
    with pytest.raises(DataError, match="country='China'"):
        read_gdelt(table, provinces)
    for name in ("China", "CH"):
        assert len(read_gdelt(table, provinces, country=name)) == 1
    abroad = pd.concat([REGIONS, pd.DataFrame([{"code": "FR", "name": "France", "level": "outside", "parent": ""}])])
    assert read_gdelt(table, abroad).events["source"].tolist() == ["CN-JS", "FR"]


def test_gdelt_codes_that_were_read_as_numbers(tmp_path):
    place = ("Jiangsu, China", "Hubei, China")
    table = gdelt(*(gdelt_row(code, *place) for code in ("057", "064", "0331", "042")))
    expected = read_gdelt(table, REGIONS).events
    numbers = table.astype(dict.fromkeys(("SQLDATE", "EventCode", "EventRootCode"), float))
    pd.testing.assert_frame_equal(
        read_gdelt(numbers, REGIONS).events.drop(columns="document"), expected.drop(columns="document")
    )
    table.to_csv(tmp_path / "headed.csv", sep="\t", index=False)
    pd.testing.assert_frame_equal(read_gdelt(tmp_path / "headed.csv", REGIONS).events, expected)


def test_what_is_no_gdelt_says_so(tmp_path):
    (tmp_path / "g.csv").write_text("1\t2\n")
    (tmp_path / "g.zip").write_text("x")
    row = gdelt(gdelt_row("057", "Jiangsu, China", "Hubei, China"))
    cases = {
        "has 2 columns": tmp_path / "g.csv",
        "cannot be read as GDELT": tmp_path / "g.zip",
        "is a folder": tmp_path,
        "no column 'SOURCEURL'": row.drop(columns="SOURCEURL"),
    }
    for message, source in cases.items():
        with pytest.raises(DataError, match=message):
            read_gdelt(source, REGIONS)


def test_gdelt_lines_that_are_torn_or_no_utf_8(tmp_path):
    good = "\t".join(gdelt_row("057", "Jiangsu, China", "Hubei, China").values())
    lines = [good, "1\t2", good + "\tmore", good.replace("u057", "ü057"), ""]
    data = "\r\n".join(lines).encode("latin-1")
    (tmp_path / "g.csv").write_bytes(data)
    with ZipFile(tmp_path / "g.zip", "w") as packed:
        packed.writestr("g.csv", data)
    (tmp_path / "g.csv.gz").write_bytes(gzip.compress(data))
    for name in ("g.csv", "g.zip", "g.csv.gz"):
        log = read_gdelt(tmp_path / name, REGIONS)
        assert len(log.events) == 2
        assert log.ledger.rows.set_index("reason")["count"].to_dict() == {"wrong number of cells": 2}


CORONANET_LAYOUT = (
    "record_id,policy_id,entry_type,update_type,update_level,update_level_var,description,date_announced,date_start,"
    "date_end,date_end_spec,country,ISO_A3,ISO_A2,init_country_level,domestic_policy,province,ISO_L2,city,type,"
    "type_sub_cat,type_new_admin_coop,type_vac_cat,type_vac_mix,type_vac_reg,type_vac_purchase,type_vac_group,"
    "type_vac_group_rank,type_vac_who_pays,type_vac_dist_admin,type_vac_loc,type_vac_cost_num,type_vac_cost_scale,"
    "type_vac_cost_unit,type_vac_cost_gov_perc,type_vac_amt_num,type_vac_amt_scale,type_vac_amt_unit,"
    "type_vac_amt_gov_perc,type_text,institution_cat,institution_status,institution_conditions,target_init_same,"
    "target_country,target_geog_level,target_region,target_province,target_city,target_intl_org,target_other,"
    "target_who_what,target_who_gen,target_direction,travel_mechanism,compliance,enforcer,dist_index_high_est,"
    "dist_index_med_est,dist_index_low_est,dist_index_country_rank,pdf_link,link,date_updated,recorded_date"
)
"""Header of the published file by country."""

TASK_FORCE = "New Task Force, Bureau or Administrative Configuration"


def coronanet_rows():
    base = dict.fromkeys(CORONANET_LAYOUT.split(","), "") | {
        "record_id": "R_1mQxYzPjtwZ5Bf", "policy_id": "141874", "entry_type": "new_entry",
        "description": "A province sends masks,\nand more", "date_start": "2020-02-10", "date_end": "2020-02-20",
        "date_end_spec": "The policy has a clear end date", "country": "China", "ISO_A3": "CHN", "ISO_A2": "CN",
        "init_country_level": "Provincial", "province": "Jiangsu", "ISO_L2": "CN-JS", "type": "Health Resources",
        "type_sub_cat": "Masks", "target_init_same": "No", "target_country": "China", "target_province": "Hubei",
        "target_geog_level": "One or more provinces within one or more countries",
        "compliance": "Mandatory (Unspecified/Implied)",
    }  # fmt: skip
    return [
        base,
        base | {"record_id": "R_1mQxYzPjtwZ5Cq", "type_sub_cat": "Ventilators"},
        base | {"record_id": "R_2mQxYzPjtwZ5Bf", "entry_type": "update", "update_type": "Change of Policy",
                "date_start": "2020-03-01", "date_end": ""},
        base | {"policy_id": "2", "init_country_level": "National", "province": "", "ISO_L2": "", "target_province": "",
                "target_country": "China", "compliance": "Voluntary"},
        base | {"policy_id": "3", "init_country_level": "National", "province": "", "compliance": "Voluntary"},
        base | {"policy_id": "4", "type": "Lockdown"},
        base | {"policy_id": "5", "target_province": "Jiangsu", "target_init_same": "Yes"},
        base | {"policy_id": "6", "type": TASK_FORCE, "type_sub_cat": "New Task Force or Bureau"},
        base | {"policy_id": "7", "type": TASK_FORCE, "target_province": "Hubei,Jiangsu,Shandong",
                "type_sub_cat": "Cooperation among different jurisdictional entities (e.g. treaties)",
                "date_end": "2022-07-21", "date_end_spec": "The policy has an unlimited time span (e.g. a law)"},
        base | {"policy_id": "8", "province": "", "ISO_L2": ""},
        base | {"policy_id": "9", "init_country_level": "Municipal", "province": "Kiangsu", "city": "Nanjing"},
        base | {"policy_id": "10", "entry_type": "update", "date_start": "2020-03-05", "date_end": ""},
        base | {"policy_id": "10", "entry_type": "update", "date_start": "2020-03-01", "date_end": ""},
    ]  # fmt: skip


def test_coronanet(tmp_path):
    regions = pd.concat([REGIONS, REGIONS.iloc[[1]].assign(code="CN-SD", name="Shandong")])
    pd.DataFrame(coronanet_rows()).to_csv(tmp_path / "c.csv", index=False)
    log = read_coronanet(tmp_path / "c.csv", regions)
    found = log.events.set_index("document")
    assert found.index.tolist() == ["141874", "3", "6", "7", "9", "10"]
    assert found["source"].tolist() == ["CN-JS", "CN", "CN-JS", "CN-JS", "CN-JS", "CN-JS"]
    assert found["mechanism"].tolist() == ["other", "other", "joint_prevention", "agreement", "other", "other"]
    assert not found["mandated"].any()  # compliance binds residents, not governments
    assert found["formality"].tolist() == [2, 2, 4, 3, 2, 2]
    assert found.loc["7", "target"] == "CN-HB|CN-SD"  # not the initiator
    assert found.loc["7", "end"] == found.loc["7", "start"]  # the end of an unlimited policy is the day of the release
    assert found.loc["10", "start"] == pd.Timestamp("2020-03-01")  # a file of updates only: the earliest
    assert found.loc["9", "source_level"] == "city"
    assert log.rejected["reasons"].tolist() == [
        "duplicate document: the same event as table: row 1",  # another sub-type of the same record
        "the region is missing",
    ]
    assert log.ledger.rows.set_index("reason")["count"].to_dict() == {
        "type is no cooperation": 1,
        "update of a policy whose first entry counts": 2,
        "target is the initiator itself": 2,
        "the policy has no end: counted at its start": 1,
        "duplicate document": 1,
        "the region is missing": 1,
    }


def test_coronanet_without_policy_ids_joins_the_sub_types_of_a_record():
    rows = pd.DataFrame(coronanet_rows()[:2])[list(CORONANET_COLUMNS)]
    log = read_coronanet(rows, REGIONS)
    assert log.events["document"].tolist() == ["R_1mQxYzPjtwZ5"]
    assert len(log.rejected) == 1
