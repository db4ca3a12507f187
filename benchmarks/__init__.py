"""Timed comparisons with other engines on the same data, run by hand: `python -m benchmarks` (or `make bench`).

A workload is a `Workload` in the list `WORKLOADS` of any module of this folder; `python -m benchmarks --list` shows
them.
"""
