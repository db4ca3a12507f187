"""Numbers for the text of the paper, and the finding that `make` ends with."""

import panelcoop as pc
from panelcoop.estimate.planned import planned_regression, planned_settings
from panelcoop.estimate.stage_evidence import stage_evidence
from panelcoop.panel.stage_block import outbreak_table
from panelcoop.provenance import provenance
from panelcoop.report.study_numbers import crosscheck_numbers, headline_of, panel_numbers, save_numbers, stage_numbers

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
fit = planned_regression(panel)
main = stage_evidence(fit, settings=planned_settings(panel))
without = planned_regression(panel.without_regions([plan.inference.outlier_region]))
companions = {model.name.replace(" ", "_"): planned_regression(panel, model) for model in plan.companions}
evidence = {name: stage_evidence(f, settings=planned_settings(panel)) for name, f in companions.items()}
numbers = {
    "panel": panel_numbers(panel, plan.outcomes.main, outbreak_table(panel)),
    "main": stage_numbers(main),
    "outlier": panel.regions["name"][plan.inference.outlier_region],
    "without_outlier": stage_numbers(stage_evidence(without, settings=planned_settings(panel))),
    "companions": {name: stage_numbers(found) for name, found in evidence.items()},
    "crosscheck": crosscheck_numbers(pc.crosscheck(fit)),
    "plan": plan.model_dump(mode="json"),
}
headline = headline_of(main, numbers["main"])
save_numbers(numbers, "study", "analysis/output/numbers", provenance(plan.hash), headline=headline)
