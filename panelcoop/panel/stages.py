"""What a stage is, and the one rule every clock obeys: never date stages from the outcome."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

import pandas as pd

from panelcoop.errors import DataError
from panelcoop.panel.measures.names import observes_outcome

__all__ = ["STAGES", "Stage", "fail_if_dated_from_outcome", "stage_dtype"]

Stage: TypeAlias = Literal["gestation", "outbreak", "continuation", "recovery"]
"""One stage of the life cycle."""

STAGES: tuple[Stage, ...] = get_args(Stage)
"""The life cycle in order: trigger, operation, adjustment, evaluation."""

SHIFTED = re.compile(r"(_(lag|lead)\d+)+$")
"""What the name of a shifted column ends in."""


def stage_dtype() -> pd.CategoricalDtype:
    """Return the type of a stage column: ordered categories, missing where no stage is dated.

    Examples
    --------
    >>> stage_dtype().categories.tolist()
    ['gestation', 'outbreak', 'continuation', 'recovery']
    """
    return pd.CategoricalDtype(list(STAGES), ordered=True)


def fail_if_dated_from_outcome(column: str, roles: Mapping[str, str]) -> None:
    """Refuse to date stages from an outcome.

    Parameters
    ----------
    column
        Name of the column that a clock would read.
    roles
        Role of each column of the panel.

    Raises
    ------
    DataError
        If the column is an outcome, one shifted in time (`y_lag1`), or a measure made from the same records as the
        outcome (unless it was given another role): stages dated from it would make any stage effect true by
        construction.

    Examples
    --------
    >>> fail_if_dated_from_outcome("joint_response", {"joint_response": "outcome"})
    Traceback (most recent call last):
    ...
    panelcoop.errors.DataError: Stages must not be dated from the outcome 'joint_response': ...
    """
    source = SHIFTED.sub("", column)
    role = "outcome" if roles.get(source) == "outcome" else roles.get(column, "other")
    if role == "outcome" or (role == "other" and observes_outcome(source)):
        what = f"the outcome '{column}'" if role == "outcome" else f"'{column}', made from the records of the outcome"
        msg = (
            f"Stages must not be dated from {what}: its phases would then explain it by construction. "
            "Date them from the epidemic (new_cases), from published dates, or from a column whose role is 'driver'."
        )
        raise DataError(msg)
