"""Figure, table and numbers of the multiverse and the sensitivity appendix say what the records hold."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from panelcoop.estimate.settings import InferenceSettings
from panelcoop.estimate.stage_interaction import stage_interaction
from panelcoop.panel.record import panel_from_frame
from panelcoop.report.multiverse_figure import contrast_label, specification_curve
from panelcoop.report.multiverse_tables import multiverse_numbers, multiverse_table
from panelcoop.report.sensitivity_exhibits import sensitivity_figure, sensitivity_numbers, sensitivity_table
from panelcoop.report.style import save_figure
from panelcoop.report.table import save_table
from panelcoop.sensitivity.leave_one_out import leave_one_index_out, leave_one_out
from panelcoop.sensitivity.multiverse import multiverse
from panelcoop.sensitivity.multiverse_universe import Universe, cross_universes
from panelcoop.sensitivity.power import PowerSettings, power
from panelcoop.sensitivity.stage_date_vectors import DateVector, DateVectors
from panelcoop.sensitivity.stage_dates import stage_date_uncertainty

CONTRAST = "risk:outbreak - risk:recovery"
FAST = InferenceSettings(draws=199, seed=1)


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(6)
    index = pd.MultiIndex.from_product([list("abcdefgh"), range(40)], names=["region", "week"])
    frame = pd.DataFrame({"risk": rng.normal(size=320), "void": np.nan}, index=index)
    frame["stage"] = np.where(index.get_level_values("week") < 15, "outbreak", "recovery")
    frame["y"] = frame["risk"] * np.where(frame["stage"] == "outbreak", 0.8, 0.1) + rng.normal(size=320)
    frame["z"] = frame["y"] + rng.normal(size=320)
    return frame


@pytest.fixture(scope="module")
def found(frame):
    base = Universe("y", {"risk": "risk"}, "stage")
    axes = {
        "outcome_used": {"y": {}, "z": {"outcome": "z"}},
        "lag": {"1": {}, "2": {"drivers": {"risk": "void"}}},
        "estimator": {"two-way": {}, "two-way+trends": {"effects": "two-way+trends"}},
        "regions": {"all regions": {}, "without a": {"without": ("a",)}},
    }
    asked = {"contrast": CONTRAST, "settings": FAST}
    return multiverse(panel_from_frame(frame), universes=cross_universes(base, axes), **asked)


def test_the_curve_draws_every_feasible_universe_in_order(found):
    figure = specification_curve(found)
    top, bottom = figure.axes
    points = np.vstack([c.get_offsets() for c in top.collections if c.get_offsets().size and hasattr(c, "get_sizes")])
    drawn = points[np.argsort(points[:, 0])][:, 1]
    assert np.allclose(drawn, np.sort(found.feasible["effect"]))
    ticks = sum(len(c.get_segments()) for c in bottom.collections)
    assert ticks == len(found.feasible) * len(found.axes)
    texts = {t.get_text() for t in bottom.texts}
    assert {"Estimator", "Regions", "median", "none"} <= texts  # lag 2 has no estimate
    assert [t.get_text() for t in bottom.get_yticklabels()][:4] == ["y", "z", "1 week", "2 weeks"]
    assert "8 universes, 8 without an estimate" in top.get_title(loc="left")
    plt.close(figure)


def test_the_main_universe_is_marked_only_where_it_has_an_estimate(found):
    def diamonds(result):
        figure = specification_curve(result)
        marks = [line for line in figure.axes[0].lines if line.get_marker() == "D"]
        plt.close(figure)
        return len(marks)

    lost = int(np.flatnonzero(found.table["estimate"].isna())[0])
    assert diamonds(found) == 1
    assert diamonds(replace(found, main=lost)) == 0


def test_the_table_counts_by_choice(found, tmp_path):
    table = multiverse_table(found)
    assert table.body.loc[("All", "all universes"), "Universes"] == "8 of 16"
    assert table.body.loc[("Lag of drivers", "2 weeks"), "Universes"] == "0 of 8"
    here = found.feasible[found.feasible["outcome_used"] == "z"]
    assert table.body.loc[("Outcome used", "z"), "Median"] == f"{here['effect'].median():.3f}"
    reasons = [note for note in table.notes if "universes have no estimate: No row is complete" in note]
    assert sum(int(note.split()[0]) for note in reasons) == 8
    assert len(table.data) == 16
    assert len(save_table(table, tmp_path, {"plan": "none"})) == 6
    numbers = multiverse_numbers(found)
    assert numbers["feasible"] == 8
    assert sum(numbers["infeasible"].values()) == 8
    assert numbers["by_choice"]["lag"]["1"]["universes"] == 8


def test_figures_are_written_in_three_formats(found, tmp_path):
    paths = save_figure(specification_curve(found), "multiverse", tmp_path, {"plan": "none"})
    again = save_figure(specification_curve(found), "multiverse", tmp_path / "again", {"plan": "none"})
    assert [p.read_bytes() for p in paths] == [p.read_bytes() for p in again]


def test_contrasts_are_named():
    assert contrast_label("own_risk:outbreak - own_risk:continuation") == "Own risk: outbreak less continuation"
    assert contrast_label("a:one - b:two") == "a:one - b:two"


def test_the_appendix_shows_all_four_pressures(frame, tmp_path):
    panel, universe = panel_from_frame(frame), Universe("y", {"risk": "risk"}, "stage")
    fit = stage_interaction(frame, outcome="y", drivers=["risk"])
    regions = leave_one_out(fit, CONTRAST, settings=FAST)
    indices = leave_one_index_out(panel, ["y", "z"], universe, CONTRAST, settings=FAST)
    later = pd.Series(np.where(frame.index.get_level_values("week") < 18, "outbreak", "recovery"), index=frame.index)
    vectors = DateVectors((DateVector("plan", frame["stage"], 0.5), DateVector("later", later, 0.5)), np.inf)
    dates = {"own": stage_date_uncertainty(panel, [CONTRAST], model=universe, vectors=vectors, settings=FAST)}
    curve = power(fit, CONTRAST, settings=PowerSettings(replications=20, draws=99))
    names = {label: f"place {label}" for label in "abcdefgh"}
    table = sensitivity_table(regions, indices, dates, curve, names=names, place="place")
    first = str(regions.table.index[0])
    assert ("Without one place", f"place {first}") in table.body.index
    assert ("Dates of stages left open", "own: worst of the 90% set") in table.body.index
    assert len(table.data) == 8 + 2
    assert any("2 sets of dates (all taken)" in note for note in table.notes)
    numbers = sensitivity_numbers(regions, indices, dates, curve)
    assert numbers["regions"]["most_influential"] == first
    figure = sensitivity_figure(regions, curve, smallest=0.5, names=names)
    assert {t.get_text() for t in figure.axes[0].get_yticklabels()} == set(names.values())
    save_figure(figure, "sensitivity", tmp_path, {"plan": "none"})
