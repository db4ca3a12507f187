"""Every preset's factor: written out by hand, and against the programs themselves where they are installed."""

from __future__ import annotations

import importlib.util
import warnings

import numpy as np
import pytest
from dummy_oracle import sample

from panelcoop.errors import DataError
from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.covariance.hac import default_lag
from panelcoop.numerics.covariance.small_sample import SmallSampleRule
from panelcoop.numerics.distributions import t_sf
from panelcoop.numerics.regression.least_squares import least_squares
from panelcoop.numerics.regression.poisson import poisson

AGREE = 1e-8  # asked of peers; pyfixest demeans iteratively
R, T, K = 9, 8, 3


@pytest.fixture
def s():
    return sample(31, regions=R, weeks=T)


def fit(s, which=(0, 1)):
    return least_squares(s.outcome, s.columns, effects=[s.effects[e] for e in which])


def over(s, kind):
    given = {"CRV1": s.effects[:1], "two-way": s.effects}.get(kind, ())
    return {"clusters": given, "units": s.effects[0], "weeks": s.effects[1], "lag": 2}


def expected(n, preset, kind):
    """The factor of each program for two-way effects, clusters by region (and week)."""
    full, nested = K + R + T - 1, K + T  # regions nested in the clusters count once
    both = K + 2 if kind == "two-way" else nested  # both effects are nested in some dimension: region + 1, week + 1
    both = K + R + T - 1 - R - T + 2 if kind == "two-way" else nested
    G = min(R, T) if kind == "two-way" else R
    table = {
        "fixest": {
            "iid": n / (n - full),
            "HC1": n / (n - full),
            "clustered": G / (G - 1) * (n - 1) / (n - both),
            "newey-west": T / (T - 1) * (n - 1) / (n - full),
            "driscoll-kraay": T / (T - 1) * (n - 1) / (n - full),
        },
        "linearmodels": dict.fromkeys(("iid", "HC1", "clustered", "newey-west", "driscoll-kraay"), n / (n - full)),
        "plm": {"iid": n / (n - full), "HC1": n / (n - K), "clustered": 1, "newey-west": 1, "driscoll-kraay": 1},
        "none": dict.fromkeys(("iid", "HC1", "clustered", "newey-west", "driscoll-kraay"), 1.0),
    }
    scc = T / (T - 1) * (n - 1) / (n - nested)  # xtscc takes regions out before it counts
    table["stata"] = table["fixest"] | {"newey-west": n / (n - full), "driscoll-kraay": scc}
    return table[preset]["clustered" if kind in ("CRV1", "two-way") else kind]


@pytest.mark.parametrize("preset", ["fixest", "stata", "linearmodels", "plm", "none"])
@pytest.mark.parametrize("kind", ["iid", "HC1", "CRV1", "two-way", "newey-west", "driscoll-kraay"])
def test_factor_of_every_preset(s, preset, kind):
    record = covariance(fit(s), kind, small_sample=preset, **over(s, kind))
    np.testing.assert_allclose(record.factor, expected(s.n, preset, kind), rtol=1e-12)


@pytest.mark.parametrize("kind", ["HC1", "CRV1", "driscoll-kraay"])
def test_the_factor_is_what_was_multiplied(s, kind):
    plain = covariance(fit(s), kind, small_sample="none", **over(s, kind))
    for preset in ("fixest", "stata", "linearmodels", "plm"):
        scaled = covariance(fit(s), kind, small_sample=preset, **over(s, kind))
        np.testing.assert_allclose(scaled.cov, scaled.factor * plain.cov, rtol=1e-12)


def test_degrees_of_freedom(s):
    f = fit(s)
    assert covariance(f, "CRV1", **over(s, "CRV1")).df[0] == R - 1
    assert covariance(f, "two-way", **over(s, "two-way")).df[0] == min(R, T) - 1
    assert covariance(f, "driscoll-kraay", **over(s, "")).df[0] == T - 1
    assert covariance(f, "HC1").df[0] == s.n - (K + R + T - 1)
    assert covariance(f, "CRV1", small_sample="linearmodels", **over(s, "CRV1")).df[0] == s.n - (K + R + T - 1)


def test_an_explicit_rule(s):
    rule = SmallSampleRule("rank", "(n-1)/(n-K)", "each", "infinite")
    record = covariance(fit(s), "two-way", small_sample=rule, **over(s, "two-way"))
    one, week, both = (
        covariance(fit(s), "CRV1", clusters=[c], small_sample="none").cov
        for c in (s.effects[0], s.effects[1], s.effects[0] * 100 + s.effects[1])
    )
    n = s.n
    total = R / (R - 1) * one + T / (T - 1) * week - n / (n - 1) * both
    np.testing.assert_allclose(record.cov, (n - 1) / (n - (K + R + T - 1)) * total, rtol=1e-9)
    assert np.isinf(record.df).all()


def test_default_lags():
    assert default_lag(10) == 1
    assert default_lag(16) == 2
    assert default_lag(20, "plm") == 2
    assert default_lag(20, "stata") == int(4 * (20 / 100) ** (2 / 9))


def test_unknown_preset(s):
    with pytest.raises(DataError, match="small_sample must be one of"):
        covariance(fit(s), "HC1", small_sample="sas")


def test_convention_says_what_was_done(s):
    text = covariance(fit(s), "two-way", **over(s, "two-way")).convention
    assert "two-way, 9 x 8 clusters" in text
    assert "(n-1)/(n-K)" in text
    weighted = least_squares(s.outcome, s.columns, effects=s.effects, weights=np.linspace(1.0, 2.0, s.n))
    texts = [covariance(one, "CRV2", clusters=s.effects[:1]).convention for one in (fit(s), weighted)]
    assert ["working model: variance 1/weight" in text for text in texts] == [False, True]


@pytest.mark.parametrize("which", [(0, 1), (0,), (1,)])
@pytest.mark.parametrize(
    ("kind", "theirs"),
    [
        ("iid", {"cov_type": "unadjusted"}),
        ("HC1", {"cov_type": "robust"}),
        ("CRV1", {"cov_type": "clustered", "cluster_entity": True}),
        ("two-way", {"cov_type": "clustered", "cluster_entity": True, "cluster_time": True}),
        ("driscoll-kraay", {"cov_type": "kernel", "kernel": "bartlett", "bandwidth": 2}),
    ],
)
def test_linearmodels_to_the_digit(s, which, kind, theirs):
    import pandas as pd
    from linearmodels.panel import PanelOLS

    names = ["a", "b", "c"]
    data = pd.DataFrame(s.columns, columns=names).assign(y=s.outcome, region=s.effects[0], week=s.effects[1])
    data = data.set_index(["region", "week"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = PanelOLS(data["y"], data[names], entity_effects=0 in which, time_effects=1 in which)
        peer = model.fit(**theirs)
    record = covariance(fit(s, which), kind, small_sample="linearmodels", **over(s, kind))
    errors = np.sqrt(np.diag(record.cov))
    np.testing.assert_allclose(errors, peer.std_errors.to_numpy(), rtol=AGREE)
    if kind == "CRV1":
        pvalues = 2 * t_sf(np.abs(fit(s, which).coef / errors), record.df)
        np.testing.assert_allclose(pvalues, peer.pvalues.to_numpy(), rtol=1e-6)


@pytest.mark.peers
@pytest.mark.skipif(importlib.util.find_spec("pyfixest") is None, reason="pyfixest is not installed (extra `peers`)")
@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("which", [(0,), (1,), ()])
@pytest.mark.parametrize("kind", ["iid", "HC1", "CRV1", "two-way", "driscoll-kraay"])
def test_pyfixest_to_the_digit(weights, which, kind):
    import pandas as pd
    import pyfixest as pf

    s = sample(31, regions=R, weeks=T, weighted=weights is not None)
    names = ["a", "b", "c"]
    data = pd.DataFrame(s.columns, columns=names)
    data = data.assign(y=s.outcome, region=s.effects[0], week=s.effects[1], w=s.weights)
    effects = [["region", "week"][e] for e in which]
    formula = "y ~ a + b + c" + (f" | {' + '.join(effects)}" if effects else "")
    vcov = {
        "iid": "iid", "HC1": "HC1", "CRV1": {"CRV1": "region"}, "two-way": {"CRV1": "region+week"},
        "driscoll-kraay": "DK",
    }[kind]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        time = {"time_id": "week", "panel_id": "region", "lag": 2} if kind == "driscoll-kraay" else None
        peer = pf.feols(formula, data, vcov=vcov, vcov_kwargs=time, weights=weights)
    columns = s.columns if effects else np.column_stack([np.ones(s.n), s.columns])
    ours = least_squares(s.outcome, columns, effects=[s.effects[e] for e in which], weights=s.weights)
    record = covariance(ours, kind, **over(s, kind))
    with np.errstate(invalid="ignore"):  # two-way variances may be negative: NaN in both programs
        coef, theirs, errors = peer.coef().to_numpy(), peer.se().to_numpy(), np.sqrt(np.diag(record.cov))
    np.testing.assert_allclose(ours.coef, coef, rtol=AGREE)
    np.testing.assert_allclose(errors, theirs, rtol=AGREE)


@pytest.mark.peers
@pytest.mark.skipif(importlib.util.find_spec("pyfixest") is None, reason="pyfixest is not installed (extra `peers`)")
@pytest.mark.parametrize("kind", ["iid", "HC1", "CRV1"])
def test_pyfixest_poisson(kind):
    import pandas as pd
    import pyfixest as pf

    rng = np.random.default_rng(1)
    s = sample(33, regions=20, weeks=15)
    y = rng.poisson(np.exp(0.3 * s.columns[:, 0] + 0.5)).astype(float)
    data = pd.DataFrame(s.columns, columns=["a", "b", "c"]).assign(y=y, region=s.effects[0])
    vcov = {"iid": "iid", "HC1": "hetero", "CRV1": {"CRV1": "region"}}[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = pf.fepois("y ~ a + b + c | region", data, vcov=vcov, iwls_tol=1e-12)
    ours = poisson(y, s.columns, effects=s.effects[:1])
    record = covariance(ours.linear, kind, clusters=[s.effects[0][ours.rows]] if kind == "CRV1" else ())
    np.testing.assert_allclose(ours.coef, peer.coef().to_numpy(), rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(record.cov)), peer.se().to_numpy(), rtol=1e-6)
