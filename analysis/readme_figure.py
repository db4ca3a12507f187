"""Copy the figure that the README shows, without what differs from run to run (plan, version, revision)."""

from panelcoop.report.style import plain_svg

plain_svg("analysis/output/figures/national_path.svg", "docs/national_path.svg")
