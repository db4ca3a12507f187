"""Power on a panel's own residuals: held to the published table, to refits by hand, and to what must not matter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.fitted import Poisson
from panelcoop.estimate.settings import InferenceSettings
from panelcoop.estimate.stage_interaction import stage_interaction
from panelcoop.sensitivity.power import PowerSettings, power
from panelcoop.sensitivity.power_errors import pooled_root, resampled_errors
from panelcoop.sensitivity.stage_samples import LONG_STAGES, SHORT_STAGES, SizeDesign, simulate_stage_sample

STAGES = ("gestation", "outbreak", "continuation", "recovery")
CONTRAST = "x:outbreak - x:continuation"
QUICK = PowerSettings(replications=40, draws=99)


def sample_panel(lengths, seed, fields="spatial"):
    rng = np.random.default_rng(seed)
    sample = simulate_stage_sample(SizeDesign(fields, lengths), rng)
    labels = np.repeat(np.array(STAGES), lengths)[sample.weeks]
    return pd.DataFrame(
        {
            "region": sample.regions,
            "week": sample.weeks,
            "x": sample.fit.design.columns.sum(axis=1),
            "y": sample.fit.design.outcome,
            "stage": pd.Categorical(labels, list(STAGES)),
        }
    ).set_index(["region", "week"])


def fit_of(frame, **asked):
    return stage_interaction(frame, outcome="y", drivers=["x"], **asked)


@pytest.mark.montecarlo
@pytest.mark.parametrize(("lengths", "known"), [(SHORT_STAGES, (0.12, 0.25)), (LONG_STAGES, (0.66, 0.95))])
def test_power_is_that_of_the_published_designs(lengths, known):
    found = []
    for seed in range(16):
        fit = fit_of(sample_panel(lengths, [5, seed]))
        curve = power(fit, CONTRAST, effects=(0.3, 0.5), settings=PowerSettings(replications=80, draws=199, seed=seed))
        found.append(curve.table["dwb"].to_numpy())
    size, small, large = np.mean(found, axis=0)
    assert size < 0.12
    assert small == pytest.approx(known[0], abs=0.09)  # panels differ: sd .04 to .1 of the mean of 16
    assert large == pytest.approx(known[1], abs=0.09)


def test_one_replication_equals_a_refit():
    """The rejection at each effect is that of the inference table on a panel with that effect."""
    frame = sample_panel((8, 8, 8, 8), 3).query("not (region == 2 and week < 6)")
    fit = fit_of(frame)
    settings = PowerSettings(replications=1, draws=99, scheme="wild", seed=8)
    effects = (0.1, 0.3, 0.6)
    curve = power(fit, CONTRAST, effects=effects, settings=settings)
    residual = np.full((31, 32), np.nan)
    arrays = fit.model.arrays
    inflated = fit.model.linear.resid * np.sqrt(fit.nobs / fit.model.linear.df_resid)
    residual[arrays.region, arrays.week] = inflated
    rng = np.random.default_rng([8, 1])
    errors = resampled_errors(residual, "wild", 1, rng, length=8)[0][arrays.region, arrays.week]
    for effect, row in zip((0.0, *effects), curve.table.itertuples(), strict=True):
        moved = frame.assign(y=errors + effect * curve.unit * frame["x"] * (frame["stage"] == "outbreak"))
        asked = InferenceSettings(draws=99, seed=8)
        hand = fit_of(moved).inference(["DWB-t", "CRV1"], [CONTRAST], asked)["pvalue"].droplevel(0)
        assert row.dwb == float(hand["DWB-t"] <= 0.05)
        assert row.crv1 == float(hand["CRV1"] <= 0.05)


def test_the_unit_is_within_and_scaling_changes_nothing():
    frame = sample_panel((6, 6, 6, 6), 4)
    curve = power(fit_of(frame), CONTRAST, settings=QUICK)
    within = frame[["y", "x"]] - frame.groupby("region")[["y", "x"]].transform("mean")
    within = within - within.groupby("week").transform("mean")
    assert curve.unit == pytest.approx(float((within["y"] ** 2).mean() ** 0.5 / (within["x"] ** 2).mean() ** 0.5))
    scaled = power(fit_of(frame.assign(y=100 * frame["y"], x=frame["x"] / 7)), CONTRAST, settings=QUICK)
    assert np.allclose(curve.table[["dwb", "crv1"]], scaled.table[["dwb", "crv1"]])
    assert np.allclose(scaled.table["effect_raw"], 700 * curve.table["effect_raw"])


def test_power_rises_and_the_detectable_effect_lies_on_the_curve():
    curve = power(fit_of(sample_panel(LONG_STAGES, 2)), CONTRAST, settings=QUICK)
    assert curve.table.index[0] == 0.0
    assert (curve.table["crv1"].diff().dropna() >= -0.05).all()
    reach = curve.minimum_detectable["dwb"]
    shares = np.interp(reach, curve.table.index, np.maximum.accumulate(curve.table["dwb"]))
    assert shares == pytest.approx(0.8)
    none = power(fit_of(sample_panel(SHORT_STAGES, 2)), CONTRAST, effects=[0.01], settings=QUICK)
    assert np.isinf(none.minimum_detectable["dwb"])
    assert "none tried" in str(none)


@pytest.mark.parametrize("scheme", ["ar", "blocks", "wild"])
def test_errors_keep_the_dependence_of_the_residuals(scheme):
    rng = np.random.default_rng(5)
    residuals = rng.normal(size=400) + 0.5 * rng.normal(size=(6, 400))
    for week in range(1, 400):
        residuals[:, week] += 0.7 * residuals[:, week - 1]
    residuals[3, 50:60] = np.nan
    drawn = resampled_errors(residuals, scheme, 60, rng, length=20)
    assert drawn.shape == (60, 6, 400)
    assert np.isfinite(drawn).all()
    between = np.corrcoef(drawn.transpose(1, 0, 2).reshape(6, -1))[0, 1]
    assert between == pytest.approx(np.corrcoef(residuals[:2])[0, 1], abs=0.05)
    serial = np.mean([np.corrcoef(d[0, 1:], d[0, :-1])[0, 1] for d in drawn])
    assert serial == pytest.approx(pooled_root(residuals), abs=0.08)  # blocks and multipliers lose a little
    assert drawn.std() == pytest.approx(np.nanstd(residuals), rel=0.15)


def test_seeds_repeat_and_what_cannot_be_done_is_refused():
    frame = sample_panel((6, 6, 6, 6), 6)
    fit = fit_of(frame)
    one, two = (power(fit, CONTRAST, settings=QUICK).table for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    with pytest.raises(DataError, match="one combination"):
        power(fit, "x:outbreak, x:continuation", settings=QUICK)
    with pytest.raises(IdentificationError, match="not identified"):
        power(fit, "stage:outbreak - stage:continuation", settings=QUICK)
    with pytest.raises(DataError, match="scheme must be one of"):
        power(fit, CONTRAST, settings=PowerSettings(replications=2, scheme="iid"))
    counts = frame.assign(y=np.random.default_rng(1).poisson(3, len(frame)))
    with pytest.raises(DataError, match="Poisson"):
        power(fit_of(counts, family=Poisson()), CONTRAST, settings=QUICK)
    with pytest.raises(DataError, match="absorbs none"):
        power(fit_of(frame, effects="none"), CONTRAST, settings=QUICK)
