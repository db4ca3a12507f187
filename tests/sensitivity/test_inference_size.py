"""A short, seeded version of the size table: fails when a default leaves the band it should hold."""

from __future__ import annotations

import numpy as np
import pytest

from panelcoop.sensitivity.inference_size import (
    LONG_STAGES,
    METHODS,
    SizeDesign,
    analytic_p,
    inference_size,
    section_designs,
    simulate_stage_sample,
)

LOW, HIGH = 0.02, 0.09
REPLICATIONS = 300  # a share of .05 has a standard error of .013
NOISE = 0.013  # the band is widened by one Monte Carlo standard error


def shares(design, methods, replications=REPLICATIONS):
    table = inference_size([design], methods=methods, replications=replications, draws=199, seed=4)
    return dict(zip(table["method"], table["rejects"], strict=True))


@pytest.mark.montecarlo
@pytest.mark.parametrize("design", section_designs(), ids=lambda design: design.name)
def test_default_bootstrap_holds_its_size_in_every_design(design):
    share = shares(design, ["DWB-t"])["DWB-t"]
    assert LOW - NOISE <= share <= HIGH + NOISE


@pytest.mark.montecarlo
@pytest.mark.parametrize("lengths", [SizeDesign().lengths, LONG_STAGES])
def test_cluster_bootstrap_holds_its_size_with_independent_regions(lengths):
    share = shares(SizeDesign(lengths=lengths), ["WCR region"])["WCR region"]
    assert LOW - NOISE <= share <= HIGH + NOISE


@pytest.mark.montecarlo
def test_clustering_by_region_fails_when_regions_are_correlated():
    """The reason for the default: these may not look right by accident."""
    found = shares(SizeDesign("spatial"), ["CRV1 t(30)", "WCR region", "Driscoll-Kraay normal"], 200)
    assert min(found.values()) > 0.15


@pytest.mark.montecarlo
def test_default_bootstrap_has_power_against_long_stages():
    design = SizeDesign("spatial", LONG_STAGES, effect=0.5)
    assert shares(design, ["DWB-t"], 150)["DWB-t"] > 0.6


def test_every_method_returns_a_p_value_and_panels_do_not_depend_on_methods():
    design = section_designs()[4]
    assert design.outlier
    whole = inference_size([design], replications=2, draws=99, seed=8)
    assert list(whole["method"]) == list(METHODS)
    assert (whole["undefined"] == 0).all()
    rng = np.random.default_rng(3)
    sample = simulate_stage_sample(design, rng, draws=99)
    values = [method(sample) for method in METHODS.values()]
    assert all(0 <= p <= 1 for p in values)


def test_jackknife_p_value_is_that_of_crv3():
    sample = simulate_stage_sample(section_designs()[2], np.random.default_rng(1), draws=99)
    assert METHODS["CRV3 t(30)"](sample) == pytest.approx(analytic_p(sample, "CRV3", 30), abs=1e-9)


def test_simulated_fields_have_the_stated_law():
    rng = np.random.default_rng(0)
    sample = simulate_stage_sample(SizeDesign("spatial"), rng)
    assert sample.distances.shape == (31, 31)
    assert sample.distances.max() < np.sqrt(2)
    assert sample.fit.nobs == 3_100
    assert sample.fit.rank == 4
