"""Small-sample factors: explicit options, and presets that reproduce other programs to the digit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from panelcoop.checks import fail_if_not_one_of
from panelcoop.numerics.grouping import Grouping
from panelcoop.numerics.regression.absorb import Absorber
from panelcoop.numerics.regression.effect_rank import added_ranks
from panelcoop.numerics.regression.least_squares import LinearFit
from panelcoop.options import Covariance, SmallSample

__all__ = [
    "SmallSampleRule",
    "count_parameters",
    "groups_factor",
    "nested_effects",
    "residual_degrees",
    "rows_factor",
    "small_sample_rule",
]

Parameters = Literal["columns", "rank", "levels", "nonnested", "nonnested-rank", "nonregional", "rank-unless-nested"]
RowsFactor = Literal["none", "n/(n-1)", "n/(n-K)", "(n-1)/(n-K)"]
GroupsFactor = Literal["none", "min", "each", "jackknife"]
Degrees = Literal["groups", "rows", "infinite", "satterthwaite"]


@dataclass(frozen=True)
class SmallSampleRule:
    """A small-sample convention, written out: what multiplies the sum of outer products, and the degrees of freedom.

    Attributes
    ----------
    parameters : what K counts. "columns": coefficients only. "rank": columns and absorbed effects by their joint rank.
        "levels": columns and all levels less one for every effect after the first. "nonnested": as "levels", nested
        effects counted as one. "nonnested-rank": columns and the rank of the effects that are not nested, at least one.
        "nonregional": the same, whatever the kind, for effects that are not nested in regions. "rank-unless-nested": as
        "rank", but columns only where the single effect is nested; t(n - K) counts it all the same.
    rows : factor in rows
    groups : factor in G clusters or weeks: none, G/(G-1) of the smallest dimension ("min") or of each component of a
        two-way sum ("each"), or (G-1)/G ("jackknife")
    df : degrees of freedom of t: groups less one, rows less K, infinite (normal), or Bell-McCaffrey's of each contrast
        ("satterthwaite", CRV2 only)

    Notes
    -----
    An effect is nested where each of its levels lies within one cluster of some dimension; for newey-west within one
    region or week, for driscoll-kraay within one week, for conley within one region.

    Examples
    --------
    clubSandwich's CR3, pyfixest's CRV3, and Stata's areg with clusters:

    >>> cr3 = SmallSampleRule("rank", "none", "none", "groups")
    >>> crv3 = SmallSampleRule("nonnested", "(n-1)/(n-K)", "min", "groups")
    >>> areg = SmallSampleRule("rank", "(n-1)/(n-K)", "min", "groups")
    """

    parameters: Parameters
    rows: RowsFactor
    groups: GroupsFactor
    df: Degrees

    def __post_init__(self) -> None:
        """Refuse what no convention knows.

        Raises
        ------
        DataError
            Names the part and what is allowed.
        """
        allowed = {"parameters": Parameters, "rows": RowsFactor, "groups": GroupsFactor, "df": Degrees}
        for name, vocabulary in allowed.items():
            fail_if_not_one_of(getattr(self, name), get_args(vocabulary), f"SmallSampleRule: {name}")


NESTED_SAMPLE = 4096  # rows that usually show at once that an effect is not nested
_CLUSTERED = ("CRV1", "two-way")
_IN_WEEKS = ("newey-west", "driscoll-kraay")
_OWN = {
    "HC2": SmallSampleRule("rank", "none", "none", "rows"),
    "HC3": SmallSampleRule("rank", "none", "none", "rows"),
    "CRV2": SmallSampleRule("rank", "none", "none", "satterthwaite"),
    "CRV3": SmallSampleRule("rank", "none", "jackknife", "groups"),
}


def small_sample_rule(kind: Covariance, preset: SmallSample, *, counts: bool = False) -> SmallSampleRule:
    """Return the convention a program uses for a kind of covariance, of least squares or of Poisson (`counts`).

    Notes
    -----
    fixest (0.13, 0.14): n/(n-K) for iid and HC, (n-1)/(n-K) for clusters, HAC and conley, K with all levels, but for
    clusters without the effects nested in them; G/(G-1) of the smallest dimension, T/(T-1) of weeks. pyfixest (0.60)
    agrees. Up to 0.12 fixest left nested effects out of HAC, too:
    `SmallSampleRule("nonnested", "(n-1)/(n-K)", "min", "groups")`.
    stata: `regress` and `reghdfe` (6) for iid, HC1 and clusters, with K by rank and nested effects as one; `newey`:
    n/(n-K), no groups; `xtscc` (1.3, 1.4; 2011 to 2017) for driscoll-kraay: T/(T-1) (n-1)/(n-K) and t(T-1), K = slopes
    and a constant, as regions are taken out before; `acreg` for conley: no factor. `xtscc` 1.1 (2007) had no factor and
    t(regions - 1). With three effects or more `reghdfe` compares each with one earlier effect at a time and may count
    more than the rank; `areg` counts nested effects too.
    linearmodels: n/(n-K) with all effects counted by rank (a single effect nested in the clusters is not), no G factor;
    t(n - K) counts every effect, nested or not.
    plm: iid, which `summary` prints, n/(n-K) with all effects counted by rank; HC1 n/(n-k) with effects ignored; no
    other factor.
    HC2, HC3 and CRV2 carry their own correction and take no factor under any preset (pyfixest multiplies HC2 and HC3 by
    n/(n-K)). CRV3 multiplies the sum over left-out clusters by (G-1)/G, as summclust and Stata's jackknife do;
    clubSandwich's CR3 has no factor, pyfixest's CRV3 has G/(G-1) (n-1)/(n-K).
    Poisson has the same factors, its iid covariance (n-1)/(n-K) in fixest and none elsewhere; "stata" has those of
    `ppmlhdfe` (2.3): n/(n-1) for HC1, G/(G-1) for clusters, no K. p-values keep t with these degrees of freedom (iid:
    normal), which with few clusters is the safer choice; fixest, pyfixest and ppmlhdfe hold the same statistics against
    the normal: `SmallSampleRule(..., df="infinite")`.
    A level of an effect with a single row counts here as that row and as a parameter. `reghdfe` and pyfixest
    (`fixef_rm="singleton"`) drop such rows first: drop them before the fit to match their errors. Newey-West on an
    unbalanced panel keeps the distance between weeks here; pyfixest closes the gaps within each region.

    Raises
    ------
    DataError
        When the preset is not known.
    """
    fail_if_not_one_of(preset, ("fixest", "stata", "linearmodels", "plm", "none"), "small_sample")
    if kind in _OWN:
        return _OWN[kind]
    if preset == "fixest":
        return _fixest(kind, counts=counts)
    if counts and kind == "iid":
        return SmallSampleRule("rank", "none", "none", "infinite")
    if preset == "stata":
        return _stata(kind, counts=counts)
    if preset == "linearmodels":
        return SmallSampleRule("rank-unless-nested" if kind == "CRV1" else "rank", "n/(n-K)", "none", "rows")
    return _plm(kind) if preset == "plm" else _bare(kind)


def _fixest(kind: Covariance, *, counts: bool) -> SmallSampleRule:
    if counts and kind == "iid":
        return SmallSampleRule("levels", "(n-1)/(n-K)", "none", "infinite")
    if kind in ("iid", "HC1"):
        return SmallSampleRule("levels", "n/(n-K)", "none", "rows")
    if kind == "conley":
        return SmallSampleRule("levels", "(n-1)/(n-K)", "none", "rows")
    return SmallSampleRule("nonnested" if kind in _CLUSTERED else "levels", "(n-1)/(n-K)", "min", "groups")


def _stata(kind: Covariance, *, counts: bool) -> SmallSampleRule:
    if kind == "conley":
        return SmallSampleRule("rank", "none", "none", "rows")
    if kind == "driscoll-kraay":
        return SmallSampleRule("nonregional", "(n-1)/(n-K)", "min", "groups")
    if kind in _CLUSTERED:
        return SmallSampleRule("nonnested-rank", "none" if counts else "(n-1)/(n-K)", "min", "groups")
    return SmallSampleRule("rank", "n/(n-1)" if counts and kind == "HC1" else "n/(n-K)", "none", "rows")


def _plm(kind: Covariance) -> SmallSampleRule:
    if kind in ("iid", "HC1"):
        return SmallSampleRule("rank" if kind == "iid" else "columns", "n/(n-K)", "none", "rows")
    return _bare(kind)


def _bare(kind: Covariance) -> SmallSampleRule:
    return SmallSampleRule("columns", "none", "none", "groups" if kind in _CLUSTERED + _IN_WEEKS else "rows")


def nested_effects(door: Absorber, inside: Sequence[Grouping]) -> list[bool]:
    """Say of each effect whether every one of its levels lies within one group of some dimension."""
    return [any(effect.codes is g.codes or _is_nested(effect, g) for g in inside) for effect in door.groupings]


def _is_nested(effect: Grouping, group: Grouping) -> bool:
    if effect.size < group.size:
        return False
    first = np.empty(effect.size, dtype=np.int64)
    for rows in (slice(0, NESTED_SAMPLE), slice(None)):
        first[effect.codes[rows]] = group.codes[rows]
        if not np.array_equal(first[effect.codes[rows]], group.codes[rows]):
            return False
    return True


def count_parameters(fit: LinearFit, rule: SmallSampleRule, inside: Sequence[Grouping] = ()) -> int:
    """Count K under a convention; `inside` are the groups in which an effect may be nested."""
    door = fit.absorber
    if rule.parameters == "columns" or not door.groupings:
        return fit.rank
    if rule.parameters == "rank":
        return fit.rank + door.rank
    if rule.parameters == "levels":
        return fit.rank + _levels(door)
    nested = nested_effects(door, inside)
    if rule.parameters == "rank-unless-nested":
        return fit.rank + (0 if nested == [True] else door.rank)
    if rule.parameters == "nonnested" or door.time is not None:
        return (
            fit.rank + _levels(door) - sum(g.size - 1 for g, lies in zip(door.groupings, nested, strict=True) if lies)
        )
    return fit.rank + _rank_outside(door, nested)


def residual_degrees(fit: LinearFit, rule: SmallSampleRule, parameters: int) -> float:
    """Return n - K, NaN where nothing is left; "rank-unless-nested" spares nested effects in the factor only."""
    counted = fit.rank + fit.absorber.rank if rule.parameters == "rank-unless-nested" else parameters
    return float(max(fit.nobs - counted, 0)) or float("nan")


def _levels(door: Absorber) -> int:
    """Return the levels of all effects, less one for each after the first; with trends, what they span."""
    return door.rank if door.time is not None else sum(g.size for g in door.groupings) - (len(door.groupings) - 1)


def _rank_outside(door: Absorber, nested: Sequence[bool]) -> int:
    """Return the rank of the effects that are not nested, at least one for the constant."""
    if not any(nested):
        return door.rank
    free = [g for g, lies in zip(door.groupings, nested, strict=True) if not lies]
    return max(sum(added_ranks(free)), 1)


def rows_factor(rule: SmallSampleRule, rows: int, parameters: int) -> float:
    """Return the factor in rows; NaN where no degree of freedom is left."""
    if rule.rows == "none":
        return 1.0
    least = 1 if rule.rows == "n/(n-1)" else parameters
    if rows <= least:
        return float("nan")
    return (rows - 1 if rule.rows == "(n-1)/(n-K)" else rows) / (rows - least)


def groups_factor(rule: SmallSampleRule, groups: int) -> float:
    """Return the factor in clusters or weeks; one where there is a single group."""
    if rule.groups == "none" or groups < 2:
        return 1.0
    return (groups - 1) / groups if rule.groups == "jackknife" else groups / (groups - 1)
