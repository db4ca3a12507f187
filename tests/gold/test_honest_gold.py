"""HonestDiD's printed bounds for the Medicaid expansions (asheshrambachan/HonestDiD, README)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.regression.least_squares import least_squares
from panelcoop.sensitivity.honest import EventCoefficients, Precision, honest_did

SMOOTH = 1e-4  # R simulates quantiles of the folded normal with a million draws, and prints three digits
MAGNITUDES = 5e-4  # R's grid has steps of 4e-4, and 1,000 draws behind the least favourable critical value
PRE, POST = 5, 2


@pytest.fixture(scope="module")
def medicaid(gold_folder) -> EventCoefficients:
    # feols(dins ~ i(year, D, ref = 2013) | stfips + year, cluster = "stfips"), years before 2016, 2015 cohort dropped
    data = pd.read_csv(gold_folder / "ehec_data.csv")
    cohort = pd.to_numeric(data["yexp2"], errors="coerce")
    data = data[(data["year"] < 2016) & (cohort != 2015)]
    treated = (pd.to_numeric(data["yexp2"], errors="coerce") == 2014).to_numpy(dtype=float)
    years = [y for y in sorted(data["year"].unique()) if y != 2013]
    columns = np.column_stack([treated * (data["year"] == y).to_numpy(dtype=float) for y in years])
    state, year = (pd.factorize(data[c])[0].astype(np.int64) for c in ("stfips", "year"))
    fit = least_squares(data["dins"].to_numpy(dtype=float), columns, effects=[state, year])
    return EventCoefficients(fit.coef, covariance(fit, "CRV1", clusters=[state]).cov, PRE, POST)


def printed(case: dict) -> tuple[list[float], np.ndarray]:
    return [float(m) for m in case], np.array(list(case.values()), dtype=float)


def test_relative_magnitudes_as_printed(medicaid, gold) -> None:
    values, expected = printed(gold["medicaid-honest"]["numbers"]["relative_magnitudes_C_LF"])
    found = honest_did(medicaid, values=values).table[["low", "high"]].to_numpy()
    np.testing.assert_allclose(found, expected, atol=MAGNITUDES)


def test_smoothness_as_printed(medicaid, gold) -> None:
    values, expected = printed(gold["medicaid-honest"]["numbers"]["smoothness_FLCI"])
    found = honest_did(medicaid, restriction="smoothness", values=values).table[["low", "high"]].to_numpy()
    np.testing.assert_allclose(found, expected, atol=SMOOTH)


def test_further_rows_of_the_same_table(medicaid) -> None:
    # an earlier README: createSensitivityResults_relativeMagnitudes(..., Mbarvec = seq(0.5, 2, by = 0.5)), with a grid
    # centred on zero; createSensitivityResults(..., Mvec = seq(0, 0.05, by = 0.01))
    found = honest_did(medicaid, values=[0.5, 1, 1.5, 2]).table[["low", "high"]].to_numpy()
    expected = [[0.0240, 0.0672], [0.0170, 0.0720], [0.00824, 0.0797], [-0.000916, 0.0881]]
    np.testing.assert_allclose(found, expected, atol=MAGNITUDES)
    found = honest_did(medicaid, restriction="smoothness", values=[0.03, 0.04, 0.05]).table[["low", "high"]].to_numpy()
    np.testing.assert_allclose(found, [[-0.00714, 0.101], [-0.0171, 0.111], [-0.0271, 0.121]], atol=MAGNITUDES)


def test_breakdown_where_the_readme_sees_it(medicaid) -> None:
    assert 1.5 < honest_did(medicaid, values=[1.0]).breakdown < 2.0
    assert 0.02 < honest_did(medicaid, restriction="smoothness", values=[0.0]).breakdown < 0.03


def test_refined_ends_lie_within_a_grid_step(medicaid) -> None:
    coarse = honest_did(medicaid, values=[1.0])
    exact = honest_did(medicaid, values=[1.0], precision=Precision(refine=True))
    step = 2 * (20 * coarse.std_error + 0.01) / 999
    gap = exact.table[["low", "high"]].to_numpy() - coarse.table[["low", "high"]].to_numpy()
    assert -step <= gap[0, 0] <= 0 <= gap[0, 1] <= step


# Benzarti and Carloni (2019), profits: BCdata_EventStudy of HonestDiD, 4 periods before and 4 after the reference
BC_ESTIMATES = [0.006696352, 0.029345034, -0.006472972, 0.073014989, 0.195961118, 0.312063903, 0.239541546, 0.126042500]
BC_COVARIANCE = 1e-4 * np.array(
    [
        [8.428358, 4.768687, 2.618051, 2.354220, 1.676371, 1.128708, 0.1992816, -1.368265],
        [4.768687, 6.425420, 3.987425, 2.435515, 2.201960, 1.804591, 0.3843765, -0.2960422],
        [2.618051, 3.987425, 5.229950, 2.117686, 1.840722, 1.458528, 0.7005197, 0.5952995],
        [2.354220, 2.435515, 2.117686, 3.089595, 1.197866, 1.334081, 1.016335, 1.079052],
        [1.676371, 2.201960, 1.840722, 1.197866, 3.599704, 2.478819, 1.749579, 1.654257],
        [1.128708, 1.804591, 1.458528, 1.334081, 2.478819, 4.263950, 2.171438, 2.892748],
        [0.1992816, 0.3843765, 0.7005197, 1.016335, 1.749579, 2.171438, 4.886698, 3.805322],
        [-1.368265, -0.2960422, 0.5952995, 1.079052, 1.654257, 2.892748, 3.805322, 7.617394],
    ]
)
BC = EventCoefficients(BC_ESTIMATES, BC_COVARIANCE, 4, 4)
BC_STEP = 1.5e-3
"""A step of R's grid (8e-4), centred elsewhere, and three printed digits."""

BC_CASES = [
    # mcaceresb/stata-honestdid, test/unit-tests-consistency.R.log: createSensitivityResults(..., method, Mvec) and
    # createSensitivityResults_relativeMagnitudes(..., Mbarvec); upper ends there stop at the grid's end from 1.78 on
    (
        "smoothness",
        "FLCI",
        "first",
        {0.0: (0.131, 0.216), 0.1: (0.119, 0.419), 0.2: (0.0194, 0.519), 0.3: (-0.0806, 0.619)},
    ),
    ("smoothness", "Conditional", "first", {0.0: (0.210, 0.328), 0.1: (0.120, 0.418), 0.2: (0.0203, 0.518)}),
    (
        "smoothness",
        "C-F",
        "first",
        {0.0: (0.206, 0.234), 0.1: (0.120, 0.418), 0.2: (0.0195, 0.518), 0.3: (-0.0801, 0.618)},
    ),
    ("smoothness", "C-LF", "first", {0.1: (0.119, 0.419), 0.2: (0.0191, 0.519), 0.3: (-0.0809, 0.618)}),
    (
        "smoothness",
        "FLCI",
        "average",
        {0.0: (0.133, 0.230), 0.1: (-0.186, 0.988), 0.2: (-0.686, 1.49), 0.3: (-1.19, 1.99)},
    ),
    ("smoothness", "C-F", "average", {0.0: (0.239, 0.251), 0.1: (-0.185, 0.987)}),
    (
        "relative-magnitudes",
        "C-LF",
        "first",
        {
            0.0: (0.159, 0.233),
            2 / 9: (0.143, 0.248),
            6 / 9: (0.102, 0.287),
            10 / 9: (0.0551, 0.329),
            14 / 9: (0.00722, 0.376),
        },
    ),
]


@pytest.mark.parametrize(("kind", "method", "target", "rows"), BC_CASES)
def test_value_added_tax_as_printed(kind, method, target, rows) -> None:
    found = honest_did(BC, restriction=kind, method=method, target=target, values=list(rows))
    tolerance = np.maximum(BC_STEP, 0.005 * (np.abs(list(rows.values())) >= 1))
    assert (np.abs(found.table[["low", "high"]].to_numpy() - list(rows.values())) <= tolerance).all()


def test_default_values_of_smoothness() -> None:
    found = honest_did(BC, restriction="smoothness").table.index.to_numpy()
    printed = [0, 0.0225, 0.0449, 0.0674, 0.0899, 0.112, 0.135, 0.157, 0.180, 0.202]
    np.testing.assert_allclose(found, printed, atol=5e-4)
