"""Titles of releases: rules and guards, de-duplication, hand coding; the real collection where it lies beside."""

import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.events.adapters.hand_coding import draw_coding_sheet, score_coding_sheet
from panelcoop.panel.events.adapters.title_rules import classify_titles, read_rules
from panelcoop.panel.events.adapters.titles import read_titles, title_events, weekly_title_counts
from panelcoop.panel.events.read import as_regions
from panelcoop.panel.region_hierarchy import region_hierarchy

CLOSE = 0.03  # share by which raw hits may differ from those counted with other keywords

GUARDED = {
    "对口支援黄冈": "counterpart_support",
    "山东援鄂医疗队凯旋": "other",
    "国务院联防联控机制发布会": "",
    "国务院应对新型冠状病毒感染的肺炎疫情联防联控机制通知": "",
    "国新办举行新型冠状病毒感染的肺炎疫情联防联控工作新闻发布会": "",
    "国家卫健委派7个督导组督导联防联控": "",
    "国务院疫情联防联控工作指导组在铁岭市检查": "",
    "首支省内援助医疗队出征信阳": "",
    "开展援外医疗队新冠肺炎疫情防控培训": "",
    "援藏医疗队提前返岗": "",
    "我省医疗队奔赴武汉": "other",
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


@pytest.mark.parametrize(
    ("title", "target"),
    [
        ("第二批医疗队赴武汉", "CN-HB"),
        ("援鄂医疗队凯旋", "CN-HB"),
        ("宁夏援襄医疗队安全到家", "CN-HB"),
        ("医疗队员今天回家", ""),
        ("4万余份试剂盒驰援一线", ""),
    ],
)
def test_a_medical_team_goes_to_hubei_only_where_the_title_says_so(title, target):
    assert classify_titles(pd.Series([title]), read_rules())["target"].tolist() == [target]


def test_titles_alike_but_for_spaces_and_punctuation_count_once():
    words = ["驰援武汉——我省医疗队出征", "驰援武汉 我省医疗队出征!", "驰援武汉,我省医疗队出征 2", "！！！", "……"]
    table = pd.DataFrame({"prov": "山东", "date": "2020-02-03", "title": words})
    log = read_titles(pd.concat([table, table.head(1).assign(date="2020-02-04")], ignore_index=True))
    assert log.rejected[["row", "reasons"]].values.tolist() == [[2, "duplicate but for spaces and punctuation"]]
    assert log.hits["medical team"] == 4
    assert "medical team 4" in str(log)


def test_names_are_read_without_overlap():
    table = pd.DataFrame({"prov": "山东", "date": "2020-02-03", "title": ["与浙江西部签署合作协议"]})
    assert title_events(read_titles(table)).events["target"].tolist() == ["CN-ZJ"]


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
    assert lost["duplicate but for spaces and punctuation"] == 389
    expected = {"aid to Hubei": 474, "counterpart support": 29, "medical team": 374, "joint prevention": 212}
    for label, hits in expected.items():
        assert real.hits[label] == pytest.approx(hits, rel=CLOSE)


def test_the_real_weeks(real):
    counts = weekly_title_counts(real)
    assert counts.index.unique("region").size == 31
    assert counts["documents"].sum() == len(real.titles)
    assert counts["cooperation"].sum() == (real.titles["mechanism"] != "").sum()


def spell_days(*days):
    return pd.DataFrame({"prov": "山东", "date": days, "title": [f"复工{k}" for k in range(len(days))]})


def test_days_are_never_guessed(tmp_path):
    days = [20200203, 43864, "03/02/2020", "13/02/2020", "2020-02-03T23:30:00+08:00", pd.Timestamp("2020-02-03 10:00")]
    log = read_titles(spell_days(*days))
    assert log.titles["date"].dt.strftime("%Y-%m-%d").tolist() == ["2020-02-03"] * 3
    assert log.rejected["row"].tolist() == [2, 3, 4]
    assert set(log.rejected["reasons"]) == {"impossible date"}
    spell_days("20200203", "43864").to_csv(tmp_path / "t.csv", index=False)
    assert read_titles(tmp_path / "t.csv").titles["row"].tolist() == [1]


def test_a_file_in_another_encoding(tmp_path):
    spell_days("2020-02-03").to_csv(tmp_path / "t.csv", index=False, encoding="gb18030")
    assert len(read_titles(tmp_path / "t.csv", encoding="gb18030").titles) == 1
    for encoding in ("utf-8", "utf-9"):
        with pytest.raises(DataError, match="Usual encodings"):
            read_titles(tmp_path / "t.csv", encoding=encoding)


def test_one_column_under_two_names_is_refused():
    with pytest.raises(DataError, match=r"'province' 2 times \(prov, province\)"):
        read_titles(spell_days("2020-02-03").assign(province="湖北"))


def test_nothing_to_draw_or_to_count():
    empty = read_titles(spell_days("yesterday"))
    with pytest.raises(DataError, match="no good title to draw"):
        draw_coding_sheet(empty)
    with pytest.raises(DataError, match="no good title to count"):
        weekly_title_counts(empty)


@pytest.mark.parametrize("weight", ["abc", "-1", ""])
def test_weights_of_the_sheet_are_positive_numbers(weight):
    sheet = pd.DataFrame({"title": ["援鄂"], "hand_mechanism": ["other"], "weight": [weight]})
    with pytest.raises(DataError, match="column 'weight'"):
        score_coding_sheet(sheet, read_rules())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[rule]]\nlabel='title'\nmechanism='other'\nany=['a']", "is a column of titles"),
        ("[[rule]]\nlabel='x'\nmechanism='other'\nany=['a']\n" * 2, "stands twice"),
        ("[[rule]]\nlabel='x'\nmechanism='other'\nany='a'", "list of texts under 'any'"),
        ("[[rule]]\nlabel='x'\nmechanism='other'\nany=['']", "none of them empty"),
        ("[[rule]]\nlabel='x'\nmechanism='other'\nany=['a']\nunless='b'", "list of texts under 'unless'"),
    ],
)
def test_rules_that_would_match_wrongly_are_refused(tmp_path, text, message):
    (tmp_path / "rules.toml").write_text(text)
    with pytest.raises(DataError, match=message):
        read_rules(tmp_path / "rules.toml")


@pytest.mark.filterwarnings("error")
def test_patterns_may_hold_groups(tmp_path):
    (tmp_path / "rules.toml").write_text("[[rule]]\nlabel='x'\nmechanism='other'\nany=['(a|b)c']\nunless=['(bc)']")
    assert classify_titles(pd.Series(["ac", "bc"]), read_rules(tmp_path / "rules.toml"))["x"].tolist() == [True, False]


def test_partners_in_regions_of_ones_own():
    table = pd.DataFrame(
        {"code": ["A", "B", "C"], "name": ["山东", "湖北", "Maine"], "other_names": ["", "荆楚", "Pine Tree State"]}
    )
    titles = spell_days("2020-02-03", "2020-02-04", "2020-02-05").assign(
        title=["与荆楚签署合作协议", "与Maine签署合作协议", "与Maines签署合作协议"]
    )
    for system in (as_regions(table), region_hierarchy(table.assign(level="province", parent=""), label="own")):
        log = title_events(read_titles(titles, system=system), system=system)
        assert log.events[["source", "target"]].values.tolist() == [["A", "B"], ["A", "C"]]
