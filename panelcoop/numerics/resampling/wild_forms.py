"""The matrices that turn multipliers into bootstrap statistics, so that no draw is ever refitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from panelcoop.numerics.grouping import group_sums
from panelcoop.numerics.resampling.effect_overlap import effect_coordinates, is_nested, row_projections
from panelcoop.numerics.resampling.wild_moments import Moments, Pair, pair_scores
from panelcoop.numerics.resampling.wild_regression import WildRegression
from panelcoop.options import FloatArray, IntArray

__all__ = ["Boot", "ScoreForms", "VarianceTerm", "pair_products", "score_forms"]

COLLAPSE_ABOVE = 1.5
ABSORBED_VALUES_AT_ONCE = 20_000_000


@dataclass(frozen=True, eq=False)
class VarianceTerm:
    """One term of the variance that studentises: scale * sum_gh H_g K_gh H_h over groups' scores H.

    Attributes
    ----------
    groups
        Group of each row, shape (n,).
    size
        Number of groups.
    scale
        Small-sample factor with its sign (the intersection term of two-way clustering is negative).
    kernel_root
        Lower factor L of K = L L', shape (size, size); None for the identity.
    directions
        Rows' directions that replace those of ordinary scores, shape (n, m) (CRV3); None for ordinary scores.
    """

    groups: IntArray
    size: int
    scale: float = 1.0
    kernel_root: FloatArray | None = None
    directions: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Boot:
    """Which multiplier each row takes, shape (n,), and how many multipliers there are."""

    groups: IntArray
    size: int


@dataclass(frozen=True, eq=False)
class ScoreMap:
    """A linear map from multipliers to group scores: a matrix, or a diagonal less a low-rank product."""

    matrix: FloatArray | None
    diagonal: FloatArray
    left: FloatArray
    right: FloatArray

    def apply(self, draws: FloatArray) -> FloatArray:
        """Return the scores of each draw, shape (draws, groups)."""
        if self.matrix is not None:
            return draws @ self.matrix.T
        return draws * self.diagonal - (draws @ self.right) @ self.left.T


@dataclass(frozen=True, eq=False)
class FormTerm:
    """One variance term: maps to scores, or their pairwise Gram matrices when those are smaller."""

    scale: float
    maps: tuple[ScoreMap, ...]
    grams: tuple[FloatArray, ...]


@dataclass(frozen=True, eq=False)
class ScoreForms:
    """Numerator rows, shape (m, multipliers), and the variance terms of m (direction, residual) pairs."""

    numerators: FloatArray
    terms: tuple[FormTerm, ...]


def score_forms(
    fit: WildRegression, pairs: Sequence[Pair], boot: Boot, terms: Sequence[VarianceTerm], moments: Moments
) -> ScoreForms:
    """Build the maps of m pairs of a direction and a residual vector.

    Parameters
    ----------
    fit
        The regression.
    pairs
        Directions z and residuals e.
    boot
        The multipliers' groups.
    terms
        The studentising variance.
    moments
        From `moments_by_group`, of the multipliers' groups and of the terms'.

    Notes
    -----
    With M the annihilator of effects and regressors and 1_h the rows of group h, a draw's residuals are
    M sum_h v_h (1_h e). The score of group g is z' 1_g M (v e), that is sum_h B_gh v_h with

        B_gh = 1{g, h overlap} sum z e - U_g(z)' U_h(e) - G_g A^-1 s_h,

    U the coordinates on the effects, G_g = sum_g w z x', s_h = sum_h w x e. One matrix, every draw.
    """
    scores = [pair_scores(fit, pair, boot.groups, boot.size, moments) for pair in pairs]
    numerators = [score @ pair.direction for score, pair in zip(scores, pairs, strict=True)]
    built = []
    for term in terms:
        both = zip(pairs, scores, strict=True)
        maps = tuple(score_map(fit, pair, (boot, score), term, moments) for pair, score in both)
        built.append(collapse_if_smaller(term, maps, boot.size))
    return ScoreForms(np.stack(numerators), tuple(built))


def score_map(
    fit: WildRegression, pair: Pair, drawn: tuple[Boot, FloatArray], term: VarianceTerm, moments: Moments
) -> ScoreMap:
    """Build B for one direction, one residual vector and one variance term."""
    boot, scores = drawn
    known = moments.get(id(term.groups))
    same = term.groups is boot.groups
    plain = term.directions is None
    if fit.absorb is None and (fit.basis is None or fit.basis.large is None) and same and plain and known is not None:
        own = (known.grams @ pair.direction) @ fit.inverse
        return joined_map(scores @ pair.direction, own, scores, term)
    z = fit.regressors @ pair.direction if term.directions is None else term.directions[:, pair.number]
    e = pair.residuals(fit)
    if term.size == e.size and fit.absorb is None:
        return row_map(fit, z, e, boot, term)
    wz = fit.weights * z
    if plain and known is not None:
        own = (known.grams @ pair.direction) @ fit.inverse
    else:
        own = group_sums(fit.regressors, term.groups, term.size, wz) @ fit.inverse
    if fit.absorb is not None:
        return dense_map(absorbed_overlap(fit, wz, e, boot, term) - own @ scores.T, term)
    left, right = overlap_factors(fit, wz, fit.weights * e, boot, term)
    left, right = np.hstack([left, own]), np.hstack([right, scores])
    if same:
        return joined_map(group_sums(wz * e, boot.groups, boot.size), left, right, term)
    cells = group_sums(wz * e, term.groups * boot.size + boot.groups, term.size * boot.size)
    return dense_map(cells.reshape(term.size, boot.size) - left @ right.T, term)


def joined_map(diagonal: FloatArray, left: FloatArray, right: FloatArray, term: VarianceTerm) -> ScoreMap:
    """Keep a diagonal less a low-rank product where that is slimmer than its matrix."""
    if term.kernel_root is None and 2 * left.shape[1] < diagonal.size:
        return ScoreMap(None, diagonal, left, right)
    return dense_map(np.diag(diagonal) - left @ right.T, term)


def row_map(fit: WildRegression, z: FloatArray, e: FloatArray, boot: Boot, term: VarianceTerm) -> ScoreMap:
    """Build B where every row is a group of its own (rows of a two-way intersection): gathered, not multiplied."""
    we = fit.weights * e
    scores = group_sums(we[:, None] * fit.regressors, boot.groups, boot.size)
    fitted = fit.regressors @ (fit.inverse @ scores.T)
    if fit.basis is not None and fit.basis.large is not None:
        keep = not is_nested(fit.basis.large, boot.groups)
        on_effects = effect_coordinates(fit.basis, we, boot.groups, boot.size, keep_large=keep)
        fitted += row_projections(fit.basis, on_effects, keep_large=keep)
    fitted *= -1.0
    fitted[np.arange(e.size), boot.groups] += e
    fitted *= (fit.weights * z)[:, None]
    matrix = np.empty_like(fitted)
    matrix[term.groups] = fitted
    return dense_map(matrix, term)


def overlap_factors(
    fit: WildRegression, wz: FloatArray, we: FloatArray, boot: Boot, term: VarianceTerm
) -> tuple[FloatArray, FloatArray]:
    """Return the coordinates of both sides on the effects."""
    basis = fit.basis
    if basis is None or basis.large is None:
        return np.zeros((term.size, 0)), np.zeros((boot.size, 0))
    keep = not (is_nested(basis.large, boot.groups) or is_nested(basis.large, term.groups))
    left = effect_coordinates(basis, wz, term.groups, term.size, keep_large=keep)
    return left, effect_coordinates(basis, we, boot.groups, boot.size, keep_large=keep)


def absorbed_overlap(fit: WildRegression, wz: FloatArray, e: FloatArray, boot: Boot, term: VarianceTerm) -> FloatArray:
    """Residualise each group's residuals on the effects and sum their scores, a few groups at a time."""
    assert fit.absorb is not None
    out = np.empty((term.size, boot.size))
    step = max(1, ABSORBED_VALUES_AT_ONCE // e.size)
    for first in range(0, boot.size, step):
        chosen = np.arange(first, min(first + step, boot.size))
        columns = np.where(boot.groups[:, None] == chosen, e[:, None], 0.0)
        out[:, chosen] = group_sums(wz[:, None] * fit.absorb(columns), term.groups, term.size)
    return out


def dense_map(matrix: FloatArray, term: VarianceTerm) -> ScoreMap:
    """Wrap a matrix, folding the kernel into it."""
    none = np.zeros((0, 0))
    folded = matrix if term.kernel_root is None else term.kernel_root.T @ matrix
    return ScoreMap(np.ascontiguousarray(folded), np.zeros(0), none, none)


def collapse_if_smaller(term: VarianceTerm, maps: tuple[ScoreMap, ...], n_boot: int) -> FormTerm:
    """Keep multipliers-by-multipliers Gram matrices when groups far outnumber multipliers."""
    if term.size <= COLLAPSE_ABOVE * n_boot or any(m.matrix is None for m in maps):
        return FormTerm(term.scale, maps, ())
    pairs = combinations_with_replacement([m.matrix for m in maps if m.matrix is not None], 2)
    return FormTerm(term.scale, (), tuple(a.T @ b for a, b in pairs))


def pair_products(forms: ScoreForms, draws: FloatArray) -> FloatArray:
    """Return the variance products H_a K H_b of every pair a <= b, shape (pairs, draws)."""
    count = forms.numerators.shape[0]
    total = np.zeros((count * (count + 1) // 2, draws.shape[0]))
    for term in forms.terms:
        if term.grams:
            products = [np.einsum("bg,bg->b", draws @ gram, draws) for gram in term.grams]
        else:
            scores = [m.apply(draws) for m in term.maps]
            products = [np.einsum("bg,bg->b", a, b) for a, b in combinations_with_replacement(scores, 2)]
        for i, product in enumerate(products):
            total[i] += term.scale * product
    return total
