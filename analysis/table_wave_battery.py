"""Appendix: the usual tests of non-linearity and cycles on the main outcome."""

import panelcoop as pc
from panelcoop.provenance import provenance
from panelcoop.report.table import save_table
from panelcoop.report.wave_table import battery_table
from panelcoop.waves.battery.run import wave_battery

plan = pc.read_plan("study.toml")
battery = wave_battery(pc.assemble(plan), outcome=plan.waves.outcome, driver="own_risk")
save_table(battery_table(battery), "analysis/output/tables", provenance(plan.hash))
