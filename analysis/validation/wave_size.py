"""Size and power of the wave test: tables and power surface, from at least 1,000 simulated panels per cell.

Run by `make validate` (about an hour on one core). Writes wave_*.csv, wave_size.md and wave_power.* beside itself.
`--quick` takes 40 panels per cell and writes to the folder given after it.
"""

import sys
from pathlib import Path

import pandas as pd

from panelcoop.provenance import provenance
from panelcoop.report.style import save_figure
from panelcoop.report.wave_power_figure import wave_power_figure
from panelcoop.report.wave_size_report import wave_size_report
from panelcoop.sensitivity import wave_evidence as evidence
from panelcoop.sensitivity.wave_battery_size import battery_evidence
from panelcoop.sensitivity.wave_size import wave_size

quick = "--quick" in sys.argv
folder = Path(sys.argv[-1]) if quick else Path(__file__).parent
many = 40 if quick else 1000
few = 5 if quick else many

main = wave_size(evidence.main_designs(), replications=many)
fast = [
    wave_size(evidence.robustness_designs(kind), replications=many) for kind in ("t4", "heteroskedastic", "outlier")
]
slow = [wave_size(evidence.robustness_designs(kind), replications=many) for kind in ("missing", "counts", "volume")]
before = wave_size(evidence.robustness_designs("heteroskedastic"), replications=many, noise_draws="resampled")
surface = wave_size(evidence.surface_designs(), replications=many)
verdicts = evidence.verdict_shares(evidence.verdict_designs(), replications=few)
battery = battery_evidence(
    evidence.battery_designs(), replications=5 if quick else 200, slow_replications=2 if quick else 60
)

found = pd.concat([main, *fast, *slow], ignore_index=True)
tables = {
    "wave_size": found,
    "wave_surface": surface,
    "wave_resampled": before,
    "wave_verdicts": verdicts.reset_index(),
    "wave_drift": evidence.drift_rates(replications=few).reset_index(),
    "wave_battery": battery.reset_index(),
    "wave_path_and_panel": evidence.path_and_panel(replications=many).reset_index(),
}
for name, table in tables.items():
    table.to_csv(folder / f"{name}.csv", index=False, float_format="%.4g")
(folder / "wave_size.md").write_text(wave_size_report(tables, replications=many), encoding="utf-8")
save_figure(wave_power_figure(surface), "wave_power", folder, provenance())
