"""Distances meet the regions they belong to: by label, or by a count that must be right."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from panels import stage_panel

import panelcoop as pc

REGIONS = [f"r{i:02d}" for i in range(12)]
SAME = 1e-12  # the same arithmetic in another order of regions


@pytest.fixture(scope="module")
def places() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    columns = {"longitude": rng.uniform(80, 120, 12), "latitude": rng.uniform(20, 40, 12), "name": "x"}
    return pd.DataFrame(columns, index=pd.Index(REGIONS, name="region"))


@pytest.fixture(scope="module")
def lacking() -> pc.StageInteraction:
    """A fit in which region r03 has no complete row."""
    frame = stage_panel()
    frame.loc["r03", "y"] = np.nan
    return pc.stage_interaction(frame, outcome="y", drivers=["risk"])


def conley(fit, **given):
    choice = pc.CovarianceChoice("conley", lag=2, space=pc.SpatialKernel(1500, **given))
    return fit.with_covariance(choice).std_errors.dropna()


def test_frames_are_matched_by_label_where_a_region_drops_out(places, lacking):
    without = pc.stage_interaction(stage_panel().drop("r03"), outcome="y", drivers=["risk"])
    left = places.drop("r03")[["latitude", "longitude"]].to_numpy()
    by_hand = conley(without, coordinates=left)
    np.testing.assert_allclose(conley(lacking, coordinates=left), by_hand, rtol=SAME)
    shuffled = places.sample(frac=1, random_state=2)
    np.testing.assert_allclose(conley(lacking, coordinates=shuffled), by_hand, rtol=SAME)
    square = pd.DataFrame(great_circle(places), index=REGIONS, columns=REGIONS).sample(frac=1, random_state=3)
    np.testing.assert_allclose(conley(lacking, distances=square), by_hand, rtol=1e-9)


def great_circle(places):
    from panelcoop.numerics.covariance.spatial_hac import great_circle as km

    return km(places[["latitude", "longitude"]].to_numpy())


def test_all_weeks_alike_is_conley_without_weeks(places):
    from panelcoop.numerics.covariance.covariance import covariance
    from panelcoop.numerics.covariance.spatial_hac import SpatialKernel

    fit = pc.stage_interaction(stage_panel(), outcome="y", drivers=["risk"])
    space = pc.SpatialKernel(1500, coordinates=places, kernel="uniform", metric="triangular", serial="all")
    found = fit.with_covariance(pc.CovarianceChoice("conley", space=space))
    bare = SpatialKernel(
        1500, places[["latitude", "longitude"]].to_numpy(), None, kernel="uniform", metric="triangular"
    )
    wanted = covariance(fit.model.linear, "conley", units=fit.model.arrays.region, space=bare)
    np.testing.assert_allclose(found.cov.to_numpy(), wanted.full, rtol=SAME, atol=1e-300)
    assert "week keeps its distance" not in found.convention


def test_x_and_y_lie_on_a_plane(places):
    fit = pc.stage_interaction(stage_panel(), outcome="y", drivers=["risk"])
    plane = pd.DataFrame({"x": places["longitude"] * 100, "y": places["latitude"] * 100}, index=REGIONS)
    flat = np.sqrt(((plane.to_numpy()[:, None] - plane.to_numpy()) ** 2).sum(axis=2))
    np.testing.assert_allclose(conley(fit, coordinates=plane), conley(fit, distances=flat), rtol=1e-9)


def test_a_flat_earth_is_for_degrees_only(places):
    fit = pc.stage_interaction(stage_panel(), outcome="y", drivers=["risk"])
    degrees = places[["latitude", "longitude"]].to_numpy()
    flat = conley(fit, coordinates=places, metric="triangular")
    np.testing.assert_allclose(flat, conley(fit, coordinates=degrees, metric="triangular"), rtol=SAME)
    assert not np.allclose(flat, conley(fit, coordinates=places), rtol=1e-6)
    with pytest.raises(pc.DataError, match="'triangular' is for degrees"):
        conley(fit, coordinates=places[["longitude", "latitude"]].set_axis(["x", "y"], axis=1), metric="triangular")


def test_the_table_takes_frames_too(places, lacking):
    settings = pc.InferenceSettings(space=pc.SpatialKernel(1500, coordinates=places), lag=2)
    row = lacking.inference("conley", "risk:outbreak", settings).iloc[0]
    assert row["std_error"] == pytest.approx(conley(lacking, coordinates=places)["risk:outbreak"], rel=SAME)


@pytest.mark.parametrize("what", ["coordinates", "distances"])
def test_arrays_of_another_length_name_the_regions_lost(places, lacking, what):
    values = places[["latitude", "longitude"]].to_numpy() if what == "coordinates" else great_circle(places)
    with pytest.raises(pc.DataError, match=r"12 rows, but the model uses 11 regions \(without rows: r03\)"):
        conley(lacking, **{what: values})


BAD = {
    "missing region": (lambda p: p.drop("r05"), "lack region r05"),
    "twice": (lambda p: pd.concat([p, p.loc[["r05"]]]), "hold region r05 twice"),
    "columns": (lambda p: p.rename(columns={"latitude": "lat"}), "latitude and longitude, or x and y"),
    "empty": (lambda p: p.assign(latitude=p["latitude"].where(p.index != "r07")), "missing for region r07"),
    "swapped": (lambda p: p.rename(columns={"latitude": "longitude", "longitude": "latitude"}), "within 90"),
}


@pytest.mark.parametrize("case", BAD)
def test_frames_that_cannot_be_matched_say_why(places, case):
    change, message = BAD[case]
    fit = pc.stage_interaction(stage_panel(), outcome="y", drivers=["risk"])
    with pytest.raises(pc.DataError, match=message):
        conley(fit, coordinates=change(places))
