"""A short, seeded version of the size table: fails when a default leaves the band it should hold."""

from __future__ import annotations

import numpy as np
import pytest

from panelcoop.errors import DataError
from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.covariance.satterthwaite import hotelling_test, total_variance_df
from panelcoop.sensitivity.inference_size import inference_size
from panelcoop.sensitivity.size_methods import JOINT, METHODS, SAME_AT_ALL_STAGES, analytic_p
from panelcoop.sensitivity.stage_samples import LONG_STAGES, SizeDesign, section_designs, simulate_stage_sample

LOW, HIGH = 0.02, 0.09
REPLICATIONS = 300  # a share of .05 has a standard error of .013
NOISE = 0.013  # the band is widened by one Monte Carlo standard error


def shares(design, methods, replications=REPLICATIONS, **given):
    table = inference_size([design], methods=methods, replications=replications, draws=199, seed=4, **given)
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
    values = [method(sample) for method in (*METHODS.values(), *JOINT.values())]
    assert all(0 <= p <= 1 for p in values)


def test_results_do_not_depend_on_which_other_methods_run():
    design = section_designs()[2]
    given = {"replications": 4, "draws": 99, "seed": 8}
    whole = inference_size([design], **given).set_index("method")
    for method in ("WCR region", "randomisation", "DWB-t"):
        alone = inference_size([design], methods=[method], **given)
        assert alone["rejects"].item() == whole.loc[method, "rejects"]
    with pytest.raises(DataError, match="did you mean 'DWB-t'"):
        inference_size([design], methods=["DWB"], **given)
    with pytest.raises(DataError, match="fields must be one of"):
        SizeDesign("spacial")


def test_jackknife_p_value_is_that_of_crv3():
    sample = simulate_stage_sample(section_designs()[2], np.random.default_rng(1), draws=99)
    by_refits = analytic_p(sample, "CRV3", 30, clusters=[sample.regions])
    assert METHODS["CRV3 t(30)"](sample) == pytest.approx(by_refits, abs=1e-9)


def test_the_joint_test_by_crv2_is_the_approximate_hotelling_test():
    sample = simulate_stage_sample(section_designs()[2], np.random.default_rng(1), draws=99)
    record = covariance(sample.fit, "CRV2", clusters=[sample.regions])
    _, eta = total_variance_df(record.correction.moments, sample.fit.bread @ SAME_AT_ALL_STAGES.T)
    want = hotelling_test(sample.fit.solution, record.full, SAME_AT_ALL_STAGES, np.zeros(3), eta).pvalue
    assert JOINT["CRV2 Hotelling"](sample) == pytest.approx(want, rel=1e-9)


@pytest.mark.montecarlo
def test_conley_with_a_product_kernel_rejects_as_often_as_it_is_known_to():
    """Known sizes .17 and .26 with independent and with correlated regions; 300 panels have an error of .02."""
    independent = shares(SizeDesign(), ["Conley-HAC, product kernel"])
    spatial = shares(SizeDesign("spatial"), ["Conley-HAC, product kernel"])
    assert abs(independent["Conley-HAC, product kernel"] - 0.17) < 0.06
    assert abs(spatial["Conley-HAC, product kernel"] - 0.26) < 0.07


@pytest.mark.montecarlo
def test_joint_tests_hold_their_size_where_they_should():
    found = shares(SizeDesign(lengths=LONG_STAGES), ["CRV2 Hotelling", "WCR region", "DWB-t"], 200, joint=True)
    assert found["CRV2 Hotelling"] <= HIGH + NOISE
    assert found["WCR region"] <= HIGH + NOISE
    spatial = shares(SizeDesign("spatial"), ["CRV1 F(3, 30)", "DWB-t"], 150, joint=True)
    assert spatial["CRV1 F(3, 30)"] > 0.3
    assert spatial["DWB-t"] <= HIGH + 2 * NOISE


def test_simulated_fields_have_the_stated_law():
    rng = np.random.default_rng(0)
    sample = simulate_stage_sample(SizeDesign("spatial"), rng)
    assert sample.distances.shape == (31, 31)
    assert sample.distances.max() < np.sqrt(2)
    assert sample.fit.nobs == 3_100
    assert sample.fit.rank == 4
