"""Assemble the panel of the plan; rejected rows and the ledger go beside it."""

from panelcoop.cli_panel import save_panel
from panelcoop.panel.events.read import read_events
from panelcoop.panel.events.study import assemble_study

read_events("data/events.csv", regions="data/regions.csv").save("output")
panel = assemble_study("study.toml")
save_panel(panel, "output")
print(panel)
