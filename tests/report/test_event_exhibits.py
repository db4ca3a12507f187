"""The event figures and tables show what was estimated, what is thin and what could not be had."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.teaching import staggered_example
from panelcoop.report.event_figures import event_study_figure, event_support_figure
from panelcoop.report.event_tables import event_effects_table, event_sensitivity_table, event_support_table
from panelcoop.sensitivity.event_evidence import EventEvidence


@pytest.fixture(scope="module")
def design():
    panel, events = staggered_example()
    rng = np.random.default_rng(1)
    panel = panel.with_columns({"y": panel.data["y"] + 0.1 * rng.normal(size=len(panel.data))})
    studies = {name: event_study(panel, events, outcome="y", estimator=name) for name in ("imputation", "sun-abraham")}
    effects = pd.DataFrame(
        {"estimate": [1.5, 1.6], "std_error": [0.1, 0.1], "leads_p": [0.4, np.nan], "nobs": [64, 64]},
        index=list(studies),
    )
    index = pd.MultiIndex.from_product([["sun-abraham"], [0.5, 1.0]], names=["estimator", "M"])
    bounds = pd.DataFrame({"low": [0.5, 0.2], "high": [1.5, 1.9]}, index=index)
    stages = pd.DataFrame({"estimate": [1.0], "std_error": [0.2]}, index=["outbreak"])
    words = ("demo", "A demonstration", "mean effect on the treated")
    return EventEvidence(*words, studies, effects, stages, bounds, {"twfe": "not computed: no weeks"})


def test_figure_has_a_panel_per_estimator_and_says_what_is_thin(design):
    figure = event_study_figure([design], columns=3)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles[:2] == ["a  imputation", "b  sun-abraham"]
    assert not figure.axes[2].axison
    hollow = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "white"]
    assert hollow


def test_support_figure_shows_the_threshold(design):
    figure = event_support_figure([design])
    assert figure.axes[0].get_title(loc="left") == "a  A demonstration"


def test_effects_table_leaves_absent_bounds_empty_and_reports_what_failed(design):
    table = event_effects_table([design])
    assert table.body["First effect, M = 1"].tolist() == ["", "[0.20, 1.90]"]
    assert table.body["Leads, p"].tolist() == ["0.400", ""]
    assert any("twfe" in note for note in table.notes)
    assert any("28 of 29 provinces acted in one week" in note for note in table.notes)


def test_support_table_marks_thin_horizons(design):
    table = event_support_table([design])
    assert set(table.body["Thin"]) <= {"", "yes"}
    assert len(table.body) == len(design.studies["imputation"].support)


def test_sensitivity_table_adds_effects_by_stage(design):
    cases = pd.DataFrame(
        {"estimate": [1.0], "std_error": [0.5], "pvalue": [0.03], "note": ["as is"]}, index=["as recorded"]
    )
    table = event_sensitivity_table(cases, [design])
    assert table.body["Effect"].tolist() == ["1.00", "1.00"]
    assert table.body["p"].tolist() == ["0.030", ""]
