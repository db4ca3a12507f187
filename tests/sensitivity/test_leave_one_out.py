"""Leave one out: every line equals a refit on the rows that are left."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.estimate.fitted import Poisson
from panelcoop.estimate.settings import InferenceSettings
from panelcoop.estimate.stage_interaction import stage_interaction
from panelcoop.panel.record import panel_from_frame
from panelcoop.sensitivity.leave_one_out import leave_one_index_out, leave_one_out
from panelcoop.sensitivity.multiverse_universe import Universe

SAME = 1e-9  # the same least squares by another order of sums
FAST = InferenceSettings(draws=99, seed=2)
CONTRAST = "risk:outbreak - risk:recovery"


def frame_of(seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([list("abcdefgh"), range(30)], names=["region", "week"])
    n = len(index)
    frame = pd.DataFrame({"risk": rng.normal(size=n), "w": rng.uniform(1, 3, n)}, index=index)
    clock = index.get_level_values("week").to_numpy() - np.repeat(rng.integers(3, 12, 8), 30)
    frame["stage"] = np.select([clock < 0, clock < 9], ["gestation", "outbreak"], "recovery")
    frame["source"] = rng.choice(["one", "two", "three"], n)
    slope = np.where(index.get_level_values("region") == "e", 4.0, 0.5) * (frame["stage"] == "outbreak")
    frame["y"] = slope * frame["risk"] + 0.5 * rng.normal(size=n)
    frame["z"] = frame["y"] + rng.normal(size=n)
    frame["v"] = 10 * frame["y"] + 20 * rng.normal(size=n)
    frame.loc[frame.index[[5, 50, 99]], ["z", "source"]] = np.nan
    return frame.drop(index=[("b", 4), ("g", 20)])


@pytest.mark.parametrize("by", ["region", "week", "source"])
@pytest.mark.parametrize(("effects", "weights"), [("two-way", None), ("two-way+trends", None), ("two-way", "w")])
def test_each_line_equals_a_refit(by, effects, weights):
    frame = frame_of()
    asked = {"outcome": "y", "drivers": ["risk"], "effects": effects, "weights": weights}
    found = leave_one_out(stage_interaction(frame, **asked), CONTRAST, by=by, settings=FAST)
    levels = frame[by] if by == "source" else pd.Series(frame.index.get_level_values(by), index=frame.index)
    for label in list(found.table.index)[:3]:
        kept = frame[levels.astype(str) != label]
        hand = stage_interaction(kept, **asked).inference(["DWB-t", "CRV1"], [CONTRAST], FAST).droplevel(0)
        row = found.table.loc[label]
        assert row["nobs"] == len(kept)
        assert row["estimate"] == pytest.approx(hand.loc["DWB-t", "estimate"], rel=SAME)
        assert row["pvalue"] == hand.loc["DWB-t", "pvalue"]
        assert row["pvalue_crv1"] == pytest.approx(hand.loc["CRV1", "pvalue"], rel=1e-7)
        assert row["change"] == pytest.approx(found.whole["estimate"] - row["estimate"])


def test_the_region_that_drives_the_estimate_comes_first():
    found = leave_one_out(stage_interaction(frame_of(), outcome="y", drivers=["risk"]), CONTRAST, settings=FAST)
    assert found.table.index[0] == "e"
    assert found.table["influence"].abs().is_monotonic_decreasing
    assert found.span[0] == found.table.loc["e", "estimate"]
    assert found.worst_p == found.table["pvalue"].max()
    assert "most influential e" in str(found)


def test_what_cannot_be_left_out_is_a_line_with_its_reason():
    frame = frame_of().assign(half=lambda f: np.where(f["stage"] == "outbreak", "during", "else"))
    found = leave_one_out(stage_interaction(frame, outcome="y", drivers=["risk"]), CONTRAST, by="half", settings=FAST)
    assert np.isnan(found.table.loc["during", "estimate"])
    assert "not identified" in found.table.loc["during", "reason"]
    assert "2 cannot be left out" in str(found)


def test_wrong_questions_are_refused():
    frame = frame_of()
    fit = stage_interaction(frame.assign(same="x"), outcome="y", drivers=["risk"])
    with pytest.raises(DataError, match="no column 'sorce' \\(did you mean 'source'\\?\\)"):
        leave_one_out(fit, CONTRAST, by="sorce")
    with pytest.raises(DataError, match="'same' has 1 level"):
        leave_one_out(fit, CONTRAST, by="same")
    counts = frame.assign(y=np.random.default_rng(1).poisson(3, len(frame)))
    with pytest.raises(DataError, match="Poisson"):
        leave_one_out(stage_interaction(counts, outcome="y", drivers=["risk"], family=Poisson()), CONTRAST)
    with pytest.raises(DataError, match="at least two outcomes"):
        leave_one_index_out(panel_from_frame(frame), ["y"], Universe("y", {"risk": "risk"}, "stage"), CONTRAST)


def test_leaving_an_index_out_averages_the_others():
    frame = frame_of()
    universe = Universe("", {"risk": "risk"}, "stage")
    found = leave_one_index_out(panel_from_frame(frame), ["y", "z", "v"], universe, CONTRAST, settings=FAST)
    complete = frame.dropna(subset=["y", "z", "v"])
    scores = (complete[["y", "z", "v"]] - complete[["y", "z", "v"]].mean()) / complete[["y", "z", "v"]].std()
    for left, others in {"y": ["z", "v"], "v": ["y", "z"]}.items():
        hand = stage_interaction(
            complete.assign(average=scores[others].mean(axis=1)), outcome="average", drivers=["risk"]
        )
        assert found.table.loc[left, "estimate"] == pytest.approx(hand.contrast(CONTRAST).estimate, rel=SAME)
        assert found.table.loc[left, "nobs"] == len(complete)
    assert found.whole["nobs"] == len(complete)


@pytest.mark.parametrize("contrast", ["risk:outbreak = risk:recovery = risk:gestation", "risk:outbreak = 0.5"])
def test_only_one_combination_against_zero_is_followed(contrast):
    fit = stage_interaction(frame_of(), outcome="y", drivers=["risk"])
    with pytest.raises(DataError, match="one combination against zero"):
        leave_one_out(fit, contrast, settings=FAST)
