"""Estimate what each driver does at each stage, under region and week effects."""

import panelcoop as pc

panel = pc.load_panel("output")
outcome, drivers = panel.columns_of("outcome")[0], panel.columns_of("driver")
fit = pc.stage_interaction(panel, outcome=outcome, drivers=drivers)
table = fit.tidy().round(3)
table.to_csv("output/stage_effects.csv")
print(table)
