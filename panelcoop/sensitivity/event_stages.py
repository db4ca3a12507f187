"""Effects of events by the stage in which they happen, with the events behind each stage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.result import EventStudy

__all__ = ["STAGE_COLUMNS", "effects_by_stage"]

STAGE_COLUMNS = ("estimate", "std_error", "low", "high", "weeks", "events", "reason")


def effects_by_stage(study: EventStudy, stages: Sequence[str]) -> pd.DataFrame:
    """Average the effects after the event by the stage in which the event happens.

    Parameters
    ----------
    study
        An event study with ``stage=``.
    stages
        Stages in order; each has a row, also without an event.

    Returns
    -------
    pandas.DataFrame
        By stage: estimate, std_error, low, high, weeks (event weeks), events, reason. Where the study requires support,
        a stage with fewer event weeks than its rule asks for is NaN; where it only marks thin support, the reason says
        so beside the number. Events without a stage have a row of their own, "no stage".

    Raises
    ------
    IdentificationError
        If no effect after any event is estimable.
    """
    averages = aggregate_events(study, "stage")
    found = averages.tidy().assign(reason=pd.Series(averages.reasons, dtype=object))
    labels = [*stages, *(s for s in study.stage_labels if s not in stages)]
    rows = {label: _row(study, found, label) for label in labels}
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(STAGE_COLUMNS)).rename_axis("stage")


def _row(study: EventStudy, found: pd.DataFrame, label: object) -> tuple[float | int | str, ...]:
    nothing = (np.nan, np.nan, np.nan, np.nan)
    if label not in study.stage_labels:
        return *nothing, 0, 0, "no event in this stage"
    weeks, events = _counts(study, label)
    here = found[found.index == label]
    few = f"{weeks} of the {study.rule.min_cohorts} event weeks that the support rule asks for"
    if here.empty or here["estimate"].isna().any():
        why = "" if here.empty else str(here["reason"].iloc[0])
        return *nothing, weeks, events, why or "no clean comparison"
    thin = weeks < study.rule.min_cohorts
    if thin and study.rule.require:
        return *nothing, weeks, events, few
    numbers = here[["estimate", "std_error", "conf_low", "conf_high"]].to_numpy(dtype=float)[0]
    return *numbers.tolist(), weeks, events, f"thin: {few}" if thin else ""


def _counts(study: EventStudy, label: object) -> tuple[int, int]:
    """Count event weeks and events of a stage that take part after the event."""
    part = study.parts.get(label)
    if part is not None and part.counts is not None:
        return int(part.counts[:, 0].max()), int(part.counts[:, 1].max())
    if study.cells is None:
        return 0, 0
    cells, code = study.cells, study.stage_labels.index(label)
    here = (cells.cohort_split[cells.cohort] == code) & cells.estimated & (cells.horizon >= 0) & ~np.isnan(study.shown)
    cohort, first = np.unique(cells.cohort[here], return_index=True)
    return int(np.unique(cells.starts[cohort]).size), int(cells.n_treated[here][first].sum())
