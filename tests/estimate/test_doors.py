"""Estimates as other programs take them: regression tables, matrices of restrictions, names of statsmodels."""

from __future__ import annotations

import maketables
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from maketables.extractors import PluginExtractor, get_extractor
from panels import dummies, stage_panel

import panelcoop as pc

EXACT = 1e-9
JOINT = ["risk:outbreak - risk:recovery", "risk:gestation"]


@pytest.fixture(scope="module")
def fit() -> pc.StageInteraction:
    return pc.stage_interaction(stage_panel(), outcome="y", drivers=["risk"])


def restrictions(fit: pc.StageInteraction) -> np.ndarray:
    return fit.hypothesis(JOINT).matrix


def test_table_packages_read_what_the_estimate_says(fit):
    door = get_extractor(fit)
    assert isinstance(door, PluginExtractor)
    np.testing.assert_array_equal(door.coef_table(fit)[["ci95l", "ci95u"]], fit.conf_int())
    assert (door.depvar(fit), door.fixef_string(fit)) == ("y", "region+week")
    assert door.default_stat_keys(fit) == ["N", "r2", "r2_within", "se_type"]
    assert door.vcov_info(fit) == {"vcov_type": fit.convention, "clustervar": "region"}
    assert door.vcov_info(fit.with_covariance("two-way"))["clustervar"] == "region+week"
    assert door.vcov_info(fit.with_covariance("HC1"))["clustervar"] is None


def test_a_table_shows_outcome_effects_and_statistics(fit):
    text = maketables.ETable([fit]).make("tex")
    for shown in (
        "{y}",
        "region & x",
        "week & x",
        f"Observations & {fit.nobs}",
        f"{fit.rsquared:.3f}",
        "S.E. type & CRV1, 12 clusters",
    ):
        assert shown in text
    assert fit.__maketables_fixef_string__ == "region+week"
    alone = pc.stage_interaction(stage_panel(), outcome="y", drivers=["risk"], effects="none")
    assert alone.__maketables_fixef_string__ is None


@pytest.mark.parametrize("weights", [None, "weight"])
def test_fit_statistics_equal_those_of_dummy_variables(weights):
    frame = stage_panel()
    fit = pc.stage_interaction(frame, outcome="y", drivers=["control"], weights=weights)
    columns = pd.get_dummies(frame["stage"], dtype=float)
    design = pd.concat([columns.mul(frame["control"], axis=0).add_prefix("c"), dummies(frame)], axis=1)
    peer = sm.WLS(frame["y"], design, weights=1.0 if weights is None else frame[weights], hasconst=True).fit()
    assert fit.rsquared == pytest.approx(peer.rsquared, rel=EXACT)
    assert fit.df_resid == peer.df_resid


def test_a_matrix_is_one_joint_hypothesis_everywhere(fit):
    matrix = restrictions(fit)
    joint = fit.wald(matrix)
    given = (matrix, pd.DataFrame(matrix, columns=fit.params.index), (matrix, np.zeros(2)))
    for asked in given:
        table = fit.inference(["CRV1"], asked)
        assert table["pvalue"].tolist() == pytest.approx([joint.pvalue])
        assert fit.wald(asked).pvalue == pytest.approx(joint.pvalue)
    for asked in (matrix[0], pd.Series(matrix[0], index=fit.params.index), JOINT[0], [matrix[0]]):
        assert fit.inference(["CRV1"], asked)["pvalue"].tolist() == pytest.approx([fit.contrast(JOINT[0]).pvalue])
    assert len(fit.inference(["CRV1"], list(matrix))) == len(fit.inference(["CRV1"], np.array(JOINT))) == 2
    assert len(fit.inference(["CRV1"], tuple(matrix))) == 2


def test_settings_are_of_their_class(fit):
    for ask in (fit.inference, fit.simultaneous):
        with pytest.raises(pc.DataError, match="one column per coefficient"):
            ask(hypotheses=5)
        with pytest.raises(pc.DataError, match="settings is an InferenceSettings"):
            ask(hypotheses=["risk:outbreak"], settings={"draws": 9})
