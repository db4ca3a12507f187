"""Standard errors and F statistics that fixest and plm printed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.regression.least_squares import least_squares
from panelcoop.numerics.wald import wald_statistic

PRINTED = 5e-7  # six decimals were printed
PRINTED_F = 5e-6  # six significant digits were printed


@pytest.fixture
def base_did(gold, gold_folder):
    data = pd.read_csv(gold_folder / "base_did.csv")
    columns = np.column_stack([np.ones(len(data)), data["x1"]])
    fit = least_squares(data["y"].to_numpy(), columns)
    return data, fit, gold["base_did-hac"]["numbers"]


def errors(record):
    return np.sqrt(np.diag(record.cov))


def test_base_did_coefficients(base_did):
    _, fit, numbers = base_did
    np.testing.assert_allclose(fit.coef, list(numbers["coef"].values()), atol=PRINTED)


def test_fixest_newey_west(base_did):
    # R: feols(y ~ x1, base_did, vcov = NW(2) ~ id + period)
    data, fit, numbers = base_did
    record = covariance(fit, "newey-west", units=data["id"].to_numpy(), weeks=data["period"].to_numpy(), lag=2)
    np.testing.assert_allclose(errors(record), list(numbers["se_newey_west_2"].values()), atol=PRINTED)


def test_fixest_driscoll_kraay_with_its_default_lag(base_did):
    # R: feols(y ~ x1, base_did, vcov = DK ~ period)
    data, fit, numbers = base_did
    record = covariance(fit, "driscoll-kraay", weeks=data["period"].to_numpy())
    np.testing.assert_allclose(errors(record), list(numbers["se_driscoll_kraay"].values()), atol=PRINTED)


@pytest.mark.parametrize(("model", "key"), [("pooling", []), ("individual", ["firm"]), ("time", ["year"])])
def test_plm_vcov_scc(gold, gold_folder, model, key):
    # R: plm(inv ~ value + capital, Grunfeld, model, effect); pwaldtest(., test = "F", vcov = vcovSCC)
    data = pd.read_csv(gold_folder / "grunfeld.csv")
    columns = data[["value", "capital"]].to_numpy()
    codes = {name: pd.factorize(data[name], sort=True)[0] for name in ("firm", "year")}
    columns = columns if key else np.column_stack([np.ones(len(data)), columns])
    fit = least_squares(data["inv"].to_numpy(), columns, effects=[codes[name] for name in key])
    record = covariance(fit, "driscoll-kraay", weeks=codes["year"], small_sample="plm")
    test = wald_statistic(fit.coef, record.cov, np.eye(len(fit.coef))[-2:], df_denominator=19)
    printed = gold["grunfeld-driscoll-kraay-F"]["numbers"][f"F_{model}"]
    np.testing.assert_allclose(test.statistic, printed, rtol=PRINTED_F)
