"""The plan: every wrong key is named with what was found and what is allowed; equal content has an equal hash."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from panelcoop.errors import PlanError
from panelcoop.panel.plan import change_plan, plan_from_mapping, read_plan
from panelcoop.panel.plan_analysis import WavePlan
from panelcoop.waves.thresholds import WaveThresholds

WRONG = {
    "unknown section": ({"mdel": {}}, r"mdel: unknown key \(did you mean 'model'\?\); found \{\}\. Allowed: title"),
    "unknown key": ({"model": {"efects": "none"}}, r"model\.efects: unknown key \(did you mean 'effects'\?\).*Allowed"),
    "unknown key two deep": (
        {"drivers": {"vertical_authority": {"halflife": 2}}},
        r"drivers\.vertical_authority\.halflife: .*'half_life'.*Allowed: half_life, source_ends",
    ),
    "unknown key in a list": ({"companions": [{"outcom": "y"}]}, r"companions\[1\]\.outcom: .*'outcome'"),
    "not in the vocabulary": (
        {"stages": {"clock": "epidemc"}},
        r"stages\.clock: found 'epidemc' \(did you mean 'epidemic'\?\)\. Allowed: epidemic, white_paper",
    ),
    "week that does not exist": ({"data": {"first_week": "2021-W53"}}, r"data\.first_week: .*2021 has no week 53"),
    "no date at all": ({"data": {"last_week": "soon"}}, r"data\.last_week: 'soon' is neither a date"),
    "end before beginning": ({"data": {"first_week": "2023-W01"}}, r"data: last_week 2022-W52 lies before first_week"),
    "wrong type": ({"drivers": {"lag": "one"}}, r"drivers\.lag: .*valid integer.*found 'one'"),
    "out of range": ({"drivers": {"lag": 0}}, r"drivers\.lag: .*greater than or equal to 1; found 0"),
    "index that does not exist": ({"outcomes": {"indices": ["stringncy"]}}, r"outcomes\.indices\[1\].*'stringency'"),
    "stage mapped twice": (
        {"stages": {"mapping": {"gestation": ["I"], "outbreak": ["I"]}}},
        r"stages\.mapping: white-paper stage I is mapped twice",
    ),
    "stage that does not exist": (
        {"stages": {"mapping": {"gestaton": ["I"]}}},
        r"stages\.mapping\.gestaton: found 'gestaton' \(did you mean 'gestation'\?\)",
    ),
    "its own file": ({"origin": "x.toml"}, r"origin: unknown key"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_key_is_named_with_found_and_allowed(case):
    content, message = WRONG[case]
    with pytest.raises(PlanError, match=message):
        plan_from_mapping(content)


def test_every_wrong_key_is_reported_at_once():
    with pytest.raises(PlanError) as caught:
        plan_from_mapping({"drivers": {"lag": 0}, "stages": {"clock": "x"}, "wave": {}})
    assert len(str(caught.value).splitlines()) == 3


def test_error_names_the_file(tmp_path):
    (tmp_path / "mine.toml").write_text("[drivers]\nlagg = 1\n")
    with pytest.raises(PlanError, match=r"mine\.toml, drivers\.lagg: unknown key"):
        read_plan(tmp_path / "mine.toml")


def test_absent_or_broken_file_is_an_error(tmp_path):
    with pytest.raises(PlanError, match="no plan at"):
        read_plan(tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_text("[drivers\n")
    with pytest.raises(PlanError, match=r"no valid TOML.*line 1"):
        read_plan(tmp_path / "broken.toml")


def test_shipped_plan_states_every_default_and_names_only_real_keys(root):
    shipped, empty = read_plan(root / "study.toml"), plan_from_mapping({})
    assert len(shipped.companions) == 2
    assert change_plan(shipped, {"companions": []}).hash == empty.hash


def test_hash_follows_content_not_place_or_order(tmp_path):
    (tmp_path / "a.toml").write_text('title = "t"\n[drivers]\nlag = 2\nrisk_per = 1000000\n')
    (tmp_path / "b.toml").write_text('title = "t"\n[drivers]\nrisk_per = 1e6\nlag = 2\n')
    one, two = read_plan(tmp_path / "a.toml"), read_plan(tmp_path / "b.toml")
    assert one.hash == two.hash == plan_from_mapping({"title": "t", "drivers": {"lag": 2}}).hash
    assert change_plan(one, {"drivers.lag": 1}).hash != one.hash


def test_plan_is_frozen():
    plan = plan_from_mapping({})
    with pytest.raises(ValidationError):
        plan.title = "other"
    with pytest.raises(ValidationError):
        plan.drivers.lag = 3


def test_change_is_checked_like_a_file():
    with pytest.raises(PlanError, match=r"drivers\.lagg: unknown key"):
        change_plan(plan_from_mapping({}), {"drivers.lagg": 2})


def test_folder_is_found_from_the_plan_s_own_place(tmp_path):
    (tmp_path / "study.toml").write_text('[data]\nfolder = "figures"\n')
    assert read_plan(tmp_path / "study.toml").folder == tmp_path / "figures"


def test_weeks_hold_the_53rd_of_2020():
    assert len(plan_from_mapping({}).weeks) == 52 + 53 + 52


def test_wave_section_carries_every_threshold_of_the_verdict():
    planned = WaveThresholds.from_plan(plan_from_mapping({"waves": {"minimum_effect": 0.3}}).waves)
    assert planned == WaveThresholds(minimum_effect=0.3)
    assert set(WaveThresholds.__dataclass_fields__) - {"revisions"} <= set(WavePlan.model_fields)
