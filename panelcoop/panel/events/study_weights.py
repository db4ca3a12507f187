"""The spatial weights of a study, and the measures of policy that partners are weighed in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.errors import PlanError
from panelcoop.panel.events.study_grid import Placed, StudyGrid
from panelcoop.panel.events.study_sections import WeightSection
from panelcoop.panel.outcomes import POLICY_CAUTION, POLICY_NOTES, outcome_name
from panelcoop.panel.policy_measures import policy_functions
from panelcoop.panel.record import Ledger, SpatialWeights
from panelcoop.panel.spatial import (
    distance_weights,
    gravity_weights,
    matrix_weights,
    mobility_weights,
    nearest_weights,
)
from panelcoop.panel.tables import match_regions, read_numbers
from panelcoop.panel.weights import contiguity_weights

__all__ = ["StudyPolicy", "study_policy", "study_weights"]


def study_weights(grid: StudyGrid) -> tuple[SpatialWeights | None, Ledger]:
    """Make the weights of the plan; None where it has none.

    Raises
    ------
    DataError
        When the table breaks its contract, or a base period reaches into the study.
    """
    chosen = grid.plan.weights
    if chosen is None:
        return None, Ledger.empty()
    if chosen.kind == "contiguity":
        pairs = grid.placed(chosen.table, "a", "b")
        made = contiguity_weights(pairs.rows, grid.regions, row_standardised=chosen.row_standardised)
        return made, pairs.ledger
    if chosen.kind == "mobility":
        flows = grid.placed(chosen.table, "source", "target")
        made = mobility_weights(
            flows.rows,
            grid.regions,
            base=chosen.base,
            begins=grid.periods[0],
            row_standardised=chosen.row_standardised,
        )
        return made, flows.ledger
    placed = grid.one_per_region(chosen.table)
    return (_matrix(grid, chosen, placed) if chosen.kind == "matrix" else _by_place(chosen, placed.rows)), placed.ledger


def _matrix(grid: StudyGrid, chosen: WeightSection, placed: Placed) -> SpatialWeights:
    names = pd.Series([str(name) for name in placed.rows.columns], name="the names of columns")
    codes = match_regions(names, grid.regions, grid.system, table=chosen.table).codes
    square = placed.rows.set_axis(codes.fillna(""), axis=1)
    fail_if_columns_missing(grid.regions, square.columns, chosen.table)
    numbers = square[list(grid.regions)].apply(read_numbers, table=chosen.table)
    return matrix_weights(numbers, row_standardised=chosen.row_standardised)


def _by_place(chosen: WeightSection, rows: pd.DataFrame) -> SpatialWeights:
    fail_if_columns_missing(["x", "y"], rows.columns, chosen.table)
    places = pd.DataFrame({axis: read_numbers(rows[axis], chosen.table) for axis in ("x", "y")})
    if chosen.kind == "nearest":
        return nearest_weights(places, k=chosen.k, metric=chosen.metric, row_standardised=chosen.row_standardised)
    if chosen.kind == "distance":
        return distance_weights(
            places, exponent=chosen.exponent, metric=chosen.metric, row_standardised=chosen.row_standardised
        )
    fail_if_columns_missing([chosen.mass], rows.columns, chosen.table)
    return gravity_weights(
        places,
        read_numbers(rows[chosen.mass], chosen.table),
        exponent=chosen.exponent,
        metric=chosen.metric,
        row_standardised=chosen.row_standardised,
    )


@dataclass(frozen=True)
class StudyPolicy:
    """Measures of policy of a study.

    Attributes
    ----------
    columns
        `<measure>_<index>` and the indices, by (region, week).
    notes
        What each is, with its caution.
    ledger
        Rows left out.
    """

    columns: dict[str, pd.Series]
    notes: dict[str, str]
    ledger: Ledger


def study_policy(grid: StudyGrid, weights: SpatialWeights | None) -> StudyPolicy:
    """Measure how alike, how jointly strong and how simultaneous the policies of partners are, from a table of indices.

    Raises
    ------
    DataError
        When the table breaks its contract.
    """
    chosen = grid.plan.policy
    if chosen is None or weights is None:
        return StudyPolicy({}, {}, Ledger.empty())
    if not weights.row_standardised:
        msg = "Measures of policy weigh partners by rows that sum to one; leave out row_standardised = false."
        raise PlanError(msg)
    measures = policy_functions(
        smallest=chosen.smallest,
        bandwidth=chosen.bandwidth,
        window=chosen.window,
        comovement_window=chosen.comovement_window,
    )
    columns: dict[str, pd.Series] = {}
    notes: dict[str, str] = {}
    ledger = Ledger.empty()
    for index in chosen.indices:
        found = grid.by_period(chosen.table, index)
        ledger = ledger if len(ledger.rows) else found.ledger
        policy = found.rows.reindex(grid.periods)
        columns[index], notes[index] = grid.long(policy), f"index {index} of {chosen.table}: not a driver"
        for measure in chosen.measures:
            values = measures[measure](policy.to_numpy(float), np.asarray(weights.matrix))
            name = outcome_name(measure, index)
            columns[name] = grid.long(pd.DataFrame(values, index=grid.periods, columns=list(grid.regions)))
            notes[name] = f"{POLICY_NOTES[measure]} On {index}. {POLICY_CAUTION}"
    return StudyPolicy(columns, notes, ledger)
