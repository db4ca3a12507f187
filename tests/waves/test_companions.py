"""Common and idiosyncratic, phases, leads, spiral, companions."""

from __future__ import annotations

import numpy as np
import pytest
from wave_frames import frame

from panelcoop.errors import DataError
from panelcoop.numerics.waves.cross_dependence import first_factor, pesaran_cd
from panelcoop.panel.record import SpatialWeights, panel_from_frame
from panelcoop.report.wave_checks_table import wave_checks_table
from panelcoop.sensitivity.wave_designs import Design, mean_path, simulate_panel
from panelcoop.waves.checks import wave_checks
from panelcoop.waves.companions import fake_outcomes, permuted_weights, wave_companions
from panelcoop.waves.phases import lead_and_lag, phase_concordance
from panelcoop.waves.primary import wave_test
from panelcoop.waves.regional import region_waves, step_down
from panelcoop.waves.removal import Removal
from panelcoop.waves.spiral import reversals, spiral
from panelcoop.waves.thresholds import WaveThresholds

EXACT = 1e-10
FEW = WaveThresholds(draws=199)


def test_cd_equals_its_sum_over_pairs_when_unbalanced():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((5, 30)) + 3.0
    x[rng.random(x.shape) < 0.2] = np.nan
    total, pairs = 0.0, 0
    for i in range(5):
        for j in range(i + 1, 5):
            both = np.isfinite(x[i]) & np.isfinite(x[j])
            total += np.sqrt(both.sum()) * np.corrcoef(x[i, both], x[j, both])[0, 1]
            pairs += 1
    assert pesaran_cd(x).statistic == pytest.approx(total / np.sqrt(pairs), abs=EXACT)


def test_cd_does_not_mind_levels():
    x = np.random.default_rng(1).standard_normal((6, 50))
    levels = np.array([0, 1e8, -1e8, 3e8, 5.0, 1e9])[:, None]
    assert pesaran_cd(x + levels).statistic == pytest.approx(pesaran_cd(x).statistic, abs=1e-5)


@pytest.mark.montecarlo
def test_cd_holds_its_size_under_independence():
    rng = np.random.default_rng(1)
    rejected = np.mean([pesaran_cd(rng.standard_normal((10, 60))).p <= 0.05 for _ in range(400)])
    assert 0.02 <= rejected <= 0.09


def test_first_factor_recovers_rank_one_data_with_holes():
    rng = np.random.default_rng(2)
    path, loadings = rng.standard_normal(40), 1 + 0.3 * rng.standard_normal(8)
    loadings /= loadings.mean()
    y = 5 + np.outer(loadings, path - path.mean())
    whole = first_factor(y)
    assert np.allclose(whole.path, path - path.mean(), atol=1e-9)
    assert whole.share == pytest.approx(1.0)
    y[rng.random(y.shape) < 0.1] = np.nan
    assert np.corrcoef(first_factor(y).path, path)[0, 1] > 0.999


def test_step_down_rejects_no_more_than_single_tests_and_is_ordered():
    rng = np.random.default_rng(3)
    draws, stats = rng.standard_normal((999, 6)), np.array([4.0, 0.1, 2.5, 1.0, -1.0, 3.0])
    single = (1 + (draws >= stats).sum(axis=0)) / 1000
    adjusted = step_down(stats, draws)
    assert (adjusted >= single - EXACT).all()
    assert (np.diff(adjusted[np.argsort(-stats)]) >= -EXACT).all()


def test_a_region_with_waves_of_its_own_is_found_and_the_others_are_not():
    values = simulate_panel(Design("linear", 2.0, 120, 0.3, 0.05, regions=12), np.random.default_rng(4))
    values[3] += mean_path("rising", 120, 5.0)
    found = region_waves(frame(values), outcome="y", thresholds=FEW)
    assert found.table.loc["r03", "p_adjusted"] <= 0.05
    assert (found.table.drop(index="r03")["p_adjusted"] > 0.05).all()
    assert found.dependence.p < 0.05


def test_regions_with_few_weeks_get_no_p_value_and_leave_the_others_alone():
    values = simulate_panel(Design("linear", 2.0, 100, 0.3, 0.05, regions=8), np.random.default_rng(4))
    few = region_waves(frame(values[:, :11]), outcome="y", thresholds=FEW)
    assert few.table[["p", "p_adjusted"]].isna().all().all()
    assert "No p-values: fewer than 30 weeks seen." in few.notes
    checks = wave_checks(frame(values[:, :45]), outcome="y", thresholds=WaveThresholds(draws=99, minimum_weeks=50))
    assert wave_checks_table(checks).body.loc["Waves of single regions", "Found"] == "not tested: too few weeks"
    assert np.isnan(phase_concordance(frame(values[:, :11]), outcome="y", thresholds=FEW).p)
    values[3, 10:] = np.nan
    found = region_waves(frame(values), outcome="y", thresholds=FEW)
    assert found.table.index[found.table["p_adjusted"].isna()].tolist() == ["r03"]
    assert "No p-value for region r03: fewer than 30 weeks seen." in found.notes
    assert found.table["p"].isna().sum() == 1


@pytest.mark.filterwarnings("error")
def test_phases_of_two_weeks_are_refused():
    values = np.random.default_rng(4).standard_normal((4, 3))
    for weeks in (1, 2):
        with pytest.raises(DataError, match=rf"Phases need 3 weeks or more.*{weeks} are seen"):
            phase_concordance(frame(values[:, :weeks]), outcome="y")
    assert 0 <= phase_concordance(frame(values), outcome="y").mean <= 1


def test_phases_agree_where_regions_share_waves_and_not_otherwise():
    rng = np.random.default_rng(5)
    shared = mean_path("driftless", 100, 3.0) + 0.5 * rng.standard_normal((10, 100))
    alone = rng.standard_normal((10, 100)).cumsum(axis=1)
    together = phase_concordance(frame(shared), outcome="y", thresholds=FEW)
    assert together.mean > 0.8
    assert together.p <= 0.01
    assert np.allclose(together.matrix.to_numpy()[np.triu_indices(10, 1)].mean(), together.mean)
    assert phase_concordance(frame(alone), outcome="y", thresholds=FEW).p > 0.05


def test_a_leading_region_is_seen_to_lead():
    rng = np.random.default_rng(6)
    wave = np.convolve(rng.standard_normal(130), np.ones(6) / 2, mode="same")
    values = np.tile(wave[10:120], (8, 1)) + 0.3 * rng.standard_normal((8, 110))
    values[2] = wave[13:123] + 0.3 * rng.standard_normal(110)
    found = lead_and_lag(frame(values), outcome="y", draws=99)
    assert list(found.columns) == ["lead", "low", "high", "correlation"]
    assert found.loc["r02", "lead"] == 3
    assert found.loc["r02", "low"] <= 3 <= found.loc["r02", "high"]
    assert (found.drop(index="r02")["lead"] == 0).all()


def test_leads_need_weeks_and_regions_that_change():
    rng = np.random.default_rng(7)
    with pytest.raises(DataError, match=r"need 40 weeks or more.*got 39"):
        lead_and_lag(frame(rng.standard_normal((4, 39))), outcome="y")
    values = rng.standard_normal((4, 60))
    values[1] = 1e6 / 3
    found = lead_and_lag(frame(values), outcome="y", draws=19)
    assert found.loc["r01"].isna().all()
    assert found.drop(index="r01").notna().all().all()
    alone = np.tile([[7.0]], (3, 60)) + np.array([[1.0], [0.0], [0.0]]) * rng.standard_normal(60)
    assert lead_and_lag(frame(alone), outcome="y", draws=19).isna().all().all()


def test_weights_of_the_other_regions_enter_their_mean():
    rng = np.random.default_rng(8)
    wave = np.convolve(rng.standard_normal(90), np.ones(6), mode="same")
    values = np.vstack([wave[5:85], wave[2:82], rng.standard_normal((6, 80))]) + 0.1 * rng.standard_normal((8, 80))
    only = {f"r{i:02d}": float(i < 2) for i in range(8)}
    found = lead_and_lag(frame(values), outcome="y", draws=19, weights=only)
    assert found.loc["r00", "lead"] == 3
    assert found.loc["r01", "lead"] == -3


def test_reversals_match_a_hand_worked_path():
    path = np.array([1.0, 0.5, 2.0, 1.8, 0.6, 0.9, 3.0, 2.9])
    troughs, peaks = reversals(path, 1.0)
    assert troughs.tolist() == [1, 4]
    assert peaks.tolist() == [2, 6]
    assert reversals(np.zeros(5), 1.0)[0].size == 0


def test_a_rising_wave_is_a_spiral_and_a_driftless_one_is_not():
    values = simulate_panel(Design("rising", 4.0, 150, 0.3, 0.02), np.random.default_rng(8))
    formality = np.tile(np.linspace(1, 4, 150), (31, 1))
    table = frame(values, formality=formality)
    found = spiral(wave_test(table, outcome="y", thresholds=FEW), table, formality="formality")
    assert (len(found.waves), found.troughs_rise, found.peaks_rise, found.formality_rises) == (3, True, True, True)
    assert (found.waves["peak_p"].iloc[1:] <= 0.05).all()
    with pytest.raises(DataError, match="'formality' of formality needs its panel"):
        spiral(wave_test(table, outcome="y", thresholds=FEW), formality="formality")
    flat = simulate_panel(Design("driftless", 4.0, 150, 0.3, 0.02), np.random.default_rng(8))
    result = spiral(wave_test(frame(flat), outcome="y", thresholds=FEW))
    assert "not measured" in result.note
    assert (result.waves["peak_p"].iloc[1:] > 0.05).all()


def test_formality_of_a_wave_pools_its_events_and_says_what_is_missing():
    rng = np.random.default_rng(8)
    values = simulate_panel(Design("rising", 4.0, 150, 0.3, 0.02), rng)
    formality, events = rng.uniform(1, 5, values.shape), rng.integers(0, 4, values.shape).astype(float)
    formality[events == 0] = np.nan
    table = frame(values, formality=formality, events=events)
    result = wave_test(table, outcome="y", thresholds=FEW)
    found = spiral(result, table, formality="formality", weights="events")
    starts = [*(result.path.index.get_loc(week) for week in found.waves["trough_week"]), 150]
    for (_, wave), a, b in zip(found.waves.iterrows(), starts, starts[1:], strict=False):
        f, w = formality[:, a:b], events[:, a:b]
        assert wave["formality"] == pytest.approx(np.nansum(w * f) / w.sum())
    assert found.note == "Region-weeks weigh by 'events'."
    assert "counts alike" in spiral(result, table, formality="formality").note
    table.loc[table.index.get_level_values("week") >= result.path.index[starts[2]], "formality"] = np.nan
    late = spiral(result, table, formality="formality", weights="events")
    assert late.formality_rises is None
    assert late.note.startswith("Formality is not measured in wave 3. ")
    numbered = table.reset_index().assign(week=table.groupby("region").cumcount().to_numpy())
    with pytest.raises(DataError, match=r"weeks \(0, 1 and 148 more\) are not those of the result"):
        spiral(result, numbered, formality="formality")
    with pytest.raises(DataError, match="'less' are negative in region r00, r01"):
        spiral(result, table.assign(less=-1.0), formality="formality", weights="less")
    with pytest.raises(DataError, match="'events' weigh formality"):
        spiral(result, table, weights="events")


def test_companions_run_beside_the_plan_and_refusals_are_kept():
    rng = np.random.default_rng(9)
    values = simulate_panel(Design("rising", 3.0, 100, 0.3, 0.05, regions=10), rng)
    risk, documents = rng.standard_normal((10, 100)), rng.uniform(1, 2, (10, 100))
    ring = np.roll(np.eye(10), 1, axis=1)
    weights = SpatialWeights("ring", tuple(f"r{i:02d}" for i in range(10)), (ring + ring.T) / 2)
    table = frame(values, risk=risk, documents=documents)
    panel = panel_from_frame(table.assign(constant="x"), weights=[weights])
    found = wave_companions(
        panel, outcomes=["y"], remove=["risk"], outlier="r00", placebos=["documents", "constant"], thresholds=FEW
    )
    runs = ["y", "y, without r00", "y, after removing risk", "y, same weeks, nothing removed", "placebo: documents"]
    assert list(found.tidy().index) == runs
    assert "not numeric" in found.refused["placebo: constant"]
    assert found.verdicts["y"].placebo is not None
    assert found.tidy().loc["y, without r00", "regions"] == 9
    assert found.tidy().loc[runs[2:4], "weeks"].tolist() == [96, 96]
    (same,) = found.of_kind("same weeks").values()
    late = table[table.index.get_level_values("week") >= same.path.index[0]]
    assert same.ascent == pytest.approx(wave_test(late, outcome="y", thresholds=FEW).ascent, rel=1e-9)
    shuffled = permuted_weights(
        panel, outcome="y", remove=Removal(("risk",), "ring", 1), permutations=2, thresholds=FEW
    )
    assert list(shuffled.index) == ["true", "permuted 1", "permuted 2"]


@pytest.mark.montecarlo
def test_fake_outcomes_show_no_waves():
    values = simulate_panel(Design("rising", 3.0, 100, 0.3, 0.05, regions=10), np.random.default_rng(9))
    found = fake_outcomes(panel_from_frame(frame(values)), outcome="y", replications=40, thresholds=FEW)
    assert found["U rejects"] <= 0.075
    assert found["W >= 2"] == 0
