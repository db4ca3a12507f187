"""The event figures, tables and numbers show what was estimated, what is thin and what could not be had."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import panelcoop as pc
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.placebo import horizon_composition
from panelcoop.estimate.event_study.support import SupportRule
from panelcoop.estimate.event_study.teaching import staggered_example
from panelcoop.panel.record import SpatialWeights
from panelcoop.report.event_bounds import event_bounds_figure, event_bounds_table, largest_change_of_slope
from panelcoop.report.event_figures import event_study_figure, event_support_figure
from panelcoop.report.event_numbers import event_headline, event_numbers
from panelcoop.report.event_tables import (
    event_effects_table,
    event_sensitivity_table,
    event_stages_table,
    event_support_table,
    largest_weeks,
)
from panelcoop.report.table import to_jsonable
from panelcoop.sensitivity.event_designs import Activation
from panelcoop.sensitivity.event_evidence import EventCase, event_evidence
from panelcoop.sensitivity.event_sensitivity import StaticTwoWay
from panelcoop.sensitivity.event_spells import SpellRule, quiet_spells

RULE = SupportRule(2, 1)


@pytest.fixture(scope="module")
def design():
    panel, events = staggered_example()
    rng = np.random.default_rng(1)
    panel = panel.with_columns({"y": panel.data["y"] + 0.1 * rng.normal(size=len(panel.data))})
    cases = [
        EventCase(name, panel, events, name, require=False, asked=7, lost="events without a comparison")
        for name in ("imputation", "sun-abraham", "stacked")
    ]
    stages = pd.DataFrame(
        {
            "estimate": [1.0, np.nan],
            "std_error": [0.2, np.nan],
            "low": [0.6, np.nan],
            "high": [1.4, np.nan],
            "weeks": [3, 0],
            "events": [4, 0],
            "reason": ["", "no event in this stage"],
        },
        index=pd.MultiIndex.from_tuples([("imputation", "outbreak"), ("imputation", "recovery")]),
    ).rename_axis(["estimator", "stage"])
    words = ("demo", "A demonstration", "mean effect on the treated")
    return event_evidence(words, cases, outcome="y", rule=RULE, by_stage=stages, remarks=("Read with care.",))


def test_figure_has_a_panel_per_estimator_and_says_what_is_thin(design):
    figure = event_study_figure([design], columns=3)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles[:2] == ["a  imputation", "b  sun-abraham"]
    assert not figure.axes[2].axison
    faces = {line.get_markerfacecolor() for line in figure.axes[1].lines if line.get_marker() == "o"}
    assert "white" in faces


def test_leads_without_counted_support_are_not_drawn_as_supported(design):
    figure = event_study_figure([design], columns=3)
    study = design.studies["imputation"]
    uncounted = set(study.estimated) - set(study.support.index)
    dots = {
        int(line.get_xdata()[0]): line.get_markerfacecolor()
        for line in figure.axes[0].lines
        if line.get_marker() == "o" and line.get_xdata()[0] in study.estimated
    }
    supported = set(study.support.index[~study.support["thin"].astype(bool)])
    assert {h for h, face in dots.items() if face == "#0072b2"} <= supported
    assert all(dots[h] not in ("#0072b2", "white") for h in uncounted)


def test_both_honest_bounds_stand_to_the_right_of_the_horizons(design):
    figure = event_study_figure([design], columns=3)
    last = design.studies["sun-abraham"].params.index.max()
    drawn = [line.get_ydata() for line in figure.axes[1].lines if line.get_xdata()[0] > last + 1]
    expected = [design.bound("sun-abraham", "relative-magnitudes", 1.0), design.bound("sun-abraham", "smoothness", 0.1)]
    assert [tuple(ends) for ends in drawn] == expected


def test_support_figure_shows_the_threshold(design):
    figure = event_support_figure([design])
    assert figure.axes[0].get_title(loc="left") == "a  A demonstration"


def test_support_of_plain_studies_can_be_drawn():
    study = event_study(*staggered_example(), outcome="y", estimator="imputation")
    uncounted = replace(study, cells=None, counts=None)
    assert len(pc.event_support_figure(study).axes) == 1
    titles = [ax.get_title(loc="left") for ax in pc.event_support_figure({"one": study, "other": uncounted}).axes]
    assert titles == ["a  one", "b  other"]


def test_effects_table_says_conditions_events_and_bounds(design):
    table = event_effects_table([design])
    body = table.body.droplevel(0, axis=1)
    assert body["Conditions on"].tolist() == ["nothing", "nothing"]
    assert body["M = 1"].tolist()[0] == "–"
    assert body["M = 1"].tolist()[1].startswith("[")
    assert body["Events"].tolist()[0] == "6 of 7"
    notes = " ".join(table.notes)
    assert "Read with care." in notes
    assert "Not computed, a demonstration: stacked" in notes


def test_support_table_marks_thin_horizons_and_counts_events_left_out(design):
    table = event_support_table([design])
    assert set(table.body["Thin"]) <= {"", "yes"}
    assert len(table.body) == len(design.studies["imputation"].support)
    assert "imputation, sun-abraham: 6 of 7 (left out: 1 event without a comparison)" in " ".join(table.notes)


def test_support_table_says_how_much_the_largest_event_week_weighs(design):
    table = event_support_table([design])
    weights = horizon_composition(design.studies["imputation"])
    largest = {h: f"{100 * row.max():.0f}%" for h, row in weights.iterrows()}
    assert table.body["Largest week"].tolist() == [largest.get(h, "–") for h in table.data["horizon"]]
    assert largest
    dated = weights.rename(columns=lambda k: pd.Timestamp("2020-01-06") + pd.Timedelta(weeks=k))
    named = event_support_table([replace(design, composition={"imputation": dated})]).body["Largest week"]
    assert named.iloc[-1].startswith("2020-W0")
    assert "imputation (a demonstration)" in " ".join(table.notes)
    bare = replace(design, composition={})
    assert largest_weeks(bare)[0] == ""
    assert set(event_support_table([bare]).body["Largest week"]) == {"–"}


def test_stages_table_gives_a_reason_where_there_is_no_effect(design):
    table = event_stages_table([design])
    assert table.body["Effect"].tolist() == ["1.00", "–"]
    assert table.body["Remark"].tolist() == ["", "no event in this stage"]


def test_sensitivity_table_groups_its_cases():
    cases = pd.DataFrame(
        {"estimate": [1.0], "std_error": [0.5], "pvalue": [0.03], "note": ["as is"]}, index=["as recorded"]
    )
    table = event_sensitivity_table({"First downgrade": cases, "Own index": cases})
    assert table.body["p"].tolist() == ["0.030", "0.030"]
    assert table.body.index.get_level_values(0).tolist() == ["First downgrade", "Own index"]


def test_bounds_table_has_both_restrictions_targets_and_reasons(design):
    table = event_bounds_table([design])
    assert table.body.index.get_level_values(1).tolist() == ["sun-abraham (first)", "sun-abraham (mean)"]
    assert [head for head, _ in table.body.columns[[1, 4]]] == ["Relative magnitudes", "Smoothness, per week"]
    assert "No bounds: imputation (demo); no single reference week." in table.notes
    row = table.data.iloc[0]
    found = design.bounds["sun-abraham", "smoothness", "first"]
    assert row["smoothness_0.1_low"] == found.table.loc[0.1, "low"]
    assert (
        row["relative-magnitudes_breakdown"] == design.bounds["sun-abraham", "relative-magnitudes", "first"].breakdown
    )


def test_bounds_figure_draws_both_restrictions_of_every_design(design):
    figure = event_bounds_figure([design, replace(design, name="again")])
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles[0].startswith("a  demo:")
    assert len(titles) == 4
    assert figure.axes[0].get_xlabel() != figure.axes[2].get_xlabel()


def test_largest_change_of_slope_counts_the_reference_week(design):
    bounds = design.bounds["sun-abraham", "smoothness", "first"]
    study = design.studies["sun-abraham"]
    before = study.params.loc[: study.reference[0]].to_numpy()
    assert largest_change_of_slope(bounds) == pytest.approx(np.abs(np.diff(before, 2)).max())


def test_numbers_hold_what_the_text_cites(design):
    index = pd.MultiIndex.from_product(
        [list("abcd"), pd.date_range("2021-01-04", periods=6, freq="7D")], names=["region", "week"]
    )
    onset = pd.DataFrame({"onset": 0.0}, index=index)
    line = SpatialWeights("line", tuple("abcd"), np.eye(4, k=1) + np.eye(4, k=-1))
    panel, _ = staggered_example()
    spells = quiet_spells(replace(panel, data=onset), "onset", neighbours=line, rule=SpellRule(1, 1, 0, 1))
    when = Activation(pd.Timestamp("2020-01-20"), 28, 29, ("Guizhou",), ("Hubei",))
    cases = pd.DataFrame({"estimate": [1.0], "std_error": [0.5], "pvalue": [0.03], "note": ["x"]}, index=["one"])
    weights = StaticTwoWay(-1.8, 0.62, -0.4, -4.1, 0.26, -0.42)
    numbers = event_numbers([design], activation=when, spells=spells, two_way=weights, sensitivity={"own": cases})
    assert numbers["activation"]["week"] == "2020-W04"
    assert numbers["spells"][0]["start"] == "2021-W01"
    assert numbers["demo"]["effects"]["imputation"]["used"] == 6
    assert numbers["two_way"]["forbidden"] == "62%"
    assert numbers["two_way"]["negative_weight"] == "−0.42"
    assert numbers["composition"]["demo"]["estimator"] == "imputation"
    assert numbers["demo"]["bounds"]["sun-abraham"]["relative_breaks"] >= 0
    assert numbers["sensitivity"]["own"]["one"]["clear"]
    assert to_jsonable(numbers)
    assert "a demonstration" in event_headline([design])
    study = event_study(*staggered_example(), outcome="y", estimator="imputation")
    assert len(event_study_figure(study).axes) == 1
