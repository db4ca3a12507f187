"""Rows of the table: least squares and Poisson with absorbed effects, and the covariances asked of them."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.harness import Workload
from benchmarks.panels import Rows, frame, gravity, labelled, short_windows, stage_panel, terms

LAG = 4


def ours(rows: Rows, *, clustered_only: bool = False):
    """Fit, then CRV1, two-way and Driscoll-Kraay."""
    from panelcoop.numerics.covariance.covariance import covariance
    from panelcoop.numerics.regression.least_squares import least_squares

    region, week = rows.effects["region"], rows.effects["week"]

    def call():
        fit = least_squares(rows.outcome, rows.columns, effects=[region, week])
        found = [covariance(fit, "CRV1", clusters=[region])]
        if not clustered_only:
            found.append(covariance(fit, "two-way", clusters=[region, week]))
            found.append(covariance(fit, "driscoll-kraay", weeks=week, lag=LAG))
        return np.concatenate([fit.coef, *(np.sqrt(np.diag(r.cov)) for r in found)])

    return call


def ours_labelled(rows: Rows):
    """Fit the labelled panel by `stage_interaction`, then take the three covariances of the result."""
    import panelcoop as pc

    panel, drivers = labelled(rows)

    def call():
        fit = pc.stage_interaction(panel, outcome="y", drivers=drivers)
        serial = pc.CovarianceChoice("driscoll-kraay", lag=LAG)
        found = [fit, fit.with_covariance("two-way"), fit.with_covariance(serial)]
        known = fit.params.notna().to_numpy()
        return np.concatenate([fit.params.to_numpy()[known], *(one.std_errors.to_numpy()[known] for one in found)])

    return call


def pyfixest(rows: Rows, *, clustered_only: bool = False, demeaner: str | None = None):
    """Time pyfixest's feols with the same three covariances."""
    import pyfixest as pf

    data = frame(rows)
    formula = f"y ~ {' + '.join(terms(rows))} | region + week"
    chosen = {} if demeaner is None else {"demeaner": getattr(pf, demeaner)()}

    def call():
        fit = pf.feols(formula, data, vcov={"CRV1": "region"}, **chosen)
        found = [fit.coef().to_numpy(), fit.se().to_numpy()]
        if not clustered_only:
            found.append(fit.vcov({"CRV1": "region+week"}).se().to_numpy())
            time = {"time_id": "week", "panel_id": "region", "lag": LAG}
            found.append(fit.vcov("DK", vcov_kwargs=time, data=data).se().to_numpy())
        return np.concatenate(found)

    return call


def linearmodels(rows: Rows):
    """Time linearmodels' PanelOLS; its factors differ, so only coefficients are compared."""
    from linearmodels.panel import PanelOLS

    data = frame(rows).set_index(["region", "week"])

    def call():
        model = PanelOLS(data["y"], data[terms(rows)], entity_effects=True, time_effects=True)
        fit = model.fit(cov_type="clustered", cluster_entity=True)
        model.fit(cov_type="clustered", cluster_entity=True, cluster_time=True)
        model.fit(cov_type="kernel", kernel="bartlett", bandwidth=LAG)
        return fit.params.to_numpy()

    return call


def statsmodels(rows: Rows):
    """Time dummies in statsmodels, the three covariances on one fit."""
    import statsmodels.api as sm

    region, week = rows.effects["region"], rows.effects["week"]

    def call():
        dummies = [np.eye(region.max() + 1)[region], np.eye(week.max() + 1)[week][:, 1:]]
        fit = sm.OLS(rows.outcome, np.hstack([rows.columns, *dummies])).fit()
        fit.get_robustcov_results("cluster", groups=region)
        fit.get_robustcov_results("cluster", groups=np.column_stack([region, week]))
        fit.get_robustcov_results("hac-groupsum", time=week, maxlags=LAG)
        return fit.params[: rows.columns.shape[1]]

    return call


def our_poisson(rows: Rows):
    """Fit Poisson and CRV1 by the first effect."""
    from panelcoop.numerics.covariance.covariance import covariance
    from panelcoop.numerics.regression.poisson import poisson

    effects = list(rows.effects.values())

    def call():
        fit = poisson(rows.outcome, rows.columns, effects=effects)
        covariance(fit.linear, "CRV1", clusters=[effects[0][fit.rows]])
        return fit.coef

    return call


def pyfixest_poisson(rows: Rows):
    """Time pyfixest's fepois with CRV1 by the first effect."""
    import pyfixest as pf

    data, names = frame(rows), list(rows.effects)
    formula = f"y ~ {' + '.join(terms(rows))} | {' + '.join(names)}"

    def call():
        fit = pf.fepois(formula, data, vcov={"CRV1": names[0]})
        return fit.coef().to_numpy()

    return call


STAGE_ENGINES = {
    "panelcoop": ours,
    "panelcoop, labelled panel": ours_labelled,
    "pyfixest": pyfixest,
    "linearmodels": linearmodels,
}

WORKLOADS = [
    Workload(
        "stage-31x150",
        "31 x 150, 16 driver-by-stage terms, two-way effects, CRV1 + two-way + Driscoll-Kraay",
        partial(stage_panel, 31, 150),
        STAGE_ENGINES | {"statsmodels": statsmodels},
        faster=8,
        runs=100,
    ),
    Workload(
        "stage-3000x200",
        "3,000 x 200, 10% missing, the same",
        partial(stage_panel, 3000, 200, 0.1),
        STAGE_ENGINES,
        faster=12,
        slow=frozenset({"linearmodels"}),
        memory=0.7,
    ),
    Workload(
        "stage-40000x150",
        "40,000 x 150, 10% missing, the same",
        partial(stage_panel, 40_000, 150, 0.1),
        STAGE_ENGINES,
        faster=15,
        slow=frozenset({"linearmodels"}),
        memory=3.0,
    ),
    Workload(
        "short-windows",
        "20,000 regions seen 6 of 200 weeks, CRV1",
        short_windows,
        {
            "panelcoop": partial(ours, clustered_only=True),
            "pyfixest": partial(pyfixest, clustered_only=True),
            "pyfixest LSMR": partial(pyfixest, clustered_only=True, demeaner="LsmrDemeaner"),
        },
        faster_than={"pyfixest": 100, "pyfixest LSMR": 2},
    ),
    Workload(
        "poisson-3000x200",
        "Poisson, 3,000 x 200, two-way effects, CRV1",
        partial(stage_panel, 3000, 200, 0.0, 1, count=True),
        {"panelcoop": our_poisson, "pyfixest": pyfixest_poisson},
        faster=4,
    ),
    Workload(
        "poisson-gravity",
        "Poisson gravity, 300 x 300 x 50, pair, origin-week and destination-week effects",
        gravity,
        {"panelcoop": our_poisson, "pyfixest": pyfixest_poisson},
        faster=5,
        memory=1.5,
    ),
]
