"""Table 1: what each driver does at each stage, with tests that its effect is the same at all of them."""

import panelcoop as pc
from panelcoop.estimate.planned import planned_regression, planned_settings
from panelcoop.estimate.stage_evidence import stage_evidence
from panelcoop.provenance import provenance
from panelcoop.report.stage_tables import stage_effects_table
from panelcoop.report.table import save_table

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
fit = planned_regression(panel)
evidence = stage_evidence(fit, settings=planned_settings(panel), empty_slots=panel.empty_slots)
save_table(stage_effects_table(evidence, place="province"), "analysis/output/tables", provenance(plan.hash))
