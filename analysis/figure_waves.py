"""Figure: the common path of the main outcome, as it is and after removing risk, with the verdicts as titles."""

import panelcoop as pc
from panelcoop.panel.choices import panel_with_choices
from panelcoop.provenance import provenance
from panelcoop.report.style import save_figure
from panelcoop.report.wave_figure import wave_figure
from panelcoop.sensitivity.multiverse_waves import wave_sign_share
from panelcoop.waves.planned import planned_removal
from panelcoop.waves.primary import wave_test

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
outcome, share = plan.waves.outcome, wave_sign_share(panel_with_choices(plan))
results = {
    "As it is": wave_test(panel, outcome=outcome, sign_share=share),
    "After removing own and neighbours' risk": wave_test(panel, outcome=outcome, remove=planned_removal(panel)),
}
save_figure(wave_figure(results), "waves", "analysis/output/figures", provenance(plan.hash))
