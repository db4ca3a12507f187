"""The Goodman-Bacon decomposition of a two-way fixed-effects estimate into two-by-two comparisons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["BaconParts", "bacon_parts"]


@dataclass(frozen=True)
class BaconParts:
    """All two-by-two comparisons.

    Attributes
    ----------
    treated, control
        Cohort index of the two groups, shape (M,).
    kind
        0 earlier against later treated, 1 later against earlier treated, 2 treated against never treated,
        3 later against always treated, shape (M,).
    weight
        Non-negative, sums to one, shape (M,).
    estimate
        Difference in differences of each pair, shape (M,).
    """

    treated: IntArray
    control: IntArray
    kind: IntArray
    weight: FloatArray
    estimate: FloatArray


def bacon_parts(counts: FloatArray, means: FloatArray, starts: FloatArray, times: FloatArray) -> BaconParts:
    """Decompose the two-way estimate of an absorbing treatment on a balanced panel.

    Parameters
    ----------
    counts
        Units per cohort, shape (C,).
    means
        Cohort means, shape (C, T).
    starts
        First treated period, infinity if never, shape (C,); a start at or before the first period is "always".
    times
        Periods, shape (T,).

    Notes
    -----
    With n_k the share of a cohort, Dbar_k its share of treated periods and n_ku = n_k / (n_k + n_u), the weights are
    proportional to (n_k + n_u)^2 n_ku (1 - n_ku) Dbar_k (1 - Dbar_k) against cohorts whose status does not change,
    ((n_k + n_l)(1 - Dbar_l))^2 n_kl (1 - n_kl) (Dbar_k - Dbar_l)(1 - Dbar_k) / (1 - Dbar_l)^2 for k before l, and
    ((n_k + n_l) Dbar_k)^2 n_kl (1 - n_kl) Dbar_l (Dbar_k - Dbar_l) / Dbar_k^2 for l against k (Goodman-Bacon 2021).
    """
    treated_at = times[None, :] >= starts[:, None]
    share, treated_share = counts / counts.sum(), treated_at.mean(axis=1)
    rows = []
    for k in range(starts.size):
        if not 0 < treated_share[k] < 1:
            continue
        for u in range(starts.size):
            if u == k:
                continue
            rows.append(_pair((k, u), share, treated_share, treated_at, means))
    treated, control, kind, weight, estimate = (np.array(column) for column in zip(*rows, strict=True))
    return BaconParts(treated, control, kind, weight / weight.sum(), estimate)


def _pair(
    pair: tuple[int, int], share: FloatArray, dbar: FloatArray, treated_at: BoolArray, means: FloatArray
) -> tuple[int, int, int, float, float]:
    k, u = pair
    mass = share[k] + share[u]
    spread = (share[k] / mass) * (share[u] / mass)
    if dbar[u] in (0.0, 1.0):
        window, kind = np.ones(means.shape[1], dtype=bool), 2 if dbar[u] == 0.0 else 3
        weight = mass**2 * spread * dbar[k] * (1 - dbar[k])
    elif dbar[k] > dbar[u]:
        window, kind = ~treated_at[u], 0
        weight = mass**2 * spread * (dbar[k] - dbar[u]) * (1 - dbar[k])
    else:
        window, kind = treated_at[u], 1
        weight = mass**2 * spread * dbar[k] * (dbar[u] - dbar[k])
    gap = means[k] - means[u]
    after, before = window & treated_at[k], window & ~treated_at[k]
    return k, u, kind, float(weight), float(gap[after].mean() - gap[before].mean())
