"""Ends of a window that pool what lies beyond are named, and honest bounds leave them out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import panelcoop as pc


@pytest.fixture(scope="module")
def study() -> pc.EventStudy:
    rng = np.random.default_rng(3)
    start = np.repeat([10.0, 14.0, 18.0, np.nan], 12)
    index = pd.MultiIndex.from_product([range(48), range(30)], names=["region", "week"])
    week, g = np.tile(np.arange(30), 48), np.repeat(start, 30)
    effect = np.where(week >= g, 1.0 + week - g, 0.0)
    frame = pd.DataFrame({"y": effect + rng.normal(size=len(index)) * 0.1, "g": g}, index=index)
    events = pc.Events.from_column(frame, "g").with_options(window=(4, 6))
    return pc.event_study(frame, events, outcome="y", estimator=pc.CallawaySantAnna("never", "universal"))


def test_pooled_ends_are_named(study):
    assert study.pooled == (-4, 6)
    assert any("pooled into its ends: -4, 6" in note for note in study.notes)
    assert study.params[6] > 8  # the mean of horizons 6 to 19, not the effect at 6, which is 7


def test_support_of_pooled_ends_counts_regions_once(study):
    assert study.support.loc[6].tolist() == [3, 36, 12, False]
    assert study.support.loc[0].tolist() == [3, 36, 12, False]


def test_honest_bounds_leave_them_out(study):
    found = pc.honest_did(study, values=(0.0,), target="average")
    assert any("pooled ends of the window are left out: -4, 6" in note for note in found.notes)
    assert np.mean(found.original) == pytest.approx(study.params.loc[0:5].mean(), abs=1e-6)
