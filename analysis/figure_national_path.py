"""Figure 1: the national path of the main outcome, every province behind it, stages and national outbreaks marked."""

import panelcoop as pc
from panelcoop.panel.stage_block import outbreak_table
from panelcoop.provenance import provenance
from panelcoop.report.national_path import national_path_figure
from panelcoop.report.style import save_figure

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
figure = national_path_figure(panel, plan.outcomes.main, outbreaks=outbreak_table(panel), place="province")
save_figure(figure, "national_path", "analysis/output/figures", provenance(plan.hash))
