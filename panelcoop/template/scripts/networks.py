"""Describe and draw the network of each stage, with the calendar, the window and the centre of the plan."""

import panelcoop as pc

plan, panel = pc.read_study_plan("study.toml"), pc.load_panel("output")
log = pc.read_study_log(plan)
flows = pc.flow_table(log, calendar=plan.calendar.unit, choices=pc.study_choices(plan))
dated = panel.data["stage"].dropna().astype(str)
stage = dated.groupby("week").agg(lambda of_regions: str(of_regions.mode().iloc[0]))  # that of most regions

nations: list[str] = [] if log.regions is None else list(log.regions.table.query("level == 'nation'").index)
centre = plan.measures.centre or next(iter(nations), None)
networks = pc.networks_by_stage(flows, stage, list(panel.data.index.unique("region")), centre=centre)
(pc.network_measures(networks).T.round(3) + 0.0).to_csv("output/network.csv", float_format="%.3f")
pc.network_picture(flows, centre=centre).savefig("output/network.svg")
