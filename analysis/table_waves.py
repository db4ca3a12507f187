"""Tables: the primary wave test by outcome, without the outlier province, after removing risk; the checks beside it."""

import panelcoop as pc
from panelcoop.panel.choices import panel_with_choices
from panelcoop.provenance import provenance
from panelcoop.report.table import save_table
from panelcoop.report.wave_checks_table import wave_checks_table
from panelcoop.report.wave_table import wave_table
from panelcoop.sensitivity.multiverse_waves import wave_sign_share
from panelcoop.waves.planned import planned_checks, planned_waves

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
found = planned_waves(panel, sign_share=wave_sign_share(panel_with_choices(plan)))
for table in (wave_table(found), wave_checks_table(planned_checks(panel))):
    save_table(table, "analysis/output/tables", provenance(plan.hash))
