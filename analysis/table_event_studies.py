"""Tables: event studies by design and estimator, honest bounds, effects by stage, support and sensitivity."""

import panelcoop as pc
from panelcoop.provenance import provenance
from panelcoop.report.event_bounds import event_bounds_table
from panelcoop.report.event_tables import (
    event_effects_table,
    event_sensitivity_table,
    event_stages_table,
    event_support_table,
)
from panelcoop.report.table import save_table
from panelcoop.sensitivity.event_designs import downgrade_evidence, neighbour_evidence, outbreak_evidence
from panelcoop.sensitivity.event_sensitivity import downgrade_sensitivity, later_sensitivity, own_policy_response

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
designs = [downgrade_evidence(panel), outbreak_evidence(panel), neighbour_evidence(panel)]
later = later_sensitivity(panel)
doubts = {
    "First downgrade": downgrade_sensitivity(panel, draws=plan.events.draws),
    "Outbreak at home": later["outbreak"],
    "Outbreak next door": later["neighbour"],
    "Own index": own_policy_response(panel),
}
tables = [
    event_effects_table(designs),
    event_bounds_table(designs),
    event_stages_table(designs),
    event_support_table(designs),
    event_sensitivity_table(doubts),
]
for table in tables:
    save_table(table, "analysis/output/tables", provenance(plan.hash))
