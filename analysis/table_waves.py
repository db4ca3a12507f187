"""Table: the primary wave test by outcome, without the outlier province, and after removing risk."""

import panelcoop as pc
from panelcoop.panel.choices import panel_with_choices
from panelcoop.provenance import provenance
from panelcoop.report.table import save_table
from panelcoop.report.wave_table import wave_table
from panelcoop.sensitivity.multiverse_waves import wave_sign_share
from panelcoop.waves.planned import planned_waves

plan = pc.read_plan("study.toml")
found = planned_waves(pc.assemble(plan), sign_share=wave_sign_share(panel_with_choices(plan)))
save_table(wave_table(found), "analysis/output/tables", provenance(plan.hash))
