"""Figures: three formats, the same bytes twice, no warning, and what is absent is written out."""

from __future__ import annotations

import itertools
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest

from panelcoop.estimate.settings import InferenceSettings
from panelcoop.estimate.stage_evidence import stage_evidence
from panelcoop.estimate.stage_interaction import stage_interaction
from panelcoop.panel.record import Panel
from panelcoop.report.national_path import national_path_figure
from panelcoop.report.stage_effects_figure import stage_effects_figure
from panelcoop.report.style import STAGE_COLOURS, house_style, plain_svg, save_figure

mpl.use("Agg")
OUTCOME = "joint_response_containment_health"
PROVENANCE = {"plan": "abc123", "revision": "def456"}


def path_figure(panel: Panel):
    weeks = panel.data.index.unique("week")
    outbreaks = pd.DataFrame({"first_week": [weeks[3], weeks[60]], "last_week": [weeks[8], weeks[60]]})
    return national_path_figure(panel, OUTCOME, outbreaks=outbreaks)


def test_a_figure_has_three_formats_with_provenance_and_the_same_bytes(panel: Panel, tmp_path: Path):
    first, second = (save_figure(path_figure(panel), "path", tmp_path / n, PROVENANCE) for n in ("one", "two"))
    assert [p.suffix for p in first] == [".pdf", ".svg", ".png"]
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes(), one.name
        assert b"def456" in one.read_bytes(), one.name


def test_the_plain_copy_does_not_change_with_the_revision(panel: Panel, tmp_path: Path):
    copies = []
    for revision in ("one", "two"):
        save_figure(path_figure(panel), "path", tmp_path / revision, {"revision": revision})
        copies.append(plain_svg(tmp_path / revision / "path.svg", tmp_path / f"{revision}.svg").read_bytes())
    assert copies[0] == copies[1]


def test_the_path_shows_every_region_and_the_mean(panel: Panel):
    upper, lower = path_figure(panel).axes
    lines = [line for line in upper.lines if len(line.get_xdata()) == panel.data.index.unique("week").size]
    assert len(lines) == panel.data.index.unique("region").size + 2  # the mean and its white edge
    mean = panel.data[OUTCOME].groupby("week").mean().to_numpy()
    assert lines[-1].get_ydata() == pytest.approx(mean)
    assert upper.get_ylabel() == "Index points"
    assert lower.get_ylabel() == "Percent of regions"
    assert [t.get_text() for t in upper.texts if t.get_text().isdigit()] == ["1", "2"]


def test_without_clocks_there_is_one_panel(panel: Panel):
    bare = Panel(data=panel.data[[OUTCOME]], roles={OUTCOME: "outcome"})
    assert len(national_path_figure(bare, OUTCOME).axes) == 1


def test_labels_of_weeks_may_be_numbers():
    keys = pd.MultiIndex.from_product([["a", "b"], range(30)], names=["region", "week"])
    own = Panel(data=pd.DataFrame({"meetings": range(60)}, index=keys), roles={"meetings": "outcome"})
    (ax,) = national_path_figure(own, "meetings").axes
    assert ax.get_xlabel() == "Week"


def test_an_unknown_outcome_is_named(panel: Panel):
    with pytest.raises(ValueError, match="no column 'joint'"):
        national_path_figure(panel, "joint")


def test_effects_have_one_panel_per_driver_and_say_what_is_not_identified(panel: Panel):
    fit = stage_interaction(
        panel, outcome=OUTCOME, drivers=["own_risk", "fiscal_self_sufficiency"], stage="stage_white_paper"
    )
    figure = stage_effects_figure(stage_evidence(fit, settings=InferenceSettings(draws=99)))
    titles = [ax.get_title(loc="left")[3:] for ax in figure.axes if ax.axison]
    assert titles == ["Own risk", "Fiscal self-sufficiency", "The stage itself"]
    words = {t.get_text() for ax in figure.axes for t in ax.texts}
    assert {"reference", "not\nidentified"} <= words


def test_the_style_leaves_the_caller_s_settings_alone():
    before = mpl.rcParams["font.size"]
    with house_style():
        assert mpl.rcParams["font.size"] != before
    assert mpl.rcParams["font.size"] == before


def test_stage_colours_differ_in_grey():
    shades = sorted(
        0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in (mpl.colors.to_rgb(c) for c in STAGE_COLOURS.values())
    )
    assert min(b - a for a, b in itertools.pairwise(shades)) > 0.1
