"""Measures of a log computed the slow way: loops and dictionaries, no code shared with the package."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import date, timedelta

BETWEEN = ("horizontal", "mandated-horizontal")


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def over(part, whole):
    return part / whole if whole else math.nan


def flows_of(rows, centre, place):
    """A by week, sender, receiver, layer, mechanism, contents and formality, from rows of the raw table."""
    total = defaultdict(float)
    for row in rows:
        sources, targets = row["source"].split("|"), row["target"].split("|")
        pairs = [(i, j) for i in sources for j in targets if i != j]
        first = date.fromisoformat(row["start"])
        last = date.fromisoformat(row["end"]) if row["end"] else first
        days = [first + timedelta(days=k) for k in range((last - first).days + 1)]
        ordered = row["mandated"] == "true" or row["mechanism"] == "counterpart_support"
        for i, j in ((place(i), place(j)) for i, j in pairs):
            layer = "internal" if i == j else "vertical" if centre in (i, j) else BETWEEN[ordered]
            for day in days:
                share = float(row["weight"]) / len(pairs) / len(days)
                total[monday(day), i, j, layer, row["mechanism"], row["contents"], row["formality"]] += share
    return total


def belongs(key, chosen):
    _, _, _, layer, mechanism, contents, _ = key
    return (
        chosen.get("layer", layer) == layer
        and chosen.get("mechanism", mechanism) == mechanism
        and ("content" not in chosen or chosen["content"] in contents.split("|"))
    )


def measures(rows, regions, weeks, *, centre="C", half_life=4.0, chosen=None, place=str):
    """Return {(region, week): {name: value}} of all dyads, or of those of one slice; weeks follow one another."""
    chosen = chosen or {}
    total = {key: v for key, v in flows_of(rows, centre, place).items() if belongs(key, chosen)}
    layers = (chosen["layer"],) if "layer" in chosen else BETWEEN
    result, stock, before = {}, dict.fromkeys(regions, 0.0), None
    for week in weeks:
        cells = {key[1:]: value for key, value in total.items() if key[0] == week}
        A = defaultdict(float)
        for (i, j, layer, *_), value in cells.items():
            if layer in BETWEEN:
                A[i, j] += value
        edges = {pair for pair, value in A.items() if value > 0}
        ties = {i: {j for j in regions if (i, j) in edges or (j, i) in edges} for i in regions}
        whole = network(A, edges, ties, regions)
        whole["network_persistence"] = (
            math.nan if before is None else over(len(edges & before[0]), len(edges | before[0]))
        )
        for i in regions:
            own = one_region(i, cells, A, regions, layers)
            stock[i] = 2 ** (-1 / half_life) * stock[i] + own["intensity"]
            kept = math.nan if before is None else over(len(ties[i] & before[1][i]), len(ties[i] | before[1][i]))
            result[i, week] = {**own, **whole, "stock": stock[i], "persistence": kept}
        before = edges, ties
    return result


def network(A, edges, ties, regions):
    n = len(regions)
    strength = {i: sum(A[i, j] + A[j, i] for j in regions if j != i) for i in regions}
    apart = sum(abs(x - y) for x in strength.values() for y in strength.values())
    moved = sum(A[i, j] for i in regions for j in regions if i != j)
    degree = [len(partners) for partners in ties.values()]
    return {
        "density": len(edges) / (n * (n - 1)),
        "centralisation": sum(max(degree) - d for d in degree) / ((n - 1) * (n - 2)),
        "strength_gini": over(apart, 2 * n * sum(strength.values())),
        "network_reciprocity": over(sum(min(A[i, j], A[j, i]) for i in regions for j in regions if i != j), moved),
    }


def one_region(i, cells, A, regions, layers):
    others = [j for j in regions if j != i]
    x = {j: A[i, j] + A[j, i] for j in others}
    size = sum(x.values())
    mine = {key: value for key, value in cells.items() if i in key[:2] and key[2] != "internal"}
    internal = sum(value for key, value in cells.items() if key[0] == i and key[2] == "internal")
    vertical = sum(value for key, value in mine.items() if key[2] == "vertical")
    ordered = sum(value for key, value in mine.items() if key[2] == "mandated-horizontal")
    sent = sum(value for key, value in mine.items() if key[0] == i and key[2] in layers)
    received = sum(value for key, value in mine.items() if key[1] == i and key[2] in layers)
    graded = {key: value for key, value in mine.items() if key[5]}
    return {
        "out_intensity": sent,
        "in_intensity": received,
        "intensity": sent + received,
        "partners": sum(value > 0 for value in x.values()),
        "breadth": sum(value > 0 for value in x.values()) / len(others),
        "effective_partners": math.exp(-sum(v / size * math.log(v / size) for v in x.values() if v > 0))
        if size
        else math.nan,
        "formality": over(sum(v * float(k[5]) for k, v in graded.items()), sum(graded.values())),
        "reciprocity": over(2 * sum(min(A[i, j], A[j, i]) for j in others), size),
        "vertical_share": over(vertical, vertical + size),
        "mandated_share": over(ordered, size),
        "ei_index": over(size - internal, size + internal),
    }
