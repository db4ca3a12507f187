"""The outcomes of the panel: five measures of each policy index, and the donors of counterpart support."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from panelcoop.panel.block import Block, wide_table
from panelcoop.panel.plan_measures import CounterpartPlan, OutcomePlan
from panelcoop.panel.policy_measures import policy_functions
from panelcoop.panel.record import Ledger, Role, SpatialWeights
from panelcoop.panel.weeks import WEEKS, parse_week

__all__ = ["POLICY_CAUTION", "POLICY_NOTES", "counterpart_block", "outcome_block", "outcome_name", "policy_block"]

INDEX_TITLES = MappingProxyType(
    {
        "containment_health": "containment and health index",
        "stringency": "stringency index",
        "government_response": "government response index",
        "economic_support": "economic support index",
    }
)

POLICY_CAUTION = "Similar policies are not cooperation: a common directive, a common shock or imitation look the same."

POLICY_NOTES = MappingProxyType(
    {
        "joint_response": "Effort that neighbours share, sum_j w_ij min(P_i, P_j), 0-100; zero where nobody acts.",
        "policy_overlap": "Share of the stronger policy that the neighbour matches, sum_j w_ij min/max, 0-1; missing "
        "at 0/0.",
        "alignment": "Minus the weighted gap to the neighbours, index points, at most 0. Perfect where nobody acts: it "
        "starts at its maximum by construction.",
        "policy_synchrony": "How close in time neighbours change policy in the same direction, exp(-|weeks|/b) "
        "averaged over own recent changes, 0-1; looks ahead to the neighbours' nearest change.",
        "co_movement": "Mean rolling correlation with neighbours of departures from the national mean, -1 to 1; "
        "removing the mean pulls it slightly below zero.",
    }
)

MISSING = MappingProxyType(
    {
        "joint_response": "index of the region or of a neighbour missing",
        "policy_overlap": "a pair of neighbours does nothing (0/0), or an index is missing",
        "alignment": "index of the region or of a neighbour missing",
        "policy_synchrony": "no policy change of its own within the window, or an index is missing",
        "co_movement": "window not yet full, no departure from the nation within it, or an index is missing",
    }
)


def outcome_name(measure: str, index: str) -> str:
    """Return the column of a measure of an index.

    Examples
    --------
    >>> outcome_name("joint_response", "stringency")
    'joint_response_stringency'
    """
    return f"{measure}_{index}"


def outcome_block(policy: Mapping[str, pd.DataFrame], weights: SpatialWeights, plan: OutcomePlan) -> Block:
    """Compute the plan's measures of the plan's indices.

    Parameters
    ----------
    policy
        Index to its table, weeks by regions (in the order of the weights).
    weights
        Who is whose partner.
    plan
        Measures, indices and their parameters.

    Returns
    -------
    Block
        Outcome columns "<measure>_<index>".
    """
    measures = policy_functions(
        smallest=plan.synchrony_change,
        bandwidth=plan.synchrony_bandwidth,
        window=plan.synchrony_window,
        comovement_window=plan.comovement_window,
    )
    chosen = [(measure, index) for index in plan.indices for measure in plan.measures]
    columns = {
        outcome_name(m, i): wide_table(measures[m](policy[i].to_numpy(dtype=float), weights.matrix), policy[i])
        for m, i in chosen
    }
    role: Role = "outcome"
    return Block(
        columns=columns,
        roles=dict.fromkeys(columns, role),
        notes={outcome_name(m, i): f"{POLICY_NOTES[m]} On the {INDEX_TITLES[i]}. {POLICY_CAUTION}" for m, i in chosen},
        missing={outcome_name(m, i): MISSING[m] for m, i in chosen},
    )


def policy_block(policy: Mapping[str, pd.DataFrame]) -> Block:
    """Carry the indices themselves along, for figures and placebos."""
    role: Role = "other"
    note = "Weekly mean of the {}, 0-100; national measures that bind the region are included."
    return Block(
        columns=dict(policy),
        roles=dict.fromkeys(policy, role),
        notes={index: note.format(INDEX_TITLES[index]) for index in policy},
        missing=dict.fromkeys(policy, "not given by its source"),
    )


def counterpart_block(
    pairs: pd.DataFrame, weeks: pd.DatetimeIndex, regions: list[str], plan: CounterpartPlan, *, supported: str = "CN-HB"
) -> Block:
    """Mark the donors of counterpart support while it was under way.

    Parameters
    ----------
    pairs
        Columns `donor` and `announced`.
    weeks, regions
        Rows and columns wanted.
    plan
        Last week counted.
    supported
        The region that received: it cannot be a donor and is missing, not zero.

    Returns
    -------
    Block
        `counterpart_support`: one for donors from the week of announcement to the last week, else zero.
    """
    donor = pd.DataFrame(0.0, index=weeks, columns=regions)
    for region, announced in pairs[["donor", "announced"]].itertuples(index=False):
        if region in regions:
            donor.loc[(weeks >= WEEKS.start(announced)) & (weeks <= parse_week(plan.last_week)), region] = 1.0
    if supported in regions:
        donor[supported] = np.nan
    decided = {
        "source": "facts",
        "variable": "counterpart_support",
        "week": plan.last_week,
        "action": "noted",
        "reason": "no end of counterpart support was announced: counted to this week by the plan",
    }
    note = (
        "One for the donors of counterpart support to Hubei's cities from the announcement on 10 February 2020. "
        "Ordered horizontal aid (mandated), not voluntary cooperation."
    )
    return Block(
        columns={"counterpart_support": donor},
        roles={"counterpart_support": "outcome"},
        notes={"counterpart_support": note},
        missing={"counterpart_support": f"{supported} received support and cannot be a donor"},
        ledger=Ledger.of([decided]),
    )
