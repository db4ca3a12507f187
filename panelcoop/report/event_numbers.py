"""Numbers of the event studies for the text of the paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from panelcoop.panel.weeks import week_label
from panelcoop.report.event_bounds import RELATIVE, SMOOTH, largest_change_of_slope
from panelcoop.report.event_tables import largest_weeks, left_out_texts
from panelcoop.report.number_text import interval_text, number_text, percent_text, pvalue_text
from panelcoop.sensitivity.event_designs import Activation
from panelcoop.sensitivity.event_evidence import EventEvidence
from panelcoop.sensitivity.event_sensitivity import StaticTwoWay
from panelcoop.sensitivity.event_spells import QuietSpells

__all__ = ["event_headline", "event_numbers"]

LEVEL = 0.05


def event_numbers(
    designs: Sequence[EventEvidence],
    *,
    activation: Activation,
    spells: QuietSpells,
    two_way: StaticTwoWay,
    sensitivity: Mapping[str, pd.DataFrame],
) -> dict[str, Any]:
    """Give effects, support, events used, bounds and stages of every design, by its name.

    Parameters
    ----------
    designs
        What was estimated.
    activation
        When provinces declared the top level.
    spells
        Spells of the rings.
    two_way
        What the static two-way estimate of the downgrade is made of.
    sensitivity
        Frames with estimate, std_error, pvalue and note by case.
    """
    found: dict[str, Any] = {design.name: _design(design) for design in designs}
    found["activation"] = {
        "week": week_label(activation.week),
        "together": activation.together,
        "known": activation.known,
        "missing": list(activation.missing),
        "last": list(activation.last),
    }
    found["spells"] = [
        {"start": week_label(row["start"]), "end": week_label(row["end"]), "far": row["far_at_start"]}
        for row in spells.table.to_dict(orient="records")
    ]
    found["two_way"] = {
        "estimate": number_text(two_way.estimate),
        "forbidden": percent_text(two_way.forbidden, 0),
        "forbidden_estimate": number_text(two_way.forbidden_estimate),
        "clean_estimate": number_text(two_way.clean_estimate),
        "negative_cells": percent_text(two_way.negative_cells, 0),
        "negative_weight": number_text(two_way.negative_weight),
    }
    found["shown"] = {"relative": f"{RELATIVE:g}", "smooth": f"{SMOOTH:g}"}
    found["composition"] = {design.name: _composition(design) for design in designs}
    found["sensitivity"] = {name: _cases(frame) for name, frame in sensitivity.items()}
    return found


def event_headline(designs: Sequence[EventEvidence]) -> str:
    """Say in one sentence what the first study of every design found."""
    parts = [
        f"{design.title.lower()} {number_text(row['estimate'])} {interval_text(row['low'], row['high'])}"
        for design in designs
        for row in design.effects.head(1).to_dict(orient="records")
    ]
    return f"Events, mean change of joint response: {'; '.join(parts)}."


def _design(design: EventEvidence) -> dict[str, Any]:
    effects = {str(label): _effect(design, str(label), dict(row)) for label, row in design.effects.iterrows()}
    main = next(iter(effects))
    support = design.studies[main].support.loc[0:]
    estimates = design.effects["estimate"]
    return {
        "title": design.title,
        "main": main,
        "effects": effects,
        "lowest": number_text(float(estimates.min())),
        "highest": number_text(float(estimates.max())),
        "bounds": {label: _bounds(design, label) for label in dict.fromkeys(name for name, _, _ in design.bounds)},
        "support": {
            "first": _support(support.iloc[0]),
            "last": _support(support.iloc[-1]),
            "thin": int(support["thin"].sum()),
            "horizons": len(support),
        },
        "unavailable": dict(design.unavailable),
        "stages": [_stage(dict(row)) for _, row in design.by_stage.reset_index().iterrows()],
    }


def _effect(design: EventEvidence, label: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "estimate": number_text(row["estimate"]),
        "interval": interval_text(row["low"], row["high"]),
        "p": pvalue_text(row["pvalue"], sign=True),
        "clear": bool(row["low"] > 0 or row["high"] < 0),
        "leads_p": pvalue_text(row["leads_p"], sign=True),
        "last_week": int(row["last_week"]),
        "used": int(row["used"]),
        "asked": int(row["asked"]),
        "left_out": left_out_texts(design, label),
        "conditions": design.conditions.get(label, ""),
    }


def _bounds(design: EventEvidence, label: str) -> dict[str, Any]:
    relative, smooth = (design.bounds[label, key, "first"] for key in ("relative-magnitudes", "smoothness"))
    low, high = design.bound(label, "relative-magnitudes", 1.0)
    return {
        "first": number_text(relative.estimate),
        "interval": interval_text(*relative.original),
        "relative_one": interval_text(low, high),
        "relative_breaks": relative.breakdown,
        "smooth_breaks": smooth.breakdown,
        "seen": largest_change_of_slope(relative),
    }


def _support(row: pd.Series) -> dict[str, int]:
    return {"weeks": int(row["cohorts"]), "events": int(row["treated"]), "controls": int(row["controls"])}


def _composition(design: EventEvidence) -> dict[str, Any]:
    """Say how much of the first and the last horizon the largest event week is."""
    label, weights = largest_weeks(design)
    after = weights.loc[0:].dropna()
    ends = {"first": after.iloc[0], "last": after.iloc[-1]} if len(after) else {}
    return {"estimator": label, **{end: percent_text(float(row["share"]), 0) for end, row in ends.items()}}


def _stage(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "estimator": row["estimator"],
        "stage": str(row["stage"]),
        "known": bool(pd.notna(row["estimate"])),
        "estimate": number_text(row["estimate"]),
        "interval": interval_text(row["low"], row["high"]),
        "events": int(row["events"]),
        "reason": row["reason"],
    }


def _cases(frame: pd.DataFrame) -> dict[str, Any]:
    return {
        str(case): {
            "estimate": number_text(row["estimate"]),
            "error": number_text(row["std_error"]),
            "p": pvalue_text(row["pvalue"], sign=True),
            "clear": bool(row["pvalue"] <= LEVEL),
            "note": row["note"],
        }
        for case, row in frame.iterrows()
    }
