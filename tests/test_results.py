"""Hypotheses read from text, and estimates that answer only what is estimable."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import panelcoop as pc
from panelcoop.numerics.wald import WaldRecord

NAMES = ["risk:outbreak", "risk:late stage", "x", "x2"]


def estimate(**changes: object) -> pc.Estimate:
    rng = np.random.default_rng(2)
    root = rng.normal(size=(4, 4))
    known = {
        "params": pd.Series([1.0, 0.5, -0.2, np.nan], index=NAMES),
        "cov": pd.DataFrame(root @ root.T, index=NAMES, columns=NAMES),
        "df": 30.0,
        "nobs": 100,
        "outcome": "y",
        "convention": "CRV1",
        "notes": ("x2: not identified: constant",),
    }
    return pc.Estimate(**{**known, **changes})


@pytest.mark.parametrize(
    ("written", "matrix", "value"),
    [
        ("risk:outbreak = risk:late stage", [[1, -1, 0, 0]], [0]),
        ("risk:outbreak - 2 * risk:late stage = 0.5", [[1, -2, 0, 0]], [0.5]),
        ("x", [[0, 0, 1, 0]], [0]),
        (["x = 1", "risk:outbreak = 0"], [[0, 0, 1, 0], [1, 0, 0, 0]], [1, 0]),
        ({"x": 0.25, "x2": 0.75}, [[0, 0, 0.25, 0.75]], [0]),
        (np.array([0.0, 0.0, 1.0, -1.0]), [[0, 0, 1, -1]], [0]),
    ],
)
def test_hypotheses_are_read_in_every_form(written, matrix, value):
    parsed = pc.parse_hypothesis(written, NAMES)
    np.testing.assert_allclose(parsed.matrix, matrix)
    np.testing.assert_allclose(parsed.value, value)


@pytest.mark.parametrize(
    ("written", "matrix", "value"),
    [
        ("risk:outbreak = risk:late stage = x", [[1, -1, 0, 0], [0, 1, -1, 0]], [0, 0]),
        (
            "risk:outbreak=risk:late stage=x=0.5, x2",
            [[1, -1, 0, 0], [0, 1, -1, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
            [0, 0, 0.5, 0],
        ),
        ("x = -0.5", [[0, 0, 1, 0]], [-0.5]),
        ("x = - x2", [[0, 0, 1, 1]], [0]),
        ("x = x2 = x", [[0, 0, 1, -1]], [0]),
    ],
)
def test_chains_are_pairs_and_signs_may_follow_an_equality(written, matrix, value):
    parsed = pc.parse_hypothesis(written, NAMES)
    np.testing.assert_allclose(parsed.matrix, matrix)
    np.testing.assert_allclose(parsed.value, value)


def test_chains_of_odd_names():
    names = ["a=b:c", "x + y, z", "w"]
    np.testing.assert_allclose(pc.parse_hypothesis("a=b:c = x + y, z = w", names).matrix, [[1, -1, 0], [0, 1, -1]])


@pytest.mark.parametrize(
    "asked",
    [
        np.array([[1.0, -2.123456789012, 0, 0], [-1, 0, 0.3, 0]]),
        {"risk:outbreak": -1.0, "x": 1 / 3},
        "risk:outbreak = risk:late stage = x",
        ["x = -1", "risk:outbreak = 2 * x"],
    ],
)
def test_the_null_of_a_test_reads_as_the_hypothesis_it_states(asked):
    found = pc.parse_hypothesis(asked, NAMES, -0.25 if isinstance(asked, np.ndarray) else None)
    again = pc.parse_hypothesis(found.text, NAMES)
    np.testing.assert_allclose(again.matrix, found.matrix, rtol=1e-11)  # twelve digits are written
    np.testing.assert_allclose(again.value, found.value, rtol=1e-11)


def test_what_cannot_be_read_is_named():
    with pytest.raises(pc.DataError, match="did you mean 'risk:outbreak'"):
        pc.parse_hypothesis("risk:outbreka = 0", NAMES)
    with pytest.raises(pc.DataError, match="one column per coefficient"):
        pc.parse_hypothesis(np.eye(3), NAMES)
    with pytest.raises(pc.DataError, match="without any coefficient"):
        pc.parse_hypothesis(np.zeros((1, 4)), NAMES)


def test_tidy_equals_the_t_distribution():
    found = estimate()
    row = found.tidy().loc["risk:outbreak"]
    se = np.sqrt(found.cov.iloc[0, 0])
    assert row["pvalue"] == pytest.approx(2 * stats.t.sf(1 / se, 30), rel=1e-10)
    assert row["conf_high"] == pytest.approx(1 + stats.t.ppf(0.975, 30) * se, rel=1e-10)
    assert found.tidy().loc["x2"].isna().all()


def test_wald_and_contrast_agree_and_refuse_what_is_not_identified():
    found = estimate()
    one = found.contrast("risk:outbreak - x")
    joint = found.wald("risk:outbreak - x = 0")
    assert joint.statistic == pytest.approx(one.statistic**2, rel=1e-10)
    assert joint.pvalue == pytest.approx(one.pvalue, rel=1e-8)
    assert joint.distribution == "F(1, 30)"
    assert estimate(df=np.inf).wald("x = 0").distribution == "chi2(1)"
    with pytest.raises(pc.IdentificationError, match="constant"):
        found.contrast("x2")
    with pytest.raises(pc.DataError, match="one combination"):
        found.contrast("x = 0, risk:outbreak = 0")
    with pytest.raises(pc.DataError, match="level"):
        found.conf_int(95)


def test_combinations_orthogonal_to_the_null_space_are_estimable():
    null = np.array([[0.0], [0.0], [1.0], [1.0]])
    params = pd.Series([1.0, 0.5, np.nan, np.nan], index=NAMES)
    found = estimate(params=params, solution=np.array([1.0, 0.5, 0.0, 0.3]), null_space=null)
    assert found.contrast("x - x2").estimate == pytest.approx(-0.3)
    assert found.is_estimable(np.array([[0.0, 0, 1, -1], [0, 0, 1, 0]])).tolist() == [True, False]


def test_own_degrees_of_freedom_of_each_combination():
    found = estimate(df_of=lambda row: 5.0 if row[0] else 20.0)
    assert found.contrast("risk:outbreak").df == 5.0
    assert found.contrast("x").df == 20.0
    p = found.tidy().loc["x", "pvalue"]
    assert p == pytest.approx(2 * stats.t.sf(abs(found.tstats["x"]), 20), rel=1e-10)


def test_a_reference_has_error_zero_and_no_statistic():
    found = estimate(
        params=pd.Series([0.0, 0.5, -0.2, 1.0], index=NAMES),
        cov=pd.DataFrame(np.diag([0.0, 1.0, 1.0, 1.0]), index=NAMES, columns=NAMES),
    )
    assert found.std_errors.iloc[0] == 0.0
    assert np.isnan(found.contrast("risk:outbreak").statistic)


def test_a_right_hand_side_enters_the_statistic_only():
    found = estimate()
    one, moved = found.contrast("x"), found.contrast("x = 0.5")
    assert moved.estimate == one.estimate == -0.2
    assert (moved.conf_low, moved.conf_high) == (one.conf_low, one.conf_high)
    assert moved.statistic == pytest.approx((-0.2 - 0.5) / one.std_error)


def test_a_joint_test_of_its_own_replaces_f():
    special = WaldRecord(4.0, 1.5, 2, 3.5, 0.2)
    test = estimate(wald_of=lambda matrix, value: special).wald("x = risk:outbreak = 0")
    assert (test.statistic, test.df, test.df_denominator, test.pvalue) == (1.5, 2, 3.5, 0.2)
    assert test.distribution == "F(2, 3.5)"


def test_html_escapes_and_names():
    shown = estimate(notes=("x < 3 & y",))._repr_html_()
    assert "x &lt; 3 &amp; y" in shown
    assert estimate().vcov.loc["x2"].isna().all()


@pytest.mark.parametrize(
    ("written", "given", "matrix", "value"),
    [
        (pd.DataFrame([[1.0, -1.0]], columns=["x2", "x"]), None, [[0, 0, -1, 1]], [0]),
        (pd.Series({"x": 0.5, "risk:outbreak": 1}), 2.0, [[1, 0, 0.5, 0]], [2]),
        (pd.DataFrame(np.eye(4)[:2]), [1, 2], np.eye(4)[:2], [1, 2]),
        (pd.Series([0.0, 1, 0, 0]), None, [[0, 1, 0, 0]], [0]),
        ((np.eye(4)[:2], np.array([3.0, 4.0])), None, np.eye(4)[:2], [3, 4]),
        (([0, 0, 1, 0], 0.5), None, [[0, 0, 1, 0]], [0.5]),
        (({"x": 1.0}, 0.5), None, [[0, 0, 1, 0]], [0.5]),
        ((0.0, 0.0, 1.0, 2.0), None, [[0, 0, 1, 2]], [0]),
        (np.array(["x", "x2 = 1"]), None, [[0, 0, 1, 0], [0, 0, 0, 1]], [0, 1]),
        (("x", "x2"), None, [[0, 0, 1, 0], [0, 0, 0, 1]], [0, 0]),
        ("x = 1e-3, x2 = 2.5E+1 * x", None, [[0, 0, 1, 0], [0, 0, -25, 1]], [0.001, 0]),
        ("x = -.5e-20", None, [[0, 0, 1, 0]], [-0.5e-20]),
    ],
)
def test_labels_are_obeyed_and_right_hand_sides_read(written, given, matrix, value):
    parsed = pc.parse_hypothesis(written, NAMES, given)
    np.testing.assert_allclose(parsed.matrix, matrix)
    np.testing.assert_allclose(parsed.value, value)
    again = pc.parse_hypothesis(parsed.text, NAMES)
    np.testing.assert_allclose(again.matrix, matrix)
    np.testing.assert_allclose(again.value, value)


def test_an_exponent_within_a_name_stays():
    assert pc.parse_hypothesis("x1e-3 = 1e-3 * 2e3", ["x1e-3", "e"]).value == [2.0]
    horizons = ["-1", "0", "3"]
    assert pc.parse_hypothesis("3 - 0 = 1e-3", horizons).value == [0.001]


def test_names_that_are_numbers_are_names_and_not_positions():
    horizons = ["-1", "0", "1"]
    for weights in ({0: 2.0, 1: 3.0}, pd.Series([2.0, 3.0], index=[0, 1])):
        np.testing.assert_array_equal(pc.parse_hypothesis(weights, horizons).matrix, [[0, 2, 3]])
    for weights in ({0: 1.0, 1: 2.0, 2: 3.0}, pd.Series([1.0, 2.0, 3.0])):
        with pytest.raises(pc.DataError, match="No coefficient named '2'"):
            pc.parse_hypothesis(weights, horizons)


@pytest.mark.parametrize(
    ("written", "given", "says"),
    [
        ("x*x2 = 0", None, "not linear"),
        ("x/x2 = 1", None, "not linear"),
        ("x/0 = 1", None, "not linear"),
        ({"x": 1.0}, np.nan, "right-hand side"),
        (np.eye(4)[:2], [0.0, np.inf], "right-hand side"),
        ({"x": np.nan}, None, "gives x a weight that is NaN"),
        ({"x": "much"}, None, "numeric matrix"),
        (np.eye(4)[:2], [0, 1, 2], "one per restriction \\(2\\)"),
        ({"x": 1.0}, [0, 1], "one per restriction \\(1\\)"),
        ([[1, 0], [1]], None, "numeric matrix"),
        (pd.Series({"z": 1.0}), None, "No coefficient named 'z'"),
        (pd.DataFrame([[1.0]], columns=["risk:outbreka"]), None, "did you mean 'risk:outbreak'"),
        (pd.Series([1.0, 1.0], index=["x", "x"]), None, "more than once"),
        ("x", 0.5, "its own right-hand side"),
        (np.array(3.0), None, "one column per coefficient"),
        ("x ** 2", None, "write sums of coefficients"),
    ],
)
def test_what_is_no_linear_hypothesis_is_refused_in_words(written, given, says):
    with pytest.raises(pc.DataError, match=says):
        pc.parse_hypothesis(written, NAMES, given)


def test_an_interval_may_be_asked_for_by_alpha_and_never_by_mistake():
    found = estimate()
    pd.testing.assert_frame_equal(found.conf_int(alpha=0.1), found.conf_int(0.9))
    assert (found.conf_int(alpha=0.6) - found.conf_int(0.5)).iloc[0].tolist() != [0, 0]
    for ask in (found.conf_int, found.tidy):
        with pytest.raises(pc.DataError, match=r"alpha=0\.05"):
            ask(0.05)
    with pytest.raises(pc.DataError, match="level"):
        found.conf_int(alpha=95)
    pd.testing.assert_frame_equal(found.cov_params(), found.vcov)
