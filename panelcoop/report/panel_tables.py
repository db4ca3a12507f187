"""Tables of the panel itself: coverage, means by stage, and the account of what was dropped or corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.panel.record import Panel, Role
from panelcoop.report.labels import STAGES, label_of, unit_of
from panelcoop.report.number_text import count_text, number_text, percent_text
from panelcoop.report.table import Table

__all__ = ["ledger_table", "panel_table"]

GROUPS: Mapping[Role, str] = {"outcome": "Outcomes", "driver": "Drivers", "control": "Controls", "event": "Events"}


def panel_table(
    panel: Panel, *, stage: str = "stage", columns: Sequence[str] | None = None, place: str = "region"
) -> Table:
    """Describe a panel: coverage, mean and spread of each variable, and its mean at each stage.

    Parameters
    ----------
    panel
        The panel.
    stage
        Column of the stage clock behind the means by stage.
    columns
        Variables shown; by default every numeric outcome, driver, control and event.
    place
        What one region is called, such as "province".

    Returns
    -------
    Table
        A slot without data has a row that says so.

    Raises
    ------
    DataError
        If a column is not in the panel.
    """
    fail_if_columns_missing([stage, *(columns or [])], [str(c) for c in panel.data.columns], "The panel")
    described = panel.describe()
    chosen = [c for c in columns or _numeric(panel) if c in described.index]
    means = panel.data.groupby(stage, observed=True)[chosen].mean()
    stages = [s for s in (*STAGES, *map(str, means.index)) if s in means.index]
    stages = list(dict.fromkeys(stages))
    rows = {}
    index = _shared_index([c for c in chosen if panel.roles.get(c) == "outcome"])
    for role, head in GROUPS.items():
        head = f"{head} (policies: {index} index)" if role == "outcome" and index else head  # noqa: PLW2901 - the same head, longer
        for name in [c for c in chosen if panel.roles.get(c) == role]:
            rows[head, _named(name, index)] = _describe(
                dict(described.loc[name]), [float(means[name][s]) for s in stages]
            )
        for slot in panel.empty_slots if role == "driver" else ():
            rows[head, label_of(slot)] = ["none", *["no data"] * (2 + len(stages))]
    body = pd.DataFrame.from_dict(rows, orient="index", columns=_heads(stages))
    body.index = pd.MultiIndex.from_tuples(list(rows))
    return Table(
        "panel", "The panel: coverage, and means by stage", body, _notes(panel, stage, place), described.reset_index()
    )


def ledger_table(panel: Panel) -> Table:
    """Account for every row and cell dropped, imputed or corrected, by source and reason."""
    summary = panel.ledger.summary()
    summary = summary.assign(reason=summary["reason"].map(_general)).groupby(["source", "action", "reason"]).sum()
    entries = summary.reset_index().to_dict(orient="records")
    rows = {(str(e["source"]), f"{e['action']}: {e['reason']}"): [count_text(int(e["count"]))] for e in entries}
    body = pd.DataFrame.from_dict(rows, orient="index", columns=["Cells or rows"])
    body.index = pd.MultiIndex.from_tuples(list(rows))
    note = "Every change between the sources and the panel; each entry stands with region and week in the ledger."
    return Table("ledger", "What was dropped, imputed or corrected, and why", body, (note,), summary.reset_index())


def _general(reason: str) -> str:
    """Take the names of places out of a reason, so that equal reasons are counted together."""
    _, found, rest = reason.partition(": outside the ")
    return f"outside the {rest}" if found else reason


def _numeric(panel: Panel) -> list[str]:
    wanted = [c for role in GROUPS for c in panel.columns_of(role)]
    return [c for c in wanted if pd.api.types.is_numeric_dtype(panel.data[c])]


def _shared_index(outcomes: Sequence[str]) -> str:
    """Name the policy index behind all outcomes, if it is one."""
    named = {label_of(c).partition(" (")[2].removesuffix(")") for c in outcomes if " (" in label_of(c)}
    return named.pop() if len(named) == 1 else ""


def _named(column: str, index: str) -> str:
    name, unit = label_of(column).removesuffix(f" ({index})"), unit_of(column)
    return f"{name}, {unit}" if unit else name


def _describe(row: Mapping[str, Any], by_stage: Sequence[float]) -> list[str]:
    covered = percent_text(1 - float(row["share_missing"]), 0)
    return [covered, number_text(row["mean"]), number_text(row["sd"]), *map(number_text, by_stage)]


def _heads(stages: Sequence[str]) -> pd.MultiIndex:
    whole = [("All weeks", head) for head in ("Coverage", "Mean", "SD")]
    return pd.MultiIndex.from_tuples([*whole, *[("Mean at stage", s.capitalize()) for s in stages]])


def _notes(panel: Panel, stage: str, place: str) -> tuple[str, ...]:
    regions, weeks = (panel.data.index.unique(level) for level in ("region", "week"))
    known = panel.data[stage].notna()
    counts = panel.data.loc[known, stage].astype(str).value_counts()
    shares = ", ".join(f"{s} {count_text(counts[s])}" for s in STAGES if s in counts)
    return (
        f"{len(regions)} {place}s by {len(weeks)} weeks, {count_text(len(panel.data))} {place}-weeks.",
        f"Coverage: share of {place}-weeks with a value; a week before a source begins is missing, never zero.",
        f"{place.capitalize()}-weeks by stage: {shares}, without a stage {count_text(float((~known).sum()))}.",
        *[f"{label_of(slot)}: empty, {why}." for slot, why in panel.empty_slots.items()],
    )
