"""The measures by name: what each says, which describe the whole network, and which columns were made from a log."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Literal, TypeAlias, get_args

from panelcoop.checks import fail_if_not_one_of
from panelcoop.panel.measures.slices import VOCABULARY, Slice, slice_names

__all__ = [
    "INTENSITIES",
    "MEASURE_NOTES",
    "NETWORK_MEASURES",
    "POLICY_MEASURES",
    "SLICED_MEASURES",
    "PolicyName",
    "observes_outcome",
    "sliced_measures",
]

MEASURE_NOTES = {
    "out_intensity": "sum of A_ij over partners j; count-like, zero or more; 0 where no event",
    "in_intensity": "sum of A_ji over partners j; count-like, zero or more; 0 where no event",
    "intensity": "out- plus in-intensity; model it as a count (Poisson), not as log(1 + y)",
    "stock": "intensity accumulated with a half-life",
    "partners": "number of partners with any cooperation",
    "breadth": "partners / possible partners, in [0, 1]",
    "effective_partners": "exp of the entropy of partner shares; missing without a partner",
    "formality": "mean rung of the formality ladder, 1 to 5, weighted; missing where nothing is graded",
    "reciprocity": "share of exchange that is returned, in [0, 1]; missing at 0/0",
    "vertical_share": "share of cooperation with the centre, in [0, 1]; missing at 0/0",
    "mandated_share": "ordered share of horizontal cooperation, in [0, 1]; missing at 0/0",
    "ei_index": "(external - internal) / (external + internal), in [-1, 1]; missing at 0/0",
    "persistence": "share of partners kept since the period before, in [0, 1]; missing at 0/0",
    "density": "directed ties / possible ties; one value per period, missing if a region lacks records",
    "centralisation": "Freeman degree centralisation; one value per period",
    "strength_gini": "Gini coefficient of intensity over regions; one value per period",
    "network_reciprocity": "returned share of all exchange between regions; one value per period",
    "network_persistence": "share of ties kept in the whole network; one value per period",
}

NETWORK_MEASURES = ("density", "centralisation", "strength_gini", "network_reciprocity", "network_persistence")
"""Measures of the whole network: the same for every region of a period, so week effects absorb them."""

INTENSITIES = ("out_intensity", "in_intensity", "intensity")
"""Measures that are taken apart for every slice."""

SLICED_MEASURES = tuple(name for name in MEASURE_NOTES if name not in INTENSITIES)
"""Measures that are taken apart for every slice on request."""

LAYER_SHARES = ("vertical_share", "mandated_share", "ei_index")
"""Measures that compare layers, or regions with what happens within them."""

PolicyName: TypeAlias = Literal["joint_response", "policy_overlap", "alignment", "policy_synchrony", "co_movement"]
"""A measure of policy indices."""

POLICY_MEASURES: tuple[PolicyName, ...] = get_args(PolicyName)
"""Measures of policy indices."""


def sliced_measures(chosen: Slice, by_slice: Sequence[str] | Literal["all"]) -> list[str]:
    """List the measures that mean something within a slice.

    Parameters
    ----------
    chosen
        The slice.
    by_slice
        Measures asked for, or "all".

    Returns
    -------
    list of str
        A layer has no share of layers and no cooperation within regions; the vertical layer, whose one partner is the
        centre, has no partners and no network.

    Raises
    ------
    DataError
        When a measure is none of ``SLICED_MEASURES``.

    Examples
    --------
    >>> sliced_measures({"layer": "vertical"}, ["stock", "partners", "vertical_share"])
    ['stock']
    """
    wanted = SLICED_MEASURES if by_slice == "all" else by_slice
    for name in wanted:
        fail_if_not_one_of(name, SLICED_MEASURES, "a measure by slice")
    if chosen.get("layer") == "vertical":
        return [name for name in wanted if name in ("stock", "formality")]
    return [name for name in wanted if "layer" not in chosen or name not in LAYER_SHARES]


def observes_outcome(column: str) -> bool:
    """Tell whether a column is a measure of cooperation or of policies: a measure, a slice of one, or of one index.

    Examples
    --------
    >>> [observes_outcome(name) for name in ("stock", "intensity_agreement", "alignment_stringency", "risk")]
    [True, True, True, False]
    """
    if column in MEASURE_NOTES or column in POLICY_MEASURES:
        return True
    return any(column.removeprefix(f"{name}_") in SUFFIXES for name in MEASURE_NOTES) or column.startswith(
        tuple(f"{name}_" for name in POLICY_MEASURES)
    )


def _suffixes() -> frozenset[str]:
    words = [(None, *vocabulary) for vocabulary in VOCABULARY.values()]
    crossings = [
        {key: word for key, word in zip(VOCABULARY, chosen, strict=True) if word is not None}
        for chosen in product(*words)
    ]
    return frozenset(slice_names([one for one in crossings if one]))


SUFFIXES = _suffixes()
"""Suffixes of all slices."""
