"""Permutation tests on networks: size, power, and regression coefficients against least squares by hand."""

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.network.mrqap import mrqap
from panelcoop.network.stage_differences import stage_differences

NAMES = [f"r{k}" for k in range(10)]
WEEKS = pd.date_range("2020-01-06", periods=24, freq="7D", unit="us")
STAGE = pd.Series(["early"] * 12 + ["late"] * 12, index=WEEKS)


def matrix(rng):
    return pd.DataFrame(rng.standard_normal((10, 10)), index=NAMES, columns=NAMES)


def flows(rng, *, star):
    rows = []
    for k, week in enumerate(WEEKS):
        for _ in range(6):
            i, j = rng.choice(10, size=2, replace=False)
            i = 0 if star and k >= 12 and j != 0 else i
            rows.append((week, NAMES[i], NAMES[j], "horizontal", 1.0))
    return pd.DataFrame(rows, columns=["period", "source", "target", "layer", "flow"])


def test_a_star_in_the_late_stage_is_found():
    found = stage_differences(flows(np.random.default_rng(1), star=True), STAGE, NAMES, block=2, draws=199)
    assert found.loc["strength_gini", "p_value"] < 0.02
    assert found.loc["strength_gini", "late"] > found.loc["strength_gini", "early"]
    assert np.isnan(found.loc["edge_correlation", "p_value"])  # there is no vertical layer


def test_volume_alone_is_no_difference():
    even = flows(np.random.default_rng(2), star=False)
    busy = even.assign(flow=np.where(even["period"] >= WEEKS[12], 50.0, 1.0))
    first, second = (stage_differences(f, STAGE, NAMES, draws=19).drop(columns="p_value") for f in (even, busy))
    pd.testing.assert_frame_equal(first, second)


def test_too_few_blocks_are_refused():
    with pytest.raises(DataError, match="smaller blocks"):
        stage_differences(flows(np.random.default_rng(1), star=False), STAGE, NAMES, block=12)


@pytest.mark.montecarlo
def test_stage_differences_hold_their_size():
    p_values = [
        stage_differences(flows(np.random.default_rng(seed), star=False), STAGE, NAMES, block=3, draws=19).loc[
            "strength_gini", "p_value"
        ]
        for seed in range(20)
    ]
    assert np.mean(np.array(p_values) <= 0.1) <= 0.3


def test_coefficients_are_least_squares():
    rng = np.random.default_rng(3)
    a, b, noise = (matrix(rng) for _ in range(3))
    y = 0.5 * a - 0.2 * b + 0.1 * noise
    shuffled = b.sample(frac=1, random_state=1).sample(frac=1, axis=1, random_state=2)
    found = mrqap(y, {"a": a, "b": shuffled}, draws=99)
    off = ~np.eye(10, dtype=bool)
    x = np.column_stack([np.ones(90), a.to_numpy()[off], b.to_numpy()[off]])
    expected = np.linalg.lstsq(x, y.to_numpy()[off], rcond=None)[0]
    np.testing.assert_allclose(found.table["estimate"], expected[1:], rtol=1e-9)
    assert found.table["p_value"].tolist() == [0.01, 0.01]
    assert found.dyads == 90


@pytest.mark.montecarlo
def test_mrqap_holds_its_size_where_regions_matter():
    """Row effects make dyads dependent: classical t rejects far too often."""
    rejected = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, y = (matrix(rng) + 1.5 * rng.standard_normal((10, 1)) for _ in range(2))
        rejected.append(mrqap(y, {"x": x}, draws=49, seed=seed).table.loc["x", "p_value"] <= 0.1)
    assert np.mean(rejected) <= 0.22


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.rename(index={"r0": "z"}), "labels"),
        (lambda m: m.mask(m == m.iloc[0, 1]), "missing"),
        (lambda m: 0 * m, "collinear"),
    ],
)
def test_bad_matrices_are_refused(change, message):
    good = matrix(np.random.default_rng(4))
    with pytest.raises(DataError, match=message):
        mrqap(good, {"x": change(good)}, draws=9)
