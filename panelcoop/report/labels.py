"""Readable names, with units, of the columns a reader meets."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["STAGES", "UNITS", "label_of", "method_label", "short_label_of", "unit_of"]

STAGES = ("gestation", "outbreak", "continuation", "recovery")
"""The life cycle in order."""

MEASURES: dict[str, tuple[str, str]] = {
    "joint_response": ("Joint response", "index points"),
    "policy_overlap": ("Policy overlap", "share"),
    "alignment": ("Alignment with neighbours", "index points"),
    "policy_synchrony": ("Policy synchrony", "share"),
    "co_movement": ("Co-movement", "correlation"),
}

INDICES = {
    "containment_health": "containment and health",
    "stringency": "stringency",
    "government_response": "government response",
    "economic_support": "economic support",
}

COLUMNS: dict[str, tuple[str, str]] = {
    "own_risk": ("Own risk", "log(1 + new cases per million)"),
    "spread_risk": ("Risk spread by neighbours", "log(1 + new cases per million)"),
    "vertical_authority": ("Vertical authority", "decayed response level"),
    "response_level": ("Response level declared", "level"),
    "weeks_since_declaration": ("Weeks since declaration", "weeks"),
    "fiscal_self_sufficiency": ("Local profit: fiscal self-sufficiency", "sd over regions"),
    "product_per_head": ("Local profit: product per head", "sd over regions"),
    "tertiary_share": ("Local profit: tertiary share", "sd over regions"),
    "public_opinion": ("Public opinion", "no data"),
    "national_directives": ("National directives", "no data"),
    "counterpart_support": ("Donor of counterpart support", "0 or 1"),
    "cumulative_risk": ("Cumulative risk", "log(1 + cases so far per million)"),
    "new_cases": ("New cases", "persons"),
    "new_deaths": ("New deaths", "persons"),
}

METHODS = {
    "driscoll-kraay": "Driscoll–Kraay",
    "newey-west": "Newey–West",
    "conley": "Conley",
    "two-way": "Two-way",
}

UNITS: Mapping[str, str] = {name: unit for name, (_, unit) in (MEASURES | COLUMNS).items()}
"""Unit of each measure and column that is known by name."""


def label_of(column: str, labels: Mapping[str, str] | None = None) -> str:
    """Name a column for a reader; a name nobody registered is made readable.

    Parameters
    ----------
    column
        Name of a column, such as "joint_response_containment_health".
    labels
        Names that take precedence, by column.

    Examples
    --------
    >>> label_of("joint_response_containment_health"), label_of("own_risk"), label_of("town_hall_meetings")
    ('Joint response (containment and health)', 'Own risk', 'Town hall meetings')
    """
    if labels and column in labels:
        return labels[column]
    if column in COLUMNS:
        return COLUMNS[column][0]
    for measure, (name, _) in MEASURES.items():
        if column.startswith(measure):
            index = column.removeprefix(measure).strip("_")
            return f"{name} ({INDICES.get(index, index.replace('_', ' '))})" if index else name
    return column.replace("_", " ").strip().capitalize()


def short_label_of(column: str) -> str:
    """Name a column without its family, for tight places.

    Examples
    --------
    >>> short_label_of("fiscal_self_sufficiency")
    'Fiscal self-sufficiency'
    """
    name = label_of(column).removeprefix("Local profit: ")
    return name[0].upper() + name[1:]


def unit_of(column: str) -> str:
    """Give the unit of a column, an empty string where it is not known.

    Examples
    --------
    >>> unit_of("policy_overlap_stringency"), unit_of("town_hall_meetings")
    ('share', '')
    """
    if column in UNITS:
        return UNITS[column]
    return next((unit for measure, (_, unit) in MEASURES.items() if column.startswith(measure)), "")


def method_label(method: str) -> str:
    """Name a method of inference for a reader.

    Examples
    --------
    >>> method_label("driscoll-kraay"), method_label("CRV1")
    ('Driscoll–Kraay', 'CRV1')
    """
    return METHODS.get(method, method)
