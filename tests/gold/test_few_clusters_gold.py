"""Joint CRV2 tests that clubSandwich printed, and p-values of wild bootstraps whose draws boottest enumerated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from seeded import DATA, leverage_designs

from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.covariance.satterthwaite import hotelling_test, total_variance_df
from panelcoop.numerics.regression.least_squares import least_squares
from panelcoop.numerics.resampling.wild_cluster import wild_cluster, wild_cluster_wald
from panelcoop.numerics.resampling.wild_draws import WildOptions
from panelcoop.numerics.resampling.wild_regression import wild_from_fit

PRINTED = json.loads(Path(__file__).with_name("few_clusters.json").read_text(encoding="utf-8"))
DIGITS = 1e-9  # printed with 15 digits, kept with 12
COUNTED = 1e-11  # shares of counted draws
REPS = 9999  # more than there are sign vectors: all are enumerated


def design(number):
    """Return outcome, columns and codes of the clusters; the region effects of the panel are absorbed."""
    data = leverage_designs()[number]
    g = data["g"].to_numpy()
    if number == 3:
        weeks = [data["t"] == week for week in range(1, 6)]
        columns = np.column_stack([data["x1"], data["x2"], *weeks]).astype(float)
        return data["y"].to_numpy(), columns, g, [g]
    columns = np.column_stack([np.ones(len(data)), data["x1"], data["x2"], data["x3"]])
    return data["y"].to_numpy(), columns, g, []


@pytest.mark.parametrize("case", PRINTED["hotelling"], ids=lambda case: case["id"])
def test_clubsandwich_htz(case):
    outcome, columns, clusters, effects = design(case["design"])
    fit = least_squares(outcome, columns, effects=effects)
    record = covariance(fit, "CRV2", clusters=[clusters])
    R, r = np.array(case["R"]), np.array(case["r"])
    q, eta = total_variance_df(record.correction.moments, fit.bread @ R.T)
    test = hotelling_test(fit.coef, record.cov, R, r, eta)
    assert q == test.df == len(R)
    np.testing.assert_allclose([test.statistic, test.df_denominator], [case["F"], case["df"]], rtol=DIGITS)
    np.testing.assert_allclose(test.pvalue, case["p"], rtol=DIGITS)
    if q == 1:
        along = R[0] @ record.cov @ R[0]
        np.testing.assert_allclose((R[0] @ fit.coef - r[0]) ** 2 / along, case["F"], rtol=DIGITS)


@pytest.mark.parametrize("case", PRINTED["wild"], ids=lambda case: case["id"])
def test_enumerated_bootstraps(case):
    data = DATA[case["data"]]()
    columns = np.column_stack([np.ones(len(data)) if c == "1" else data[c] for c in case["columns"]])
    effects, clusters = ([codes(data[c]) for c in case[key]] for key in ("effects", "clusters"))
    fit = wild_from_fit(least_squares(data[case["outcome"]].to_numpy(), columns, effects=effects))
    R, joint = np.array(case["R"]), len(case["R"]) > 1
    test = (wild_cluster_wald if joint else wild_cluster)(
        fit,
        R,
        clusters if len(clusters) > 1 else clusters[0],
        null=np.array(case["r"]) if joint else case["r"],
        factors=case.get("factors"),
        boot_clusters=codes(data[case["boot"]]) if "boot" in case else None,
        options=WildOptions(draws=REPS, ties="strict", interval=False),
    )
    assert test.draws == case["reps"]
    np.testing.assert_allclose(test.p_value, case["p"], atol=COUNTED)


def codes(values):
    return pd.factorize(values, sort=True)[0].astype(np.int64)
