"""What a workload is, and how one engine is timed on it in a fresh process."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["THREADS", "Measured", "Workload", "find_workloads", "run_engine"]

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
"RAYON_NUM_THREADS", "NUMEXPR_NUM_THREADS", "POLARS_MAX_THREADS"), "1")  # fmt: skip

Engine = Callable[[Any], Callable[[], "np.ndarray | list[float]"]]
"""Takes the data, imports and converts what it needs (untimed), returns the call that is timed; that call returns
numbers to compare between engines."""


@dataclass(frozen=True)
class Workload:
    """One row of the benchmark table.

    Attributes
    ----------
    name : short, for the command line
    label : what the table prints
    make : builds the data (untimed)
    engines : by name; "panelcoop" is ours
    faster : how many times faster than the fastest peer we aim to be; None where there is no target
    faster_than : targets against single engines
    memory : most gigabytes we may use at peak, data included
    runs : timed calls after the first; ours is timed at least five times
    slow : engines that take minutes or many gigabytes here: timed only with --slow
    seconds : longest median time of ours, where the target is a time
    beyond : most seconds that ours may take more than the peer, where the target is a difference
    agree : largest relative difference of the returned numbers between engines that counts as agreement
    """

    name: str
    label: str
    make: Callable[[], Any]
    engines: Mapping[str, Engine]
    faster: float | None = None
    faster_than: Mapping[str, float] = field(default_factory=dict)
    memory: float | None = None
    runs: int = 5
    slow: frozenset[str] = frozenset()
    seconds: float | None = None
    beyond: float | None = None
    agree: float = 1e-6


@dataclass(frozen=True)
class Measured:
    """One engine on one workload: seconds, gigabytes, and the numbers it returned (or why it failed)."""

    engine: str
    cold: float
    warm: float
    peak: float
    data: float
    numbers: tuple[float, ...]
    error: str = ""


def find_workloads() -> dict[str, Workload]:
    """Collect `WORKLOADS` from every module of this folder."""
    import benchmarks

    found: dict[str, Workload] = {}
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name.startswith("_"):
            continue
        loaded = importlib.import_module(f"benchmarks.{module.name}")
        found |= {workload.name: workload for workload in getattr(loaded, "WORKLOADS", ())}
    return found


def run_engine(workload: Workload, engine: str, *, runs: int | None = None, limit: float = 7200.0) -> Measured:
    """Time an engine in a fresh process with pinned threads.

    Peers may live in another environment: its interpreter is named by PANELCOOP_PEERS_PYTHON.
    """
    peers = os.environ.get("PANELCOOP_PEERS_PYTHON", sys.executable)
    python = sys.executable if engine.startswith("panelcoop") else peers
    least = 5 if engine.startswith("panelcoop") and not workload.slow else 1
    calls = runs or max(least, workload.runs)
    command = [python, "-W", "ignore", "-m", "benchmarks.worker", workload.name, engine, str(calls)]
    environment = os.environ | THREADS
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return Measured(engine, np.nan, np.nan, np.nan, np.nan, (), f"stopped after {limit:.0f} s")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Measured(engine, np.nan, np.nan, np.nan, np.nan, (), last[:120])
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return Measured(engine, found["cold"], found["warm"], found["peak"], found["data"], tuple(found["numbers"]))
