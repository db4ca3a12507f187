"""Figure: the common path of the main outcome as it is, where risk is known, and without risk; verdicts as titles."""

import panelcoop as pc
from panelcoop.panel.choices import panel_with_choices
from panelcoop.provenance import provenance
from panelcoop.report.style import save_figure
from panelcoop.report.wave_figure import wave_figure
from panelcoop.sensitivity.multiverse_waves import wave_sign_share
from panelcoop.waves.planned import planned_waves

plan = pc.read_plan("study.toml")
found = planned_waves(pc.assemble(plan), sign_share=wave_sign_share(panel_with_choices(plan)))
titles = {"same weeks": "Only the weeks whose risk is known", "removed": "Own and neighbours' risk removed"}
results = {"As it is": found.verdicts[plan.waves.outcome]}
results |= {title: result for kind, title in titles.items() for result in found.of_kind(kind).values()}
save_figure(wave_figure(results), "waves", "analysis/output/figures", provenance(plan.hash))
