"""The contract of an event log: its fields, their vocabularies, and the schema of rows that passed every check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import pandas as pd

if TYPE_CHECKING:
    import pandera.pandas as pa

__all__ = [
    "CONTENTS",
    "EVENT_COLUMNS",
    "FIELDS",
    "FORMALITY",
    "LAYERS",
    "LEVELS",
    "MECHANISMS",
    "NOT_EVENTS",
    "SEPARATOR",
    "Field",
    "Layer",
    "codebook",
    "event_schema",
]

MECHANISMS = ("agreement", "joint_departmental", "joint_prevention", "counterpart_support", "other")
"""How governments cooperate: by agreement, between departments, in a network of many subjects, by paired support."""

CONTENTS = ("resource", "information", "policy")
"""What is coordinated; one event may hold several."""

LEVELS = ("nation", "province", "city", "county")
"""Levels of government, highest first."""

FORMALITY = {"meeting": 1, "notice": 2, "agreement": 3, "standing body": 4, "legal": 5}
"""Ladder of formality f."""

Layer: TypeAlias = Literal["vertical", "horizontal", "mandated-horizontal"]
"""Layer of a dyad: with the centre, between regions of their own accord, between regions by order."""

LAYERS: tuple[Layer, ...] = ("vertical", "horizontal", "mandated-horizontal")

SEPARATOR = "|"
"""Stands between several regions or contents in one cell; ";" is read alike."""

NOT_EVENTS = ("rejected.parquet", "panel.parquet")
"""Tables that are written beside the events of a log; a folder of logs is read without them."""


@dataclass(frozen=True)
class Field:
    """One field of an event log.

    Attributes
    ----------
    name
        Column of the log.
    meaning
        What it holds, and what an empty cell means.
    example
        One valid cell.
    aliases
        Other headers that are read as this one.
    required
        Whether the column must be there.
    """

    name: str
    meaning: str
    example: str
    aliases: tuple[str, ...] = ()
    required: bool = False


FIELDS = (
    Field(
        "start", "First day of the event, year-month-day.", "2020-02-10", ("date", "day", "first_day"), required=True
    ),
    Field("end", "Last day of the event; empty: one day long.", "2020-03-01", ("last_day",)),
    Field(
        "source",
        "Who acts: one region or several, by code or any known name.",
        "CN-JS",
        ("sources", "source_region"),
        required=True,
    ),
    Field(
        "target",
        "Towards whom. The same two or more regions as in `source` make a mutual event.",
        "CN-HB|CN-HN",
        ("targets", "target_region"),
        required=True,
    ),
    Field("source_level", f"Level of the source: {', '.join(LEVELS)}.", "province", ("level_source",)),
    Field("target_level", "Level of the target.", "province", ("level_target",)),
    Field("mechanism", f"One of {', '.join(MECHANISMS)}.", "counterpart_support", required=True),
    Field("contents", f"Any of {', '.join(CONTENTS)}; empty: not coded.", "resource|policy", ("content",)),
    Field("weight", "Size of the event, zero or more; empty (also NA, nan, none, null): 1.", "1", ("w",)),
    Field(
        "formality",
        "1 meeting, 2 notice, 3 agreement, 4 standing body, 5 legal: number or word; empty: not coded.",
        "2",
    ),
    Field(
        "mandated",
        "Ordered from above (true, false); empty: false. Counterpart support always counts as ordered.",
        "true",
    ),
    Field("document", "Id of the document the event was read from.", "nhc-2020-71", ("document_id", "doc_id")),
)
"""Fields of an event log, in order."""

EVENT_COLUMNS = (*(field.name for field in FIELDS), "file", "row")
"""Columns of a log that was read: the fields, and where each row came from (rows of data count from 1)."""


def codebook() -> pd.DataFrame:
    """Return the codebook: one row per field with its meaning and an example.

    Examples
    --------
    >>> codebook().loc["mechanism", "example"]
    'counterpart_support'
    """
    rows = [(f.name, f.required, f.meaning, f.example, ", ".join(f.aliases)) for f in FIELDS]
    return pd.DataFrame(rows, columns=["field", "required", "meaning", "example", "also_read_as"]).set_index("field")


def event_schema() -> pa.DataFrameSchema:
    """Return the schema that every accepted row obeys.

    Returns
    -------
    pandera.DataFrameSchema
        `start` and `end` are days with start <= end; `source`, `target` and `contents` hold codes parted by "|";
        `weight` is finite and not negative; `formality` is 1 to 5 or missing; (file, row) is unique.
    """
    import pandera.pandas as pa

    words = "|".join(CONTENTS)
    return pa.DataFrameSchema(
        {
            "start": pa.Column("datetime64[us]"),
            "end": pa.Column("datetime64[us]"),
            "source": pa.Column(object, pa.Check.str_length(min_value=1)),
            "target": pa.Column(object, pa.Check.str_length(min_value=1)),
            "source_level": pa.Column(object, pa.Check.isin(["", *LEVELS])),
            "target_level": pa.Column(object, pa.Check.isin(["", *LEVELS])),
            "mechanism": pa.Column(object, pa.Check.isin(MECHANISMS)),
            "contents": pa.Column(object, pa.Check.str_matches(rf"^(?:(?:{words})(?:\|(?:{words}))*)?$")),
            "weight": pa.Column(float, [pa.Check.ge(0), pa.Check.lt(float("inf"))]),
            "formality": pa.Column(float, pa.Check.isin(list(FORMALITY.values())), nullable=True),
            "mandated": pa.Column(bool),
            "document": pa.Column(object),
            "file": pa.Column(object),
            "row": pa.Column(int, pa.Check.ge(1)),
        },
        checks=pa.Check(lambda log: log["start"] <= log["end"], name="start is not after end"),
        unique=["file", "row"],
        ordered=True,
        strict=True,
    )
