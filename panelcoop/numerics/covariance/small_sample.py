"""Small-sample factors: explicit options, and presets that reproduce other programs to the digit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from panelcoop.checks import fail_if_not_one_of
from panelcoop.numerics.grouping import Grouping
from panelcoop.numerics.regression.absorb import Absorber
from panelcoop.numerics.regression.least_squares import LinearFit
from panelcoop.options import Covariance, SmallSample

__all__ = ["SmallSampleRule", "count_parameters", "nested_effects", "rows_factor", "small_sample_rule"]

Parameters = Literal["columns", "rank", "levels", "nonnested", "rank-unless-nested"]
RowsFactor = Literal["none", "n/(n-K)", "(n-1)/(n-K)"]
GroupsFactor = Literal["none", "min", "each"]


@dataclass(frozen=True)
class SmallSampleRule:
    """A small-sample convention, written out.

    Attributes
    ----------
    parameters : what K counts. "columns": coefficients only. "rank": columns and absorbed effects by their joint rank.
        "levels": columns and all levels less one for every effect after the first. "nonnested": as "levels", effects
        nested in the clusters counted as one. "rank-unless-nested": as "rank", but columns only where the single
        effect is nested in the single cluster dimension.
    rows : factor in rows
    groups : factor G/(G-1) in clusters or weeks: none, of the smallest dimension, or of each component of a two-way sum
    df : degrees of freedom of t: groups less one, rows less K, or infinite (normal)
    """

    parameters: Parameters
    rows: RowsFactor
    groups: GroupsFactor
    df: Literal["groups", "rows", "infinite"]


NESTED_SAMPLE = 4096  # rows that usually show at once that an effect is not nested
_CLUSTERED = ("CRV1", "CRV2", "CRV3", "two-way")
_PLAIN = ("iid", "HC1")
_LEVERAGE = ("HC2", "HC3")


def small_sample_rule(kind: Covariance, preset: SmallSample) -> SmallSampleRule:
    """Return the convention a program uses for a kind of covariance.

    Notes
    -----
    fixest: (n-1)/(n-K) for iid, clusters and HAC, n/(n-K) for HC; effects nested in the clusters not counted; G/(G-1)
    of the
    smallest dimension; weeks take the place of clusters in Newey-West and Driscoll-Kraay.
    stata: as fixest, K by rank (reghdfe); `newey` has n/(n-K) and no G factor, `xtscc` both factors.
    linearmodels: n/(n-K) with all effects counted by rank (a single effect nested in the clusters is not), no G factor.
    plm: HC1 n/(n-k) with effects ignored; no other factor.
    HC2, HC3, CRV2 and CRV3 carry their own correction and take no factor in rows (pyfixest multiplies HC2 and HC3 by
    n/(n-K), and its CRV3 by G/(G-1) (n-1)/(n-K)); CRV3 multiplies the sum over left-out clusters by (G-1)/G.
    Conley has the factor in rows only. Poisson uses the same factors; its iid covariance has (n-1)/(n-K) in fixest.

    Raises
    ------
    DataError
        When the preset is not known.
    """
    fail_if_not_one_of(preset, ("fixest", "stata", "linearmodels", "plm", "none"), "small_sample")
    clustered = kind in _CLUSTERED
    hac = kind in ("newey-west", "driscoll-kraay")
    df: Literal["groups", "rows"] = "groups" if clustered or hac else "rows"
    if kind in _LEVERAGE or kind in ("CRV2", "CRV3"):
        return SmallSampleRule("rank", "none", "none", df)
    if preset in ("none", "plm"):
        counted_rows: RowsFactor = "n/(n-K)" if preset == "plm" and kind == "HC1" else "none"
        return SmallSampleRule("columns", counted_rows, "none", df)
    if preset == "linearmodels" or (preset == "stata" and kind == "newey-west"):
        unless: Parameters = "rank-unless-nested" if kind == "CRV1" else "rank"
        return SmallSampleRule(unless, "n/(n-K)", "none", "rows")
    counted: Parameters = "levels" if preset == "fixest" else "rank"
    if kind in _PLAIN:
        return SmallSampleRule(counted, "n/(n-K)", "none", "rows")
    groups: GroupsFactor = "min" if clustered or hac else "none"
    return SmallSampleRule("nonnested" if clustered else counted, "(n-1)/(n-K)", groups, df)


def nested_effects(door: Absorber, clusters: Sequence[Grouping]) -> list[bool]:
    """Say of each effect whether every one of its levels lies within one cluster of some dimension."""
    found = []
    for effect in door.groupings:
        inside = any(effect.codes is c.codes or _is_nested(effect, c) for c in clusters)
        found.append(inside)
    return found


def _is_nested(effect: Grouping, cluster: Grouping) -> bool:
    if effect.size < cluster.size:
        return False
    first = np.empty(effect.size, dtype=np.int64)
    first[effect.codes] = cluster.codes
    head = slice(0, NESTED_SAMPLE)
    if not np.array_equal(first[effect.codes[head]], cluster.codes[head]):
        return False
    return bool(np.array_equal(first[effect.codes], cluster.codes))


def count_parameters(fit: LinearFit, rule: SmallSampleRule, clusters: Sequence[Grouping] = ()) -> int:
    """Count K under a convention."""
    door = fit.absorber
    if rule.parameters == "columns" or not door.groupings:
        return fit.rank
    single = rule.parameters == "rank-unless-nested" and len(door.groupings) == 1
    if single and nested_effects(door, clusters)[0]:
        return fit.rank
    if rule.parameters in ("rank", "rank-unless-nested"):
        return fit.rank + door.rank
    levels = sum(g.size for g in door.groupings) - (len(door.groupings) - 1)
    if door.time is not None:
        levels = door.rank
    if rule.parameters == "levels":
        return fit.rank + levels
    nested = nested_effects(door, clusters)
    sizes = [g.size for g, inside in zip(door.groupings, nested, strict=True) if inside]
    return fit.rank + levels - sum(sizes) + len(sizes)


def rows_factor(rule: SmallSampleRule, rows: int, parameters: int) -> float:
    """Return the factor in rows; NaN where no degree of freedom is left."""
    if rule.rows == "none":
        return 1.0
    if rows <= parameters:
        return float("nan")
    return (rows if rule.rows == "n/(n-K)" else rows - 1) / (rows - parameters)
