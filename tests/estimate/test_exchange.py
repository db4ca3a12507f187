"""Randomisation inference exchanges whole paths and rebuilds their interactions with stages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from panels import stage_panel

import panelcoop as pc


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


def test_joint_and_poisson_say_why_not():
    frame = stage_panel().assign(count=lambda f: np.exp(f["y"]))
    joint = "risk:outbreak = risk:recovery, risk:outbreak = risk:gestation"
    linear = pc.stage_interaction(frame, outcome="y", drivers=["risk"])
    assert "one contrast at a time" in linear.inference(["RI"], [joint])["note"].item()
    counts = pc.stage_interaction(frame, outcome="count", drivers=["risk"], family=pc.Poisson())
    assert "linear model" in counts.inference(["RI"], ["risk:outbreak"])["note"].item()
