"""What wave tests take and refuse: options alike everywhere, labels in every error, removal on its own calendar."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from wave_frames import frame

from panelcoop.errors import DataError
from panelcoop.numerics.waves import common_path
from panelcoop.panel.record import SpatialWeights, panel_from_frame
from panelcoop.report.wave_checks_table import checks_numbers, wave_checks_table
from panelcoop.report.wave_table import companion_numbers, wave_table
from panelcoop.sensitivity.wave_designs import Design, mean_path, simulate_panel
from panelcoop.waves.battery.run import wave_battery
from panelcoop.waves.checks import wave_checks
from panelcoop.waves.companions import fake_outcomes, permuted_weights, wave_companions
from panelcoop.waves.inputs import Bounds, wave_input
from panelcoop.waves.phases import lead_and_lag, phase_concordance
from panelcoop.waves.primary import wave_test
from panelcoop.waves.regional import region_waves
from panelcoop.waves.removal import Removal, lag_weeks, remove_drivers
from panelcoop.waves.thresholds import WaveThresholds

EXACT = 1e-9
FEW = WaveThresholds(draws=99)


def ring(regions: int) -> SpatialWeights:
    one = np.roll(np.eye(regions), 1, axis=1)
    return SpatialWeights("ring", tuple(f"r{i:02d}" for i in range(regions)), (one + one.T) / 2)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    values = simulate_panel(Design("rising", 4.0, 80, 0.3, 0.02, regions=8), rng)
    size = np.tile(np.arange(1.0, 9.0)[:, None], 80)
    documents = rng.integers(20, 60, values.shape).astype(float)
    counts = rng.poisson(documents * np.exp(0.2 * values - 2)) + 1.0
    index = 100 / (1 + np.exp(-values))
    return frame(values, size=size, documents=documents, counts=counts, index=index, risk=rng.standard_normal((8, 80)))


def test_companions_take_weights_offset_and_bounds_as_the_test_does(table):
    for name, how in (
        ("y", {"weights": "size"}),
        ("counts", {"offset": "documents"}),
        ("index", {"bounds": Bounds(0, 100, logit=True)}),
    ):
        found = wave_companions(table, outcomes=name, outlier="r00", thresholds=FEW, **how)
        alone = wave_test(table, name, thresholds=FEW, **how)
        assert found.verdicts[name].ascent == pytest.approx(alone.ascent, rel=EXACT)
        assert found.verdicts[name].path_method == alone.path_method
        assert fake_outcomes(table, outcome=name, replications=3, thresholds=FEW, **how)["replications"] == 3
    tuple_bounds = wave_test(table, "index", bounds=(0, 100), thresholds=FEW)
    assert tuple_bounds.ascent == wave_test(table, "index", bounds=Bounds(0, 100), thresholds=FEW).ascent


def test_the_battery_runs_on_a_weighted_path_or_a_log_rate_what_can(table):
    for name, how, word in (("y", {"weights": "size"}, "weights"), ("counts", {"offset": "documents"}, "an offset")):
        found = wave_battery(table, outcome=name, tests=["u", "spline", "hansen"], thresholds=FEW, draws=99, **how)
        assert [one.name for one in found.statistics] == ["Lind-Mehlum U test"]
        assert set(found.refused) == {"spline", "hansen"}
        assert f"cannot take {word}" in found.refused["spline"]
    plain, weighted = (
        wave_battery(table, outcome="y", tests=["u"], thresholds=FEW, **how).statistics[0].statistic
        for how in ({}, {"weights": "size"})
    )
    assert plain != weighted


@pytest.mark.parametrize("run", [region_waves, phase_concordance])
def test_tests_of_single_regions_refuse_weights_and_offsets_with_the_reason(table, run):
    with pytest.raises(DataError, match="takes no weights: every"):
        run(table, outcome="y", weights="size", thresholds=FEW)
    with pytest.raises(DataError, match="takes no offset: one region's count may be zero"):
        run(table, outcome="counts", offset="documents", thresholds=FEW)
    run(table, outcome="index", bounds=Bounds(0, 100, logit=True), thresholds=FEW)
    with pytest.raises(DataError, match="takes no offset"):
        lead_and_lag(table, outcome="counts", offset="documents")


def test_permuted_weights_refuse_a_log_rate_and_want_weights(table):
    panel = panel_from_frame(table, weights=[ring(8)])
    with pytest.raises(DataError, match="not from a Poisson log rate"):
        permuted_weights(panel, outcome="counts", remove="risk", offset="documents", thresholds=FEW)
    with pytest.raises(DataError, match="no spatial weights to permute"):
        permuted_weights(table, outcome="y", remove="risk", thresholds=FEW)


def test_one_outcome_may_be_named_alone_and_refusals_are_told(table):
    assert list(wave_companions(table, outcomes="y", thresholds=FEW).verdicts) == ["y"]
    with pytest.raises(DataError, match=r"No wave test could be run. z: .*no column 'z'"):
        wave_companions(table, outcomes="z", thresholds=FEW)
    with pytest.raises(DataError, match="no outcome to test"):
        wave_companions(table, outcomes=[], thresholds=FEW)
    found = wave_companions(table, outcomes="y", outlier="r99", remove="nothing", thresholds=FEW)
    assert list(found.refused) == ["y, without r99", "y, after removing nothing"]


@pytest.mark.parametrize("share", [80.0, -0.1])
def test_a_share_is_no_percentage(table, share):
    with pytest.raises(DataError, match="sign_share is a share from 0 to 1"):
        wave_test(table, "y", sign_share=share, thresholds=FEW)


def test_a_multiverse_that_could_not_be_run_is_none():
    panel = frame(simulate_panel(Design("rising", 4.0, 150, 0.3, 0.02), np.random.default_rng(8)))
    result = wave_test(panel, "y", sign_share=float("nan"), thresholds=FEW)
    assert result.evidence.sign_share is None
    assert "multiverse not supplied" in result.reason


def test_what_cannot_be_removed_or_bounded_is_refused():
    for lags in (-1, 1.5):
        with pytest.raises(DataError, match="0 or more"):
            Removal(("risk",), None, lags)
    for drivers in ("risk", ()):
        with pytest.raises(DataError, match="tuple of column names"):
            Removal(drivers)
    with pytest.raises(DataError, match="below the upper"):
        Bounds(100, 0)


def test_errors_name_regions_and_weeks(table):
    bad = table.assign(counts=table["counts"].copy())
    bad.iloc[85, bad.columns.get_loc("counts")] = -1.0
    with pytest.raises(DataError, match=r"1 counts of 'counts' are negative \(r01 in 2020-02-10\)"):
        wave_test(bad, "counts", offset="documents")
    with pytest.raises(DataError, match="640 counts of 'negative' are negative"):
        wave_test(table.assign(negative=-table["counts"]), "negative", offset="documents")
    bad = table.assign(documents=table["documents"].copy())
    bad.iloc[3, bad.columns.get_loc("documents")] = 0.0
    with pytest.raises(DataError, match=r"no positive 'documents' \(r00 in 2020-01-27\); set them missing"):
        wave_test(bad, "counts", offset="documents")
    gone = table["y"].where(~np.isin(np.arange(640), [5, 85]))
    only = {f"r{i:02d}": float(i < 2) for i in range(8)}
    with pytest.raises(DataError, match="positive weight is seen in week 2020-02-10"):
        wave_test(table.assign(y=gone), "y", weights=only, thresholds=FEW)


def test_a_fit_that_does_not_settle_is_refused(monkeypatch):
    monkeypatch.setattr(common_path, "MOST_STEPS", 1)
    counts = np.random.default_rng(0).poisson(5.0, (6, 20)).astype(float)
    exposure = np.random.default_rng(1).uniform(1, 9, counts.shape)
    with pytest.raises(DataError, match="did not settle in 1 Newton steps"):
        common_path.poisson_path(counts, exposure)


def test_drivers_are_lagged_on_their_own_calendar():
    rng = np.random.default_rng(0)
    y, x = rng.standard_normal((6, 60)), rng.standard_normal((6, 60))
    y[:, :10] = y[:, 30:33] = np.nan
    x[2] = np.nan
    panel = panel_from_frame(frame(y, x=x), weights=[ring(6)])
    work = wave_input(panel, "y")
    left = remove_drivers(work, panel, Removal(("x",), None, 4))
    assert left.weeks.equals(work.weeks)
    assert "0 weeks without all lags left out; regions without x left out: r02." in left.notes[-1]
    lags = np.stack([lag_weeks(x, np.arange(60.0), lag) for lag in range(5)], axis=-1)[np.arange(6) != 2]
    seen = np.isfinite(y[0])
    rows = lags[:, seen].reshape(-1, 5)
    columns = np.column_stack([rows, np.repeat(np.eye(5), seen.sum(), axis=0)])
    out = y[np.arange(6) != 2][:, seen].ravel()
    fitted = rows @ np.linalg.lstsq(columns, out, rcond=None)[0][:5]
    expected = (out - fitted).reshape(5, -1)
    within = left.values - left.values.mean(axis=1, keepdims=True)
    assert np.allclose(within, expected - expected.mean(axis=1, keepdims=True), atol=1e-10)


def test_neighbours_are_known_where_their_outcome_is_not():
    rng = np.random.default_rng(1)
    y, x = rng.standard_normal((6, 60)), rng.standard_normal((6, 60))
    y[0] = np.nan
    panel = panel_from_frame(frame(y, x=x), weights=[ring(6)])
    left = remove_drivers(wave_input(panel, "y"), panel, Removal(("x",), "ring", 0))
    neighbours = np.array([(x[i - 1] + x[(i + 1) % 6]) / 2 for i in range(1, 6)])
    columns = np.column_stack([x[1:].ravel(), neighbours.ravel(), np.repeat(np.eye(5), 60, axis=0)])
    residual = y[1:].ravel() - columns @ np.linalg.lstsq(columns, y[1:].ravel(), rcond=None)[0]
    found = left.values - left.values.mean(axis=1, keepdims=True)
    assert np.allclose(found.ravel(), residual, atol=1e-10)


def test_a_driver_of_the_battery_keeps_weeks_that_lack_the_outcome():
    rng = np.random.default_rng(2)
    y, x = rng.standard_normal((6, 60)), rng.standard_normal((6, 60))
    for t in range(1, 60):
        y[:, t] += 3 * x[:, t - 1] * (x[:, t - 1] > 0)
    whole = wave_battery(frame(y, x=x), outcome="y", driver="x", tests=["hansen"], thresholds=FEW, draws=99)
    y[:, 20:22] = np.nan
    found = wave_battery(frame(y, x=x), outcome="y", driver="x", tests=["hansen"], thresholds=FEW, draws=99)
    kept = np.delete(np.arange(1, 60), [19, 20])
    assert found.statistics[0].statistic != whole.statistics[0].statistic
    assert found.statistics[0].statistic == pytest.approx(_one_threshold(y[:, kept], x[:, kept - 1]), rel=1e-6)


def _one_threshold(now: np.ndarray, lagged: np.ndarray) -> float:
    """F of one threshold in level and slope over every value between the 5% and 95% quantiles, with dummies."""
    y, q, effects = now.ravel(), lagged.ravel(), np.repeat(np.eye(len(now)), now.shape[1], axis=0)

    def ssr(*edges: float) -> float:
        columns = np.column_stack([q, *(part * (q > g) for g in edges for part in (q, 1.0)), effects])
        return float(np.sum((y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]) ** 2))

    inner = np.unique(q[(q >= np.quantile(q, 0.05)) & (q < np.quantile(q, 0.95))])
    grid = np.unique(np.quantile(inner, np.linspace(0, 1, 200), method="inverted_cdf")) if inner.size > 200 else inner
    best = min(map(ssr, grid))
    return (ssr() - best) / (best / (y.size - len(now)))


def test_checks_and_companions_fill_tables_and_numbers(table):
    names = pd.DataFrame({"name": ["Atown", *"BCDEFGH"]}, index=[f"r{i:02d}" for i in range(8)])
    panel = panel_from_frame(table, weights=[ring(8)])
    panel = type(panel)(data=panel.data, weights=panel.weights, regions=names)
    found = wave_companions(panel, outcomes="y", outlier="r00", remove="risk", placebos="documents", thresholds=FEW)
    rows = ["Y", "Y, without Atown", "Y, after removing risk and neighbours'", "Y, same weeks, nothing removed"]
    assert list(wave_table(found).body.index) == [*rows, "Placebo: Documents"]
    numbers = companion_numbers(found)
    assert list(numbers) == ["outcome", "without", "removed", "same weeks", "placebo"]
    assert numbers["removed"]["y"]["weeks"] == numbers["same weeks"]["y"]["weeks"] == 76
    checks = wave_checks(panel, outcome="y", remove="risk", thresholds=FEW)
    body = wave_checks_table(checks).body
    assert body.loc["Waves of single regions", "Found"].startswith(f"{checks.own_waves} of 8")
    assert "random:" in body.loc["Neighbours at random", "Found"]
    told = checks_numbers(checks)
    assert told["fake"]["replications"] == 200
    assert told["permuted_p"]["smallest"] <= told["permuted_p"]["largest"]
    assert told["leaders"] == [
        r for r in checks.leads.index if checks.leads.loc[r, "low"] > 0 or checks.leads.loc[r, "high"] < 0
    ]


def test_a_wave_shared_with_nobody_is_left_after_the_removal():
    rng = np.random.default_rng(3)
    y = mean_path("rising", 100, 4.0) + 0.3 * rng.standard_normal((8, 100))
    found = wave_companions(frame(y, x=rng.standard_normal((8, 100))), outcomes="y", remove="x", thresholds=FEW)
    (removed,), (same,) = (found.of_kind(kind).values() for kind in ("removed", "same weeks"))
    assert removed.n_weeks == same.n_weeks == 96
    assert removed.waves == same.waves == 2
