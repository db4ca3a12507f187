"""Tables of the event studies: mean effects with honest bounds, support by horizon, and sensitivity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from panelcoop.report.table import Table
from panelcoop.sensitivity.event_evidence import EventEvidence

__all__ = ["event_effects_table", "event_sensitivity_table", "event_support_table"]

LEADS = (
    "Effect: mean over weeks from the event on. Leads, p: largest lead against its simultaneous distribution; leads "
    "are reported, never used to choose."
)
BOUNDS = (
    "Honest bounds (relative magnitudes, C-LF, 95%) need one reference week, which imputation, two-stage and two-way "
    "without never-treated provinces do not have; they are empty there."
)
DOUBTS = (
    "Imputation given own, neighbours' and cumulative risk. Guizhou and Shaanxi have no record of response levels: "
    "they are given the earliest and the latest date on record in turn."
)
RANDOMISED = "Randomised dates: dates exchanged among provinces, studentised; p counts the dates in the data."
CREDIBILITY = (
    "Activation of the top level in January 2020 is not studied: 28 of 29 provinces acted in one week, so nothing is "
    "left to compare within a week. Downgrades are staggered, but from the second week on few provinces are still "
    "at the top level, and those (Hubei, Beijing, Tianjin, Hebei) are special; read that design as description. "
    "Later outbreaks come at times no province chose, which makes that design the most credible of the three. "
    "Joint response is built from the province's own policy index, so an event that changes own policy changes it by "
    "construction: the neighbour's outbreak is the design that does not start from own policy. "
    "All provinces also share national directives, so effects are differences between provinces, not totals."
)


def event_effects_table(designs: Sequence[EventEvidence]) -> Table:
    """Tabulate the mean effect after the event by design and estimator.

    Parameters
    ----------
    designs
        What was estimated.
    """
    rows = [row for design in designs for row in _rows(design)]
    data = pd.DataFrame(rows)
    body = pd.DataFrame(
        {
            "Effect": [_number(v) for v in data["estimate"]],
            "Std. error": [_number(v) for v in data["std_error"]],
            "Leads, p": [_number(v, 3) for v in data["leads_p"]],
            "First effect, M = 0.5": [_interval(r["low_half"], r["high_half"]) for r in rows],
            "First effect, M = 1": [_interval(r["low_one"], r["high_one"]) for r in rows],
            "Rows": [f"{int(v):,}" for v in data["nobs"]],
        },
        index=pd.MultiIndex.from_frame(data[["design", "estimator"]]),
    )
    notes = [f"{d.title}: {d.estimand}." for d in designs]
    lost = [f"Not computed, {d.title.lower()}: {k}." for d in designs for k in d.unavailable if "honest" not in k]
    notes += [LEADS, BOUNDS, CREDIBILITY, *lost]
    return Table("event_effects", "Event studies of joint response", body, tuple(notes), data)


def _rows(design: EventEvidence) -> list[dict[str, object]]:
    out = []
    for label, effect in design.effects.iterrows():
        bounds: dict[str, float] = {}
        for name, M in (("half", 0.5), ("one", 1.0)):
            here = (label, M) in design.bounds.index
            found = design.bounds.xs((label, M)) if here else pd.Series({"low": np.nan, "high": np.nan})
            low, high = (float(v) for v in found[["low", "high"]].to_numpy(dtype=float))
            bounds |= {f"low_{name}": low, f"high_{name}": high}
        numbers = {str(name): value for name, value in effect.items()}
        out.append({"design": design.title, "estimator": str(label), **numbers, **bounds})
    return out


def event_support_table(designs: Sequence[EventEvidence]) -> Table:
    """Tabulate cohorts, events and fewest clean controls by horizon, for the first study of each design."""
    parts = {design.title: next(iter(design.studies.values())).support for design in designs}
    data = pd.concat(parts, names=["design", "horizon"]).reset_index()
    body = pd.DataFrame(
        {
            "Event weeks": [f"{int(v)}" for v in data["cohorts"]],
            "Events": [f"{int(v)}" for v in data["treated"]],
            "Fewest controls": [f"{int(v)}" for v in data["controls"]],
            "Thin": ["yes" if v else "" for v in data["thin"]],
        },
        index=pd.MultiIndex.from_arrays([data["design"], data["horizon"].astype(str)]),
    )
    rule = next(iter(designs[0].studies.values())).rule
    note = f"Thin: fewer than {rule.min_cohorts} event weeks or {rule.min_controls} clean controls behind a horizon."
    return Table("event_support", "Support of the event studies by week since the event", body, (note,), data)


def event_sensitivity_table(found: pd.DataFrame, stages: Sequence[EventEvidence]) -> Table:
    """Tabulate the downgrade study under every doubt on record, and effects by the stage of the event.

    Parameters
    ----------
    found
        What ``downgrade_sensitivity`` returned.
    stages
        Designs whose effects by stage are added.
    """
    rows: list[dict[str, object]] = [
        {"group": "First downgrade", "case": str(case), **{str(k): v for k, v in row.items()}}
        for case, row in found.iterrows()
    ]
    for design in stages:
        for stage, row in design.by_stage.iterrows():
            note = str(row.get("reason", "")) or ""
            part = {"estimate": row["estimate"], "std_error": row["std_error"], "pvalue": np.nan, "note": note}
            rows.append({"group": f"By stage of the event: {design.title.lower()}", "case": str(stage), **part})
    data = pd.DataFrame(rows)
    body = pd.DataFrame(
        {
            "Effect": [_number(v) for v in data["estimate"]],
            "Std. error": [_number(v) for v in data["std_error"]],
            "p": [_number(v, 3) for v in data["pvalue"]],
            "Remark": data["note"].astype(str).to_numpy(),
        },
        index=pd.MultiIndex.from_frame(data[["group", "case"]]),
    )
    notes = (DOUBTS, RANDOMISED)
    return Table("event_sensitivity", "Sensitivity of the event studies", body, notes, data)


def _number(value: float, digits: int = 2) -> str:
    return "" if pd.isna(value) else f"{value:.{digits}f}"


def _interval(low: object, high: object) -> str:
    numbers = np.array([low, high], dtype=float)
    return "" if np.isnan(numbers).any() else f"[{numbers[0]:.2f}, {numbers[1]:.2f}]"
