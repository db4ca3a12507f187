"""`python -m benchmarks [names] [--list] [--ours] [--slow]`: time the workloads and write results.md."""

from __future__ import annotations

import argparse
import platform
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.harness import THREADS, find_workloads, run_engine
from benchmarks.table import HEAD, markdown, verdict

RESULTS = Path(__file__).with_name("results.md")


def machine() -> str:
    """Describe what the numbers were measured on."""
    threads = ", ".join(f"{name}={value}" for name, value in THREADS.items())
    python = f"Python {platform.python_version()}, numpy {np.__version__}"
    return f"{platform.machine()}, {python}. Threads: {threads}. Each engine in a process of its own.\n"


def main() -> None:
    """Run the chosen workloads, print and write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", help="workloads (default all)")
    parser.add_argument("--list", action="store_true", help="name the workloads and stop")
    parser.add_argument("--ours", action="store_true", help="leave the peers out")
    parser.add_argument("--slow", action="store_true", help="also engines that take minutes or many gigabytes")
    parser.add_argument("--runs", type=int, default=None, help="timed calls after the first (default: the workload's)")
    parser.add_argument("--output", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    workloads = find_workloads()
    if chosen.list:
        print("\n".join(f"{w.name:28s} {w.label}" for w in workloads.values()))
        return
    unknown = set(chosen.names) - set(workloads)
    if unknown:
        sys.exit(f"no workload named {', '.join(sorted(unknown))}; see --list")
    rows, verdicts = [], []
    for name in chosen.names or list(workloads):
        workload = workloads[name]
        engines = [e for e in workload.engines if not chosen.ours or e.startswith("panelcoop")]
        engines = [e for e in engines if chosen.slow or e not in workload.slow]
        if not engines:
            verdicts.append(f"- {workload.label}: only with --slow")
            continue
        found = [run_engine(workload, e, runs=chosen.runs) for e in engines]
        rows.append(markdown(workload, found))
        verdicts.append(verdict(workload, found))
        print(rows[-1] + verdicts[-1] + "\n", flush=True)
    text = f"# Benchmarks\n\n{time.strftime('%Y-%m-%d')}, {machine()}\n{HEAD}{''.join(rows)}\n" + "\n".join(verdicts)
    chosen.output.write_text(text + "\n", encoding="utf-8")
    print(f"written to {chosen.output}")


if __name__ == "__main__":
    main()
