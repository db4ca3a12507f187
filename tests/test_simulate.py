"""Simulated panels are what the design says: paths, shares, correlations, seeds."""

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.estimate.fitted import Poisson
from panelcoop.estimate.stage_interaction import stage_interaction
from panelcoop.panel.events.assemble import assemble_events
from panelcoop.panel.events.read import read_events
from panelcoop.simulate import DESIGNS, simulate_events, simulate_panel
from panelcoop.simulate_designs import STAGE_NAMES, VERDICTS
from panelcoop.simulate_paths import SHAPES, mean_path


def test_every_verdict_has_a_design():
    assert {design.verdict for design in DESIGNS.values()} - {""} == set(VERDICTS)


@pytest.mark.parametrize("name", list(DESIGNS))
def test_designs_simulate(name):
    weeks = sum(DESIGNS[name].stage_lengths) or 52
    drawn = simulate_panel(name, regions=6, weeks=weeks, seed=1)
    assert drawn.panel.data.shape[0] == 6 * weeks
    assert drawn.panel.columns_of("outcome") == ["y"]
    assert drawn.panel.data["stage"].cat.categories.tolist() == list(STAGE_NAMES)


def drawdown(path):
    return (np.maximum.accumulate(path) - path).max()


def test_shapes():
    paths = {shape: mean_path(shape, 601, 2.0) for shape in SHAPES}
    for shape in ("flat", "linear", "step", "staircase"):
        assert (np.diff(paths[shape]) >= -1e-12).all(), shape
    np.testing.assert_array_equal(paths["declining waves"], paths["rising waves"][::-1])
    assert paths["driftless waves"][0] == pytest.approx(paths["driftless waves"][-1])
    assert (np.diff(np.sign(np.diff(paths["interrupted rise"]))) != 0).sum() == 2  # a peak and a trough


def test_drawdown_of_rising_waves_in_closed_form():
    """Turning points of 2au + (a/2) sin(6 pi u - pi/2) solve cos(6 pi u - pi/2) = -2/(3 pi)."""
    a = 2.0
    angle = np.arccos(-2 / (3 * np.pi))
    height = a / 2 * np.sin(angle) * 2 - 2 * a * (2 * np.pi - 2 * angle) / (6 * np.pi)
    assert drawdown(mean_path("rising waves", 100_001, a)) == pytest.approx(height, abs=1e-6)


@pytest.mark.montecarlo
def test_shares_and_autocorrelations():
    drawn = simulate_panel("flat", regions=200, weeks=800, common_share=0.3, common_ar=0.5, seed=3)
    wide = drawn.panel.data["y"].to_numpy().reshape(200, 800)
    centred = wide - wide.mean(axis=1, keepdims=True)
    path = centred.mean(axis=0)
    assert path.var() == pytest.approx(0.3, abs=0.06)
    assert np.corrcoef(path[1:], path[:-1])[0, 1] == pytest.approx(0.5, abs=0.08)
    own = centred - path
    assert np.mean([np.corrcoef(row[1:], row[:-1])[0, 1] for row in own]) == pytest.approx(0.4, abs=0.04)


@pytest.mark.montecarlo
def test_spatial_correlation_falls_with_distance():
    drawn = simulate_panel("spatial", regions=12, weeks=3000, stage_lengths=(750,) * 4, seed=4)
    found = np.corrcoef(drawn.panel.data["risk"].to_numpy().reshape(12, 3000))
    place = drawn.positions.to_numpy()
    expected = np.exp(-np.linalg.norm(place[:, None] - place[None], axis=2) / 0.4)
    np.testing.assert_allclose(found, expected, atol=0.12)


@pytest.mark.montecarlo
def test_least_squares_finds_the_effects():
    effects = {"risk": (0.2, 0.8, -0.4, 0.0)}
    drawn = simulate_panel("flat", regions=40, weeks=200, driver_effects=effects, seed=5)
    data = drawn.panel.data.assign(y=lambda d: d["y"] - d["y"].groupby("region").transform("mean"))
    for stage, truth in zip(STAGE_NAMES, effects["risk"], strict=True):
        part = data[data["stage"] == stage]
        assert np.polyfit(part["risk"], part["y"], 1)[0] == pytest.approx(truth, abs=0.08)
    assert drawn.stage_effects.loc["outbreak", "risk"] == 0.8


def test_outlier_missing_and_documents():
    drawn = simulate_panel("spatial, outlier", missing=0.1, documents_shape="rising waves", seed=6)
    data = drawn.panel.data
    assert data["y"].isna().mean() == pytest.approx(0.1, abs=0.03)
    last = data.index.unique("region")[-1]
    outbreak = data["stage"] == "outbreak"
    assert data.loc[outbreak, "risk"].loc[last].min() > 5
    weekly = data["documents"].groupby("week").mean()
    assert weekly.iloc[-20:].mean() > 1.5 * weekly.iloc[:10].mean()


def test_seeds_repeat():
    first, again = (simulate_panel("hump", seed=9).panel.data for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    other = simulate_panel("hump", seed=10).panel.data
    assert not first["y"].equals(other["y"])
    pd.testing.assert_frame_equal(simulate_events(seed=1).events, simulate_events(seed=1).events)


@pytest.mark.parametrize(
    "options",
    [
        {"design": "spiral"},
        {"colour": 1},
        {"common_share": 1.5},
        {"own_ar": 1.0},
        {"stage_lengths": (1, 2, 3, 4)},
        {"regions": 1},
    ],
)
def test_impossible_designs_are_refused(options):
    with pytest.raises(DataError):
        simulate_panel(**options)


def test_planted_errors_are_the_rejected_rows():
    drawn = simulate_events(faults=3, seed=8)
    log = read_events(drawn.events, regions=drawn.regions)
    assert log.rejected["row"].tolist() == drawn.faults["row"].tolist()
    for row, kind in drawn.faults.itertuples(index=False):
        assert kind in log.problems.set_index("row").loc[[row], "problem"].str.cat()


def test_simulated_logs_hold_every_mechanism_and_layer():
    drawn = simulate_events(seed=1)
    assert drawn.events["mechanism"].nunique() == 5
    assert (drawn.events["source"] == "C").any()
    assert drawn.events["source"].str.contains("|", regex=False).any()
    with pytest.raises(DataError):
        simulate_events(regions=2)


def test_documents_are_missing_where_records_are():
    drawn = simulate_events(regions=6, weeks=30, missing=0.2, several=0, lasting=0, seed=3)
    cells = {(region, date) for region, date in drawn.documents[["region", "date"]].itertuples(index=False)}
    assert len(cells) == pytest.approx(0.8 * 180, abs=25)
    monday = pd.to_datetime(drawn.events["start"])
    monday -= pd.to_timedelta(monday.dt.day_of_week, unit="D")
    actor = drawn.events["source"].where(drawn.events["source"] != "C", drawn.events["target"])
    assert set(zip(actor, monday, strict=True)) <= cells


def test_the_truth_is_laid_out():
    drawn = simulate_events("hump", regions=5, weeks=12, stage_effects=(0, 1, 0, 0), driver_effects={"x": (0, 1, 0, 0)})
    assert drawn.stage_effects.loc["outbreak"].tolist() == [1, 1]
    assert drawn.covariates["date"].min() == drawn.expected.index[0] - pd.Timedelta(days=7)
    np.testing.assert_allclose(drawn.rates, drawn.expected.sum(axis=1))
    assert drawn.stages["first"].tolist() == [drawn.expected.index[k] for k in (0, 3, 6, 9)]
    with pytest.raises(DataError, match="documents"):
        simulate_events(documents=0.0)
    with pytest.raises(DataError, match="a field of the design"):
        simulate_events(colour=1)


EFFECTS = (0.1, 0.6, 0.3, 0.0)
REPLICATIONS = 6
FOUR_ERRORS = 4  # Monte Carlo standard errors


@pytest.mark.montecarlo
def test_from_log_to_estimate_the_effects_come_back():
    """Log, panel with missing records and documents as offset, Poisson: the drivers' effects by stage are recovered."""
    found = []
    for seed in range(REPLICATIONS):
        drawn = simulate_events(
            "flat", regions=15, weeks=40, per_week=150, several=0, lasting=0, seed=seed,
            driver_effects={"risk": EFFECTS}, stage_effects=(0, 0.5, 0.2, 0), documents_shape="rising waves",
            noise=0.2, common_share=0.3, reach=0.3, missing=0.05,
        )  # fmt: skip
        log = read_events(drawn.events, regions=drawn.regions)
        panel = assemble_events(log, window=("2020-W02", "2020-W41"), documents=drawn.documents)
        moved = drawn.covariates.assign(week=drawn.covariates["date"] + pd.Timedelta(days=7)).set_index(
            ["region", "week"]
        )
        stage = (
            drawn.stages.set_index("first")["stage"].reindex(panel.data.index.get_level_values("week").unique()).ffill()
        )
        named = pd.Series(stage.reindex(panel.data.index.get_level_values("week")).to_numpy(), index=panel.data.index)
        wider = panel.with_columns(
            {"risk": moved["risk"].reindex(panel.data.index), "stage": named}, {"stage": "stage"}
        )
        fit = stage_interaction(wider, outcome="out_intensity", drivers=["risk"], family=Poisson("documents"))
        found.append([fit.params[f"risk:{name}"] for name in STAGE_NAMES])
    error = np.std(found, axis=0, ddof=1) / np.sqrt(REPLICATIONS)
    assert (np.abs(np.mean(found, axis=0) - EFFECTS) < FOUR_ERRORS * error).all()
    assert (error < 0.05).all()
