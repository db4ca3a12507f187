"""The specification curve: the plan's contrast and the wave test under every combination of defensible choices."""

import panelcoop as pc
from panelcoop.panel.choices import panel_with_choices
from panelcoop.provenance import provenance
from panelcoop.report.multiverse_figure import specification_curve
from panelcoop.report.multiverse_tables import multiverse_numbers, multiverse_table
from panelcoop.report.study_numbers import save_numbers
from panelcoop.report.style import save_figure
from panelcoop.report.table import save_table
from panelcoop.sensitivity.multiverse import multiverse
from panelcoop.sensitivity.multiverse_joint import curve_test

plan = pc.read_plan("study.toml")
found = multiverse(panel_with_choices(plan))
joint = curve_test(found)
source = provenance(plan.hash)
save_figure(specification_curve(found), "multiverse", "analysis/output/figures", source)
save_table(multiverse_table(found, joint=joint), "analysis/output/tables", source)
save_numbers(multiverse_numbers(found, joint=joint), "multiverse", "analysis/output/numbers", source)
print(found, joint, sep="\n")
