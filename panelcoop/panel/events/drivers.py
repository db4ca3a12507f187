"""Drivers for any study, from tables the user names: authority, imported risk, opinion, lags and leads."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, name_few
from panelcoop.errors import DataError
from panelcoop.panel.record import Panel
from panelcoop.panel.tables import match_regions, read_days, read_numbers
from panelcoop.panel.weeks import WEEKS, Calendar

__all__ = ["base_year_score", "decayed_authority", "imported_risk", "opinion_score", "shift_periods"]

DIRECTIVES = "The table of directives"
STILL = 1e-12
"""A base year whose spread is below this share of its size does not move."""


def decayed_authority(
    directives: pd.DataFrame,
    periods: pd.DatetimeIndex,
    regions: list[str],
    *,
    exposure: pd.Series | None = None,
    half_life: float = 4.0,
    calendar: Calendar = WEEKS,
) -> pd.DataFrame:
    """Measure vertical authority: the decaying sum of directives, by exposure.

    Parameters
    ----------
    directives
        `date` (day or ISO week) and `rank`; `region` where a directive speaks to one region (empty: to all).
    periods, regions
        Rows and columns of the result.
    exposure
        z_i by region; default 1. Without it a national directive is the same for all and week effects absorb it.
    half_life
        h in periods.
    calendar
        Weeks or days.

    Returns
    -------
    pandas.DataFrame
        V_it = sum_{e: t_e <= t} rank_e 2^(-(t - t_e)/h) z_i, periods by regions.

    Raises
    ------
    DataError
        When a column is missing, a date or rank cannot be read, a region is unknown, or the half-life is not positive.

    Examples
    --------
    >>> weeks = pd.date_range("2020-01-06", periods=3, freq="7D")
    >>> decayed_authority(pd.DataFrame({"date": ["2020-01-07"], "rank": [4]}), weeks, ["A"], half_life=1)["A"].tolist()
    [4.0, 2.0, 1.0]
    """
    fail_if_columns_missing(["date", "rank"], directives.columns, DIRECTIVES)
    if not half_life > 0:
        msg = f"The half-life must be positive; got {half_life}."
        raise DataError(msg)
    days, rank = read_days(directives["date"], DIRECTIVES), read_numbers(directives["rank"], DIRECTIVES)
    if rank.isna().any():
        msg = f"{DIRECTIVES} has no rank in row {name_few(np.flatnonzero(rank.isna()) + 1)}; write 0 for none."
        raise DataError(msg)
    age = (periods.to_numpy()[:, None] - calendar.starts(days).to_numpy()[None, :]) / np.timedelta64(calendar.days, "D")
    decay = np.where(age >= 0, 2.0 ** (-np.maximum(age, 0.0) / half_life), 0.0) * rank.to_numpy(float)
    names = directives["region"] if "region" in directives else pd.Series("", index=directives.index)
    told = match_regions(names, regions, None, table=DIRECTIVES, strict=True).codes
    reach = np.array([[one in ("", region) for region in regions] for one in told], dtype=float)
    reach = reach.reshape(-1, len(regions))
    z = np.ones(len(regions)) if exposure is None else exposure.reindex(regions).to_numpy(float)
    return pd.DataFrame(decay @ reach * z, index=periods, columns=regions)


def imported_risk(incidence: pd.DataFrame, flows: pd.DataFrame, population: pd.Series, *, lag: int = 1) -> pd.DataFrame:
    """Measure the risk that travellers bring: sum_j (flow_ji / pop_j) incidence_j,t-lag.

    Parameters
    ----------
    incidence
        Cases per person or per million, consecutive periods by regions.
    flows
        Travellers per period from row j to column i, of a base period before the study.
    population
        pop_j by region.
    lag
        Periods, one or more: contemporaneous incidence is not predetermined.

    Returns
    -------
    pandas.DataFrame
        Periods by regions; NaN where an origin with travellers has no incidence.

    Raises
    ------
    DataError
        When labels are missing, periods leave a gap, a population is not positive, a flow is negative or missing, or
        the lag is less than one.

    Examples
    --------
    >>> seen = pd.DataFrame({"A": [10.0, 0.0], "B": [0.0, 0.0]})
    >>> moves = pd.DataFrame([[0, 5], [1, 0]], index=["A", "B"], columns=["A", "B"])
    >>> imported_risk(seen, moves, pd.Series({"A": 100.0, "B": 50.0}))["B"].tolist()
    [nan, 0.5]
    """
    regions = [str(region) for region in incidence.columns]
    fail_if_columns_missing(regions, [str(c) for c in flows.columns], "The table of flows")
    fail_if_columns_missing(regions, [str(c) for c in flows.index], "The rows of the table of flows")
    people = population.rename(index=str).reindex(regions).to_numpy(float)
    if lag < 1 or not (people > 0).all():
        msg = "Imported risk needs a lag of one period or more and the population of every region."
        raise DataError(msg)
    moves = flows.rename(index=str, columns=str).loc[regions, regions].to_numpy(float) * ~np.eye(
        len(regions), dtype=bool
    )
    if not (moves >= 0).all():
        msg = "The table of flows holds a flow that is negative or missing; write 0 where nobody travels."
        raise DataError(msg)
    if isinstance(incidence.index, pd.DatetimeIndex) and len(set(np.diff(incidence.index.to_numpy()))) > 1:
        msg = "The incidence leaves out a period; put a row of missing values for it, or the lag takes an older one."
        raise DataError(msg)
    share = moves / people[:, None]
    before = incidence.shift(lag).to_numpy(float)
    missing = np.isnan(before)
    total = np.where(missing, 0.0, before) @ share
    total[(missing.astype(float) @ (share > 0).astype(float)) > 0] = np.nan
    return pd.DataFrame(total, index=incidence.index, columns=incidence.columns)


def base_year_score(values: pd.DataFrame, base_year: int) -> pd.DataFrame:
    """Standardise opinion on the same weeks of a base year.

    Parameters
    ----------
    values
        Search or post volume, Mondays by regions, base year included.
    base_year
        ISO year before the study.

    Returns
    -------
    pandas.DataFrame
        (x_it - m_i) / s_i for the periods outside the base year; m_i and s_i are mean and standard deviation of region
        i over those weeks of the base year whose ISO number occurs in the study. NaN where the base year does not move.

    Raises
    ------
    DataError
        When fewer than two base weeks match.
    """
    iso = pd.DatetimeIndex(values.index).isocalendar()
    in_base = (iso["year"] == base_year).to_numpy(bool)
    same = in_base & iso["week"].isin(iso.loc[~in_base, "week"]).to_numpy(bool)
    if same.sum() < 2:
        msg = f"The base year {base_year} shares {int(same.sum())} weeks with the study; two are the least."
        raise DataError(msg)
    base = values[same]
    spread = base.std()
    return (values[~in_base] - base.mean()) / spread.where(spread > STILL * base.abs().max())


def shift_periods(panel: Panel, column: str, periods: int, *, calendar: Calendar = WEEKS) -> pd.Series:
    """Lag (positive) or lead (negative) a column within its region, by the calendar.

    Parameters
    ----------
    panel
        Any panel; gaps in its periods stay gaps.
    column
        Name of the column.
    periods
        How many periods.
    calendar
        Weeks or days.

    Returns
    -------
    pandas.Series
        The value of `periods` earlier, aligned with the panel; missing where that period is not in the panel.

    Raises
    ------
    DataError
        When there is no such column.
    """
    fail_if_columns_missing([column], [str(c) for c in panel.data.columns], "The panel")
    moved = panel.data[column].copy()
    region, week = (moved.index.get_level_values(level) for level in ("region", "week"))
    moved.index = pd.MultiIndex.from_arrays(
        [region, pd.DatetimeIndex(week) + periods * calendar.step], names=["region", "week"]
    )
    name = f"{column}_lag{periods}" if periods >= 0 else f"{column}_lead{-periods}"
    return moved.reindex(panel.data.index).rename(name)


def opinion_score(volume: pd.DataFrame, base_year: int, *, negative_share: pd.DataFrame | None = None) -> pd.DataFrame:
    """Measure the pressure of public opinion: volume, or negative share times volume, standardised on a base year.

    Parameters
    ----------
    volume
        Search or post volume, Mondays by regions, base year included.
    base_year
        ISO year before the study.
    negative_share
        Share of negative posts, like `volume`; in [0, 1].

    Returns
    -------
    pandas.DataFrame
        As ``base_year_score``.

    Raises
    ------
    DataError
        When a share lies outside [0, 1], or fewer than two base weeks match.

    Examples
    --------
    >>> weeks = [*pd.date_range("2018-12-31", periods=3, freq="7D"), *pd.date_range("2019-12-30", periods=3, freq="7D")]
    >>> posts = pd.DataFrame({"A": [10.0, 20.0, 30.0, 40.0, 40.0, 40.0]}, index=weeks)
    >>> opinion_score(posts, 2019, negative_share=0 * posts + 0.5)["A"].tolist()
    [2.0, 2.0, 2.0]
    """
    if negative_share is None:
        return base_year_score(volume, base_year)
    if ((negative_share < 0) | (negative_share > 1)).to_numpy().any():
        msg = "The negative share lies outside [0, 1]; write 0.25 for 25%."
        raise DataError(msg)
    return base_year_score(volume * negative_share, base_year)
