"""Coefficients, standard errors and p-values that R's and Stata's programs printed, one case after another."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from seeded import DATA

from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.covariance.small_sample import SmallSampleRule
from panelcoop.numerics.covariance.spatial_hac import SpatialKernel
from panelcoop.numerics.distributions import t_sf
from panelcoop.numerics.regression.least_squares import least_squares
from panelcoop.numerics.regression.poisson import poisson

CASES = json.loads(Path(__file__).with_name("regressions.json").read_text(encoding="utf-8"))
DIGITS = 1e-9  # printed with 12 digits or more; cases with fewer digits, or iterated fits, say so themselves
P_VALUES = 1e-4  # follows from the digits of the statistic


@cache
def table(name: str) -> pd.DataFrame:
    return DATA[name]()


@cache
def fitted(name: str, outcome: str, columns: tuple[str, ...], effects: tuple[str, ...], how: tuple[str | None, bool]):
    """Fit once for all covariances; `how` is the column of weights and whether counts are fitted."""
    data, (weights, counts) = table(name), how
    X = np.column_stack([np.ones(len(data)) if c == "1" else data[c].to_numpy(float) for c in columns])
    weight = None if weights is None else data[weights].to_numpy()
    given = {"effects": [codes(data[e]) for e in effects], "weights": weight}
    if counts:
        found = poisson(data[outcome].to_numpy(float), X, **given)
        return found.linear, found.rows
    return least_squares(data[outcome].to_numpy(float), X, **given), np.arange(len(data))


def codes(values):
    return pd.factorize(values, sort=True)[0].astype(np.int64)


def run(case):
    """Fit and take the covariance as the case says."""
    how = (case.get("weights"), case.get("family") == "poisson")
    fit, rows = fitted(case["data"], case["outcome"], tuple(case["columns"]), tuple(case["effects"]), how)
    data, rule = table(case["data"]).iloc[rows], case["rule"]
    given = {name: codes(data[case[name]]) for name in ("units", "weeks") if name in case}
    if "cutoff" in case:
        places = data[["lat", "lon"]].to_numpy()
        space = SpatialKernel(case["cutoff"], coordinates=places, kernel="uniform")
        given = {"units": np.arange(len(data)), "space": space}
    rule = rule if isinstance(rule, str) else SmallSampleRule(*rule)
    clusters = [codes(data[c]) for c in case["clusters"]]
    given |= {"lag": case.get("lag"), "repair": case.get("repair", False)}
    return fit, covariance(fit, case["kind"], clusters=clusters, small_sample=rule, **given)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_printed_numbers(case):
    fit, record = run(case)
    errors = np.sqrt(np.diag(record.cov))
    close = {"rtol": case.get("rtol", DIGITS), "atol": case.get("atol", 0.0)}
    for name, (coef, error) in case["numbers"].items():
        place = case["columns"].index(name)
        np.testing.assert_allclose(errors[place], error, **close)
        if coef is not None:
            np.testing.assert_allclose(fit.coef[place], coef, **close)
    for name, printed in case.get("pvalues", {}).items():
        place = case["columns"].index(name)
        statistic = abs(fit.coef[place] / errors[place])
        np.testing.assert_allclose(2 * t_sf(statistic, record.df[place]), printed, rtol=P_VALUES, atol=1e-14)
