"""Measurements as a markdown table: seconds, gigabytes, ratios to our own time and whether the numbers agree."""

from __future__ import annotations

import numpy as np

from benchmarks.harness import Measured, Workload

__all__ = ["markdown", "verdict"]

COLUMNS = (
    "workload", "engine", "first call", "median of the rest", "peak", "its data", "times ours", "agrees to",
)  # fmt: skip
HEAD = f"| {' | '.join(COLUMNS)} |\n|---|---|---:|---:|---:|---:|---:|---:|\n"


def seconds(value: float) -> str:
    """Write a time with its unit."""
    if not np.isfinite(value):
        return "-"
    return f"{value * 1e3:.1f} ms" if value < 1 else f"{value:.2f} s"


def difference(one: Measured, other: Measured) -> float:
    """Return the largest difference of two engines' numbers relative to ours, over the numbers both returned."""
    shared = min(len(one.numbers), len(other.numbers))
    if not shared:
        return float("nan")
    a, b = np.array(one.numbers[:shared]), np.array(other.numbers[:shared])
    return float(np.max(np.abs(a - b) / np.maximum(np.abs(a), 1e-12)))


def markdown(workload: Workload, found: list[Measured]) -> str:
    """Return the rows of one workload."""
    ours = found[0]
    rows = []
    for one in found:
        if one.error:
            rows.append(f"| {workload.label} | {one.engine} | {one.error} | | | | | |")
            continue
        ratio = "1" if one is ours else f"{one.warm / ours.warm:.1f}"
        same = "" if one is ours else f"{difference(ours, one):.0e}"
        rows.append(
            f"| {workload.label} | {one.engine} | {seconds(one.cold)} | {seconds(one.warm)} | {one.peak:.2f} GB "
            f"| {one.data:.2f} GB | {ratio} | {same} |"
        )
    return "\n".join(rows) + "\n"


def verdict(workload: Workload, found: list[Measured]) -> str:
    """Say which targets are met."""
    ours, peers = found[0], [m for m in found[1:] if not m.error and not m.engine.startswith("panelcoop")]
    said = []
    if workload.faster is not None and peers:
        fastest = min(peers, key=lambda m: m.warm)
        for own in (m for m in found if m.engine.startswith("panelcoop") and not m.error):
            ratio = fastest.warm / own.warm
            met = "met" if ratio >= workload.faster else "MISSED"
            which = "" if own is ours else f"{own.engine}: "
            said.append(f"{which}{ratio:.1f} times {fastest.engine} (target {workload.faster:g}): {met}")
    for name, target in workload.faster_than.items():
        for one in peers:
            if one.engine == name:
                ratio = one.warm / ours.warm
                met = "met" if ratio >= target else "MISSED"
                said.append(f"{ratio:.1f} times {name} (target {target:g}): {met}")
    if workload.seconds is not None:
        met = "met" if ours.warm <= workload.seconds else "MISSED"
        said.append(f"{seconds(ours.warm)} (at most {workload.seconds:g} s): {met}")
    if workload.beyond is not None and peers:
        more = ours.warm - peers[0].warm
        met = "met" if more <= workload.beyond else "MISSED"
        said.append(f"{max(more, 0.0):.2f} s more than {peers[0].engine} (at most {workload.beyond:g} s): {met}")
    if workload.memory is not None and np.isfinite(ours.peak):
        met = "met" if ours.peak <= workload.memory else "MISSED"
        said.append(f"{ours.peak:.2f} GB (at most {workload.memory:g}): {met}")
    return f"- {workload.label}: " + "; ".join(said or ["no target"])
