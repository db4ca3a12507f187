"""Quiet spells: begun quiet, ended in time, never overlapping; their rings give back a known spillover."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.aggregate import mean_effect
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.imputation import Imputation
from panelcoop.estimate.event_study.rings import Rings
from panelcoop.panel.record import Panel, SpatialWeights
from panelcoop.sensitivity.event_spells import PLACE, SpellRule, quiet_spells, reached, ring_sample

ROUNDING = 1e-9  # two routes to one least-squares fit
NEAR, HOME = 0.5, 2.0
REGIONS, WEEKS = 40, 60
MONTE_CARLO = 4.0  # errors of a simulated mean


def line(regions=REGIONS):
    names = tuple(f"r{i:02d}" for i in range(regions))
    return SpatialWeights("line", names, np.eye(regions, k=1) + np.eye(regions, k=-1))


def drawn(rng, noise=0.3):
    """Draw repeated events on a line of regions; an event lifts its region by 2 and its neighbours by 0.5 for good."""
    weeks = pd.date_range("2021-01-04", periods=WEEKS, freq="7D")
    names = line().regions
    start = rng.choice(np.arange(12, WEEKS), size=REGIONS)
    start[rng.random(REGIONS) < 0.7] = 10**6
    near = np.minimum(np.roll(start, 1), np.roll(start, -1))
    near[0], near[-1] = start[1], start[-2]
    t = np.arange(WEEKS)
    y = rng.normal(size=(REGIONS, 1)) + np.sin(t / 7) + noise * rng.normal(size=(REGIONS, WEEKS))
    y += HOME * (t >= start[:, None]) + NEAR * (t >= near[:, None])
    onset = (t == start[:, None]).astype(float)
    index = pd.MultiIndex.from_product([names, weeks], names=["region", "week"])
    return Panel(data=pd.DataFrame({"y": y.ravel(), "onset": onset.ravel()}, index=index))


RULE = SpellRule(depth=1, clean_weeks=4, anticipation=0, min_controls=5)


@pytest.fixture(scope="module")
def panel():
    return drawn(np.random.default_rng(3))


def test_spells_do_not_overlap_and_keep_controls(panel):
    spells = quiet_spells(panel, "onset", neighbours=line(), rule=RULE)
    table = spells.table
    assert (table["far_at_start"] >= RULE.quiet_share * REGIONS).all()
    assert (table["far_at_end"] >= RULE.min_controls).all()
    assert (table["start"].to_numpy()[1:] > table["end"].to_numpy()[:-1]).all()
    assert not spells.panel.data.reset_index().duplicated([PLACE, "week"]).any()


def test_nobody_borders_across_spells(panel):
    spells = quiet_spells(panel, "onset", neighbours=line(), rule=SpellRule(0, 4, 0, 20))
    assert len(spells.table) >= 1
    spell = [name.split(", ")[1] for name in spells.neighbours.index]
    across = np.not_equal.outer(spell, spell)
    assert not spells.neighbours.to_numpy()[across].any()


def test_imputation_on_the_ring_sample_gives_the_effects_of_rings(panel):
    spells = quiet_spells(panel, "onset", neighbours=line(), rule=RULE)
    window = {"window": (4, 6), "ends": "dropped", "anticipation": 0}
    rings = event_study(
        spells.panel,
        spells.events.with_options(**window),
        outcome="y",
        estimator=Rings(spells.neighbours, 1, 1),
        cluster=PLACE,
    )
    sample, events = ring_sample(spells)
    imputed = event_study(sample, events.with_options(**window), outcome="y", estimator="imputation", cluster=PLACE)
    after = list(range(7))
    np.testing.assert_allclose(imputed.params[after], rings.params[after], atol=ROUNDING)


def test_every_region_reached_is_dated_by_its_nearest_event():
    names = line(6).regions
    index = pd.MultiIndex.from_product([names, range(10)], names=["region", "week"])
    onset = pd.DataFrame({"onset": 0.0}, index=index)
    onset.loc[("r00", 3), "onset"] = 1.0
    onset.loc[("r02", 5), "onset"] = 1.0
    spells = quiet_spells(
        Panel(data=onset), "onset", neighbours=line(6), rule=SpellRule(1, 2, 0, min_controls=1, quiet_share=0.5)
    )
    assert dict(reached(spells, 0)) == {"r00, 1": 3, "r02, 1": 5}
    assert dict(reached(spells, 1)) == {"r01, 1": 3, "r03, 1": 5}
    assert dict(reached(spells, 2)) == {"r02, 1": 3, "r04, 1": 5}  # before the event of r02 itself
    sample, _ = ring_sample(spells)
    assert sample.data.loc["r02, 1"].index.max() == 4  # its own event takes it out


def test_an_event_before_the_spell_reaches_into_it():
    names = line(8).regions
    index = pd.MultiIndex.from_product([names, range(12)], names=["region", "week"])
    onset = pd.DataFrame({"onset": 0.0}, index=index)
    onset.loc[("r00", 1), "onset"] = 1.0
    rule = SpellRule(1, clean_weeks=3, anticipation=0, min_controls=2, first_week=2)
    spells = quiet_spells(Panel(data=onset), "onset", neighbours=line(8), rule=rule)
    assert spells.table["start"].iloc[0] == 2
    assert "r00, 1" in set(spells.events.table["region"])
    assert reached(spells, 0).empty


def test_no_quiet_week_and_no_column_are_refused(panel):
    with pytest.raises(IdentificationError, match="reduce depth or quiet_share"):
        quiet_spells(panel, "onset", neighbours=line(), rule=SpellRule(quiet_share=1.01))
    with pytest.raises(DataError, match="outbreak"):
        quiet_spells(panel, "outbreak", neighbours=line(), rule=RULE)


@pytest.mark.montecarlo
def test_rings_in_spells_find_the_spillover_on_average():
    rng = np.random.default_rng(11)
    found = []
    for _ in range(40):
        spells = quiet_spells(drawn(rng), "onset", neighbours=line(), rule=RULE)
        sample, events = ring_sample(spells)
        events = events.with_options(window=(4, 6), ends="dropped", anticipation=0)
        study = event_study(sample, events, outcome="y", estimator=Imputation(reference=-1), cluster=PLACE)
        found.append(mean_effect(study)[0])
    assert abs(np.mean(found) - NEAR) < MONTE_CARLO * np.std(found) / np.sqrt(len(found))
