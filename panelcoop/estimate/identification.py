"""Which terms of a stage interaction are identified under the chosen effects and stages, and why the rest are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from panelcoop.checks import name_few
from panelcoop.estimate.design import PanelArrays, StageCodes
from panelcoop.numerics.estimable import estimable_rows
from panelcoop.options import BoolArray, Effects, FloatArray, IntArray

__all__ = [
    "Status",
    "Term",
    "TermStatus",
    "Variation",
    "identification_frame",
    "identification_notes",
    "identify_terms",
    "variation_of",
]

Status: TypeAlias = Literal["identified", "contrasts only", "not identified"]
Variation: TypeAlias = Literal["region and week", "week only", "region only", "constant"]

COMBINATION = "a linear combination of other terms and the absorbed effects"
VARIATION_TOLERANCE = 1e-12  # relative to the largest value: below it, a difference is rounding


@dataclass(frozen=True)
class Term:
    """One column of the design: a driver within a stage, a stage itself, or a control.

    Attributes
    ----------
    name
        Such as "risk:outbreak", "stage:outbreak" or "population".
    kind
        What it is.
    family
        The driver, "stage", or the control: terms of one family can be contrasted.
    stage
        The stage, or an empty string for a control.
    """

    name: str
    kind: Literal["driver", "stage", "control"]
    family: str
    stage: str = ""


@dataclass(frozen=True)
class TermStatus:
    """Whether a term is identified, and why not; the reason is empty where it is."""

    term: Term
    status: Status
    reason: str


def variation_of(values: FloatArray, arrays: PanelArrays) -> Variation:
    """Say along which dimensions a column varies.

    Parameters
    ----------
    values
        Shape (n,), aligned with ``arrays``.
    arrays
        Codes of regions and weeks.

    Returns
    -------
    str
        "week only" is a national series, "region only" is time-invariant.
    """
    over_regions = _varies_within(values, arrays.week, len(arrays.weeks))
    over_weeks = _varies_within(values, arrays.region, len(arrays.regions))
    if over_regions and over_weeks:
        return "region and week"
    if over_weeks:
        return "week only"
    return "region only" if over_regions else "constant"


def identify_terms(
    terms: Sequence[Term],
    *,
    null_space: FloatArray,
    empty: BoolArray,
    variation: Mapping[str, Variation],
    stages: StageCodes,
    effects: Effects,
) -> tuple[TermStatus, ...]:
    """State for each term whether it is identified, and the reason where it is not.

    Parameters
    ----------
    terms
        The k columns.
    null_space
        Directions that leave the fit unchanged, shape (k, d).
    empty
        Columns that are zero in every row, shape (k,).
    variation
        How each driver and control varies.
    stages
        National or region-specific stages.
    effects
        What is absorbed.
    """
    is_estimable = partial(estimable_rows, null_space=null_space)
    alone = is_estimable(np.eye(len(terms)))
    found = []
    for j, term in enumerate(terms):
        status = _status(j, terms, alone, is_estimable)
        why = f"'{term.family}' is zero in every row of stage '{term.stage}'" if empty[j] else None
        reason = "" if status == "identified" else why or _reason(term, variation.get(term.family), stages, effects)
        if reason == COMBINATION:
            reason = f"{COMBINATION}: moves with {name_few(_partners(j, terms, null_space))}"
        found.append(TermStatus(term, status, reason))
    return tuple(found)


def identification_frame(statuses: Sequence[TermStatus]) -> pd.DataFrame:
    """Lay statuses out as a frame indexed by term: kind, family, stage, status and reason."""
    rows = [(s.term.kind, s.term.family, s.term.stage, s.status, s.reason) for s in statuses]
    index = pd.Index([s.term.name for s in statuses], name="term")
    return pd.DataFrame(rows, index=index, columns=["kind", "family", "stage", "status", "reason"])


def identification_notes(statuses: Sequence[TermStatus]) -> tuple[str, ...]:
    """Write one sentence for all terms of a family that share a status and a reason."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for s in statuses:
        if s.status != "identified":
            groups.setdefault((s.term.family, s.status, s.reason), []).append(s.term.name)
    return tuple(f"{', '.join(names)}: {status}: {reason}" for (_, status, reason), names in groups.items())


def _partners(j: int, terms: Sequence[Term], null_space: FloatArray) -> list[str]:
    """Name the terms that share a null direction with term j."""
    shared = np.abs(null_space[:, np.abs(null_space[j]) > 0]).max(axis=1, initial=0.0) > 0
    return [term.name for i, term in enumerate(terms) if shared[i] and i != j] or ["the absorbed effects alone"]


def _varies_within(values: FloatArray, codes: IntArray, groups: int) -> bool:
    first = np.zeros(groups)
    first[codes] = values
    return bool(
        np.abs(values - first[codes]).max(initial=0.0) > VARIATION_TOLERANCE * np.abs(values).max(initial=1e-300)
    )


def _status(j: int, terms: Sequence[Term], alone: BoolArray, is_estimable: Callable[[FloatArray], BoolArray]) -> Status:
    if alone[j]:
        return "identified"
    others = [i for i, t in enumerate(terms) if t.family == terms[j].family and i != j and not alone[i]]
    if terms[j].kind != "control" and others:
        differences = np.zeros((len(others), len(terms)))
        differences[:, j] = 1.0
        differences[np.arange(len(others)), others] = -1.0
        if is_estimable(differences).any():
            return "contrasts only"
    return "not identified"


def _reason(term: Term, how: Variation | None, stages: StageCodes, effects: Effects) -> str:
    """Explain by the variation of the driver and the absorbed effects, most specific first."""
    by_week = effects in {"week", "two-way", "two-way+trends"}
    by_region = effects in {"region", "two-way", "two-way+trends"}
    name = f"'{term.family}'"
    national, constant = how in {"week only", "constant"}, how in {"region only", "constant"}
    reasons = (
        (term.kind == "stage" and stages.national and by_week, "national stages are absorbed by week effects"),
        (term.kind == "stage", "stage dummies add up to one: only contrasts between stages that overlap"),
        (national and by_week and stages.national, f"{name} is national: absorbed by week effects"),
        (national and by_week, f"{name} is national: its stage terms add up to a series that week effects absorb"),
        (constant and by_region and term.kind == "control", f"{name} is time-invariant: absorbed by region effects"),
        (constant and by_region, f"{name} is time-invariant: its stage terms add up to what region effects absorb"),
        (True, COMBINATION),
    )
    return next(reason for holds, reason in reasons if holds)
