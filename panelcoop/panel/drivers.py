"""The drivers of cooperation, lagged: risk, its spread, vertical authority, local profit."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pandas as pd

from panelcoop.panel.block import Block, constant_columns, wide_table
from panelcoop.panel.plan_measures import AuthorityPlan, DriverPlan
from panelcoop.panel.record import Role, SpatialWeights
from panelcoop.panel.response_levels import authority_signal, declared_levels
from panelcoop.panel.weeks import week_range
from panelcoop.panel.weights import spatial_lag

__all__ = ["authority_block", "lag_weeks", "profit_block", "risk", "risk_block", "standardise"]

PROFIT_NOTES = MappingProxyType(
    {
        "fiscal_self_sufficiency": "Own revenue over expenditure of the general public budget, 2018",
        "product_per_head": "Gross regional product per head, 2018",
        "tertiary_share": "Share of services in gross regional product, 2019",
    }
)


def risk(cases: pd.DataFrame, population: pd.Series, per: float = 1e6) -> pd.DataFrame:
    """Measure risk as log(1 + new cases per million).

    Parameters
    ----------
    cases
        New cases, weeks by regions.
    population
        Persons by region.
    per
        Persons that incidence is counted per.

    Returns
    -------
    pandas.DataFrame
        log(1 + per x cases / population); NaN where cases are unknown.

    Examples
    --------
    >>> risk(pd.DataFrame({"A": [0.0, 2.0]}), pd.Series({"A": 2e6})).round(3)["A"].tolist()
    [0.0, 0.693]
    """
    rate = cases / population[cases.columns] * per
    return wide_table(np.log1p(rate.to_numpy(dtype=float)), cases)


def lag_weeks(table: pd.DataFrame, lag: int, weeks: pd.DatetimeIndex) -> pd.DataFrame:
    """Move a table forward by some weeks of the calendar, and cut it to the weeks wanted.

    Parameters
    ----------
    table
        Mondays by regions; weeks may be absent.
    lag
        Weeks.
    weeks
        Mondays wanted.

    Returns
    -------
    pandas.DataFrame
        x_{t - lag}; NaN where that week is unknown. A week absent from the table is no reason to take an older one.
    """
    whole = week_range(table.index.min(), table.index.max())
    moved = table.reindex(whole)
    return moved.set_axis(whole + pd.Timedelta(weeks=lag), axis=0).reindex(weeks)


def standardise(values: pd.Series) -> pd.Series:
    """Give a variable mean zero and standard deviation one over regions (divisor N - 1).

    Examples
    --------
    >>> standardise(pd.Series([1.0, 2.0, 3.0])).tolist()
    [-1.0, 0.0, 1.0]
    """
    return (values - values.mean()) / values.std()


def risk_block(
    cases: pd.DataFrame,
    deaths: pd.DataFrame,
    *,
    population: pd.Series,
    weights: SpatialWeights,
    weeks: pd.DatetimeIndex,
    plan: DriverPlan,
) -> Block:
    """Compute own risk and its spread, lagged, and the state of the epidemic.

    Parameters
    ----------
    cases, deaths
        New cases and deaths, all weeks known by regions (in the order of the weights).
    population
        Persons by region.
    weights
        Weights of the spatial lag.
    weeks
        Weeks of the panel.
    plan
        Lag and unit.

    Returns
    -------
    Block
        Drivers `own_risk`, `spread_risk`; controls `cumulative_risk` (lagged), `new_cases`, `new_deaths`; `risk`.
    """
    now = risk(cases, population, plan.risk_per)
    spread = wide_table(spatial_lag(now.to_numpy(dtype=float), weights.matrix), now)
    so_far = risk(cases.cumsum(), population, plan.risk_per)
    by, lagged = f"per {plan.risk_per:,.0f} persons", f"lagged {plan.lag} week{'s' if plan.lag > 1 else ''}"
    columns = {
        "own_risk": lag_weeks(now, plan.lag, weeks),
        "spread_risk": lag_weeks(spread, plan.lag, weeks),
        "cumulative_risk": lag_weeks(so_far, plan.lag, weeks),
        "risk": now.reindex(weeks),
        "new_cases": cases.reindex(weeks),
        "new_deaths": deaths.reindex(weeks),
    }
    roles: dict[str, Role] = {
        "own_risk": "driver",
        "spread_risk": "driver",
        "cumulative_risk": "control",
        "risk": "other",
        "new_cases": "control",
        "new_deaths": "control",
    }
    notes = {
        "own_risk": f"Thrust: log(1 + new cases {by}), {lagged}. Confirmed cases, imported ones included.",
        "spread_risk": f"Thrust: mean log(1 + new cases {by}) of the neighbours, {lagged}.",
        "cumulative_risk": f"log(1 + cases {by} so far), {lagged}.",
        "risk": f"log(1 + new cases {by}), this week: not a driver.",
        "new_cases": "New confirmed cases this week; December 2022 is under-reported.",
        "new_deaths": "New deaths this week; Hubei's revision of 17 April 2020 is definitional.",
    }
    why = "cases not on record in that week: missing, not zero"
    missing = {**dict.fromkeys(columns, why), "spread_risk": "cases of a neighbour not on record in that week"}
    return Block(columns, roles, notes, missing)


def authority_block(
    table: pd.DataFrame, weeks: pd.DatetimeIndex, regions: list[str], plan: AuthorityPlan, *, lag: int
) -> Block:
    """Compute the signal of vertical authority, lagged, and the event dates of response levels.

    Parameters
    ----------
    table
        Declared levels, see `declared_levels`.
    weeks, regions
        Rows and columns wanted.
    plan
        Half-life and what becomes of weeks outside the record.
    lag
        Weeks by which the driver is lagged.

    Returns
    -------
    Block
        Driver `vertical_authority` (lagged); events `response_level`, `weeks_since_declaration`, `level_one_week`,
        `downgrade_week`.
    """
    before = week_range(weeks[0] - pd.Timedelta(weeks=lag), weeks[-1])
    found = declared_levels(
        table,
        before,
        regions,
        source_ends=plan.source_ends,
        after_source=plan.after_source,
        partial=plan.partial,
    )
    signal = authority_signal(found.level, found.since, plan.half_life)
    columns = {
        "vertical_authority": lag_weeks(signal, lag, weeks),
        "response_level": found.level.reindex(weeks),
        "weeks_since_declaration": found.since.reindex(weeks),
        "level_one_week": constant_columns(found.first_top, weeks),
        "downgrade_week": constant_columns(found.first_downgrade, weeks),
    }
    events = [name for name in columns if name != "vertical_authority"]
    roles: dict[str, Role] = {"vertical_authority": "driver", **dict.fromkeys(events, "event")}
    notes = {
        "vertical_authority": "Attraction: declared response level (4 = I ... 1 = IV), halved every "
        f"{plan.half_life:g} weeks since its declaration, lagged {lag} week{'s' if lag > 1 else ''}.",
        "response_level": "Level in force at the end of the week: 4 = I, 3 = II, 2 = III, 1 = IV, 0 = none yet.",
        "weeks_since_declaration": "Weeks since the level in force was declared.",
        "level_one_week": "Week in which level I was first in force: nearly one week for all, no weekly staggering.",
        "downgrade_week": "Week of the first step down after level I; missing also where there is no record.",
    }
    silent = "no record for the province, or the record has ended"
    missing = {
        "vertical_authority": silent,
        "response_level": silent,
        "weeks_since_declaration": f"no level declared yet, {silent}",
        "level_one_week": "no record for the province",
        "downgrade_week": "no step down on record",
    }
    return Block(columns, roles, notes, missing, found.ledger)


def profit_block(provinces: pd.DataFrame, weeks: pd.DatetimeIndex, plan: DriverPlan) -> Block:
    """Compute the measures of local interest, standardised over regions, the same in every week.

    Parameters
    ----------
    provinces
        Figures by region.
    weeks
        Weeks of the panel.
    plan
        Which measures.

    Returns
    -------
    Block
        One driver per measure; under region effects only their contrasts between stages are identified.
    """
    raw = {
        "fiscal_self_sufficiency": provinces["fiscal_revenue_2018_100m_yuan"]
        / provinces["fiscal_expenditure_2018_100m_yuan"],
        "product_per_head": provinces["grp_per_capita_2018_yuan"],
        "tertiary_share": provinces["tertiary_share_2019"],
    }
    chosen = list(plan.local_profit)
    role: Role = "driver"
    caution = "standardised over regions, the same in every week: only contrasts between stages are identified."
    return Block(
        columns={name: constant_columns(standardise(raw[name]), weeks) for name in chosen},
        roles=dict.fromkeys(chosen, role),
        notes={name: f"Internal force: {PROFIT_NOTES[name]}; {caution}" for name in chosen},
        missing=dict.fromkeys(chosen, "figure not in the table of provinces"),
    )
