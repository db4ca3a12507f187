"""Measures of a log computed the slow way: loops and dictionaries, no code shared with the package."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import date, timedelta


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def flows_of(rows, centre):
    """A[week][(i, j)] by layer, from rows of the raw table."""
    total = defaultdict(float)
    for row in rows:
        sources, targets = row["source"].split("|"), row["target"].split("|")
        pairs = [(i, j) for i in sources for j in targets if i != j]
        first = date.fromisoformat(row["start"])
        last = date.fromisoformat(row["end"]) if row["end"] else first
        days = [first + timedelta(days=k) for k in range((last - first).days + 1)]
        ordered = row["mandated"] == "true" or row["mechanism"] == "counterpart_support"
        for i, j in pairs:
            layer = "vertical" if centre in (i, j) else ("mandated" if ordered else "horizontal")
            for day in days:
                share = float(row["weight"]) / len(pairs) / len(days)
                total[monday(day), i, j, layer, row["mechanism"], row["contents"], row["formality"]] += share
    return total


def measures(rows, regions, weeks, centre="C"):
    """Return {(region, week): {name: value}}."""
    total = flows_of(rows, centre)
    result = {}
    for week in weeks:
        cells = {key[1:]: value for key, value in total.items() if key[0] == week}
        A = defaultdict(float)
        for (i, j, layer, *_), value in cells.items():
            if layer != "vertical":
                A[i, j] += value
        edges = {pair for pair, value in A.items() if value > 0}
        degree = {i: len({j for j in regions if (i, j) in edges or (j, i) in edges}) for i in regions}
        n = len(regions)
        whole = {
            "density": len(edges) / (n * (n - 1)),
            "centralisation": sum(max(degree.values()) - d for d in degree.values()) / ((n - 1) * (n - 2)),
        }
        strength = {i: sum(A[i, j] + A[j, i] for j in regions if j != i) for i in regions}
        mean = sum(strength.values()) / n
        whole["strength_gini"] = sum(abs(x - y) for x in strength.values() for y in strength.values()) / (
            2 * n * n * mean
        )
        moved = sum(A[i, j] for i in regions for j in regions if i != j)
        whole["network_reciprocity"] = sum(min(A[i, j], A[j, i]) for i in regions for j in regions if i != j) / moved
        for i in regions:
            result[i, week] = {**one_region(i, cells, A, regions, centre), **whole}
    return result


def one_region(i, cells, A, regions, centre):
    others = [j for j in regions if j != i]
    x = {j: A[i, j] + A[j, i] for j in others}
    size = sum(x.values())
    mine = {key: value for key, value in cells.items() if i in key[:2]}
    vertical = sum(value for key, value in mine.items() if key[2] == "vertical")
    ordered = sum(value for key, value in mine.items() if key[2] == "mandated")
    graded = {key: value for key, value in mine.items() if key[5]}
    values = {
        "out_intensity": sum(A[i, j] for j in others),
        "in_intensity": sum(A[j, i] for j in others),
        "intensity": size,
        "intensity_vertical": vertical,
        "intensity_mandated": ordered,
        "intensity_horizontal": sum(value for key, value in mine.items() if key[2] == "horizontal"),
        "breadth": sum(value > 0 for value in x.values()) / len(others),
        "effective_partners": math.exp(-sum(v / size * math.log(v / size) for v in x.values() if v > 0))
        if size
        else math.nan,
        "formality": sum(v * float(k[5]) for k, v in graded.items()) / sum(graded.values()) if graded else math.nan,
        "reciprocity": 2 * sum(min(A[i, j], A[j, i]) for j in others) / size if size else math.nan,
        "vertical_share": vertical / (vertical + size) if vertical + size else math.nan,
        "mandated_share": ordered / size if size else math.nan,
    }
    for mechanism in ("agreement", "joint_departmental", "joint_prevention", "counterpart_support", "other"):
        values[f"intensity_{mechanism}"] = sum(v for k, v in mine.items() if k[3] == mechanism and k[2] != "vertical")
    for content in ("resource", "information", "policy"):
        values[f"out_intensity_{content}"] = sum(
            v for k, v in mine.items() if k[0] == i and content in k[4].split("|") and k[2] != "vertical"
        )
    return values
