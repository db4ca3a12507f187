"""What a fresh process costs: importing, and importing, reading and fitting the first row of the table."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.harness import Workload
from benchmarks.panels import frame, stage_panel

READ_AND_FIT = """
import pandas as pd
import panelcoop
from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.regression.least_squares import least_squares
data = pd.read_parquet({path!r})
terms = [c for c in data if c.startswith("x")]
region, week = data["region"].to_numpy(), data["week"].to_numpy()
fit = least_squares(data["y"].to_numpy(), data[terms].to_numpy(), effects=[region, week])
covariance(fit, "CRV1", clusters=[region])
covariance(fit, "two-way", clusters=[region, week])
covariance(fit, "driscoll-kraay", weeks=week)
"""


def panel_file() -> str:
    """Write the panel of the first row to a temporary file."""
    path = Path(tempfile.mkdtemp()) / "panel.parquet"
    frame(stage_panel(31, 150)).to_parquet(path)
    return str(path)


def process(path: str, script: str):
    """Run a script in a fresh process; it must succeed."""
    command = [sys.executable, "-c", script.format(path=path)]

    def call():
        subprocess.run(command, check=True, env=os.environ)
        return []

    return call


WORKLOADS = [
    Workload(
        "startup-import",
        "fresh process: import panelcoop, beside import pandas",
        str,
        {
            "panelcoop": partial(process, script="import panelcoop, pandas"),
            "pandas alone": partial(process, script="import pandas"),
        },
        beyond=0.3,
    ),
    Workload(
        "startup-fit",
        "fresh process: import, read and fit 31 x 150 with three covariances",
        panel_file,
        {
            "panelcoop": partial(process, script=READ_AND_FIT),
            "pandas alone": partial(process, script="import pandas"),
        },
        seconds=1.0,
    ),
]
