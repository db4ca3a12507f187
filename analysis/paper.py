"""Compile the paper from what the other scripts wrote."""

import panelcoop as pc
from panelcoop.provenance import provenance
from panelcoop.report.paper import compile_paper

plan = pc.read_plan("study.toml")
compile_paper("paper/paper.typ", "paper/paper.pdf", root=".", inputs=provenance(plan.hash))
