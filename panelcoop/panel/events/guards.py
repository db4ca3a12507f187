"""Guards: bad controls, drivers from the future, a driver and an outcome read from the same documents."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping

import numpy as np

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import PanelcoopWarning
from panelcoop.panel.events.log import EventLog

__all__ = ["BAD_CONTROLS", "split_by_document", "warn_of_bad_controls", "warn_of_leads", "warn_of_same_documents"]

BAD_CONTROLS = {
    "mobility": "mobility answers to cooperation and to the drivers in the same week",
    "response level": "the response level is itself an outcome of authority and risk",
    "sentiment": "sentiment answers to the response",
}
"""Kinds of column that are bad controls unless lagged, and why."""

HARMLESS = ("", "other")
"""What a control measures that is none of these."""


def warn_of_bad_controls(kinds: Mapping[str, str], lags: Mapping[str, int]) -> None:
    """Warn of controls that the outcome or the drivers move in the same period.

    Parameters
    ----------
    kinds
        What each control measures: "mobility", "response level" and "sentiment" are known to be bad; "other" or an
        empty text is anything else.
    lags
        Lag of each control; default 0.

    Raises
    ------
    DataError
        When a kind is not in this vocabulary.

    Warns
    -----
    PanelcoopWarning
        Names each bad control and the reason.
    """
    for column, kind in kinds.items():
        fail_if_not_one_of(kind, [*BAD_CONTROLS, *HARMLESS], f"what '{column}' measures")
        if kind in BAD_CONTROLS and lags.get(column, 0) < 1:
            msg = f"'{column}' is a bad control: {BAD_CONTROLS[kind]}. Lag it or leave it out."
            warnings.warn(msg, PanelcoopWarning, stacklevel=2)


def warn_of_leads(lags: Mapping[str, int]) -> None:
    """Warn of drivers taken from the future.

    Parameters
    ----------
    lags
        Lag of each driver; a negative one is a lead.

    Warns
    -----
    PanelcoopWarning
        Names each lead: the outcome may have moved it.
    """
    for column, lag in lags.items():
        if lag < 0:
            msg = f"'{column}' is taken {-lag} periods ahead: the outcome may have moved it. A placebo, not a driver."
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
