"""Appendix: the effects of table 1 under every method of inference, side by side, and where the methods part."""

import panelcoop as pc
from panelcoop.estimate.planned import planned_methods, planned_regression, planned_settings
from panelcoop.provenance import provenance
from panelcoop.report.stage_tables import inference_comparison_table
from panelcoop.report.study_numbers import disagreement_numbers, save_numbers
from panelcoop.report.table import save_table

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
fit = planned_regression(panel)
methods, omitted = planned_methods(panel)
comparison = fit.inference(methods, settings=planned_settings(panel))
save_table(
    inference_comparison_table(comparison, fit, omitted=omitted), "analysis/output/tables", provenance(plan.hash)
)
save_numbers(disagreement_numbers(comparison), "inference", "analysis/output/numbers", provenance(plan.hash))
