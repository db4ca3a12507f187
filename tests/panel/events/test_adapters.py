"""Titles, GDELT and CoronaNet: small tables in the published layouts, and the real titles where they lie beside."""

import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.events.adapters.coronanet import CORONANET_COLUMNS, read_coronanet
from panelcoop.panel.events.adapters.gdelt import GDELT_COLUMNS, read_gdelt
from panelcoop.panel.events.adapters.hand_coding import draw_coding_sheet, score_coding_sheet
from panelcoop.panel.events.adapters.title_rules import classify_titles, read_rules
from panelcoop.panel.events.adapters.titles import read_titles, title_events, weekly_title_counts

REGIONS = pd.DataFrame(
    [("CN", "China", "nation", ""), ("CN-HB", "Hubei", "province", "CN"), ("CN-JS", "Jiangsu", "province", "CN")],
    columns=["code", "name", "level", "parent"],
)
CLOSE = 0.03  # share by which raw hits may differ from those counted with other keywords


def gdelt_row(code, first, second, **cells):
    row = dict.fromkeys(GDELT_COLUMNS, "")
    row |= {"SQLDATE": "20200210", "EventCode": code, "EventRootCode": code[:2], "SOURCEURL": f"u{code}{second}"}
    for actor, place in (("Actor1", first), ("Actor2", second)):
        kind = "1" if "," not in place else "4"
        row |= {f"{actor}Type1Code": "GOV", f"{actor}Geo_Type": kind, f"{actor}Geo_FullName": place}
    return row | cells


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
    ]
    pd.DataFrame(rows)[list(GDELT_COLUMNS)].to_csv(tmp_path / "g.CSV", sep="\t", header=False, index=False)
    log = read_gdelt(tmp_path / "g.CSV", REGIONS, places={"CH04": "CN-JS"})
    found = log.events[["source", "target", "mechanism", "contents", "formality"]].fillna(0).values.tolist()
    assert found == [
        ["CN-JS", "CN-HB", "agreement", "policy", 3],
        ["CN", "CN-HB", "other", "resource", 0],
        ["CN-JS", "CN-HB", "other", "information", 1],
        ["CN-JS", "CN-HB", "other", "information", 0],
    ]
    assert len(log) + len(log.rejected) == 6
    assert log.ledger.rows["count"].sum() == 4  # class, actor, unknown region, duplicate


def test_gdelt_of_another_width(tmp_path):
    (tmp_path / "g.csv").write_text("1\t2\n")
    with pytest.raises(DataError, match="has 2 columns"):
        read_gdelt(tmp_path / "g.csv", REGIONS)


def test_coronanet(tmp_path):
    base = {
        "record_id": "1_a", "entry_type": "new_entry", "date_start": "2020-02-10", "date_end": "2020-02-20",
        "country": "China", "init_country_level": "Provincial", "province": "Jiangsu", "type": "Health Resources",
        "target_country": "China", "target_province": "Hubei", "compliance": "Mandatory (Unspecified/Implied)",
    }  # fmt: skip
    rows = [
        base,
        {**base, "record_id": "1_b", "entry_type": "update"},
        {**base, "record_id": "2_a", "init_country_level": "National", "province": "", "compliance": "Voluntary"},
        {**base, "record_id": "3_a", "type": "Lockdown"},
        {**base, "record_id": "4_a", "target_province": "Jiangsu"},
        {**base, "record_id": "5_a", "type": "New Task Force, Bureau or Administrative Configuration"},
    ]
    pd.DataFrame(rows)[list(CORONANET_COLUMNS)].to_csv(tmp_path / "c.csv", index=False)
    log = read_coronanet(tmp_path / "c.csv", REGIONS)
    assert log.events["document"].tolist() == ["1", "2", "5"]
    assert log.events["source"].tolist() == ["CN-JS", "CN", "CN-JS"]
    assert log.events["mandated"].tolist() == [True, False, True]
    assert log.events["formality"].tolist() == [2, 2, 4]
    assert len(log.rejected) == 1
    assert log.ledger.rows["count"].sum() == 3


GUARDED = {
    "对口支援黄冈": "counterpart_support",
    "山东援鄂医疗队凯旋": "other",
    "国务院联防联控机制发布会": "",
    "国务院应对新型冠状病毒感染的肺炎疫情联防联控机制通知": "",
    "社区联防联控不松懈": "joint_prevention",
    "农民专业合作社复工": "",
    "长三角签署合作协议": "agreement",
    "省医疗保障局与省财政厅联合印发通知": "joint_departmental",
    "今日天气": "",
}


def test_rules_and_guards():
    found = classify_titles(pd.Series(list(GUARDED)), read_rules())["mechanism"]
    assert found.tolist() == list(GUARDED.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"no \[\[rule\]\]"),
        ("[[rule]]\nlabel='x'\nmechanism='other'\nany=['(']", "no regular expression"),
        ("[[rule]]\nlabel='x'\nmechanism='magic'\nany=['a']", "magic"),
        ("[[rule]]\nlabel='x'\nmechanism='other'", "at least one pattern"),
        ("not toml", "cannot be read"),
    ],
)
def test_bad_rules_are_named(tmp_path, text, message):
    (tmp_path / "rules.toml").write_text(text)
    with pytest.raises(DataError, match=message):
        read_rules(tmp_path / "rules.toml")


def titles(count=60):
    words = ["援鄂医疗队", "对口支援", "复工复产", "联防联控"]
    days = pd.date_range("2020-02-03", periods=count).strftime("%Y-%m-%d")
    return pd.DataFrame({"prov": "山东", "date": days, "title": [f"{words[k % 4]}{k}" for k in range(count)]})


def test_counts_tell_zero_from_missing():
    table = pd.DataFrame(
        {
            "prov": ["山东", "山东", "江苏"],
            "date": ["2020-02-03", "2020-02-17", "2020-02-11"],
            "title": ["援鄂", "复工", "援鄂"],
        }
    )
    counts = weekly_title_counts(read_titles(table))
    assert counts.loc["CN-SD", "other"].tolist() == [1, 0, 0]
    assert counts.loc["CN-SD", "documents"].tolist() == [1, 0, 1]
    assert counts.loc["CN-JS", "documents"].isna().tolist() == [True, False, True]


def test_titles_that_name_a_partner_become_events():
    table = pd.DataFrame(
        {"prov": "山东", "date": "2020-02-03", "title": ["援鄂医疗队", "联防联控", "与江苏签署合作协议", "复工"]}
    )
    log = title_events(read_titles(table))
    assert log.events[["source", "target", "mechanism"]].values.tolist() == [
        ["CN-SD", "CN-HB", "other"],
        ["CN-SD", "CN-JS", "agreement"],
    ]
    assert len(log.rejected) == 1


def test_sheet_is_stratified_blind_and_repeatable():
    log = read_titles(titles())
    sheet = draw_coding_sheet(log, per_stratum=5, seed=1)
    assert len(sheet) == 4 * 5
    assert set(sheet.columns) == {"row", "region", "date", "title", "hand_mechanism", "weight"}
    assert sheet["weight"].sum() == len(log.titles)
    pd.testing.assert_frame_equal(sheet, draw_coding_sheet(log, per_stratum=5, seed=1))


def test_precision_and_recall_by_hand():
    sheet = pd.DataFrame(
        {
            "title": ["援鄂", "援鄂", "援鄂", "复工", "复工"],
            "hand_mechanism": ["other", "other", "none", "other", ""],
            "weight": [1.0, 1.0, 1.0, 4.0, 4.0],
        }
    )
    row = score_coding_sheet(sheet, read_rules()).table.loc["other"]
    assert row["precision"] == pytest.approx(2 / 3)
    assert row["recall"] == pytest.approx(2 / 6)
    assert row["precision_low"] == pytest.approx(0.2077, abs=1e-4)  # Wilson, 2 of 3
    assert row["precision_high"] == pytest.approx(0.9385, abs=1e-4)


def test_unknown_codes_are_named():
    with pytest.raises(DataError, match="'aid' in row 1"):
        score_coding_sheet(pd.DataFrame({"title": ["援鄂"], "hand_mechanism": ["aid"]}), read_rules())


@pytest.fixture(scope="module")
def real(mirror):
    path = mirror / "prov_gov_titles" / "raw_xinguan_quan.xlsx"
    if not path.exists():
        pytest.skip("the collection of titles is absent")
    return read_titles(path)


def test_the_real_collection(real):
    assert len(real.titles) + len(real.rejected) == 13_457
    lost = real.ledger.rows.set_index("reason")["count"]
    assert lost["exact duplicate"] == 1_801
    assert lost["impossible date"] == 16
    expected = {"aid to Hubei": 474, "counterpart support": 29, "medical team": 374, "joint prevention": 212}
    for label, hits in expected.items():
        assert real.hits[label] == pytest.approx(hits, rel=CLOSE)


def test_the_real_weeks(real):
    counts = weekly_title_counts(real)
    assert counts.index.unique("region").size == 31
    assert counts["documents"].sum() == len(real.titles)
    assert counts["cooperation"].sum() == (real.titles["mechanism"] != "").sum()
