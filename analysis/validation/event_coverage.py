"""Bias and coverage of every event-study estimator with 31 regions, from 1,000 simulated panels per design.

Run by `make validate` (less than ten minutes on one core). Writes event_coverage.csv and event_coverage.md beside
itself. `--quick` takes 20 panels per design and writes to the folder given after it.
"""

import sys
import time
from pathlib import Path

from panelcoop.report.event_coverage_report import event_coverage_report
from panelcoop.sensitivity.event_coverage import event_coverage

SEED = 20_200_123
quick = "--quick" in sys.argv
folder = Path(sys.argv[-1]) if quick else Path(__file__).parent
started = time.monotonic()

found = event_coverage(replications=20 if quick else 1_000, seed=SEED)

found.to_csv(folder / "event_coverage.csv", index=False, float_format="%.6g")
minutes = (time.monotonic() - started) / 60
report = event_coverage_report(found, seed=SEED, minutes=minutes)
(folder / "event_coverage.md").write_text(report, encoding="utf-8")
