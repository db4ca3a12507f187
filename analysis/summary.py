"""Print what `make` made and what was found; keep the same words in a file."""

from panelcoop.report.summary import study_summary

print(study_summary("analysis/output", extra=["paper/paper.pdf"], target="analysis/output/summary.txt"))
