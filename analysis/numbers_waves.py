"""Numbers of the wave test for the text of the paper."""

import panelcoop as pc
from panelcoop.panel.choices import panel_with_choices
from panelcoop.provenance import provenance
from panelcoop.report.study_numbers import save_numbers
from panelcoop.report.wave_checks_table import checks_numbers
from panelcoop.report.wave_table import companion_numbers, wave_numbers
from panelcoop.sensitivity.multiverse_waves import wave_sign_share
from panelcoop.waves.planned import planned_checks, planned_waves
from panelcoop.waves.spiral import spiral

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
found = planned_waves(panel, sign_share=wave_sign_share(panel_with_choices(plan)))
main = found.verdicts[plan.waves.outcome]
numbers = {
    "main": wave_numbers(main, spiral(main)),
    "companions": companion_numbers(found),
    "checks": checks_numbers(planned_checks(panel)),
}
verdict = numbers["main"]
headline = f"Waves in {verdict['label'].lower()}: {verdict['verdict'].lower().replace('_', ' ')}. {verdict['reason']}"
save_numbers(numbers, "waves", "analysis/output/numbers", provenance(plan.hash), headline=headline)
