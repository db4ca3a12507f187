"""Assemble the panel of the plan; rejected rows and the ledger go beside it."""

import panelcoop as pc
from panelcoop.cli_panel import save_panel

pc.read_events("data/events.csv", regions="data/regions.csv").save("output")
panel = pc.assemble_study("study.toml")
save_panel(panel, "output")
print(panel)
