"""Drivers for any study, from tables the user names: authority, imported risk, opinion, lags and leads, and guards."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, name_few
from panelcoop.errors import DataError, PanelcoopWarning
from panelcoop.panel.events.log import EventLog
from panelcoop.panel.record import Panel
from panelcoop.panel.weeks import WEEKS, Calendar

__all__ = [
    "base_year_score",
    "decayed_authority",
    "imported_risk",
    "shift_periods",
    "split_by_document",
    "warn_of_bad_controls",
    "warn_of_same_documents",
]

BAD_CONTROLS = {
    "mobility": "mobility answers to cooperation and to the drivers in the same week",
    "response level": "the response level is itself an outcome of authority and risk",
    "sentiment": "sentiment answers to the response",
}
"""Kinds of column that are bad controls unless lagged, and why."""


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
        `date` and `rank`; `region` where a directive speaks to one region (empty: to all).
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
        When a column is missing, a date or rank cannot be read, or the half-life is not positive.

    Examples
    --------
    >>> weeks = pd.date_range("2020-01-06", periods=3, freq="7D")
    >>> decayed_authority(pd.DataFrame({"date": ["2020-01-07"], "rank": [4]}), weeks, ["A"], half_life=1)["A"].tolist()
    [4.0, 2.0, 1.0]
    """
    fail_if_columns_missing(["date", "rank"], directives.columns, "The table of directives")
    if not half_life > 0:
        msg = f"The half-life must be positive; got {half_life}."
        raise DataError(msg)
    days, rank = pd.to_datetime(directives["date"], errors="coerce"), pd.to_numeric(directives["rank"], errors="coerce")
    if days.isna().any() or rank.isna().any():
        rows = np.flatnonzero(days.isna() | rank.isna()) + 1
        msg = f"The table of directives has no date or rank in row {name_few(rows)}."
        raise DataError(msg)
    age = (periods.to_numpy()[:, None] - calendar.starts(days).to_numpy()[None, :]) / np.timedelta64(calendar.days, "D")
    decay = np.where(age >= 0, 2.0 ** (-np.maximum(age, 0.0) / half_life), 0.0) * rank.to_numpy(float)
    told = (
        directives["region"].fillna("").astype(str) if "region" in directives else pd.Series("", index=directives.index)
    )
    reach = np.array([[one in ("", region) for region in regions] for one in told], dtype=float).reshape(
        -1, len(regions)
    )
    z = np.ones(len(regions)) if exposure is None else exposure.reindex(regions).to_numpy(float)
    return pd.DataFrame(decay @ reach * z, index=periods, columns=regions)


def imported_risk(incidence: pd.DataFrame, flows: pd.DataFrame, population: pd.Series, *, lag: int = 1) -> pd.DataFrame:
    """Measure the risk that travellers bring: sum_j (flow_ji / pop_j) incidence_j,t-lag.

    Parameters
    ----------
    incidence
        Cases per person or per million, periods by regions, consecutive periods.
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
        When labels are missing, a population is not positive, or the lag is less than one.

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
    share = flows.rename(index=str, columns=str).loc[regions, regions].to_numpy(float) / people[:, None]
    np.fill_diagonal(share, 0.0)
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
        i over those weeks of the base year whose ISO number occurs in the study. NaN where s_i is zero.

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
    return (values[~in_base] - base.mean()) / spread.where(spread > 0)


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


def warn_of_bad_controls(kinds: Mapping[str, str], lags: Mapping[str, int]) -> None:
    """Warn of controls that the outcome or the drivers move in the same period.

    Parameters
    ----------
    kinds
        What each control measures: "mobility", "response level" and "sentiment" are known to be bad.
    lags
        Lag of each control; default 0.

    Warns
    -----
    PanelcoopWarning
        Names each bad control and the reason.
    """
    for column, kind in kinds.items():
        if kind in BAD_CONTROLS and lags.get(column, 0) < 1:
            msg = f"'{column}' is a bad control: {BAD_CONTROLS[kind]}. Lag it or leave it out."
            warnings.warn(msg, PanelcoopWarning, stacklevel=2)


def warn_of_same_documents(outcome: Collection[str], driver: Collection[str], *, name: str = "the driver") -> float:
    """Warn when a driver and the outcome were read from the same documents.

    Parameters
    ----------
    outcome, driver
        Document ids.
    name
        What the driver is called.

    Returns
    -------
    float
        Share of the driver's documents that the outcome was read from as well; NaN without documents.

    Warns
    -----
    PanelcoopWarning
        When the share is above zero: their errors are then shared; see ``split_by_document``.
    """
    ids = set(driver) - {""}
    share = len(ids & set(outcome)) / len(ids) if ids else float("nan")
    if share > 0:
        msg = f"{share:.0%} of the documents of {name} also made the outcome; split the source (split_by_document)."
        warnings.warn(msg, PanelcoopWarning, stacklevel=2)
    return share


def split_by_document(log: EventLog, *, seed: int = 0) -> tuple[EventLog, EventLog]:
    """Split a log in two halves that share no document, one for the outcome and one for the driver.

    Parameters
    ----------
    log
        A log with document ids; an event without one is a document of its own.
    seed
        Seed of the draw.

    Returns
    -------
    tuple of EventLog
        The events of the other half are among the rejected rows of each.
    """
    events = log.events
    alone = "row " + events["file"].astype(str) + " " + events["row"].astype(str)
    document = events["document"].where(events["document"] != "", alone)
    names = np.sort(document.unique())
    first = set(np.random.default_rng(seed).permutation(names)[: len(names) // 2])
    half = document.isin(first)
    return log.without(~half, "in the other half of the documents"), log.without(
        half, "in the other half of the documents"
    )
