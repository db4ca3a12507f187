"""How time grows from 10^4 to 5*10^6 rows: `python -m benchmarks.scaling` writes scaling.md and scaling.svg."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.harness import THREADS

SIZES = (67, 200, 667, 2_000, 6_667, 20_000, 33_334)  # regions x 150 weeks: 10^4 to 5*10^6 rows
HERE = Path(__file__).parent
CODE = """
import json, statistics, time
from benchmarks.fits import ours
from benchmarks.panels import stage_panel
rows = stage_panel({regions}, 150)
call, seconds = ours(rows), []
for _ in range(6):
    start = time.perf_counter(); call(); seconds.append(time.perf_counter() - start)
print(json.dumps([len(rows.outcome), seconds[0], statistics.median(seconds[1:])]))
"""


def measure(regions: int) -> list[float]:
    """Return rows, seconds of the first call and the median of five more, in a fresh process."""
    command = [sys.executable, "-c", CODE.format(regions=regions)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | THREADS)
    return json.loads(done.stdout)


def figure(points: np.ndarray, slope: float) -> None:
    """Draw time against rows on logarithmic axes."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "panelcoop"
    import matplotlib.pyplot as plt

    shown, axes = plt.subplots(figsize=(5.5, 4))
    axes.loglog(points[:, 0], points[:, 1], "o--", color="0.6", label="first call")
    axes.loglog(points[:, 0], points[:, 2], "o-", color="C0", label="median of five more")
    axes.set_xlabel("rows")
    axes.set_ylabel("seconds")
    axes.set_title(f"Fit and three covariances, 16 columns; slope {slope:.2f} above 10^5 rows")
    axes.legend(frameon=False)
    shown.tight_layout()
    shown.savefig(HERE / "scaling.svg", metadata={"Date": None})


def main() -> None:
    """Time every size, print and write the table, draw the figure."""
    points = np.array([measure(regions) for regions in SIZES])
    large = points[points[:, 0] >= 9e4]
    slope = float(np.polyfit(np.log(large[:, 0]), np.log(large[:, 2]), 1)[0])
    lines = ["| rows | first call | median of five more |", "|---:|---:|---:|"]
    lines += [f"| {int(n):,} | {cold:.4f} s | {warm:.4f} s |" for n, cold, warm in points]
    text = "\n".join([*lines, "", f"Slope of log time on log rows above 10^5 rows: {slope:.2f}"])
    print(text)
    (HERE / "scaling.md").write_text(f"# Time and rows\n\n{text}\n", encoding="utf-8")
    figure(points, slope)


if __name__ == "__main__":
    main()
