"""Appendix: every cell dropped, imputed or corrected between the sources and the panel."""

import panelcoop as pc
from panelcoop.provenance import provenance
from panelcoop.report.panel_tables import ledger_table
from panelcoop.report.table import save_table

plan = pc.read_plan("study.toml")
save_table(ledger_table(pc.assemble(plan)), "analysis/output/tables", provenance(plan.hash))
