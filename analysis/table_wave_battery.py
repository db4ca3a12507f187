"""Appendix: the usual tests of non-linearity and cycles on the main outcome, as a table and as a figure."""

import panelcoop as pc
from panelcoop.provenance import provenance
from panelcoop.report.style import save_figure
from panelcoop.report.table import save_table
from panelcoop.report.wave_battery_figure import wave_battery_figure
from panelcoop.report.wave_table import battery_table
from panelcoop.waves.battery.run import wave_battery

plan = pc.read_plan("study.toml")
battery = wave_battery(pc.assemble(plan), outcome=plan.waves.outcome, driver="own_risk")
save_table(battery_table(battery), "analysis/output/tables", provenance(plan.hash))
save_figure(wave_battery_figure(battery), "wave_battery", "analysis/output/figures", provenance(plan.hash))
