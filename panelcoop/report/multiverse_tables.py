"""The multiverse as a table: what each choice does to the effect, its sign and the waves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from panelcoop.report.multiverse_figure import AXIS_TITLES, choice_label, contrast_label
from panelcoop.report.table import Table
from panelcoop.sensitivity.multiverse import Multiverse
from panelcoop.sensitivity.multiverse_joint import CurveTest

__all__ = ["multiverse_numbers", "multiverse_table"]


def multiverse_table(found: Multiverse, *, joint: CurveTest | None = None, name: str = "multiverse") -> Table:
    """Lay out the universes by choice.

    Parameters
    ----------
    found
        A multiverse.
    joint
        Its joint test, for the notes.
    name
        Stem of the table's files.

    Returns
    -------
    Table
        A row per choice, grouped by axis, after one for all universes; the numbers of every universe are its data.
    """
    rows = {("All", "all universes"): _cells(found, found.table)}
    for axis in found.axes:
        title = AXIS_TITLES.get(axis, axis.replace("_", " ").capitalize())
        for choice in found.table[axis].unique():
            rows[title, choice_label(axis, str(choice))] = _cells(found, found.table[found.table[axis] == choice])
    body = pd.DataFrame.from_dict(rows, orient="index")
    body.index = pd.MultiIndex.from_tuples(list(rows))
    title = f"Multiverse of {contrast_label(found.contrast).lower()}"
    return Table(name, title, body, _notes(found, joint), found.table.reset_index())


def multiverse_numbers(found: Multiverse, *, joint: CurveTest | None = None) -> dict[str, Any]:
    """Give what a text quotes: shares and effects over all universes and by choice on each axis.

    Parameters
    ----------
    found
        A multiverse.
    joint
        Its joint test.
    """
    by_axis = {axis: found.share_by(axis).to_dict(orient="index") for axis in found.axes}
    reasons = {str(why): int(count) for why, count in found.infeasible.items()}
    tests = {} if joint is None else joint.table.to_dict(orient="index")
    return {
        "contrast": found.contrast,
        **found.summary(),
        "joint": tests,
        "by_choice": by_axis,
        "infeasible": reasons,
    }


def _cells(found: Multiverse, rows: pd.DataFrame) -> dict[str, str]:
    known = rows[rows["estimate"].notna()]
    same = np.sign(known["estimate"]) == found.sign
    clear = same & (known["pvalue"] <= 1 - found.settings.level + 1e-12)
    cells = {
        "Universes": f"{len(known):,}" + (f" of {len(rows):,}" if len(known) < len(rows) else ""),
        "Median": _number(known["effect"].median()),
        "Lowest": _number(known["effect"].min()),
        "Highest": _number(known["effect"].max()),
        "Same sign": _share(same),
        "Significant": _share(clear),
    }
    if "ascent" in rows:
        tested = rows[rows["ascent"].notna()]
        cells["Waves"] = _share((tested["ascent"] > 0) & (tested["net_rise"] > 0))
    return cells


def _notes(found: Multiverse, joint: CurveTest | None) -> tuple[str, ...]:
    n = found.summary()
    main = found.table.iloc[found.main]
    estimand = (
        f"Estimand: {found.contrast}, in standard deviations of the outcome within the absorbed effects per standard "
        f"deviation of the driver; the plan's universe gives {main['effect']:.3f} (DWB-t p = {main['pvalue']:.3f}, "
        f"CRV1 p = {main['pvalue_crv1']:.3f})."
    )
    shares = (
        "Same sign: share of the universes with an estimate that have the sign of the plan's. Significant: share that "
        f"also have a DWB-t p-value of at most {1 - found.settings.level:.2g} ({found.settings.draws:,} draws)."
    )
    notes = [estimand, shares]
    if "wave_tests" in n:
        notes.append(
            "Waves: share of the wave tests (one per outcome, weighting and set of regions) with an interrupted ascent "
            f"(U > 0) and a net rise; U is significant in {n['wave_significant_share']:.0%} of {n['wave_tests']:,}."
        )
    if joint is not None:
        tests = "; ".join(
            f"{name} {row['observed']:.3f}, p = {row['pvalue']:.3f}" for name, row in joint.table.iterrows()
        )
        notes.append(
            f"Joint test of all universes ({joint.draws:,} draws, the same weeks' multipliers in all): {tests}."
        )
    notes += [f"{count} universes have no estimate: {why}" for why, count in found.infeasible.items()]
    return tuple(notes)


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3f}"


def _share(which: pd.Series) -> str:
    return f"{which.mean():.0%}" if len(which) else ""
