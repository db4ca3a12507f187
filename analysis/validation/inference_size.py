"""Size and power of every inference for a stage contrast, from 2,000 simulated panels per design.

Run by `make validate` (ten to twenty minutes on one core). Writes inference_size.csv, inference_joint.csv,
inference_power.csv, inference_size.md and inference_size.* beside itself. `--quick` takes 40 panels per design and
writes to the folder given after it.
"""

import sys
import time
from pathlib import Path

from panelcoop.provenance import provenance
from panelcoop.report.inference_size_report import inference_size_figure, inference_size_report
from panelcoop.report.style import save_figure
from panelcoop.sensitivity.inference_size import inference_size
from panelcoop.sensitivity.stage_samples import power_designs, section_designs

SEED = 20_200_123
quick = "--quick" in sys.argv
folder = Path(sys.argv[-1]) if quick else Path(__file__).parent
started = time.monotonic()

size = inference_size(section_designs(), replications=40 if quick else 2_000, seed=SEED)
joint = inference_size(section_designs(), joint=True, replications=40 if quick else 2_000, seed=SEED)
tested = ["WCR two-way", "DWB-t re-estimated", "DWB-t"]
power = inference_size(power_designs(), methods=tested, replications=40 if quick else 1_000, seed=SEED)

size.to_csv(folder / "inference_size.csv", index=False, float_format="%.6g")
joint.to_csv(folder / "inference_joint.csv", index=False, float_format="%.6g")
power.to_csv(folder / "inference_power.csv", index=False, float_format="%.6g")
minutes = (time.monotonic() - started) / 60
report = inference_size_report(size, joint, power, seed=SEED, minutes=minutes)
(folder / "inference_size.md").write_text(report, encoding="utf-8")
save_figure(inference_size_figure(size), "inference_size", folder, provenance())
