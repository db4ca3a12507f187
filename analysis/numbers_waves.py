"""Numbers of the wave test for the text of the paper."""

import panelcoop as pc
from panelcoop.panel.choices import panel_with_choices
from panelcoop.provenance import provenance
from panelcoop.report.study_numbers import save_numbers
from panelcoop.report.wave_table import wave_numbers
from panelcoop.sensitivity.multiverse_waves import wave_sign_share
from panelcoop.waves.companions import fake_outcomes
from panelcoop.waves.phases import phase_concordance
from panelcoop.waves.planned import planned_waves
from panelcoop.waves.regional import region_waves
from panelcoop.waves.spiral import spiral

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
outcome = plan.waves.outcome
found = planned_waves(panel, sign_share=wave_sign_share(panel_with_choices(plan)))
regions, phases = region_waves(panel, outcome=outcome), phase_concordance(panel, outcome=outcome)
numbers = {
    "main": wave_numbers(found.verdicts[outcome], spiral(found.verdicts[outcome])),
    "companions": {name: wave_numbers(result) for name, result in found.verdicts.items()},
    "own_waves": int((regions.table["p_adjusted"] <= plan.waves.level).sum()),
    "factor_share": regions.factor_share,
    "cross_dependence": regions.dependence.statistic,
    "concordance": {"mean": phases.mean, "p": phases.p},
    "size_in_this_panel": fake_outcomes(panel, outcome=outcome).to_dict(),
}
verdict = numbers["main"]
headline = f"Waves in {verdict['label'].lower()}: {verdict['verdict'].lower().replace('_', ' ')}. {verdict['reason']}"
save_numbers(numbers, "waves", "analysis/output/numbers", provenance(plan.hash), headline=headline)
