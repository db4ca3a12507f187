"""The one entrance to the panel: plan and data in, a frozen panel and a ledger of every cell lost out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from panelcoop.panel.block import Block, constant_columns, stack_blocks
from panelcoop.panel.drivers import authority_block, profit_block, risk_block
from panelcoop.panel.inputs import Inputs, read_inputs
from panelcoop.panel.outcomes import counterpart_block, outcome_block, policy_block
from panelcoop.panel.plan import Plan, read_plan
from panelcoop.panel.plan_checks import fail_if_columns_unknown, fail_if_regions_unknown
from panelcoop.panel.record import Ledger, Panel, Role, SpatialWeights
from panelcoop.panel.regions import china_provinces
from panelcoop.panel.schema import check_edges, check_panel, check_provinces, check_response_levels, check_weekly
from panelcoop.panel.stage_block import STAGE_COLUMNS, stage_block
from panelcoop.panel.stages import stage_dtype
from panelcoop.panel.weights import contiguity_weights

__all__ = ["assemble"]

INFINITY = float("inf")


def assemble(plan: Plan | Path | str = "study.toml", *, data: Inputs | Path | str | None = None) -> Panel:
    """Make the panel a plan describes.

    Parameters
    ----------
    plan
        A plan, or the file that holds it.
    data
        The inputs, or the folder of the weekly figures; by default the folder the plan names.

    Returns
    -------
    Panel
        One row per region and ISO week (Monday), complete; outcomes, drivers (lagged), controls, stages by both clocks,
        event dates; what each column honestly measures in ``notes``; the slots without data in ``empty_slots``;
        every cell missing, dropped, imputed or corrected in ``ledger``.

    Raises
    ------
    PlanError
        If the plan is wrong, or names a region or a column that does not exist.
    DataError
        If an input breaks its contract.

    Notes
    -----
    The order of rows of the inputs does not matter. Nothing is imputed here: what a source does not give stays missing.
    """
    plan = plan if isinstance(plan, Plan) else read_plan(plan)
    inputs = data if isinstance(data, Inputs) else _read(plan, data)
    _check_inputs(inputs)
    regions = _regions(inputs, plan)
    weights = contiguity_weights(inputs.facts.contiguity, regions, joined=plan.weights.joined)
    blocks = _blocks(inputs, regions, weights, plan)
    roles = {name: role for block in blocks for name, role in block.roles.items()}
    fail_if_columns_unknown(plan, roles)
    panel_data = _stages_as_categories(stack_blocks(blocks, plan.weeks, regions))
    check_panel(panel_data)
    return Panel(
        data=panel_data,
        roles=MappingProxyType(roles),
        notes=MappingProxyType({name: note for block in blocks for name, note in block.notes.items()}),
        regions=_region_table(inputs, regions),
        weights=MappingProxyType({weights.name: weights}),
        empty_slots=MappingProxyType(dict(plan.drivers.empty)),
        ledger=_ledger(inputs, blocks, weights),
        plan=plan,
    )


def _read(plan: Plan, folder: Path | str | None) -> Inputs:
    return read_inputs(plan.folder if folder is None else folder, early_cases=plan.data.early_cases)


def _check_inputs(inputs: Inputs) -> None:
    check_provinces(inputs.facts.provinces)
    check_edges(inputs.facts.contiguity, china_provinces().codes)
    check_response_levels(inputs.facts.response_levels)
    for figures, top, source in (
        (inputs.policy, 100.0, "oxcgrt"),
        (inputs.cases, INFINITY, "cases"),
        (inputs.measures, 1.0, "gpl_covid"),
    ):
        variables = [c for c in figures.frame.columns if c not in ("iso", "week")]
        check_weekly(figures.frame, dict.fromkeys(variables, (0.0, top)), source)


def _regions(inputs: Inputs, plan: Plan) -> list[str]:
    known = sorted(map(str, inputs.facts.provinces.index))
    fail_if_regions_unknown(plan, china_provinces().codes)
    return known if plan.data.regions == "all" else sorted(set(plan.data.regions) & set(known))


def _blocks(inputs: Inputs, regions: list[str], weights: SpatialWeights, plan: Plan) -> list[Block]:
    """Build all columns, in the order in which they stand in the panel."""
    weeks, facts = plan.weeks, inputs.facts
    policy = {str(index): _wide(inputs.policy.frame, index, regions, weeks) for index in plan.outcomes.indices}
    population = facts.provinces["population_2018_implied"].astype(float)[regions]
    cases, deaths = (
        _wide(inputs.cases.frame, name, regions, weeks, longer=True) for name in ("new_cases", "new_deaths")
    )
    return [
        outcome_block(policy, weights, plan.outcomes),
        counterpart_block(facts.counterparts, weeks, regions, plan.outcomes.counterpart),
        risk_block(cases, deaths, population=population, weights=weights, weeks=weeks, plan=plan.drivers),
        authority_block(facts.response_levels, weeks, regions, plan.drivers.vertical_authority, lag=plan.drivers.lag),
        profit_block(facts.provinces.loc[regions], weeks, plan.drivers),
        stage_block(cases, population, facts.stages, weeks, plan.stages),
        policy_block(policy),
        _measure_block(inputs, regions, weeks),
        _population_block(population, weeks),
    ]


def _wide(
    frame: pd.DataFrame, variable: str, regions: Sequence[str], weeks: pd.DatetimeIndex, *, longer: bool = False
) -> pd.DataFrame:
    """Spread one variable over weeks by regions; `longer` keeps the source's weeks outside the panel's as well."""
    table = frame.set_index(["week", "iso"])[variable].astype(float).unstack("iso")  # noqa: PD010 - unique keys
    wanted = weeks.union(pd.DatetimeIndex(table.index)) if longer else weeks
    if longer:
        wanted = pd.date_range(wanted.min(), wanted.max(), freq="7D")
    return table.reindex(index=wanted, columns=list(regions))


def _measure_block(inputs: Inputs, regions: list[str], weeks: pd.DatetimeIndex) -> Block:
    names = [c for c in inputs.measures.frame.columns if c not in ("iso", "week")]
    role: Role = "other"
    note = "Share of the province's population in cities under the measure, 0-1; January to April 2020 only."
    return Block(
        columns={name: _wide(inputs.measures.frame, name, regions, weeks) for name in names},
        roles=dict.fromkeys(names, role),
        notes=dict.fromkeys(names, note),
        missing=dict.fromkeys(names, "outside the source's weeks (January to April 2020)"),
    )


def _population_block(population: pd.Series, weeks: pd.DatetimeIndex) -> Block:
    note = "Resident population 2018: product over product per head, rounded to thousands."
    return Block({"population": constant_columns(population, weeks)}, {"population": "weight"}, {"population": note})


def _stages_as_categories(data: pd.DataFrame) -> pd.DataFrame:
    return data.astype(dict.fromkeys(STAGE_COLUMNS, stage_dtype()))


def _region_table(inputs: Inputs, regions: list[str]) -> pd.DataFrame:
    table = inputs.facts.provinces.loc[regions].rename_axis("region")
    if inputs.positions is not None:
        table = table.join(inputs.positions)
    return table.assign(
        population=table["population_2018_implied"],
        fiscal_self_sufficiency=table["fiscal_revenue_2018_100m_yuan"] / table["fiscal_expenditure_2018_100m_yuan"],
    )


def _ledger(inputs: Inputs, blocks: Iterable[Block], weights: SpatialWeights) -> Ledger:
    alone = Ledger.of(
        {
            "source": "facts",
            "region": r,
            "variable": "weights",
            "action": "noted",
            "reason": "no neighbour: lags missing",
        }
        for r in weights.isolates
    )
    edges = inputs.facts.contiguity
    cut = int((~(edges["a"].isin(weights.regions) & edges["b"].isin(weights.regions))).sum())
    if cut:
        why = "pair of neighbours with a region outside the panel"
        alone += Ledger.of(
            [{"source": "facts", "variable": "weights", "action": "excluded", "reason": why, "count": cut}]
        )
    made = [entry for block in blocks for entry in (block.ledger, block.missing_cells())]
    return sum(made, inputs.ledger + alone)
