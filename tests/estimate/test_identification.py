"""The identification table of the stage interaction must come out of the code."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from panels import STAGES, stage_panel

import panelcoop as pc

EXACT = 1e-9


def status_of(fit: pc.StageInteraction) -> dict[str, str]:
    return fit.identification.groupby("family", sort=False)["status"].agg(lambda s: "/".join(sorted(set(s)))).to_dict()


FAMILIES = ("risk", "profit", "directive", "stage")
YES, PART, NO = "identified", "contrasts only", "not identified"


@pytest.mark.parametrize(
    ("national", "effects", "expected"),
    [
        (True, "two-way", (YES, PART, NO, NO)),
        (False, "two-way", (YES, PART, PART, PART)),
        (True, "region", (YES, PART, YES, PART)),
        (True, "week", (YES, YES, NO, NO)),
        (True, "none", (YES, YES, YES, PART)),
    ],
)
def test_the_table_comes_out_of_the_code(national, effects, expected):
    frame = stage_panel(national=national)
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk", "profit", "directive"], effects=effects)
    assert tuple(status_of(fit)[family] for family in FAMILIES) == expected
    lost = fit.identification["status"] != "identified"
    assert fit.params[lost].isna().all()
    assert fit.params[~lost].notna().all()
    assert (fit.identification.loc[lost, "reason"] != "").all()


def test_status_equals_rank_by_dummies():
    """A term is identified exactly when the unit vector lies in the row space of the residualised design."""
    from panels import dummies

    for national in (True, False):
        frame = stage_panel(national=national, regions=8, weeks=30)
        drivers = ["risk", "profit", "directive"]
        fit = pc.stage_interaction(frame, outcome="y", drivers=drivers)
        X = fit.model.columns
        D = dummies(fit.model.panel.data).to_numpy()
        left = X - D @ np.linalg.lstsq(D, X, rcond=None)[0]
        projector = np.linalg.pinv(left, rcond=1e-8) @ left
        oracle = np.abs(np.diag(projector) - 1) < 1e-6
        assert (oracle == (fit.identification["status"] == "identified").to_numpy()).all()


def test_contrasts_of_a_time_invariant_driver_do_not_depend_on_the_reference():
    frame = stage_panel()
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk", "profit"])
    by_hand = frame.assign(**{f"p_{s}": frame["profit"] * (frame["stage"] == s) for s in STAGES[1:]})
    peer = pc.stage_interaction(by_hand, outcome="y", drivers=["risk"], controls=[f"p_{s}" for s in STAGES[1:]])
    contrasts = fit.stage_effects().loc["profit"]
    assert contrasts.loc["gestation", "relative_to"] == "gestation"
    np.testing.assert_allclose(contrasts["estimate"].iloc[1:], peer.params[[f"p_{s}" for s in STAGES[1:]]], rtol=1e-7)
    np.testing.assert_allclose(
        contrasts["std_error"].iloc[1:], peer.std_errors[[f"p_{s}" for s in STAGES[1:]]], rtol=1e-7
    )
    with pytest.raises(pc.IdentificationError, match="time-invariant"):
        fit.contrast("profit:outbreak")
    assert fit.homogeneity().loc["profit", "df"] == 3


def test_a_stage_without_rows_and_a_stage_of_one_week_are_named():
    frame = stage_panel()
    week = frame.index.get_level_values("week")
    frame.loc[week == 6, "stage"] = "single"
    frame.loc[frame["stage"] == "gestation", "risk"] = np.nan
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"])
    assert any("'gestation' has no complete row" in note for note in fit.notes)
    assert any("'single' has one week only" in note for note in fit.notes)


def test_a_driver_that_is_zero_in_a_stage_is_named():
    frame = stage_panel()
    frame.loc[frame["stage"] == "recovery", "risk"] = 0.0
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"])
    assert "zero in every row of stage 'recovery'" in fit.identification.loc["risk:recovery", "reason"]
    assert np.isnan(fit.homogeneity().loc["risk", "pvalue"])


def test_duplicate_and_constant_columns_are_named():
    frame = stage_panel().assign(copy=lambda f: 2 * f["control"], flat=1.0)
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"], controls=["control", "copy", "flat"])
    assert fit.params[["control", "copy", "flat"]].isna().all()
    assert (fit.identification.loc[["control", "copy", "flat"], "status"] == "not identified").all()
    kept = fit.contrast("control + 2 * copy")
    peer = pc.stage_interaction(frame, outcome="y", drivers=["risk"], controls=["control"])
    assert abs(kept.estimate - peer.params["control"]) < EXACT


def test_answers_follow_their_definitions():
    fit = pc.stage_interaction(stage_panel(), outcome="y", drivers=["risk"], controls=["control"])
    b, V = fit.params[:4].to_numpy(), fit.cov.to_numpy()[:4, :4]
    R = np.array([[1, -1, 0, 0], [1, 0, -1, 0], [1, 0, 0, -1.0]])
    chi2 = R @ b @ np.linalg.solve(R @ V @ R.T, R @ b)
    assert fit.homogeneity().loc["risk", "statistic"] == pytest.approx(chi2 / 3, rel=1e-8)
    ame = fit.average_marginal_effects().loc["risk"]
    assert ame["estimate"] == pytest.approx(fit.stage_shares @ b, rel=1e-10)
    assert ame["std_error"] == pytest.approx(np.sqrt(fit.stage_shares @ V @ fit.stage_shares), rel=1e-10)
    claim = fit.dominance("risk", "outbreak")
    tails = [fit.contrast(f"risk:outbreak - risk:{s}") for s in STAGES if s != "outbreak"]
    assert claim.statistic == pytest.approx(min(t.statistic for t in tails))
    pairs = fit.stage_contrasts("risk")
    assert len(pairs) == 6
    assert pairs.loc["risk:gestation - risk:outbreak", "estimate"] == pytest.approx(b[0] - b[1])


def test_results_are_frozen_and_tables_can_read_them():
    fit = pc.stage_interaction(stage_panel(), outcome="y", drivers=["risk"])
    with pytest.raises(AttributeError):
        fit.nobs = 3
    table = fit.__maketables_coef_table__
    assert list(table.columns) == ["b", "se", "t", "p", "ci95l", "ci95u"]
    assert fit.__maketables_stat__("N") == fit.nobs
    assert 0 < fit.__maketables_stat__("r2_within") < 1
    text = fit.summary()
    assert "region and week" in text
    assert "CRV1" in text


def test_another_covariance_is_another_object():
    fit = pc.stage_interaction(stage_panel(), outcome="y", drivers=["risk"])
    other = fit.with_covariance("driscoll-kraay")
    assert other is not fit
    pd.testing.assert_series_equal(other.params, fit.params)
    assert other.convention != fit.convention
