"""Assemble the panel of the plan; its events, rejected rows and ledger go beside it."""

import panelcoop as pc

plan = pc.read_study_plan("study.toml")
pc.read_study_log(plan).save("output")
panel = pc.assemble_study(plan)
pc.save_panel(panel, "output")
print(panel)
