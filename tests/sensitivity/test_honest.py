"""What honest bounds must not depend on, what must move them, what is refused, and how often they cover."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from honest_oracle import random_study

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.events import Events
from panelcoop.panel.record import panel_from_frame
from panelcoop.sensitivity.honest import EventCoefficients, Precision, Restriction, honest_did

ROUNDING = 1e-8
"""Endpoints are refined to 3e-8 of a grid step."""

EXACT = Precision(refine=True, draws=2000)
KINDS = ["relative-magnitudes", "smoothness", "smoothness-relative"]


def coefficients(seed=0, n_pre=3, n_post=3):
    study = random_study(seed, n_pre, n_post)
    return EventCoefficients(study.estimates, study.covariance, n_pre, n_post)


def ends(study, **options):
    return honest_did(study, precision=EXACT, **options).table[["low", "high"]].to_numpy()


def shifted(study, by):
    return EventCoefficients(study.estimates + by, study.covariance, study.n_pre, study.n_post)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1e-8, 1e3, 1e10])
def test_scale_of_the_outcome(kind, scale):
    base = coefficients()
    scaled = EventCoefficients(scale * base.estimates, scale**2 * base.covariance, 3, 3)
    unit = scale if kind == "smoothness" else 1.0
    columns = ["low", "high", "identified_low", "identified_high"]
    found = honest_did(scaled, restriction=kind, values=[0.2 * unit, 1.0 * unit], precision=EXACT).table[columns]
    expected = honest_did(base, restriction=kind, values=[0.2, 1.0], precision=EXACT).table[columns]
    assert found.to_numpy() / scale == pytest.approx(expected.to_numpy(), abs=ROUNDING, nan_ok=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "shape", [{}, {"bias": "positive"}, {"monotone": "increasing"}], ids=["plain", "sign", "slope"]
)
def test_mirror_image_of_the_outcome(kind, shape):
    other = {"positive": "negative", "increasing": "decreasing"}
    base = coefficients(3)
    mirrored = EventCoefficients(-base.estimates, base.covariance, 3, 3)
    turned = Restriction(kind, **{k: other[v] for k, v in shape.items()})
    method = "Conditional" if kind != "smoothness" else None  # least favourable draws are not mirrored
    found = ends(mirrored, restriction=turned, values=[0.1], method=method)
    expected = -ends(base, restriction=Restriction(kind, **shape), values=[0.1], method=method)[:, ::-1]
    assert found == pytest.approx(expected, abs=ROUNDING)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", ["first", "average", 2])
def test_intervals_grow_with_the_magnitude(kind, target):
    found = ends(coefficients(4), restriction=kind, values=np.linspace(0, 1.0, 5), target=target)
    assert (np.diff(found[:, 0]) < 0).all()
    assert (np.diff(found[:, 1]) > 0).all()


def test_linear_trends_are_no_threat_to_smoothness():
    base = coefficients(5)
    trend = 0.3 * np.array([-4.0, -3.0, -2.0, 0.0, 1.0, 2.0]) + 0.3  # 0.3 a week, zero in the reference week -1
    for method in ("FLCI", "C-F"):
        found = ends(shifted(base, trend), restriction="smoothness", values=[0.05], method=method)
        expected = ends(base, restriction="smoothness", values=[0.05], method=method)
        assert found == pytest.approx(expected, abs=ROUNDING)


def test_no_violation_gives_the_usual_interval():
    study = coefficients(6)
    found = honest_did(study, values=[0.0], method="Conditional", precision=EXACT)
    assert found.table.loc[0.0, ["low", "high"]].to_numpy(float) == pytest.approx(found.original, abs=ROUNDING)


def test_effects_after_the_target_do_not_matter_under_relative_magnitudes():
    study = coefficients(7, 3, 4)
    short = EventCoefficients(study.estimates[:4], study.covariance[:4, :4], 3, 1)
    columns = ["identified_low", "identified_high"]
    found, expected = (honest_did(s, values=[0.5, 1.5]).table[columns].to_numpy() for s in (study, short))
    assert found == pytest.approx(expected, abs=ROUNDING)


def test_a_sign_narrows_what_is_identified():
    study = EventCoefficients(0.1 * np.array([1.0, -0.5, 0.8, 5, 6, 7]), 1e-4 * np.eye(6), 3, 3)
    for kind in KINDS:
        plain = honest_did(study, restriction=kind, values=[1.0]).table.iloc[0]
        signed = honest_did(study, restriction=Restriction(kind, bias="positive"), values=[1.0]).table.iloc[0]
        assert signed["identified_low"] == pytest.approx(plain["identified_low"])
        assert signed["identified_high"] == pytest.approx(0.5)
        assert plain["identified_high"] > 0.55


@pytest.mark.parametrize("kind", KINDS)
def test_breakdown_is_where_the_interval_reaches_zero(kind):
    study = EventCoefficients(0.05 * np.array([1.0, -1.0, 0.5, 10, 11, 12]), 1e-4 * np.eye(6), 3, 3)
    found = honest_did(study, restriction=kind, precision=Precision(points=4000))
    edge = found.breakdown
    assert 0 < edge < np.inf
    around = honest_did(study, restriction=kind, values=[0.98 * edge, 1.02 * edge], precision=Precision(points=4000))
    assert around.table["excludes_zero"].tolist() == [True, False]


def test_breakdown_of_what_was_never_significant_is_zero():
    study = EventCoefficients([0.0, 0.0, 0.01], np.eye(3), 2, 1)
    assert honest_did(study, values=[1.0]).breakdown == 0.0


def test_from_an_event_study(tmp_path):
    panel, events = staggered_panel()
    study = event_study(panel, events, outcome="y", estimator=CallawaySantAnna(base="universal"))
    found = honest_did(study, values=[1.0])
    assert found.estimate == pytest.approx(study.params.loc[0])
    assert found.std_error == pytest.approx(study.std_errors.loc[0])
    kept = list(study.estimated)
    plain = EventCoefficients(
        study.params.loc[kept].to_numpy(),
        study.cov.loc[kept, kept].to_numpy(),
        sum(h < -1 for h in kept),
        sum(h > -1 for h in kept),
    )
    pd.testing.assert_frame_equal(found.table, honest_did(plain, values=[1.0]).table)
    average = honest_did(study, values=[1.0], target="average")
    assert average.estimate == pytest.approx(study.params.loc[[h for h in kept if h >= 0]].mean())


def test_varying_base_is_refused():
    panel, events = staggered_panel()
    study = event_study(panel, events, outcome="y", estimator=CallawaySantAnna(base="varying"))
    with pytest.raises(IdentificationError, match="varying base"):
        honest_did(study)
    plain = coefficients()
    with pytest.raises(IdentificationError, match="universal"):
        honest_did(EventCoefficients(plain.estimates, plain.covariance, 3, 3, base_period="varying"))


def test_estimators_without_a_reference_period_are_refused():
    panel, events = staggered_panel()
    study = event_study(panel, events, outcome="y", estimator="imputation")
    with pytest.raises(IdentificationError, match="one reference"):
        honest_did(study)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"restriction": "relative"}, "restriction must be"),
        ({"method": "FLCI"}, "smoothness only"),
        ({"method": "exact"}, "method must be"),
        ({"values": [-0.1]}, "from zero upwards"),
        ({"level": 95}, "between 0 and 1"),
        ({"target": 9}, "horizon 9"),
        ({"target": [1.0, 2.0]}, "one weight for each"),
        ({"target": [0.0, 0.0, 0.0]}, "not zero"),
        ({"target": "last"}, "target must be"),
    ],
)
def test_what_cannot_be_is_refused(options, match):
    with pytest.raises(DataError, match=match):
        honest_did(coefficients(), **options)


def test_arrays_that_do_not_fit_are_refused():
    base = coefficients()
    with pytest.raises(DataError, match="covariance"):
        honest_did(EventCoefficients(base.estimates, base.covariance[:5, :5], 3, 3))
    lopsided = base.covariance.copy()
    lopsided[0, 1] += 1e-3
    with pytest.raises(DataError, match="not symmetric"):
        honest_did(EventCoefficients(base.estimates, lopsided, 3, 3))
    blank = base.covariance.copy()
    blank[2] = blank[:, 2] = 0
    with pytest.raises(DataError, match="no variance"):
        honest_did(EventCoefficients(base.estimates, blank, 3, 3))
    with pytest.raises(IdentificationError, match="two periods"):
        honest_did(coefficients(0, 1, 2), restriction="smoothness-relative")


def test_notes_say_what_a_reader_must_know():
    study = EventCoefficients([0.3, -0.2, 0.5, 0.6], 1e-4 * np.eye(4), 2, 2)
    found = honest_did(study, restriction="smoothness", values=[0.0, 1.0])
    assert any("break the restriction" in note for note in found.notes)
    signed = honest_did(study, restriction=Restriction("smoothness", bias="positive"), values=[1.0], method="FLCI")
    assert any("no use of the sign" in note for note in signed.notes)
    assert "breakdown" in signed.summary()
    tidy = found.tidy()
    assert tidy["method"].tolist() == ["original", "FLCI", "FLCI"]


def test_one_period_on_each_side():
    study = EventCoefficients([0.02, 0.5], 0.01 * np.eye(2), 1, 1)
    relative = ends(study, values=[1.0])
    smooth = ends(study, restriction="smoothness", values=[0.0])
    half = 1.9599639845 * np.sqrt(0.02)  # beta_1 + beta_-1: the trend is extrapolated
    assert smooth[0] == pytest.approx([0.52 - half, 0.52 + half], abs=1e-6)
    assert relative[0, 0] < 0.5 < relative[0, 1]


@pytest.mark.montecarlo
@pytest.mark.parametrize(
    ("kind", "m", "violation"),
    [
        ("relative-magnitudes", 1.0, [-0.1, -0.2, 0.0, 0.2, 0.1]),
        ("smoothness", 0.1, [-0.3, -0.1, 0.0, 0.0, -0.1]),
        ("smoothness-relative", 1.0, [0.3, 0.1, 0.0, 0.0, 0.1]),
    ],
)
def test_coverage_at_the_edge_of_the_restriction(kind, m, violation):
    rng = np.random.default_rng(12)
    covariance = random_study(13, 2, 2).covariance * 0.3
    truth, draws = 0.4, 150
    mean = np.delete(np.array(violation), 2) + np.array([0, 0, truth, 0.6])
    root = np.linalg.cholesky(covariance)
    covered = 0
    for _ in range(draws):
        study = EventCoefficients(mean + root @ rng.normal(size=4), covariance, 2, 2)
        quick = Precision(points=151, draws=500, refine=True)
        low, high = honest_did(study, restriction=kind, values=[m], precision=quick).table.iloc[0][["low", "high"]]
        covered += low <= truth <= high
    assert covered / draws > 0.91  # 0.95 less two standard errors of 150 draws


def staggered_panel():
    rng = np.random.default_rng(3)
    n, periods = 60, 9
    start = rng.permutation(np.resize(np.array([5, 7, np.inf]), n))
    frame = pd.DataFrame(
        {"region": np.repeat([f"r{i:02d}" for i in range(n)], periods), "week": np.tile(np.arange(1, periods + 1), n)}
    )
    frame["start"] = np.repeat(start, periods)
    frame["y"] = rng.normal(size=len(frame)) + (frame["week"] >= frame["start"])
    panel = panel_from_frame(frame)
    return panel, Events.from_column(panel, "start", never=np.inf)


def test_horizons_beyond_a_gap_are_left_out_and_named():
    panel, events = staggered_panel()
    study = event_study(panel, events, outcome="y", estimator=CallawaySantAnna(base="universal"))
    params, cov = study.params.copy(), study.cov.copy()
    params.loc[2] = np.nan
    cov.loc[2, :] = cov.loc[:, 2] = np.nan
    found = honest_did(replace(study, params=params, cov=cov), values=[1.0], target="average")
    assert found.estimate == pytest.approx(study.params.loc[[0, 1]].mean())
    assert any("beyond a gap" in note and "3" in note for note in found.notes)


def test_anticipated_weeks_count_as_touched():
    panel, events = staggered_panel()
    early = replace(events, anticipation=1)
    study = event_study(panel, early, outcome="y", estimator=CallawaySantAnna(base="universal"))
    found = honest_did(study, values=[1.0])
    assert study.reference == (-2,)
    assert found.problem.study.n_pre == (study.estimated < -2).sum()
    assert found.estimate == pytest.approx(study.params.loc[0])
    assert found.problem.study.weights[:2].tolist() == [0.0, 1.0]
