"""Describe and draw the network of each stage."""

from panelcoop.network.picture import network_picture
from panelcoop.network.stages import network_measures, networks_by_stage
from panelcoop.panel.events.dyad_panel import flow_table
from panelcoop.panel.events.read import read_events
from panelcoop.panel.events.study import assemble_study

panel = assemble_study("study.toml")
stage = panel.data["stage"].groupby("week").first()
flows = flow_table(read_events("data/events.csv", regions="data/regions.csv"))
networks = networks_by_stage(flows, stage, list(panel.regions.index), centre="C")
network_measures(networks).T.round(3).to_csv("output/network.csv")
network_picture(flows, centre="C", title="Cooperation over the whole window").savefig("output/network.svg")
