"""Figures: event studies by design and estimator, the support behind them, and honest bounds."""

import panelcoop as pc
from panelcoop.provenance import provenance
from panelcoop.report.event_bounds import event_bounds_figure
from panelcoop.report.event_figures import event_study_figure, event_support_figure
from panelcoop.report.style import save_figure
from panelcoop.sensitivity.event_designs import downgrade_evidence, neighbour_evidence, outbreak_evidence

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
designs = [downgrade_evidence(panel), outbreak_evidence(panel), neighbour_evidence(panel)]
figures = {
    "event_studies": event_study_figure(designs),
    "event_support": event_support_figure(designs),
    "event_bounds": event_bounds_figure(designs),
}
for name, figure in figures.items():
    save_figure(figure, name, "analysis/output/figures", provenance(plan.hash))
