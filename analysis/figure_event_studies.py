"""Figures: event studies by design and estimator, and the support behind them."""

import panelcoop as pc
from panelcoop.provenance import provenance
from panelcoop.report.event_figures import event_study_figure, event_support_figure
from panelcoop.report.style import save_figure
from panelcoop.sensitivity.event_evidence import downgrade_evidence, neighbour_evidence, outbreak_evidence

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
designs = [downgrade_evidence(panel), outbreak_evidence(panel), neighbour_evidence(panel)]
save_figure(event_study_figure(designs), "event_studies", "analysis/output/figures", provenance(plan.hash))
save_figure(event_support_figure(designs), "event_support", "analysis/output/figures", provenance(plan.hash))
