"""What a fresh process costs: importing, and importing, reading and fitting the first row of the table."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.harness import Workload
from benchmarks.panels import labelled, stage_panel

READ_AND_FIT = """
import pandas as pd
import panelcoop as pc
panel = pd.read_parquet({path!r})
fit = pc.stage_interaction(panel, outcome="y", drivers=["d0", "d1", "d2", "d3"])
fit.with_covariance("two-way")
fit.with_covariance("driscoll-kraay")
"""


def panel_file() -> str:
    """Write the panel of the first row to a temporary file."""
    path = Path(tempfile.mkdtemp()) / "panel.parquet"
    labelled(stage_panel(31, 150))[0].data.to_parquet(path)
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
