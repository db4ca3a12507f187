"""Covariance matrices, Wald tests and p-values that fixest, plm and Stata printed; the public door to the same."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from seeded import DATA

import panelcoop as pc
from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.covariance.small_sample import SmallSampleRule
from panelcoop.numerics.distributions import t_sf
from panelcoop.numerics.regression.least_squares import least_squares
from panelcoop.numerics.wald import wald_statistic

PRINTED = json.loads(Path(__file__).with_name("covariances.json").read_text(encoding="utf-8"))
SIX = 5e-7  # six decimals were printed
NINE = 6e-10  # nine decimals
DIGITS = 5.1e-6  # six significant digits
FEW = 1e-4  # four or five significant digits of a p-value
EIGHT = 5.1e-9  # eight decimals
STATA = 2e-6  # Stata kept the data as floats

BEFORE_013 = SmallSampleRule("nonnested", "(n-1)/(n-K)", "min", "groups")
CR3 = SmallSampleRule("rank", "none", "none", "groups")


def codes(values):
    return pd.factorize(values, sort=True)[0].astype(np.int64)


@pytest.fixture(scope="module")
def base_did(gold, gold_folder):
    data = pd.read_csv(gold_folder / "base_did.csv")
    fit = least_squares(data["y"].to_numpy(), np.column_stack([np.ones(len(data)), data["x1"]]))
    return data, fit, gold["base_did-hac"]["numbers"]


@pytest.fixture(scope="module")
def grunfeld():
    return DATA["grunfeld"]()


def test_base_did_coefficients(base_did):
    _, fit, numbers = base_did
    np.testing.assert_allclose(fit.coef, list(numbers["coef"].values()), atol=SIX)


@pytest.mark.parametrize("case", PRINTED["base_did"], ids=lambda case: case["id"])
def test_fixest_hac(base_did, case):
    data, fit, numbers = base_did
    place = {"units": data["id"].to_numpy(), "weeks": data["period"].to_numpy()}
    record = covariance(fit, case["kind"], lag=case["lag"], **place)
    errors = np.sqrt(np.diag(record.cov))
    known = {"NW(2)": "se_newey_west_2", "DK": "se_driscoll_kraay"}.get(case["id"])
    np.testing.assert_allclose(errors, case.get("se") or list(numbers[known].values()), atol=SIX)
    np.testing.assert_allclose(2 * t_sf(np.abs(fit.coef / errors), record.df[0]), case["p"], rtol=FEW)
    if "cov" in case:
        np.testing.assert_allclose(record.cov[np.triu_indices(2)], case["cov"], atol=NINE)


@pytest.mark.parametrize("case", PRINTED["pwald"], ids=lambda case: case["id"])
def test_plm_wald(grunfeld, case):
    firm, year = codes(grunfeld["firm"]), codes(grunfeld["year"])
    columns = grunfeld[["value", "capital"]].to_numpy()
    effects = {"pooling": [], "individual": [firm], "time": [year], "twoways": [firm, year]}[case["model"]]
    columns = columns if effects else np.column_stack([np.ones(len(columns)), columns])
    fit = least_squares(grunfeld["inv"].to_numpy(), columns, effects=effects)
    kind = {"HC": "CRV1", "SCC": "driscoll-kraay", "NW": "newey-west", "DC": "two-way"}[case["vcov"]]
    clusters = {"CRV1": [firm], "two-way": [firm, year]}.get(kind, [])
    record = covariance(fit, kind, clusters=clusters, units=firm, weeks=year, small_sample="plm")
    last = np.eye(len(fit.coef))[-2:]
    test = wald_statistic(fit.coef, record.cov, last, df_denominator=float(record.df[0]))
    np.testing.assert_allclose([test.statistic, test.chi2], [case["F"], case["chi2"]], rtol=DIGITS)
    if case["p"] is not None:
        np.testing.assert_allclose(test.pvalue, case["p"], rtol=FEW)


@pytest.mark.parametrize("case", PRINTED["matrices"], ids=lambda case: case["id"])
def test_stata_matrices(grunfeld, case):
    columns = np.column_stack([grunfeld["value"], grunfeld["capital"], np.ones(len(grunfeld))])
    fit = least_squares(grunfeld["inv"].to_numpy(), columns)
    place = {"units": codes(grunfeld["firm"]), "weeks": codes(grunfeld["year"])}
    record = covariance(fit, case["kind"], lag=case["lag"], small_sample=case["rule"], **place)
    np.testing.assert_allclose(record.cov, case["cov"], rtol=STATA)


@pytest.fixture(scope="module")
def panel_fit(grunfeld):
    panel = pc.panel_from_frame(grunfeld.assign(stage="all"), region="firm", week="year")
    return pc.stage_interaction(panel, outcome="inv", drivers=["capital"], effects="two-way")


@pytest.mark.parametrize(
    ("kind", "rule", "printed"),
    [
        ("iid", "fixest", 0.02597821),
        ("CRV1", "fixest", 0.06328129),
        ("two-way", "fixest", 0.06041290),
        ("newey-west", BEFORE_013, 0.08629896),
        ("driscoll-kraay", BEFORE_013, 0.08800884),
        ("newey-west", "plm", 0.08390222),
        ("driscoll-kraay", "plm", 0.08359734),
    ],
)
def test_both_public_doors(panel_fit, kind, rule, printed):
    # lrberge/fixest@02ac6c2 docs/articles/standard_errors.html (fixest 0.12.2): feols(inv ~ capital | firm + year)
    chosen = panel_fit.with_covariance(pc.CovarianceChoice(kind, small_sample=rule)).std_errors["capital:all"]
    listed = panel_fit.inference(kind, "capital:all", pc.InferenceSettings(small_sample=rule))["std_error"].item()
    np.testing.assert_allclose([chosen, listed], printed, atol=EIGHT)


def test_the_table_takes_a_jackknife_without_factor(panel_fit):
    plain = panel_fit.inference("CRV3", "capital:all").iloc[0]
    club = panel_fit.inference("CRV3", "capital:all", pc.InferenceSettings(small_sample=CR3)).iloc[0]
    np.testing.assert_allclose(club["std_error"], np.sqrt(10 / 9) * plain["std_error"], rtol=1e-12)
    assert "factor 1 (jackknife)" in club["convention"]


def test_reghdfe_counts_three_effects_by_pairs():
    # reghdfe y x x2, absorb(year unit region_year) prints df_a = 199; the effects span 190 columns
    data = DATA["spanned"]()
    effects = [codes(data[c]) for c in ("year", "unit", "region_year")]
    fit = least_squares(data["y"].to_numpy(), data[["x", "x2"]].to_numpy(), effects=effects)
    assert fit.absorber.rank == 190
