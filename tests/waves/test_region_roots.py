"""AR roots of regions: bias taken out exactly, and family-wise error of waves region by region."""

from __future__ import annotations

import numpy as np
import pytest
from wave_frames import frame

from panelcoop.errors import DataError
from panelcoop.numerics.waves.autoregression import ar1_paths, cosine_basis
from panelcoop.numerics.waves.pooled_root import region_roots
from panelcoop.waves.regional import region_waves
from panelcoop.waves.thresholds import WaveThresholds

EXACT = 1e-9
FEW = WaveThresholds(draws=99)


def paths(root: float, regions: int, weeks: int, seed: int) -> np.ndarray:
    return ar1_paths(np.random.default_rng(seed).standard_normal((weeks, regions)), root).T


def limit(root: float, clock: np.ndarray) -> float:
    """The least-squares root to be expected, from the full matrices."""
    basis = cosine_basis(clock, min(8, clock.size // 6))
    maker = np.eye(clock.size) - basis @ np.linalg.pinv(basis)
    spread = maker @ root ** np.abs(clock[:, None] - clock[None, :]) @ maker
    pairs = np.flatnonzero(np.diff(clock) == 1)
    return spread[pairs + 1, pairs].sum() / spread[pairs, pairs].sum()


def test_the_pooled_root_solves_its_equation_with_gaps():
    clock = np.delete(np.arange(60.0), [10, 11, 30])
    values = paths(0.6, 12, 60, 1)[:, clock.astype(int)]
    basis = cosine_basis(clock, 8)
    rest = values - values @ np.linalg.pinv(basis).T @ basis.T
    pairs = np.flatnonzero(np.diff(clock) == 1)
    raw = (rest[:, pairs + 1] * rest[:, pairs]).sum() / (rest[:, pairs] ** 2).sum()
    found = region_roots(values, clock)
    assert limit(found.pooled, clock) == pytest.approx(raw, abs=EXACT)
    one = (rest[3, pairs + 1] @ rest[3, pairs]) / (rest[3, pairs] @ rest[3, pairs])
    assert limit(found.own[3], clock) == pytest.approx(one, abs=EXACT)


def test_missing_cells_are_left_out_and_not_bridged():
    values = paths(0.7, 200, 80, 2)
    values[np.random.default_rng(3).random(values.shape) < 0.2] = np.nan
    assert region_roots(values, np.arange(80.0)).pooled == pytest.approx(0.7, abs=0.03)
    values[0] = np.nan
    values[0, ::2] = 1.0
    found = region_roots(values, np.arange(80.0))
    assert np.isnan(found.own[0])
    assert np.isfinite(found.own[1:]).all()
    with pytest.raises(DataError, match="enough consecutive weeks"):
        region_roots(values[:1], np.arange(80.0))


@pytest.mark.montecarlo
@pytest.mark.parametrize("root", [0.0, 0.4, 0.8, 0.95])
@pytest.mark.parametrize("weeks", [52, 100])
def test_the_pooled_root_has_no_bias_at_any_length(root, weeks):
    assert region_roots(paths(root, 3000, weeks, 4), np.arange(float(weeks))).pooled == pytest.approx(root, abs=0.04)


@pytest.mark.montecarlo
@pytest.mark.parametrize("root", [0.4, 0.8, 0.9])
def test_no_region_is_taken_for_a_wave_by_chance(root):
    """With each region's own root alone 16 of these 40 panels reject at .9."""
    rejected = 0
    for seed in range(40):
        rng = np.random.default_rng([seed, 5])
        common = ar1_paths(0.6 * rng.standard_normal((100, 1)), 0.8)[:, 0]
        own = np.sqrt(1 - root**2) * paths(root, 12, 100, seed)
        values = np.linspace(0, 2, 100) + 0.55 * np.outer(1 + 0.3 * rng.standard_normal(12), common) + 0.84 * own
        rejected += (region_waves(frame(values), outcome="y", thresholds=FEW).table["p_adjusted"] <= 0.05).any()
    assert rejected <= 3


def test_nothing_is_concluded_where_noise_is_too_persistent():
    values = paths(1 - 1e-6, 20, 150, 6) * 0.1
    found = region_waves(frame(values - values.mean(axis=0)), outcome="y", thresholds=FEW)
    assert found.pooled_root > 0.9
    assert found.table[["p", "p_adjusted"]].isna().all().all()
    assert any("too persistent (pooled AR root" in note for note in found.notes)
    calm = region_waves(frame(paths(0.4, 20, 150, 6)), outcome="y", thresholds=FEW)
    assert calm.pooled_root == pytest.approx(0.4, abs=0.08)
    assert (calm.table["root"] >= calm.pooled_root - EXACT).all()
    assert calm.table["p"].notna().all()
