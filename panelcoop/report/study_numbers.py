"""Numbers for the text: what the paper says in figures, made from results and never typed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from panelcoop.atomic import write_text
from panelcoop.estimate.crosscheck import CrossCheck
from panelcoop.estimate.stage_evidence import StageEvidence
from panelcoop.panel.record import Panel
from panelcoop.report.labels import label_of, method_label, short_label_of, unit_of
from panelcoop.report.number_text import count_text, interval_text, number_text, pvalue_text
from panelcoop.report.table import to_jsonable

__all__ = [
    "crosscheck_numbers",
    "disagreement_numbers",
    "headline_of",
    "panel_numbers",
    "save_numbers",
    "stage_numbers",
]

LEVEL = 0.05


def save_numbers(
    numbers: Mapping[str, Any], name: str, folder: Path | str, provenance: Mapping[str, str], *, headline: str = ""
) -> Path:
    """Write numbers for the text as JSON.

    Parameters
    ----------
    numbers
        Nested mappings of texts and numbers.
    name
        Stem of the file.
    folder
        Where the file goes.
    provenance
        Plan hash, version and git revision.
    headline
        One sentence that says what was found: printed at the end of `make`.

    Returns
    -------
    pathlib.Path
    """
    content = {"provenance": dict(provenance), "headline": headline, **numbers}
    return write_text(Path(folder) / f"{name}.json", to_jsonable(content))


def panel_numbers(panel: Panel, outcome: str, outbreaks: pd.DataFrame | None = None) -> dict[str, Any]:
    """Give size, span, outcome and ledger of a panel as text.

    Parameters
    ----------
    panel
        The panel.
    outcome
        Its main outcome.
    outbreaks
        National outbreaks, one row each.
    """
    regions, weeks = (panel.data.index.unique(level) for level in ("region", "week"))
    row: dict[str, Any] = dict(panel.describe().loc[outcome])
    national = panel.data[outcome].groupby(level="week").mean()
    entries = panel.ledger.summary()
    return {
        "regions": len(regions),
        "weeks": len(weeks),
        "rows": count_text(len(panel.data)),
        "first_week": row["first_week"],
        "last_week": row["last_week"],
        "outcome": {
            "label": label_of(outcome).lower(),
            "unit": unit_of(outcome),
            "note": panel.notes.get(outcome, ""),
            "mean": number_text(row["mean"], 1),
            "sd": number_text(row["sd"], 1),
            "peak": number_text(float(national.max()), 1),
            "peak_week": _week(national.idxmax()),
        },
        "ledger_cells": count_text(int(entries["count"].sum()) if len(entries) else 0),
        "ledger_reasons": len(entries),
        "outbreaks": 0 if outbreaks is None else len(outbreaks),
        "empty_slots": [{"slot": label_of(slot), "reason": why} for slot, why in panel.empty_slots.items()],
        "notes": {name: note for name, note in panel.notes.items() if panel.roles.get(name) == "driver"},
    }


def stage_numbers(evidence: StageEvidence) -> dict[str, Any]:
    """Give effects, tests and sample of a stage-interaction regression as text, by driver and stage."""
    fit, same = evidence.fit, evidence.homogeneity
    effects: dict[str, dict[str, Any]] = {}
    for key, row in evidence.effects.iterrows():
        driver, stage = (str(part) for part in pd.Index([key]).to_list()[0])
        effects.setdefault(driver, {})[stage] = _effect(dict(row))
    rejected = [d for d in same.index if same.loc[d, "pvalue_holm"] <= LEVEL]
    return {
        "nobs": count_text(fit.nobs),
        "regions": fit.n_regions,
        "weeks": fit.n_weeks,
        "effects_absorbed": fit.effects,
        "inference": evidence.convention,
        "dropped": {reason: count_text(count) for reason, count in fit.dropped.items()},
        "drivers": [label_of(d).lower() for d in fit.drivers],
        "effects": effects,
        "homogeneity": {str(d): _test(dict(row)) for d, row in same.iterrows()},
        "homogeneity_rejected": [label_of(str(d)).lower() for d in rejected],
        "homogeneity_tested": int(same["pvalue"].notna().sum()),
        "not_identified": int((evidence.effects["status"] == "not identified").sum()),
        "contrasts_only": int((evidence.effects["status"] == "contrasts only").sum()),
        "significant": _significant(evidence),
    }


def crosscheck_numbers(check: CrossCheck) -> dict[str, Any]:
    """Give the engines a model was refitted with, and the power of ten above the largest relative difference."""
    largest = check.largest
    orders = {str(e): {c: _order(float(v)) for c, v in dict(row).items()} for e, row in largest.iterrows()}
    return {"engines": list(orders), "largest": orders, "skipped": dict(check.skipped)}


def disagreement_numbers(comparison: pd.DataFrame) -> dict[str, Any]:
    """Say where methods of inference part at 5%: the effects some call different from zero and others do not.

    Parameters
    ----------
    comparison
        What ``fit.inference`` returned: indexed by hypothesis and method, the main method first.
    """
    main = method_label(str(comparison.index.get_level_values("method")[0]))
    split = []
    for hypothesis, part in comparison.groupby(level="hypothesis", sort=False):
        p = part.droplevel("hypothesis")["pvalue"].dropna()
        yes, no = (
            [method_label(str(m)) for m in p.index[p <= LEVEL]],
            [method_label(str(m)) for m in p.index[p > LEVEL]],
        )
        if yes and no:
            driver, _, stage = str(hypothesis).partition(":")
            name = f"{short_label_of(driver).lower()} at {stage.partition(' ')[0]}"
            split.append({"effect": name, "different": yes, "not": no, "main": main in yes})
    return {"main": main, "effects": comparison.index.unique("hypothesis").size, "split": split}


def headline_of(evidence: StageEvidence, numbers: Mapping[str, Any]) -> str:
    """Say in one sentence whether drivers act differently by stage, and which effects stand out."""
    outcome = label_of(evidence.fit.outcome).lower()
    tested, rejected = numbers["homogeneity_tested"], numbers["homogeneity_rejected"]
    how = f"Holm over {tested} drivers, 5%, {evidence.method}"
    first = (
        f"The effect on {outcome} of {_listed(rejected)} differs between stages ({how})"
        if rejected
        else f"No test rejects that a driver's effect on {outcome} is the same at all stages ({how})"
    )
    found = numbers["significant"]
    second = (
        f"single effects that differ from zero: {_listed(found)}" if found else "no single effect differs from zero"
    )
    return f"{first}; {second}."


def _effect(row: Mapping[str, Any]) -> dict[str, Any]:
    interval = interval_text(row["conf_low"], row["conf_high"])
    value, p = number_text(row["estimate"]), pvalue_text(row["pvalue"], sign=True)
    text = f"{value} (95% interval {interval}, {p})" if not pd.isna(row["estimate"]) else str(row["status"])
    return {"estimate": value, "interval": interval, "p": p, "text": text, "status": row["status"]}


def _test(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"p": pvalue_text(row["pvalue"], sign=True), "holm": pvalue_text(row["pvalue_holm"], sign=True)}


def _significant(evidence: StageEvidence) -> list[str]:
    known = evidence.effects[evidence.effects["pvalue"] <= LEVEL].reset_index()
    drivers = known[known["driver"] != "stage"]
    return [
        f"{short_label_of(str(r['driver'])).lower()} at {r['stage']} ({number_text(r['estimate'])})"
        for _, r in drivers.iterrows()
    ]


def _listed(items: Sequence[str]) -> str:
    return ", ".join(items[:-1]) + " and " + items[-1] if len(items) > 1 else "".join(items)


def _order(value: float) -> int | None:
    """Give the power of ten above a small number: stable where digits of rounding are not; None for zero."""
    return math.ceil(math.log10(value)) if value > 0 else None


def _week(label: object) -> str:
    return f"{label:%G-W%V}" if isinstance(label, pd.Timestamp) else str(label)
