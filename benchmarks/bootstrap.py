"""Rows of the table: wild cluster bootstrap and DWB-t, 9,999 draws, of a fit made before the clock starts."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.harness import Workload
from benchmarks.panels import Rows, frame, stage_panel, terms

DRAWS = 9_999
AGREE = 0.1  # p-values of different random draws: ten per cent is three Monte Carlo errors at p = 0.1


def tested(rows: Rows) -> int:
    """Return the column whose absolute t is the median one, so that the p-value is not at the edge."""
    from panelcoop.numerics.covariance.covariance import covariance
    from panelcoop.numerics.regression.least_squares import least_squares

    region, week = rows.effects["region"], rows.effects["week"]
    fit = least_squares(rows.outcome, rows.columns, effects=[region, week])
    t = np.abs(fit.coef / np.sqrt(np.diag(covariance(fit, "CRV1", clusters=[region]).cov)))
    return int(np.argmin(np.abs(t - 1.2)))


def quiet_panel() -> Rows:
    """Return the 31 x 150 panel with an outcome that no driver moves."""
    rows = stage_panel(31, 150)
    rng = np.random.default_rng(9)
    noise = (
        rng.standard_normal(len(rows.outcome))
        + 0.3 * rng.standard_normal(31)[rows.effects["region"]] * rows.columns[:, 0]
    )
    return Rows(noise, rows.columns, rows.effects)


def fitted(rows: Rows):
    """Return our fit and the tested row."""
    from panelcoop.numerics.regression.least_squares import least_squares

    region, week = rows.effects["region"], rows.effects["week"]
    fit = least_squares(rows.outcome, rows.columns, effects=[region, week])
    return fit, np.eye(rows.columns.shape[1])[tested(rows)][None]


def ours(rows: Rows, *, interval: bool):
    """Test one coefficient by the restricted bootstrap."""
    from panelcoop.numerics.resampling.wild_cluster import wild_cluster
    from panelcoop.numerics.resampling.wild_draws import WildOptions
    from panelcoop.numerics.resampling.wild_regression import wild_from_fit

    fit, R = fitted(rows)
    options = WildOptions(draws=DRAWS, seed=1, interval=interval)
    return lambda: wild_cluster(wild_from_fit(fit), R, rows.effects["region"], options=options).p_value


def ours_by_week(rows: Rows):
    """Test all coefficients by DWB-t, with intervals."""
    from panelcoop.numerics.resampling.dependent_wild import dependent_wild
    from panelcoop.numerics.resampling.wild_draws import WildOptions
    from panelcoop.numerics.resampling.wild_regression import wild_from_fit

    fit, R = fitted(rows)
    options = WildOptions(draws=DRAWS, seed=1)
    return lambda: dependent_wild(wild_from_fit(fit), np.eye(R.shape[1]), rows.effects["week"], options=options).p_value


def pyfixest(rows: Rows):
    """Time pyfixest's wildboottest() of a fitted model."""
    import pyfixest as pf

    data, names = frame(rows), terms(rows)
    fit = pf.feols(f"y ~ {' + '.join(names)} | region + week", data, vcov={"CRV1": "region"})
    name = names[tested(rows)]

    def call():
        found = fit.wildboottest(param=name, cluster="region", reps=DRAWS, seed=1, parallel=False)
        return [float(found["Pr(>|t|)"])]

    return call


def with_dummies(rows: Rows) -> np.ndarray:
    """Return the columns with dummies of both effects, tested column first."""
    region, week = rows.effects["region"], rows.effects["week"]
    first = tested(rows)
    columns = np.column_stack([rows.columns[:, first], np.delete(rows.columns, first, axis=1)])
    return np.hstack([columns, np.eye(region.max() + 1)[region], np.eye(week.max() + 1)[week][:, 1:]])


def wildboottest(rows: Rows):
    """Time wildboottest on the dummy-variable model."""
    import statsmodels.api as sm
    from wildboottest.wildboottest import wildboottest as boottest

    model = sm.OLS(rows.outcome, with_dummies(rows))
    cluster = rows.effects["region"]

    def call():
        found = boottest(model, param="x1", cluster=cluster, B=DRAWS, seed=1, parallel=False, show=False)
        return [float(found["p-value"].iloc[0])]

    return call


def diff_diff(rows: Rows):
    """Time diff-diff's wild bootstrap (p-value and inverted interval) on the dummy-variable model."""
    from diff_diff.utils import wild_bootstrap_se

    X, cluster = with_dummies(rows), rows.effects["region"]

    def call():
        found = wild_bootstrap_se(X, rows.outcome, rows.outcome, cluster, 0, n_bootstrap=DRAWS, seed=1)
        return [float(found.p_value)]

    return call


PEERS = {"pyfixest": pyfixest, "wildboottest": wildboottest, "diff-diff": diff_diff}

WORKLOADS = [
    Workload(
        "wild-cluster-p",
        "wild cluster bootstrap, 31 x 150, 31 clusters, 9,999 draws, p-value",
        quiet_panel,
        {"panelcoop": partial(ours, interval=False)} | PEERS,
        faster=20,
        runs=9,
        agree=AGREE,
    ),
    Workload(
        "wild-cluster-interval",
        "the same, p-value and inverted interval (peers: p-value; diff-diff both)",
        quiet_panel,
        {"panelcoop": partial(ours, interval=True)} | PEERS,
        faster=5,
        runs=9,
        agree=AGREE,
    ),
    Workload(
        "dependent-wild",
        "DWB-t, 31 x 150, all 16 coefficients with inverted intervals, 9,999 draws (no peer has it)",
        quiet_panel,
        {"panelcoop": ours_by_week},
        runs=5,
    ),
]
