"""What a wild bootstrap needs to know of a fitted regression: plain arrays, already residualised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from panelcoop.checks import fail_if_not_finite
from panelcoop.errors import DataError, IdentificationError
from panelcoop.numerics.regression.least_squares import LinearFit
from panelcoop.numerics.resampling.effect_overlap import EffectBasis, effect_basis
from panelcoop.options import FloatArray, IntArray

__all__ = ["Contrasts", "WildRegression", "prepare_contrasts", "wild_from_fit", "wild_regression"]

NORMAL_SLACK = 1e-6
MOST_SMALL_LEVELS = 4_000
UNIDENTIFIED = 1e-7


@dataclass(frozen=True, eq=False)
class WildRegression:
    """A least-squares fit after its effects are absorbed, as `wild_regression` or `wild_from_fit` makes it.

    Attributes
    ----------
    regressors
        Regressors residualised on the effects, shape (n, k).
    residuals
        Residuals of the fit, shape (n,).
    coefficients
        Shape (k,).
    weights
        Positive row weights, shape (n,).
    inverse
        (Generalised) inverse of the weighted cross-product of the regressors, shape (k, k).
    basis
        Coordinates of the effects; None when `absorb` is used.
    absorb
        Function that residualises the columns of an (n, c) array on the effects; None when `basis` is used.
    null_space
        Combinations of columns that are zero in the data, shape (k, c): a contrast must be orthogonal to them.
    turn
        Carries coefficients on `regressors` to `coefficients`, shape (k, k); None where they agree.
    """

    regressors: FloatArray
    residuals: FloatArray
    coefficients: FloatArray
    weights: FloatArray
    inverse: FloatArray
    basis: EffectBasis | None
    absorb: Callable[[FloatArray], FloatArray] | None
    null_space: FloatArray | None = None
    turn: FloatArray | None = None


def wild_from_fit(fit: LinearFit) -> WildRegression:
    """Prepare a least-squares fit for the bootstrap.

    Parameters
    ----------
    fit
        From `least_squares`; unidentified columns are allowed, and contrasts of them are refused.

    Examples
    --------
    >>> from panelcoop.numerics.regression.least_squares import least_squares
    >>> region, x = np.array([0, 0, 1, 1]), np.array([[0.0], [1.0], [0.0], [3.0]])
    >>> wild_from_fit(least_squares(2 * x[:, 0] + region, x, effects=[region])).coefficients.round(9)
    array([2.])
    """
    door = fit.absorber
    weights = np.ones(fit.nobs) if fit.weights is None else fit.weights
    levels = sorted(grouping.size for grouping in door.groupings)
    direct = door.time is None and len(levels) <= 2 and (len(levels) < 2 or levels[0] <= MOST_SMALL_LEVELS)
    basis = effect_basis([grouping.codes for grouping in door.groupings], weights) if direct else None
    return WildRegression(
        regressors=np.ascontiguousarray(fit.design.demeaned()[0]),
        residuals=fit.resid,
        coefficients=fit.solution,
        weights=weights,
        inverse=fit.bread,
        basis=basis,
        absorb=None if direct else door.residualise,
        null_space=fit.null_space,
        turn=fit.design.turn,
    )


def wild_regression(
    regressors: FloatArray,
    residuals: FloatArray,
    coefficients: FloatArray,
    effects: Sequence[IntArray] = (),
    *,
    weights: FloatArray | None = None,
    absorb: Callable[[FloatArray], FloatArray] | None = None,
) -> WildRegression:
    """Gather a fit for the bootstrap and check that it is one.

    Parameters
    ----------
    regressors
        Residualised regressors, shape (n, k), of full column rank.
    residuals
        Least-squares residuals, shape (n,).
    coefficients
        Shape (k,).
    effects
        Codes 0, 1, ... of at most two absorbed sets of effects, each of shape (n,).
    weights
        Row weights, shape (n,); None for one each.
    absorb
        Residualises columns on the effects, for three or more sets or for trends; replaces `effects`.

    Raises
    ------
    DataError
        When an array is not finite, or residuals are not orthogonal to the regressors.
    IdentificationError
        When the regressors are collinear after the effects are absorbed.
    """
    X = np.ascontiguousarray(regressors, dtype=np.float64)
    fail_if_not_finite(X, "regressors")
    fail_if_not_finite(residuals, "residuals")
    w = np.ones(len(X)) if weights is None else np.asarray(weights, dtype=np.float64)
    weighted = X * w[:, None]
    gram = weighted.T @ X
    size = np.sqrt(np.diag(gram))
    if not (size > 0).all() or np.linalg.cond(gram / np.outer(size, size)) > 1e14:
        msg = "The regressors are collinear once the effects are absorbed; drop the unidentified columns first."
        raise IdentificationError(msg)
    off = np.abs(weighted.T @ residuals) / (size * np.sqrt(np.sum(w * residuals**2)) + 1e-300)
    if off.max(initial=0.0) > NORMAL_SLACK:
        msg = "The residuals are not orthogonal to the regressors; pass those of the same weighted fit."
        raise DataError(msg)
    basis = None if absorb is not None else effect_basis(effects, w)
    return WildRegression(
        X, residuals, coefficients, w, np.asarray(np.linalg.inv(gram), dtype=np.float64), basis, absorb
    )


@dataclass(frozen=True, eq=False)
class Contrasts:
    """Hypotheses R b = r, prepared.

    Attributes
    ----------
    directions
        Z = X A^-1 R', with R (b - beta) = Z' W e, shape (n, m).
    slopes
        A^-1 R', shape (k, m).
    spread
        R A^-1 R', A the cross-product of the regressors, shape (m, m).
    gaps
        R b - r, shape (m,).
    null
        r, shape (m,).
    rows
        R in the coordinates of the regressors, shape (m, k).
    """

    directions: FloatArray
    slopes: FloatArray
    spread: FloatArray
    gaps: FloatArray
    null: FloatArray
    rows: FloatArray

    @property
    def count(self) -> int:
        """Number of hypotheses."""
        return int(self.gaps.size)


def prepare_contrasts(fit: WildRegression, restrictions: FloatArray, null: FloatArray | float = 0.0) -> Contrasts:
    """Prepare hypotheses for a regression.

    Parameters
    ----------
    fit
        The regression.
    restrictions
        One hypothesis per row, shape (m, k), or (k,) for a single one.
    null
        r, a number or shape (m,).

    Raises
    ------
    DataError
        When the restrictions do not fit the coefficients, or one of them is zero.
    IdentificationError
        When a hypothesis is not identified.
    """
    R = np.atleast_2d(np.asarray(restrictions, dtype=np.float64))
    if R.ndim != 2 or R.shape[1] != fit.coefficients.size or not np.abs(R).sum(axis=1).all():
        msg = (
            f"Restrictions need one non-zero row per hypothesis and {fit.coefficients.size} columns; "
            f"got shape {R.shape}."
        )
        raise DataError(msg)
    if fit.null_space is not None and fit.null_space.size:
        size = np.linalg.norm(R, axis=1) * np.linalg.norm(fit.null_space)
        lost = np.linalg.norm(R @ fit.null_space, axis=1) > UNIDENTIFIED * size
        if lost.any():
            which = np.flatnonzero(lost).tolist()
            msg = f"Hypotheses {which} are not identified: they involve columns that are collinear."
            raise IdentificationError(msg)
    values = np.broadcast_to(np.asarray(null, dtype=np.float64), (R.shape[0],))
    rows = R if fit.turn is None else R @ fit.turn
    slopes = fit.inverse @ rows.T
    directions = np.asfortranarray(fit.regressors @ slopes)
    return Contrasts(directions, slopes, rows @ slopes, R @ fit.coefficients - values, values, rows)
