"""Appendix: the plan's companion models, each laid out as table 1."""

import panelcoop as pc
from panelcoop.estimate.planned import planned_regression, planned_settings
from panelcoop.estimate.stage_evidence import stage_evidence
from panelcoop.provenance import provenance
from panelcoop.report.stage_tables import stage_effects_table
from panelcoop.report.table import save_table

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
for model in plan.companions:
    fit = planned_regression(panel, model)
    evidence = stage_evidence(fit, settings=planned_settings(panel), empty_slots=panel.empty_slots)
    name = f"stage_effects_{model.name.replace(' ', '_')}"
    table = stage_effects_table(evidence, name=name, model=model.name, place="province")
    save_table(table, "analysis/output/tables", provenance(plan.hash))
