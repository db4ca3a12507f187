"""Time one engine on one workload; run by the harness in a process of its own."""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time

import numpy as np

from benchmarks.harness import find_workloads


def peak() -> float:
    """Return the peak resident memory of this process in gigabytes."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1e9 if sys.platform == "darwin" else 1e6)


def main(name: str, engine: str, runs: int) -> None:
    """Build the data, prepare the engine, time the first call and `runs` more."""
    workload = find_workloads()[name]
    call = workload.engines[engine](workload.make())
    before = peak()
    seconds = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        numbers = call()
        seconds.append(time.perf_counter() - start)
    shown = {
        "cold": seconds[0],
        "warm": statistics.median(seconds[1:]),
        "peak": peak(),
        "data": before,
        "numbers": np.asarray(numbers, float).ravel()[:200].tolist(),
    }
    print(json.dumps(shown))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
