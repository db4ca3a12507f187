"""Honest bounds of the event studies: a table of all, and a figure of each design's first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from panelcoop.report.honest_figure import honest_figure
from panelcoop.report.number_text import interval_text, number_text
from panelcoop.report.table import Table
from panelcoop.sensitivity.event_evidence import EventEvidence
from panelcoop.sensitivity.honest_result import HonestBounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["RELATIVE", "SMOOTH", "event_bounds_figure", "event_bounds_table", "largest_change_of_slope"]

TARGETS = {"first": "first", "average": "mean"}
RESTRICTIONS = {"relative-magnitudes": "Relative magnitudes", "smoothness": "Smoothness, per week"}
RELATIVE, SMOOTH = 1.0, 0.1
"""Restrictions that figures, tables and text show beside the estimates."""
SHOWN = {"relative-magnitudes": (0.5, RELATIVE), "smoothness": (0.0, SMOOTH)}
MEANING = (
    "95% intervals of the first effect, and of the mean over the weeks after the event. Relative magnitudes (C-LF): "
    "from one week to the next, trends may part by at most M times the largest such change before the event. "
    "Smoothness (FLCI): their slope may change by at most M from week to week; M = 0 lets a linear trend go on. "
    "Breaks: the smallest M at which the interval reaches zero; 0 where it does under parallel or linear trends. Seen: "
    "largest change of slope among the estimates before the event. The middle of FLCI moves with M, so that its "
    "intervals need not lie inside each other."
)


def event_bounds_table(designs: Sequence[EventEvidence]) -> Table:
    """Tabulate honest intervals and breakdown values by design, estimator and target.

    Parameters
    ----------
    designs
        What was estimated. Studies without bounds are named in the notes with the reason.
    """
    data = pd.DataFrame([row for design in designs for row in _rows(design)])
    rows = data.to_dict(orient="records")
    cells: dict[tuple[str, str], list[str]] = {
        ("", "Parallel trends"): [interval_text(r["parallel_low"], r["parallel_high"]) for r in rows]
    }
    for key, head in RESTRICTIONS.items():
        for M in SHOWN[key]:
            cells[head, f"M = {M:g}"] = [interval_text(r[f"{key}_{M:g}_low"], r[f"{key}_{M:g}_high"]) for r in rows]
        cells[head, "Breaks"] = [number_text(r[f"{key}_breakdown"]) for r in rows]
    cells[RESTRICTIONS["smoothness"], "Seen"] = [number_text(v) for v in data["seen"]]
    names = [f"{r['estimator']} ({TARGETS[r['target']]})" for r in rows]
    body = pd.DataFrame(cells, index=pd.MultiIndex.from_arrays([data["design"], names]))
    body.columns = pd.MultiIndex.from_tuples(list(cells))
    return Table("event_bounds", "Honest bounds of the event studies", body, (MEANING, *_without(designs)), data)


def event_bounds_figure(designs: Sequence[EventEvidence]) -> Figure:
    """Draw the first bounded study of each design: relative magnitudes above, smoothness below."""
    panels, titles = [], []
    for restriction in RESTRICTIONS:
        for design in designs:
            label = next(name for name, _, _ in design.bounds)
            panels.append(design.bounds[label, restriction, "first"])
            titles.append(f"{design.name}: {label}")
    return honest_figure(panels, titles=titles, one_scale=False)


def largest_change_of_slope(bounds: HonestBounds) -> float:
    """Give the largest change of slope among the estimates before the event, the reference week included."""
    study = bounds.problem.study
    before = np.append(study.estimates[: study.n_pre], 0.0)
    return float(np.abs(np.diff(before, 2)).max()) if before.size > 2 else np.nan


def _rows(design: EventEvidence) -> list[dict[str, object]]:
    out = []
    for label, target in dict.fromkeys((name, target) for name, _, target in design.bounds):
        first = design.bounds[label, "relative-magnitudes", target]
        row: dict[str, object] = {"design": design.title, "estimator": label, "target": target}
        row |= {"parallel_low": first.original[0], "parallel_high": first.original[1]}
        for key in RESTRICTIONS:
            found = design.bounds[label, key, target]
            for M, interval in found.table[["low", "high"]].iterrows():
                row |= {f"{key}_{M:g}_{end}": interval[end] for end in ("low", "high")}
            row[f"{key}_breakdown"] = found.breakdown
        out.append({**row, "seen": largest_change_of_slope(first)})
    return out


def _without(designs: Sequence[EventEvidence]) -> list[str]:
    """Name the studies without bounds, once for those that share a reason."""
    reasons: dict[str, list[str]] = {}
    for design in designs:
        for label, why in {**design.unbounded, **design.unavailable}.items():
            short = "no single reference week" if "one reference period" in why else why.split(":", maxsplit=1)[0]
            reasons.setdefault(short[0].lower() + short[1:], []).append(f"{label} ({design.name})")
    return [f"No bounds: {', '.join(labels)}; {why}." for why, labels in reasons.items()]
