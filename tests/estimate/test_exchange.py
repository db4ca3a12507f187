"""Randomisation inference exchanges whole paths and rebuilds their interactions with stages."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from panels import dummies, stage_panel

import panelcoop as pc
from panelcoop.estimate import exchange

SAME = 1e-9  # exchanged paths against refits on the same assignments


def test_equals_enumeration_by_refits():
    """Four regions: all 24 exchanges of the driver's paths, refitted one by one."""
    frame = stage_panel(regions=4, weeks=30, national=False, seed=8)
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"], controls=["control"])
    text = "risk:outbreak = risk:recovery"
    table = fit.inference(["RI"], [text], pc.InferenceSettings(permutations=99))
    row = table.loc[(text, "RI")]
    assert "24" in row["convention"]
    assert row["estimate"] == pytest.approx(fit.contrast(text).estimate, rel=1e-9)
    assert row["pvalue"] * 24 == pytest.approx(round(row["pvalue"] * 24))
    assert row["pvalue"] >= 1 / 24


def test_a_strong_effect_is_found_and_a_null_is_not_rejected_too_often():
    settings = pc.InferenceSettings(permutations=99)
    strong = pc.stage_interaction(stage_panel(), outcome="y", drivers=["risk"])
    assert strong.inference(["RI"], ["risk:outbreak"], settings)["pvalue"].item() <= 0.01
    null = [
        pc.stage_interaction(
            stage_panel(seed=s).assign(risk=lambda f, s=s: np.random.default_rng(1000 + s).normal(size=len(f))),
            outcome="y",
            drivers=["risk"],
        )
        for s in range(100, 112)
    ]
    values = pd.concat([fit.inference(["RI"], ["risk:outbreak"], settings)["pvalue"] for fit in null])
    assert (values < 0.05).sum() <= 4  # binomial(12, .05): P(more than 4) < .001


def test_cells_that_cannot_be_exchanged_are_counted():
    frame = stage_panel(missing=0.1)
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"])
    table = fit.inference(["RI"], ["risk:outbreak"], pc.InferenceSettings(permutations=49))
    assert "keep their own" in table["note"].item()


@pytest.mark.parametrize("clusters", ["region", "zone"])
@pytest.mark.parametrize("effects", ["two-way", "two-way+trends", "region"])
def test_a_balanced_panel_needs_no_refits_and_has_their_numbers(monkeypatch, effects, clusters):
    frame = stage_panel(regions=9, weeks=30).assign(
        zone=lambda f: f.index.get_level_values("region").str[1:].astype(int) // 2
    )
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk", "profit"], controls=["control"], effects=effects)
    asked = ["risk:outbreak", "risk:outbreak = risk:recovery", "profit:outbreak = profit:recovery", "control = 0.1"]
    settings = pc.InferenceSettings(permutations=79, clusters=clusters, strata="zone" if clusters == "zone" else None)
    fast = fit.inference("RI", asked, settings)
    calls = []
    refit = exchange.randomise_design
    monkeypatch.setattr(exchange, "randomise_design", lambda *a, **k: calls.append(1) or refit(*a, **k))
    monkeypatch.setattr(exchange, "is_exchangeable", lambda *_: False)
    slow = fit.inference("RI", asked, settings)
    assert len(calls) == 3  # one per set of paths
    numbers = ["estimate", "std_error", "statistic", "pvalue", "conf_low", "conf_high"]
    np.testing.assert_allclose(fast[numbers], slow[numbers], rtol=SAME)
    assert fast["convention"].tolist() == slow["convention"].tolist()


def test_a_control_exchanges_its_own_path():
    """A control with a strong effect: exchanging its path finds it, exchanging the driver's would not."""
    frame = stage_panel().assign(y=lambda f: f["y"] + f["control"])
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"], controls=["control"])
    row = fit.inference("RI", "control", pc.InferenceSettings(permutations=199)).iloc[0]
    assert row["pvalue"] <= 0.01
    assert row["conf_low"] < row["estimate"] < row["conf_high"]
    assert row["conf_high"] - row["conf_low"] < 0.5
    assert "paths of control exchanged" in row["note"]


def test_stages_that_differ_by_region_are_exchanged_and_interactions_rebuilt():
    """Five regions: all 120 exchanges of stage paths, with dummies and every driver-by-stage column anew."""
    frame = stage_panel(regions=5, weeks=24, national=False, seed=4)
    codes = (frame.index.get_level_values("week") >= np.repeat([6, 9, 12, 15, 18], 24)).astype(int)
    frame["stage"] = np.where(codes == 1, "late", "early")
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"])
    text = "stage:late - stage:early"
    row = fit.inference("RI", text, pc.InferenceSettings(permutations=200)).iloc[0]
    D = dummies(frame).to_numpy()
    y, risk, region = frame["y"].to_numpy(), frame["risk"].to_numpy(), np.repeat(np.arange(5), 24)

    def absorb(a):
        return a - D @ np.linalg.lstsq(D, a, rcond=None)[0]

    def columns(order):
        late = codes.reshape(5, 24)[list(order)].ravel()
        return absorb(np.column_stack([risk * (1 - late), risk * late, late]))

    X = columns(range(5))
    A, R = np.linalg.inv(X.T @ X), np.array([0.0, 0.0, 1.0])
    b = A @ X.T @ absorb(y)
    e = absorb(y) - X @ b + X @ A @ R / A[2, 2] * b[2]
    want = []
    for order in permutations(range(5)):
        Z = columns(order)
        bread = np.linalg.inv(Z.T @ Z)
        c = bread @ Z.T @ e
        scores = np.array([(Z * (e - Z @ c)[:, None])[region == g].sum(axis=0) for g in range(5)]) @ bread @ R
        want.append(c[2] / np.sqrt(scores @ scores))
    assert row["estimate"] == pytest.approx(b[2], rel=1e-9)
    assert row["pvalue"] == pytest.approx(np.mean(np.abs(want) >= abs(want[0]) * (1 - 1e-9)))
    assert "stages exchanged" in row["note"]


def test_what_is_the_same_in_every_region_cannot_be_exchanged():
    frame = stage_panel(national=False)
    fit = pc.stage_interaction(
        frame, outcome="y", drivers=["risk", "directive"], effects="region", controls=["control"]
    )
    table = fit.inference("RI", ["directive:outbreak", "risk:outbreak"], pc.InferenceSettings(permutations=19))
    assert table["pvalue"].isna().tolist() == [True, False]
    assert "'directive' is the same in every region" in table["note"].iloc[0]
    national = pc.stage_interaction(stage_panel(), outcome="y", drivers=["risk"], effects="region")
    said = national.inference("RI", "stage:outbreak - stage:recovery")["note"].item()
    assert "the stages are the same in every region" in said
    plain = pc.stage_interaction(stage_panel().assign(stage="one"), outcome="y", drivers=["risk"], effects="none")
    assert "the intercept is the same" in plain.inference("RI", "Intercept")["note"].item()


def test_one_joint_hypothesis_does_not_take_the_others_away():
    fit = pc.stage_interaction(stage_panel(), outcome="y", drivers=["risk"])
    joint = "risk:outbreak = risk:recovery, risk:outbreak = risk:gestation"
    table = fit.inference("RI", ["risk:outbreak", joint], pc.InferenceSettings(permutations=19))
    assert table["pvalue"].isna().tolist() == [False, True]
    assert "one contrast at a time" in table["note"].iloc[1]


def test_strata_must_be_attributes_of_regions():
    frame = stage_panel().assign(zone=lambda f: f.index.get_level_values("region").str[1:].astype(int) // 3)
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"])
    within = fit.inference("RI", "risk:outbreak", pc.InferenceSettings(permutations=1_500, strata="zone"))
    assert "all 1296 assignments" in within["convention"].item()  # four zones of three regions: 3!^4
    said = fit.inference("RI", "risk:outbreak", pc.InferenceSettings(strata="control"))["note"].item()
    assert "change within region" in said
    assert (
        "no column 'nosuch'"
        in fit.inference("RI", "risk:outbreak", pc.InferenceSettings(strata="nosuch"))["note"].item()
    )


def test_poisson_is_refitted_as_long_as_that_is_affordable(monkeypatch):
    frame = stage_panel(regions=8, weeks=24)
    rng = np.random.default_rng(0)
    frame["count"] = rng.poisson(np.exp(1 + 0.4 * frame["risk"])).astype(float)
    fit = pc.stage_interaction(frame, outcome="count", drivers=["risk"], controls=["control"], family=pc.Poisson())
    table = fit.inference("RI", ["risk:outbreak", "control"], pc.InferenceSettings(permutations=39))
    assert table["pvalue"].iloc[0] == pytest.approx(1 / 40)
    assert table["pvalue"].iloc[1] > 0.1
    assert table["std_error"].iloc[0] == pytest.approx(fit.std_errors["risk:outbreak"], rel=1e-4)
    inside = fit.params[["risk:outbreak", "control"]].to_numpy()
    assert (table["conf_low"].to_numpy() < inside).all()
    assert (inside < table["conf_high"].to_numpy()).all()
    at_zero = (table["conf_low"] <= 0) & (table["conf_high"] >= 0)
    assert at_zero.tolist() == (table["pvalue"] > 0.05).tolist()
    few = fit.inference("RI", "control", pc.InferenceSettings(permutations=9))
    assert few["pvalue"].notna().all()
    assert few[["conf_low", "conf_high"]].to_numpy().tolist() == [[-np.inf, np.inf]]
    monkeypatch.setattr(exchange, "MOST_ROW_FITS", 30 * exchange.LEAST_ROWS)
    alone = fit.inference("RI", "control", pc.InferenceSettings(permutations=19))
    assert alone["conf_low"].isna().all()
    assert "at most 1 permutations" in alone["note"].item()
    monkeypatch.setattr(exchange, "MOST_ROW_FITS", 1_000)
    assert "fewer contrasts or permutations" in fit.inference("RI", "control")["note"].item()


def test_weights_of_very_different_size_speak_to_the_user_not_to_the_developer():
    frame = stage_panel().assign(weight=lambda f: np.where(f.index.get_level_values("region") == "r01", 1.0, 1e-14))
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"], weights="weight")
    assert "rebuild" not in fit.inference("RI", "risk:outbreak", pc.InferenceSettings(permutations=9))["note"].item()
