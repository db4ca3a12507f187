"""Appendix: the plan's contrast without each province and index, under other stage dates, and what could be found."""

import panelcoop as pc
from panelcoop.estimate.planned import planned_regression, planned_settings
from panelcoop.panel.outcomes import outcome_name
from panelcoop.provenance import provenance
from panelcoop.report.sensitivity_exhibits import sensitivity_figure, sensitivity_numbers, sensitivity_table
from panelcoop.report.study_numbers import save_numbers
from panelcoop.report.style import save_figure
from panelcoop.report.table import save_table
from panelcoop.sensitivity.leave_one_out import leave_one_index_out, leave_one_out
from panelcoop.sensitivity.multiverse_plan import planned_contrast
from panelcoop.sensitivity.multiverse_universe import Universe
from panelcoop.sensitivity.power import power
from panelcoop.sensitivity.stage_dates import stage_date_uncertainty

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
fit, contrast, settings = planned_regression(panel), planned_contrast(plan), planned_settings(panel)
model = Universe(plan.model.outcome, {d: d for d in plan.model.drivers}, plan.model.stage, plan.model.controls)
measures = [outcome_name(plan.multiverse.measures[0], index) for index in plan.outcomes.indices]
regions = leave_one_out(fit, contrast, settings=settings)
indices = leave_one_index_out(panel, measures, model, contrast, settings=settings)
models = {m.name: m for m in (plan.model, *plan.companions) if m.name in {"main", "white paper"}}
dates = {name: stage_date_uncertainty(panel, [contrast], model=m) for name, m in models.items()}
found = power(fit, contrast)
names = panel.regions["name"].to_dict()
source, out = provenance(plan.hash), "analysis/output"
table = sensitivity_table(regions, indices, dates, found, names=names, place="province")
save_table(table, f"{out}/tables", source)
figure = sensitivity_figure(regions, found, smallest=plan.inference.smallest_effect, names=names, place="province")
save_figure(figure, "sensitivity", f"{out}/figures", source)
save_numbers(sensitivity_numbers(regions, indices, dates, found), "sensitivity", f"{out}/numbers", source)
