"""Table 2: the panel, its coverage and its means by stage."""

import panelcoop as pc
from panelcoop.provenance import provenance
from panelcoop.report.panel_tables import panel_table
from panelcoop.report.table import save_table

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
index = plan.outcomes.main.removeprefix("joint_response_")
outcomes = [name for name in panel.columns_of("outcome") if name.endswith(index)]
table = panel_table(panel, columns=[*outcomes, "counterpart_support", *panel.columns_of("driver")], place="province")
save_table(table, "analysis/output/tables", provenance(plan.hash))
