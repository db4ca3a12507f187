"""Effects by stage as table, figure and numbers: they repeat the record and name what is not identified."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.estimate.diagnostics import region_diagnostics
from panelcoop.estimate.settings import InferenceSettings
from panelcoop.estimate.stage_evidence import StageEvidence, stage_evidence
from panelcoop.estimate.stage_interaction import stage_interaction
from panelcoop.panel.record import Panel
from panelcoop.report.number_text import number_text, pvalue_text
from panelcoop.report.stage_tables import inference_comparison_table, influence_table, stage_effects_table
from panelcoop.report.study_numbers import disagreement_numbers, headline_of, panel_numbers, stage_numbers

OUTCOME = "joint_response_containment_health"
SETTINGS = InferenceSettings(draws=199)


def evidence_of(panel: Panel, stage: str = "stage_epidemic", method: str = "DWB-t") -> StageEvidence:
    fit = stage_interaction(panel, outcome=OUTCOME, drivers=["own_risk", "fiscal_self_sufficiency"], stage=stage)
    return stage_evidence(fit, method=method, settings=SETTINGS, empty_slots=panel.empty_slots)


@pytest.fixture(scope="module")
def evidence(panel: Panel) -> StageEvidence:
    return evidence_of(panel)


def test_under_the_fits_own_covariance_the_evidence_is_the_fit(panel: Panel):
    found = evidence_of(panel, method="CRV1")
    fit = found.fit
    columns = ["estimate", "pvalue", "conf_low", "conf_high"]
    pd.testing.assert_frame_equal(found.effects[columns], fit.stage_effects()[columns], rtol=1e-9)
    pd.testing.assert_frame_equal(found.average[columns], fit.average_marginal_effects()[columns], rtol=1e-9)
    same = ["pvalue", "pvalue_holm"]
    pd.testing.assert_frame_equal(found.homogeneity[same], fit.homogeneity()[same], rtol=1e-9)


def test_the_main_inference_replaces_pvalues_and_intervals_only(evidence: StageEvidence):
    fit = evidence.fit
    pd.testing.assert_series_equal(evidence.effects["estimate"], fit.stage_effects()["estimate"])
    asked = {"own_risk:outbreak": 1.0}
    alone = fit.inference(["DWB-t"], [asked], SETTINGS).iloc[0]
    assert evidence.effects.loc[("own_risk", "outbreak"), "pvalue"] == pytest.approx(alone["pvalue"])
    assert "std_error" not in evidence.effects


def test_the_table_repeats_the_record(evidence: StageEvidence):
    body = stage_effects_table(evidence).body
    row = evidence.effects.loc[("own_risk", "outbreak")]
    assert body.loc[("Own risk", "Effect"), "Outbreak"] == number_text(row["estimate"])
    assert body.loc[("Own risk", "p"), "Outbreak"] == pvalue_text(row["pvalue"])
    assert (
        pvalue_text(evidence.homogeneity.loc["own_risk", "pvalue_holm"])
        in body.loc[("Own risk", "95% interval"), "Equal over stages"]
    )


def test_what_is_not_identified_is_said_with_its_reason(panel: Panel):
    national = stage_effects_table(evidence_of(panel, stage="stage_white_paper"))
    assert set(national.body.loc[("Stage itself", "Effect")].iloc[:4]) == {"n.i."}
    assert any("n.i. the stages themselves" in note for note in national.notes)
    local = [label for label in national.body.index if label[0].startswith("Local profit")]
    assert national.body.loc[local[0]].iloc[0] == "ref."
    assert any("time-invariant" in note for note in national.notes)


def test_a_driver_without_data_has_a_row_and_a_note(evidence: StageEvidence):
    table = stage_effects_table(evidence)
    assert (table.body.loc[("Public opinion", "Effect")].iloc[:4] == "no data").all()
    assert any(note.startswith("Public opinion: empty") for note in table.notes)
    assert table.notes[0].startswith("Estimand:")


def test_every_method_stands_in_the_comparison(evidence: StageEvidence):
    frame = evidence.fit.inference(["DWB-t", "CRV1", "CRV3"], settings=SETTINGS)
    table = inference_comparison_table(frame, evidence.fit, omitted={"conley": "no coordinates"})
    assert list(table.body.columns) == ["Effect", "DWB-t", "CRV1", "CRV3"]
    assert (table.body != "").all(axis=None)
    assert "Conley: not computed, no coordinates." in table.notes


def test_numbers_and_headline_follow_the_record(evidence: StageEvidence):
    numbers = stage_numbers(evidence)
    row = evidence.effects.loc[("own_risk", "recovery")]
    assert numbers["effects"]["own_risk"]["recovery"]["estimate"] == number_text(row["estimate"])
    assert numbers["homogeneity_tested"] == evidence.homogeneity["pvalue"].notna().sum()
    rejected = evidence.homogeneity["pvalue_holm"] <= 0.05
    headline = headline_of(evidence, numbers)
    assert ("No test rejects" in headline) == (not rejected.any())


def test_a_true_difference_between_stages_makes_the_headline(panel: Panel):
    rng = np.random.default_rng(3)
    outbreak = (panel.data["stage_epidemic"] == "outbreak").to_numpy()
    risk = panel.data["own_risk"].to_numpy()
    made = panel.with_columns(
        {"effort": pd.Series(6.0 * outbreak * risk + rng.normal(size=len(risk)), panel.data.index)}
    )
    fit = stage_interaction(made, outcome="effort", drivers=["own_risk"], stage="stage_epidemic")
    found = stage_evidence(fit, settings=SETTINGS)
    assert "own risk differs between stages" in headline_of(found, stage_numbers(found))


def test_numbers_of_the_panel(panel: Panel):
    numbers = panel_numbers(panel, OUTCOME)
    assert numbers["regions"] == 12
    assert numbers["rows"] == "1,320"
    assert numbers["ledger_cells"] == "37"
    assert numbers["outcome"]["peak_week"] == panel.data[OUTCOME].groupby("week").mean().idxmax().strftime("%G-W%V")


def test_where_methods_part_is_told():
    keys = [("risk:outbreak = 0", "DWB-t"), ("risk:outbreak = 0", "driscoll-kraay"), ("x:recovery = 0", "DWB-t")]
    index = pd.MultiIndex.from_tuples([*keys, ("x:recovery = 0", "driscoll-kraay")], names=["hypothesis", "method"])
    found = disagreement_numbers(pd.DataFrame({"pvalue": [0.2, 0.01, 0.3, 0.4]}, index=index))
    assert found["effects"] == 2
    assert found["split"] == [
        {"effect": "risk at outbreak", "different": ["Driscoll–Kraay"], "not": ["DWB-t"], "main": False}
    ]


def test_influence_names_the_region_that_moves_an_effect_most(panel: Panel):
    rng = np.random.default_rng(5)
    here = panel.data.index.get_level_values("region") == "P03"
    risk = panel.data["own_risk"].to_numpy() + 8.0 * here * (panel.data["stage_epidemic"] == "outbreak").to_numpy()
    effort = 3.0 * risk * here + rng.normal(size=len(risk))
    columns = {"own_risk": pd.Series(risk, panel.data.index), "effort": pd.Series(effort, panel.data.index)}
    fit = stage_interaction(panel.with_columns(columns), outcome="effort", drivers=["own_risk"], stage="stage_epidemic")
    table = influence_table(region_diagnostics(fit), names={"P03": "Third"})
    assert table.body.loc[("Own risk", "Outbreak"), "Most influential region"] == "Third"


def test_conventions_in_the_notes_hold_for_every_row(panel: Panel):
    """The note on randomisation speaks of what a contrast names; which paths moved stands in each line of the data."""
    drivers = ["own_risk", "fiscal_self_sufficiency"]
    fit = stage_interaction(panel, outcome=OUTCOME, drivers=drivers, stage="stage_epidemic")
    settings = InferenceSettings(draws=99, permutations=19)
    profit = "fiscal_self_sufficiency:outbreak - fiscal_self_sufficiency:recovery"
    frame = fit.inference(["CRV1", "RI"], ["own_risk:outbreak", profit], settings)
    table = inference_comparison_table(frame, fit)
    said = next(note for note in table.notes if note.startswith("RI: "))
    assert "own_risk" not in said
    assert "paths of fiscal_self_sufficiency exchanged" in frame.loc[(profit, "RI"), "note"]


def test_few_draws_bound_a_p_value_of_zero_by_their_number(panel: Panel):
    risk = panel.data["own_risk"]
    made = panel.with_columns({"effort": 9.0 * risk + pd.Series(np.sin(np.arange(len(risk))), risk.index)})
    fit = stage_interaction(made, outcome="effort", drivers=["own_risk"], stage="stage_epidemic")
    settings = InferenceSettings(draws=199)
    table = inference_comparison_table(fit.inference(["CRV1", "DWB-t"], settings=settings), fit)
    assert (table.body["DWB-t"] == "<0.005").all()
    assert (table.body["CRV1"] == "<0.001").all()
    cells = stage_effects_table(stage_evidence(fit, settings=settings)).body
    assert (cells.loc[("Own risk", "p")].iloc[:5] == "<0.005").all()
