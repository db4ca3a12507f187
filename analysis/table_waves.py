"""Table: the primary wave test by outcome, without the outlier province, and after removing risk."""

import panelcoop as pc
from panelcoop.provenance import provenance
from panelcoop.report.table import save_table
from panelcoop.report.wave_table import wave_table
from panelcoop.waves.planned import planned_waves

plan = pc.read_plan("study.toml")
save_table(wave_table(planned_waves(pc.assemble(plan))), "analysis/output/tables", provenance(plan.hash))
