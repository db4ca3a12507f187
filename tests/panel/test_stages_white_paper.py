"""The national clock: weeks belong to the stage that holds most of their days."""

from __future__ import annotations

import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.plan import plan_from_mapping
from panelcoop.panel.sources.facts import read_white_paper_stages
from panelcoop.panel.stages_white_paper import white_paper_phases, white_paper_stages
from panelcoop.panel.weeks import week_label, week_range


@pytest.fixture(scope="module")
def table(root):
    return read_white_paper_stages(root / "data/facts/china_white_paper_stages.csv")


def test_first_week_of_each_stage(table):
    phases = white_paper_phases(week_range("2020-W01", "2022-W52"), table, last_week="2020-W53")
    first = {phase: week_label(weeks.index[0]) for phase, weeks in phases.dropna().groupby(phases.dropna())}
    assert first == {"I": "2020-W01", "II": "2020-W04", "III": "2020-W09", "IV": "2020-W12", "V": "2020-W18"}
    assert week_label(phases.last_valid_index()) == "2020-W53"
    assert phases.isna().sum() == 157 - 53


def test_most_days_decide(table):
    """Counting days gives the same stage as asking for the Thursday."""
    weeks = week_range("2020-W01", "2020-W53")
    phases = white_paper_phases(weeks, table, last_week="2020-W53")
    last = table["last_day"].fillna(pd.Timestamp("2021-01-03"))
    for week in weeks:
        days = pd.date_range(week, periods=7)
        held = [((days >= a) & (days <= b)).sum() for a, b in zip(table["first_day"], last, strict=True)]
        assert phases[week] == table["white_paper_stage"][max(range(5), key=lambda k: held[k])]


def test_mapping_and_its_alternative(table):
    stages = plan_from_mapping({}).stages
    phases = white_paper_phases(week_range("2020-W01", "2021-W02"), table, last_week="2020-W53")
    mappings = (stages.mapping, stages.alternative_mapping)
    default, other = (white_paper_stages(phases, mapping).value_counts() for mapping in mappings)
    assert default.to_dict() == {"recovery": 36, "continuation": 9, "outbreak": 5, "gestation": 3}
    assert other.to_dict() == {"recovery": 36, "outbreak": 8, "continuation": 6, "gestation": 3}


def test_overlapping_stages_are_an_error(table):
    wrong = table.assign(first_day=table["first_day"] - pd.Timedelta(days=3))
    with pytest.raises(DataError, match="overlap at II"):
        white_paper_phases(week_range("2020-W01", "2020-W10"), wrong, last_week="2020-W53")
