"""Numbers of the event studies for the text of the paper."""

import panelcoop as pc
from panelcoop.provenance import provenance
from panelcoop.report.event_numbers import event_headline, event_numbers
from panelcoop.report.study_numbers import save_numbers
from panelcoop.sensitivity.event_designs import (
    LATER,
    activation,
    downgrade_evidence,
    neighbour_evidence,
    outbreak_evidence,
)
from panelcoop.sensitivity.event_rings import outbreak_spells
from panelcoop.sensitivity.event_sensitivity import (
    downgrade_sensitivity,
    later_sensitivity,
    own_policy_response,
    static_two_way,
)

plan = pc.read_plan("study.toml")
panel = pc.assemble(plan)
designs = [downgrade_evidence(panel), outbreak_evidence(panel), neighbour_evidence(panel)]
doubts = {
    "downgrade": downgrade_sensitivity(panel, draws=plan.events.draws),
    **later_sensitivity(panel),
    "own_index": own_policy_response(panel),
}
numbers = event_numbers(
    designs,
    activation=activation(panel),
    spells=outbreak_spells(panel, LATER),
    two_way=static_two_way(panel),
    sensitivity=doubts,
)
headline = event_headline(designs)
save_numbers(numbers, "events", "analysis/output/numbers", provenance(plan.hash), headline=headline)
