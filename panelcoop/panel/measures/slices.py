"""Which parts of the cooperation are measured apart: mechanism, content, layer, and any crossing of the three."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError
from panelcoop.panel.events.contract import CONTENTS, LAYERS, MECHANISMS

__all__ = ["DEFAULT_SLICES", "VOCABULARY", "Slice", "slice_names"]

Slice: TypeAlias = Mapping[str, str]
"""Any of `mechanism`, `content`, `layer` with one word of its vocabulary; what is left out is not restricted."""

VOCABULARY = {"mechanism": MECHANISMS, "content": CONTENTS, "layer": LAYERS}
"""Keys of a slice and the words each may hold."""

DEFAULT_SLICES: tuple[Slice, ...] = (
    *({"layer": layer} for layer in LAYERS),
    *({"mechanism": mechanism} for mechanism in MECHANISMS),
    *({"content": content} for content in CONTENTS),
)


def slice_names(slices: Sequence[Slice]) -> dict[str, Slice]:
    """Name each slice by its words: the suffix of its columns.

    Raises
    ------
    DataError
        When a slice has an unknown key or word, or none.

    Examples
    --------
    >>> list(slice_names([{"mechanism": "agreement", "layer": "mandated-horizontal"}]))
    ['agreement_mandated']
    """
    named: dict[str, Slice] = {}
    for chosen in slices:
        if not chosen:
            msg = "A slice needs a mechanism, a content or a layer."
            raise DataError(msg)
        for key, word in chosen.items():
            fail_if_not_one_of(key, list(VOCABULARY), "a slice's key")
            fail_if_not_one_of(word, VOCABULARY[key], f"the slice's {key}")
        words = [chosen[key] for key in VOCABULARY if key in chosen]
        named["_".join(words).replace("mandated-horizontal", "mandated")] = chosen
    return named
