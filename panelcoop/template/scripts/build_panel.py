"""Assemble the panel of the plan; rejected rows and the ledger go beside it."""

import panelcoop as pc

pc.read_events("data/events.csv", regions="data/regions.csv").save("output")
panel = pc.assemble_study("study.toml")
pc.save_panel(panel, "output")
print(panel)
