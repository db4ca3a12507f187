"""What may be assumed of violations of parallel trends, written as unions of polyhedra {d: A d <= b}."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError, IdentificationError
from panelcoop.options import FloatArray

__all__ = ["Polyhedron", "Restriction", "RestrictionKind", "polyhedra", "second_differences"]

RestrictionKind: TypeAlias = Literal["relative-magnitudes", "smoothness", "smoothness-relative"]
KINDS = ("relative-magnitudes", "smoothness", "smoothness-relative")
SHORT = {"relative-magnitudes": "RM", "smoothness": "SD", "smoothness-relative": "SDRM"}


@dataclass(frozen=True)
class Restriction:
    """A bound on violations of parallel trends, and what else is known of their sign or shape.

    Attributes
    ----------
    kind
        "relative-magnitudes": changes after the event are at most M times the largest change before it;
        "smoothness": slopes change by at most M between periods; "smoothness-relative": slopes change after the event
        by at most M times the largest change of slope before it.
    bias
        "positive" or "negative": violations after the event have this sign.
    monotone
        "increasing" or "decreasing": violations move in this direction throughout.

    Raises
    ------
    DataError
        If a word is not in the vocabulary.

    Examples
    --------
    >>> Restriction("smoothness", bias="positive").name
    'DeltaSDPB'
    """

    kind: RestrictionKind = "relative-magnitudes"
    bias: Literal["positive", "negative"] | None = None
    monotone: Literal["increasing", "decreasing"] | None = None

    def __post_init__(self) -> None:
        fail_if_not_one_of(self.kind, KINDS, "restriction")
        if self.bias is not None:
            fail_if_not_one_of(self.bias, ("positive", "negative"), "bias")
        if self.monotone is not None:
            fail_if_not_one_of(self.monotone, ("increasing", "decreasing"), "monotone")

    @property
    def name(self) -> str:
        """The name used by Rambachan and Roth, for example DeltaRM, DeltaSDNB or DeltaSDRMI."""
        sign = {None: "", "positive": "PB", "negative": "NB"}[self.bias]
        shape = {None: "", "increasing": "I", "decreasing": "D"}[self.monotone]
        return f"Delta{SHORT[self.kind]}{sign}{shape}"

    @property
    def shaped(self) -> bool:
        """Whether a sign or a shape is assumed on top."""
        return self.bias is not None or self.monotone is not None


@dataclass(frozen=True)
class Polyhedron:
    """One piece {d: matrix d <= bound} of a restriction.

    Attributes
    ----------
    matrix
        Shape (m, P + T): inequalities by periods, the reference period left out.
    bound
        Shape (m,).
    label
        Which period and sign hold the largest violation; empty where there is one piece.
    """

    matrix: FloatArray
    bound: FloatArray
    label: str = ""


def polyhedra(restriction: Restriction, magnitude: float, n_pre: int, n_post: int) -> tuple[Polyhedron, ...]:
    """Write a restriction as a union of polyhedra.

    Parameters
    ----------
    magnitude
        M (Mbar for the relative restrictions), not negative.
    n_pre, n_post
        Periods before and after the reference period.

    Notes
    -----
    Relative restrictions hold one piece for each period whose change could be the largest before the event and for
    each of its signs, 2P for first differences and 2(P - 1) for second differences.

    Raises
    ------
    IdentificationError
        If a relative smoothness restriction has fewer than two periods before the event.
    """
    if not magnitude >= 0:
        msg = f"M must be a number that is not negative; got {magnitude}."
        raise DataError(msg)
    extra = _extra_rows(restriction, n_pre, n_post)
    if restriction.kind == "smoothness":
        rows = second_differences(n_pre, n_post)
        matrix, bound = np.vstack([rows, -rows]), np.full(2 * len(rows), float(magnitude))
        pieces = [Polyhedron(matrix, bound)]
    else:
        pieces = _relative_pieces(restriction, magnitude, n_pre, n_post)
    return tuple(
        Polyhedron(np.vstack([p.matrix, extra]), np.concatenate([p.bound, np.zeros(len(extra))]), p.label)
        for p in pieces
    )


def first_differences(n_pre: int, n_post: int) -> FloatArray:
    """Difference neighbouring periods, shape (P + T, P + T); the violation in the reference period is zero."""
    return np.asarray(np.delete(np.diff(np.eye(n_pre + n_post + 1), axis=0), n_pre, axis=1))


def second_differences(n_pre: int, n_post: int) -> FloatArray:
    """Difference neighbouring slopes, shape (P + T - 1, P + T); row P - 1 is centred on the reference period."""
    return np.asarray(np.delete(np.diff(np.eye(n_pre + n_post + 1), n=2, axis=0), n_pre, axis=1))


def _relative_pieces(restriction: Restriction, magnitude: float, n_pre: int, n_post: int) -> list[Polyhedron]:
    """Bound every change by the change in one period before the event, for each such period and sign."""
    first = restriction.kind == "relative-magnitudes"
    rows = first_differences(n_pre, n_post) if first else second_differences(n_pre, n_post)
    before = n_pre if first else n_pre - 1
    if before < 1:
        msg = "A relative smoothness restriction compares slopes before the event: it needs two periods before it."
        raise IdentificationError(msg)
    scale = np.where(np.arange(len(rows)) < before, 1.0, float(magnitude))[:, None]
    pieces = []
    for s in range(before):
        for sign, mark in ((1.0, "+"), (-1.0, "-")):
            largest = scale * (sign * rows[s])
            matrix = np.vstack([rows - largest, -rows - largest])
            kept = matrix[(matrix != 0).any(axis=1)]
            pieces.append(Polyhedron(kept, np.zeros(len(kept)), f"s={s - before + 1},{mark}"))
    return pieces


def _extra_rows(restriction: Restriction, n_pre: int, n_post: int) -> FloatArray:
    """Rows of sign and shape restrictions, each at most zero."""
    rows = [np.zeros((0, n_pre + n_post))]
    if restriction.bias is not None:
        after = np.eye(n_pre + n_post)[n_pre:]
        rows.append(-after if restriction.bias == "positive" else after)
    if restriction.monotone is not None:
        steps = first_differences(n_pre, n_post)
        rows.append(-steps if restriction.monotone == "increasing" else steps)
    return np.vstack(rows)
