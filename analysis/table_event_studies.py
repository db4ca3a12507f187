"""Tables: mean effects of the event studies with honest bounds, their support, and their sensitivity."""

import panelcoop as pc
from panelcoop.provenance import provenance
from panelcoop.report.event_tables import event_effects_table, event_sensitivity_table, event_support_table
from panelcoop.report.table import save_table
from panelcoop.sensitivity.event_evidence import downgrade_evidence, neighbour_evidence, outbreak_evidence
from panelcoop.sensitivity.event_sensitivity import downgrade_sensitivity

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
designs = [downgrade_evidence(panel), outbreak_evidence(panel), neighbour_evidence(panel)]
tables = [
    event_effects_table(designs),
    event_support_table(designs),
    event_sensitivity_table(downgrade_sensitivity(panel, draws=plan.events.draws), designs),
]
for table in tables:
    save_table(table, "analysis/output/tables", provenance(plan.hash))
