"""Describe and draw the network of each stage."""

import panelcoop as pc

panel = pc.load_panel("output")
stage = panel.data["stage"].groupby("week").first()
flows = pc.flow_table(pc.read_events("data/events.csv", regions="data/regions.csv"))
networks = pc.networks_by_stage(flows, stage, list(panel.data.index.unique("region")), centre="C")
pc.network_measures(networks).T.round(3).to_csv("output/network.csv")
pc.network_picture(flows, centre="C", title="Cooperation over the whole window").savefig("output/network.svg")
