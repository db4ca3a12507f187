"""The plan's inference: every method it names is had, with its own draws, lags and distances."""

from __future__ import annotations

from dataclasses import replace

import pytest

from panelcoop.estimate.planned import METHODS, planned_methods, planned_regression, planned_settings
from panelcoop.numerics.covariance.spatial_hac import SpatialKernel
from panelcoop.panel.assemble import assemble
from panelcoop.panel.plan import change_plan, read_plan


@pytest.fixture(scope="module")
def panel(root):
    changes = {"data.folder": str(root / "data"), "inference.draws": 199, "inference.permutations": 99}
    return assemble(change_plan(read_plan(root / "study.toml"), changes))


def test_every_method_of_the_plan_gives_a_number(panel):
    methods, lost = planned_methods(panel)
    assert lost == {}
    assert set(methods) == set(METHODS.values())
    table = planned_regression(panel).inference(methods, ["own_risk:outbreak"], settings=planned_settings(panel))
    assert table["pvalue"].notna().all()
    assert table["std_error"].loc["own_risk:outbreak", "conley"] > 0


def test_conley_takes_the_places_of_the_regions_used(panel):
    fit = planned_regression(panel)
    settings = planned_settings(panel)
    places = panel.regions.loc[panel.data.index.unique("region"), ["latitude", "longitude"]].to_numpy()
    by_hand = replace(settings, space=SpatialKernel(panel.plan.inference.conley_km, places))
    asked = (["conley"], ["own_risk:outbreak"])
    assert fit.inference(*asked, settings=settings).equals(fit.inference(*asked, settings=by_hand))
    without = panel.without_regions(["CN-HB"])
    alone = planned_regression(without).inference(*asked, settings=planned_settings(without))
    assert alone["std_error"].notna().all()


def test_a_panel_without_coordinates_names_the_method_it_loses(panel):
    nowhere = replace(panel, regions=panel.regions.drop(columns=["longitude", "latitude"]))
    methods, lost = planned_methods(nowhere)
    assert "conley" not in methods
    assert "coordinates" in lost["conley"]
    assert planned_settings(nowhere).space is None


def test_draws_and_permutations_are_the_plans(panel):
    settings = planned_settings(panel)
    assert (settings.draws, settings.permutations) == (199, 99)
