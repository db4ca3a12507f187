"""Appendix: which provinces carry the effects of table 1."""

import panelcoop as pc
from panelcoop.estimate.planned import planned_regression
from panelcoop.provenance import provenance
from panelcoop.report.stage_tables import influence_table
from panelcoop.report.table import save_table

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
diagnostics = pc.region_diagnostics(planned_regression(panel))
table = influence_table(diagnostics, names=panel.regions["name"].to_dict(), place="province")
save_table(table, "analysis/output/tables", provenance(plan.hash))
