"""The primary wave test: brute force, recovered truth, refusals, properties."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from wave_frames import frame

from panelcoop.errors import DataError, IdentificationError, PlanError
from panelcoop.numerics.waves.autoregression import ar1_paths, correct_root, cosine_basis, fit_noise
from panelcoop.numerics.waves.common_path import poisson_path, two_way_path
from panelcoop.numerics.waves.interrupted_ascent import (
    ascent_of,
    count_episodes,
    drawdown_of,
    find_episodes,
    threshold_for,
    up_down_up_of,
)
from panelcoop.numerics.waves.smoothing import gaussian_smoother
from panelcoop.panel.record import Panel, SpatialWeights, panel_from_frame
from panelcoop.sensitivity.wave_designs import Design, mean_path, simulate_panel
from panelcoop.waves.inputs import Bounds, wave_input
from panelcoop.waves.primary import wave_test
from panelcoop.waves.removal import Removal, lag_weeks
from panelcoop.waves.thresholds import WaveThresholds
from panelcoop.waves.verdict import VERDICTS, Evidence, decide

EXACT = 1e-10  # rounding of a few hundred additions
FEW = WaveThresholds(draws=199)


def paths(count: int = 40, length: int = 14) -> np.ndarray:
    return np.random.default_rng(5).standard_normal((length, count)).cumsum(axis=0)


def brute_ascent(m: np.ndarray) -> float:
    best = 0.0
    for t in range(m.size):
        record = m[: t + 1].max()
        best = max(best, min(record - m[t], m[t:].max() - record, m[t] - m[: t + 1].min()))
    return best


def brute_up_down_up(m: np.ndarray) -> float:
    quads = itertools.combinations(range(m.size), 4)
    return max(0.0, *(min(m[b] - m[a], m[b] - m[c], m[d] - m[c]) for a, b, c, d in quads))


def test_statistics_equal_their_definitions_by_enumeration():
    for m in paths().T:
        assert ascent_of(m) == pytest.approx(brute_ascent(m), abs=EXACT)
        assert up_down_up_of(m) == pytest.approx(brute_up_down_up(m), abs=EXACT)
        assert drawdown_of(m) == max(m[i] - m[j] for i in range(m.size) for j in range(i, m.size))


def test_statistics_of_many_paths_are_those_of_each():
    m = paths()
    assert np.allclose(ascent_of(m), [ascent_of(column) for column in m.T])
    c = np.linspace(0.3, 2.0, m.shape[1])
    assert list(count_episodes(m, c)) == [len(find_episodes(column, x)) for column, x in zip(m.T, c, strict=True)]


def test_an_ascent_above_the_threshold_is_an_episode():
    for m in paths(200).T:
        u = float(ascent_of(m))
        if u > 0:
            assert count_episodes(m, u * (1 - 1e-9)) >= 1


def test_threshold_for_two_episodes_is_where_the_count_falls():
    for m in paths(100, 40).T:
        c = threshold_for(m, 2)
        if c > 0:
            assert count_episodes(m, c * (1 - 1e-6)) >= 2
        assert count_episodes(m, c * (1 + 1e-6) + 1e-9) < 2


@pytest.mark.parametrize("truth", ["flat", "linear", "step", "staircase", "hump", "declining"])
def test_nulls_have_no_ascent_even_when_smoothed(truth):
    m = gaussian_smoother(np.arange(100.0), 4.0) @ mean_path(truth, 100, 2.0)
    assert ascent_of(m) < 1e-9


def test_gaussian_smoothing_makes_no_new_turns_and_does_not_mind_gaps():
    clock = np.delete(np.arange(80.0), [10, 11, 40])
    stairs = np.cumsum(np.random.default_rng(0).random(clock.size) < 0.2).astype(float)
    assert np.diff(gaussian_smoother(clock, 3.2) @ stairs).min() > -EXACT


def test_noise_moves_an_increment_by_at_most_its_range():
    rng = np.random.default_rng(3)
    for truth in ("linear", "hump", "staircase"):
        m = mean_path(truth, 60, 2.0)[:, None] + rng.standard_normal((60, 300))
        assert (ascent_of(m) <= np.ptp(m - mean_path(truth, 60, 2.0)[:, None], axis=0) + EXACT).all()


def test_two_way_path_equals_dummy_regression_when_unbalanced_and_weighted():
    rng = np.random.default_rng(2)
    y, w = rng.standard_normal((6, 9)), rng.random((6, 9)) + 0.1
    y[rng.random(y.shape) < 0.25] = np.nan
    i, t = np.nonzero(np.isfinite(y))
    dummies = np.column_stack([np.eye(6)[i], np.eye(9)[t][:, 1:]])
    root = np.sqrt(w[i, t])
    b = np.linalg.lstsq(dummies * root[:, None], y[i, t] * root, rcond=None)[0]
    expected = np.concatenate([[0.0], b[6:]])
    found = two_way_path(y, w)
    assert np.allclose(found.path, expected - expected.mean(), atol=EXACT)
    assert np.allclose(found.region_effects, b[:6] + expected.mean(), atol=EXACT)


def test_poisson_path_solves_both_margins_and_equals_the_closed_form_when_balanced():
    rng = np.random.default_rng(4)
    counts = rng.poisson(5.0, (7, 12)).astype(float)
    closed = np.log(counts.sum(axis=0))
    assert np.allclose(poisson_path(counts).path, closed - closed.mean(), atol=1e-9)
    exposure = rng.uniform(1, 9, counts.shape)
    counts[0, 3] = np.nan
    fit = poisson_path(counts, exposure)
    seen = np.isfinite(counts)
    mean = np.where(seen, exposure * np.exp(fit.region_effects[:, None] + fit.path[None, :]), 0.0)
    assert np.allclose(mean.sum(axis=0), np.nansum(counts, axis=0), rtol=1e-8)
    assert np.allclose(mean.sum(axis=1), np.nansum(counts, axis=1), rtol=1e-8)


@pytest.mark.parametrize("size", [100, 1_000, 10_000])
def test_poisson_path_settles_whatever_the_rounding_of_its_likelihood(size):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        documents = rng.poisson(size * np.exp(0.02 * np.arange(100)), (31, 100)) + 1.0
        counts = rng.poisson(0.1 * documents).astype(float)
        fit = poisson_path(counts, documents)
        mean = documents * np.exp(fit.region_effects[:, None] + fit.path[None, :])
        assert np.allclose(mean.sum(axis=0), counts.sum(axis=0), rtol=1e-8)


def test_poisson_path_is_the_maximum_where_regions_hardly_overlap():
    """Windows of 4 of 120 weeks: alternating proportional fitting is .05 log points away after 5,000 sweeps."""
    rng = np.random.default_rng(1)
    counts = np.full((50, 120), np.nan)
    for i in range(50):
        first = int(i * 116 / 49)
        counts[i, first : first + 4] = 1 + rng.poisson(3, 4)
    found = poisson_path(counts)
    i, t = np.nonzero(np.isfinite(counts))
    columns = np.column_stack([np.eye(50)[i], np.eye(120)[t][:, 1:]])
    fit = sm.GLM(counts[i, t], columns, family=sm.families.Poisson()).fit(maxiter=100, tol=1e-14)
    expected = np.concatenate([[0.0], fit.params[50:]])
    assert np.allclose(found.path, expected - expected.mean(), atol=1e-8)


def test_parts_that_share_nothing_are_not_identified():
    y = np.full((2, 4), np.nan)
    y[0, :2], y[1, 2:] = 1.0, 2.0
    with pytest.raises(IdentificationError, match="2 parts"):
        two_way_path(y)


def test_root_is_corrected_capped_and_uses_consecutive_weeks_only():
    assert correct_root(0.9, 10, 100, 0.98) == 0.98
    rng = np.random.default_rng(1)
    path = ar1_paths(rng.standard_normal(400), 0.6)
    clock = np.arange(400.0)
    u = path - cosine_basis(clock, 8) @ np.linalg.lstsq(cosine_basis(clock, 8), path, rcond=None)[0]
    assert fit_noise(path, clock).root_raw == pytest.approx(u[1:] @ u[:-1] / (u[:-1] @ u[:-1]), abs=EXACT)
    keep = np.arange(400) % 5 != 0
    full = fit_noise(path, clock).root_raw
    assert fit_noise(path[keep], clock[keep]).root_raw == pytest.approx(full, abs=0.1)
    assert fit_noise(path[:25], clock[:25]).root == 0.98


def test_clear_waves_are_found_and_dated():
    values = simulate_panel(Design("rising", 4.0, 150, 0.3, 0.02), np.random.default_rng(8))
    result = wave_test(frame(values), outcome="y", thresholds=FEW)
    assert result.verdict == "WAVE_AND_SPIRAL"
    assert result.waves == 2
    peaks = [result.path.index.get_loc(w) for w in result.episodes["peak"]]
    assert abs(peaks[0] - 30) <= 6
    assert "placebo and multiverse not supplied" in result.reason
    assert result.test.p_ascent == pytest.approx(1 / 200)
    assert "Wave test of y" in str(result)


@pytest.mark.parametrize(
    ("truth", "allowed"),
    [
        ("linear", {"CONTRADICTED", "LINEAR_COMPATIBLE"}),
        ("hump", {"LIFE_CYCLE_HUMP"}),
        ("driftless", {"WAVES_WITHOUT_RISE"}),
        ("declining", {"CONTRADICTED"}),
    ],
)
def test_each_truth_has_its_verdict_when_the_panel_is_informative(truth, allowed):
    values = simulate_panel(Design(truth, 3.0, 150, 0.3, 0.01, regions=60), np.random.default_rng(11))
    assert wave_test(frame(values), outcome="y", thresholds=FEW).verdict in allowed


def test_a_bend_without_a_fall_is_monotone_nonlinear():
    values = simulate_panel(Design("step", 1.0, 150, 0.3, 0.001, regions=60), np.random.default_rng(11))
    result = wave_test(frame(values), outcome="y", thresholds=FEW)
    bent = replace(result.evidence, detectable=0.2, threshold=0.5)
    assert decide(bent, FEW).verdict == "MONOTONE_NONLINEAR"
    assert decide(replace(bent, p_linear=0.4), FEW).verdict == "LINEAR_COMPATIBLE"


def test_eleven_weeks_are_inconclusive_whatever_they_show():
    rng = np.random.default_rng(0)
    for values in (rng.standard_normal((31, 11)), np.tile(np.arange(11.0), (31, 1)) + 0.01 * rng.random((31, 11))):
        result = wave_test(frame(values), outcome="y", thresholds=FEW)
        assert result.verdict == "INCONCLUSIVE"
        assert "11 weeks are too few" in result.reason


def test_order_of_rows_labels_and_scale_do_not_matter():
    values = simulate_panel(Design("rising", 3.0, 80, 0.3, 0.1), np.random.default_rng(3))
    table = frame(values)
    first = wave_test(table, outcome="y", thresholds=FEW)
    shuffled = wave_test(table.sample(frac=1, random_state=1) * 100 + 7, outcome="y", thresholds=FEW)
    assert shuffled.ascent == pytest.approx(100 * first.ascent, rel=1e-9)
    assert shuffled.evidence.p_waves == first.evidence.p_waves
    assert shuffled.evidence.drawdown == pytest.approx(first.evidence.drawdown, rel=1e-9)
    renamed = table.rename(index=lambda r: f"x{99 - int(r[1:])}", level="region")
    assert wave_test(renamed, outcome="y", thresholds=FEW).ascent == pytest.approx(first.ascent, rel=1e-9)


def test_weights_of_one_change_nothing_and_zero_leaves_a_region_out():
    values = simulate_panel(Design("rising", 3.0, 80, 0.3, 0.1, regions=8), np.random.default_rng(3))
    table = frame(values, w=np.ones_like(values))
    plain = wave_test(table, outcome="y", thresholds=FEW)
    assert wave_test(table, outcome="y", weights="w", thresholds=FEW).ascent == pytest.approx(plain.ascent, rel=1e-9)
    without = panel_from_frame(table).without_regions(["r00"])
    zero = {f"r{i:02d}": float(i > 0) for i in range(8)}
    left_out = wave_test(table, outcome="y", weights=zero, thresholds=FEW)
    assert left_out.ascent == pytest.approx(wave_test(without, outcome="y", thresholds=FEW).ascent, rel=1e-9)


def test_missing_cells_and_missing_weeks_are_handled_and_said():
    values = simulate_panel(Design("rising", 4.0, 120, 0.3, 0.02, noise="missing"), np.random.default_rng(2))
    result = wave_test(frame(values), outcome="y", thresholds=FEW)
    assert result.n_weeks == 117
    assert any("3 weeks inside the span" in note for note in result.notes)
    assert any("Unbalanced" in note for note in result.notes)
    assert result.verdict == "WAVE_AND_SPIRAL"


def test_counts_with_an_offset_are_tested_on_the_log_rate():
    rng = np.random.default_rng(6)
    documents = rng.integers(20, 60, (31, 120)).astype(float) * np.exp(mean_path("rising", 120, 1.0))
    counts = rng.poisson(0.2 * documents)
    table = frame(counts.astype(float), documents=documents)
    rate = wave_test(table, outcome="y", offset="documents", thresholds=FEW)
    assert rate.waves == 0
    assert "two-way Poisson" in rate.path_method
    level = wave_test(table, outcome="y", placebo="documents", thresholds=FEW)
    assert level.placebo.matches
    assert level.verdict == "INCONCLUSIVE"
    assert "placebo" in level.reason


def test_cells_without_documents_are_missing_and_weeks_without_events_are_refused():
    rng = np.random.default_rng(6)
    documents = rng.integers(20, 60, (6, 60)).astype(float)
    counts = rng.poisson(0.2 * documents).astype(float)
    documents[2, 5] = counts[2, 5] = 0.0
    result = wave_test(frame(counts, documents=documents), outcome="y", offset="documents", thresholds=FEW)
    assert any("1 cells without any documents are missing" in note for note in result.notes)
    counts[:, 7] = 0.0
    with pytest.raises(DataError, match=r"2020-02-24.*minus infinity"):
        wave_test(frame(counts, documents=documents), outcome="y", offset="documents", thresholds=FEW)


def test_a_slump_and_its_recovery_is_named_as_such():
    u = np.linspace(0, 1, 120)
    valley = 8 * (u - 0.35) ** 2 + 0.1 * np.random.default_rng(1).standard_normal((10, 120))
    result = wave_test(frame(valley), outcome="y", thresholds=FEW)
    assert result.waves == 1
    assert any("slump and its recovery" in note for note in result.notes)
    rising = simulate_panel(Design("rising", 4.0, 120, 0.3, 0.02), np.random.default_rng(8))
    found = wave_test(frame(rising), outcome="y", thresholds=FEW)
    assert (found.episodes["rise_before"] > found.test.threshold).all()
    assert found.notes == ()


def test_bounds_are_reported_and_the_logit_is_taken_on_request():
    rng = np.random.default_rng(1)
    values = np.clip(50 + 40 * rng.standard_normal((10, 60)), 0, 100)
    result = wave_test(frame(values), outcome="y", bounds=Bounds(0, 100), thresholds=FEW)
    assert any("of cells lie at a bound" in note for note in result.notes)
    logit = wave_input(frame(values), "y", bounds=Bounds(0, 100, logit=True))
    assert np.isfinite(logit.values).all()
    with pytest.raises(DataError, match="leaves its bounds"):
        wave_test(frame(values), outcome="y", bounds=Bounds(0, 50), thresholds=FEW)


def test_waves_that_follow_risk_vanish_when_risk_is_removed():
    rng = np.random.default_rng(9)
    risk = mean_path("rising", 120, 3.0) + 0.5 * rng.standard_normal((20, 120))
    forced = lag_weeks(risk, np.arange(120.0), 2)
    forced[:, :2] = risk[:, :2]
    autonomous = mean_path("rising", 120, 3.0) + 0.3 * rng.standard_normal((20, 120))
    table = frame(forced + 0.3 * rng.standard_normal((20, 120)), risk=risk, free=autonomous)
    ring = np.roll(np.eye(20), 1, axis=1)
    weights = SpatialWeights("ring", tuple(f"r{i:02d}" for i in range(20)), (ring + ring.T) / 2)
    panel = panel_from_frame(table, weights=[weights])
    assert wave_test(panel, outcome="y", thresholds=FEW).waves >= 2
    removed = wave_test(panel, outcome="y", remove=["risk"], thresholds=FEW)
    assert removed.waves == 0
    assert any("4 weeks without all lags" in note for note in removed.notes)
    noise = frame(rng.standard_normal((20, 120)))["y"]
    other = panel.with_columns({"noise": noise})
    kept = wave_test(other, outcome="free", remove=Removal(("noise",), "ring"), thresholds=FEW)
    assert kept.waves >= 2


def test_changes_after_the_plan_are_written_into_the_result():
    class Section:
        minimum_effect = 0.5
        draws = 199

    class Plan:
        waves = Section()

    values = np.random.default_rng(0).standard_normal((5, 60))
    panel = Panel(data=frame(values), plan=Plan())
    assert wave_test(panel, outcome="y").thresholds.revisions == ()
    changed = wave_test(panel, outcome="y", thresholds=WaveThresholds(draws=199, minimum_effect=0.3))
    assert changed.thresholds.revisions == ("minimum_effect changed from 0.5 to 0.3",)
    assert "Changed after the plan" in changed.summary()


def test_changes_of_the_defaults_leave_a_trace_where_there_is_no_plan():
    table = frame(np.random.default_rng(0).standard_normal((5, 60)))
    assert wave_test(table, "y").thresholds.revisions == ()
    changed = wave_test(table, "y", thresholds=WaveThresholds(draws=199, minimum_effect=0.2))
    told = "minimum_effect changed from 0.5 (default, no plan) to 0.2"
    assert told in changed.thresholds.revisions
    assert f"Changed: {told}." in changed.summary()
    assert "after the plan" not in changed.summary()
    for name, value in changed.thresholds.values().items():
        assert f"{name} {value:.12g}" in changed.summary()
    again = wave_test(table, "y", thresholds=changed.thresholds)
    assert again.thresholds == changed.thresholds


@pytest.mark.parametrize(
    "wrong",
    [
        {"minimum_effect": float("nan")},
        {"minimum_effect": float("inf")},
        {"draws": 999.5},
        {"cosines": 8.5},
        {"seed": -1},
        {"minimum_weeks": 30.5},
        {"minimum_weeks": 9},
    ],
)
def test_thresholds_without_a_meaning_are_refused(wrong):
    with pytest.raises(PlanError, match=next(iter(wrong))):
        WaveThresholds(**wrong)
    eight = frame(np.random.default_rng(0).standard_normal((5, 8)))
    assert wave_test(eight, "y", thresholds=WaveThresholds(minimum_weeks=10)).verdict == "INCONCLUSIVE"


def test_more_waves_than_the_cosines_hold_are_said_to_be_read_as_noise():
    rng, u = np.random.default_rng(0), np.arange(150) / 149
    five = 8 * u + 2 * np.sin(2 * np.pi * 5 * u - np.pi / 2) + rng.standard_normal((31, 150))
    result = wave_test(frame(five), "y", thresholds=FEW)
    assert result.verdict == "INCONCLUSIVE"
    assert result.evidence.finer_root < 0.5
    assert f"With 16 half-cosines the root is {result.evidence.finer_root:.2f}: either" in result.reason
    walk = rng.standard_normal(150).cumsum() + 0.1 * rng.standard_normal((31, 150))
    assert "half-cosines" not in wave_test(frame(walk), "y", thresholds=FEW).reason
    short = wave_test(frame(five[:, :48]), "y", thresholds=FEW)
    assert short.evidence.finer_root is None


def test_a_path_without_noise_is_no_accident():
    line = wave_test(frame(np.tile(np.arange(60.0), (4, 1))), outcome="y", thresholds=FEW)
    assert (line.verdict, line.waves) == ("CONTRADICTED", 0)
    assert line.test.drift.p_up == 0.0
    with pytest.raises(DataError, match="never changes"):
        wave_test(frame(np.ones((4, 60))), outcome="y", thresholds=FEW)
    with pytest.raises(DataError, match="never changes"):
        wave_test(frame(np.full((4, 60), 0.1)), outcome="y", thresholds=FEW)


def test_bad_input_is_named():
    table = frame(np.random.default_rng(0).standard_normal((3, 40)))
    with pytest.raises(DataError, match="no column"):
        wave_test(table, outcome="yy")
    with pytest.raises(DataError, match="r02"):
        wave_test(table, outcome="y", weights={"r00": 1.0, "r01": 1.0})
    with pytest.raises(DataError, match="two or more"):
        wave_test(table.loc[["r00"]], outcome="y")
    with pytest.raises(DataError, match="not numeric"):
        wave_test(table.assign(y="a"), outcome="y")
    with pytest.raises(PlanError, match="did you mean 'minimum_effect'"):
        WaveThresholds.from_plan({"minimal_effect": 0.4})
    with pytest.raises(PlanError):
        WaveThresholds(level=1.5)


def evidence(**changes: float | bool | None) -> Evidence:
    small = ["p_ascent", "p_waves", "p_up_down_up", "p_drawdown", "p_linear", "p_up"]
    clear = dict.fromkeys([*small, "p_rise_persistent", "p_fall_persistent", "p_drawdown_persistent"], 0.001)
    sizes = {
        "weeks": 150,
        "root": 0.4,
        "waves": 3,
        "drawdown": 1.4,
        "threshold": 0.3,
        "detectable": 0.4,
        "p_down": 1.0,
        "net_rise": 2.0,
    }
    return Evidence(**{**clear, **sizes, **changes})


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "WAVE_AND_SPIRAL"),
        ({"weeks": 11, "drawdown": 0.0, "threshold": 0.1}, "INCONCLUSIVE"),
        ({"root": 0.95}, "INCONCLUSIVE"),
        ({"detectable": 0.6}, "INCONCLUSIVE"),
        ({"root": 0.95, "drawdown": 0.1, "threshold": 0.3}, "CONTRADICTED"),
        ({"p_down": 0.01, "net_rise": -0.9}, "CONTRADICTED"),
        ({"p_down": 0.01, "net_rise": -0.9, "p_fall_persistent": 0.2}, "INCONCLUSIVE"),
        ({"p_rise_persistent": 0.2}, "INCONCLUSIVE"),
        ({"p_ascent": 0.3, "p_up_down_up": 0.2, "p_drawdown_persistent": 0.2}, "INCONCLUSIVE"),
        ({"p_down": 0.01, "net_rise": -0.1, "p_up": 1.0}, "WAVES_WITHOUT_RISE"),
        ({"placebo_matches": True}, "INCONCLUSIVE"),
        ({"sign_share": 0.7}, "INCONCLUSIVE"),
        ({"sign_share": 0.8, "placebo_matches": False}, "WAVE_AND_SPIRAL"),
        ({"waves": 1, "p_waves": 0.3}, "SINGLE_INTERRUPTED_RISE"),
        ({"p_up": 0.3}, "WAVES_WITHOUT_RISE"),
        ({"p_ascent": 0.3, "waves": 0}, "WAVES_WITHOUT_RISE"),
        ({"p_ascent": 0.3, "p_up_down_up": 0.2}, "LIFE_CYCLE_HUMP"),
        ({"p_ascent": 0.3, "p_up_down_up": 0.2, "p_drawdown": 0.2}, "MONOTONE_NONLINEAR"),
        ({"p_ascent": 0.3, "p_up_down_up": 0.2, "p_drawdown": 0.2, "p_linear": 0.2}, "LINEAR_COMPATIBLE"),
    ],
)
def test_the_first_matching_rule_decides(changes, verdict):
    decision = decide(evidence(**changes), WaveThresholds())
    assert decision.verdict == verdict
    assert VERDICTS[decision.rule] == verdict


SINGLE = {"waves": 1, "p_waves": 0.3}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({**SINGLE, "placebo_matches": True}, "wave-like advance; the placebo shows waves in the same weeks."),
        ({**SINGLE, "sign_share": 0.1}, "; only 10% of the multiverse agree in sign"),
        ({**SINGLE, "sign_share": 0.9}, "not a wave-like advance."),
        ({"p_up": 0.3, "placebo_matches": True}, "no significant drift; the placebo shows waves in the same weeks."),
        ({"placebo_untestable": "25 weeks"}, "; placebo not testable (25 weeks); multiverse not supplied)"),
        ({"placebo_matches": False}, "; multiverse not supplied)"),
        ({"root": 0.95, "finer_cosines": 16, "finer_root": 0.1}, "is 0.10: either there are more than 4 waves"),
        ({"root": 0.95, "finer_cosines": 16, "finer_root": 0.92}, "AR root 0.95 exceeds 0.9."),
    ],
)
def test_the_reason_says_what_speaks_against_the_verdict(changes, words):
    assert words in decide(evidence(**changes), WaveThresholds()).reason


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"waves": 0}, "Interruptions are shown (p = 0.001; W = 0), but even the largest drawdown"),
        ({"p_ascent": 0.3}, "A fall is shown (p = 0.001), but even the largest drawdown"),
        ({"p_ascent": 0.3, "p_drawdown": 0.3}, "stays below the smallest effect of interest (0.5 within-region"),
    ],
)
def test_a_contradiction_says_whether_interruptions_are_shown(changes, words):
    decision = decide(evidence(drawdown=0.3, threshold=0.1, **changes), WaveThresholds())
    assert decision.verdict == "CONTRADICTED"
    assert words in decision.reason
    assert "standard deviations, trend included" in decision.reason
    shown = {"p_ascent", "p_drawdown"} - changes.keys()
    assert ("evidence for monotonicity" in decision.reason) != bool(shown)
    assert ("too small to count" in decision.reason) == bool(shown)


def test_small_but_clear_waves_are_contradicted_as_too_small_and_not_as_monotone():
    u = np.linspace(0, 1, 150)
    path = 30 * u + 3.0 * np.sin(6 * np.pi * u - np.pi / 2)
    values = path + 0.3 * np.random.default_rng(5).standard_normal((31, 150))
    result = wave_test(frame(values), outcome="y", thresholds=FEW)
    assert result.evidence.p_ascent <= 0.05
    assert result.verdict == "CONTRADICTED"
    assert result.reason.startswith("Interruptions are shown")
    assert "trend included" in result.summary()


@pytest.mark.parametrize("weeks", [2, 3, 5, 9])
def test_the_shortest_panels_are_inconclusive_by_themselves(weeks):
    values = np.random.default_rng(weeks).standard_normal((5, weeks))
    result = wave_test(frame(values, other=values[::-1]), "y", placebo="other", thresholds=FEW)
    assert result.verdict == "INCONCLUSIVE"
    assert f"{weeks} weeks are too few" in result.reason
    assert np.isnan(result.evidence.p_ascent)
    assert np.isnan(result.evidence.root)
    assert result.waves == 0
    assert "too few" in result.summary()


def test_every_drift_test_is_in_the_record():
    values = simulate_panel(Design("rising", 3.0, 80, 0.3, 0.1), np.random.default_rng(3))
    result = wave_test(frame(values), "y", thresholds=FEW)
    table = result.tidy()
    for name, test in zip(
        ("Perron-Shintani-Yabu", "Harvey-Leybourne-Taylor", "Perron-Yabu"),
        (result.test.drift, *result.test.drift_checks),
        strict=True,
    ):
        assert table.loc[f"drift, {name}", "p"] == test.p_up
        assert f"drift, {name}" in result.summary()
    assert table["what"].str.endswith("; used").sum() == 1


def test_a_downward_drift_must_also_fall_by_the_smallest_effect():
    fallen = decide(evidence(p_down=0.01, net_rise=-0.9), WaveThresholds())
    assert "falls by 0.90 sd from first to last, at least the smallest effect of interest (0.5 sd)" in fallen.reason
