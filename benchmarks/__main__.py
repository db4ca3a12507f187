"""`python -m benchmarks [names] [--list] [--ours] [--slow]`: time the workloads and write their rows of results.md."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.harness import THREADS, Workload, find_workloads, run_engine
from benchmarks.table import HEAD, markdown, verdict

RESULTS = Path(__file__).with_name("results.md")


def machine() -> str:
    """Describe what the numbers were measured on."""
    threads = ", ".join(f"{name}={value}" for name, value in THREADS.items())
    python = f"Python {platform.python_version()}, numpy {np.__version__}"
    return f"{platform.machine()}, {python}. Threads: {threads}. Each engine in a process of its own.\n"


def stamp() -> str:
    """Say when a row was measured and how busy the machine was: other work slows every engine, not all alike."""
    return f"{time.strftime('%Y-%m-%d')}, load {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores"


def kept(path: Path, workloads: list[Workload]) -> tuple[dict[str, str], dict[str, str]]:
    """Read the rows and verdicts that stand in a table, by workload, so that each may be measured alone."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    rows = {w.name: "".join(line for line in lines if line.startswith(f"| {w.label} |")) for w in workloads}
    verdicts = {w.name: "".join(line for line in lines if line.startswith(f"- {w.label}: ")) for w in workloads}
    return {name: text for name, text in rows.items() if text}, verdicts


def write(path: Path, names: list[str], rows: dict[str, str], verdicts: dict[str, str]) -> None:
    """Write the table anew: the ratios of a row come from one run, its date stands at its verdict."""
    table = HEAD + "".join(rows[name] for name in names)
    text = f"# Benchmarks\n\n{machine()}\n{table}\n" + "".join(verdicts[name] for name in names)
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


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
    rows, verdicts = kept(chosen.output, list(workloads.values()))
    for name in chosen.names or list(workloads):
        workload = workloads[name]
        engines = [e for e in workload.engines if not chosen.ours or e.startswith("panelcoop")]
        engines = [e for e in engines if chosen.slow or e not in workload.slow]
        if not engines:
            print(f"{workload.label}: only with --slow")
            continue
        found = [run_engine(workload, e, runs=chosen.runs) for e in engines]
        rows[name] = markdown(workload, found)
        verdicts[name] = f"{verdict(workload, found)} [{stamp()}]\n"
        print(rows[name] + verdicts[name], flush=True)
        write(chosen.output, [n for n in workloads if n in rows], rows, verdicts)
    print(f"written to {chosen.output}")


if __name__ == "__main__":
    main()
