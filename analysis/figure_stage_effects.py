"""Figure 2: effects of each driver by stage, with intervals."""

import panelcoop as pc
from panelcoop.estimate.planned import planned_regression, planned_settings
from panelcoop.estimate.stage_evidence import stage_evidence
from panelcoop.provenance import provenance
from panelcoop.report.stage_effects_figure import stage_effects_figure
from panelcoop.report.style import save_figure

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
evidence = stage_evidence(planned_regression(panel), settings=planned_settings(panel))
save_figure(stage_effects_figure(evidence), "stage_effects", "analysis/output/figures", provenance(plan.hash))
