"""Figure: the common path of the main outcome, as it is and after removing risk, with the verdicts as titles."""

import panelcoop as pc
from panelcoop.provenance import provenance
from panelcoop.report.style import save_figure
from panelcoop.report.wave_figure import wave_figure
from panelcoop.waves.planned import planned_removal
from panelcoop.waves.primary import wave_test

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
outcome = plan.waves.outcome
results = {
    "As it is": wave_test(panel, outcome=outcome),
    "After removing own and neighbours' risk": wave_test(panel, outcome=outcome, remove=planned_removal(panel)),
}
save_figure(wave_figure(results), "waves", "analysis/output/figures", provenance(plan.hash))
