"""Joint hypotheses: the wild bootstrap of a Wald statistic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.errors import DataError
from panelcoop.numerics.resampling.wild_contrasts import WildDesign, joint_covariance
from panelcoop.numerics.resampling.wild_draws import WildOptions, fail_if_options_wrong, run_draws
from panelcoop.numerics.resampling.wild_forms import score_forms
from panelcoop.numerics.resampling.wild_moments import Pair
from panelcoop.numerics.resampling.wild_pvalue import exceedance
from panelcoop.numerics.resampling.wild_regression import Contrasts, WildRegression
from panelcoop.options import FloatArray

__all__ = ["WildWald", "wild_joint"]


@dataclass(frozen=True, eq=False)
class WildWald:
    """A bootstrap test of q restrictions at once.

    Attributes
    ----------
    statistic
        (R b - r)' V^-1 (R b - r).
    restrictions
        q.
    p_value, p_error
        Bootstrap p-value and its Monte Carlo standard error (zero when enumerated).
    w_draws
        Statistics of the draws, shape (draws,).
    draws, enumerated, invalid
        Number of draws, whether they are all sign vectors, and how many had a variance that is not
        positive definite and were left out.
    convention
        The method in one line.
    """

    statistic: float
    restrictions: int
    p_value: float
    p_error: float
    w_draws: FloatArray
    draws: int
    enumerated: bool
    invalid: int
    convention: str


def wild_joint(fit: WildRegression, contrasts: Contrasts, design: WildDesign, options: WildOptions) -> WildWald:
    """Bootstrap the Wald statistic of all restrictions together.

    Raises
    ------
    DataError
        When the restrictions are linearly dependent.
    """
    fail_if_options_wrong(options)
    q = contrasts.count
    if np.linalg.matrix_rank(contrasts.spread, hermitian=True) < q:
        msg = f"The {q} restrictions are linearly dependent; drop the redundant rows."
        raise DataError(msg)
    shift = np.linalg.solve(contrasts.spread, contrasts.gaps) * (1.0 if options.impose_null else 0.0)
    pairs = [Pair(contrasts.slopes[:, j], 1.0, contrasts.slopes @ shift, j) for j in range(q)]
    forms = score_forms(fit, pairs, design.boot, design.terms, design.moments(fit))
    rows = run_draws(design.plan, [forms], options.threads, design.convention)[0]
    draws = wald_statistics(rows[:q].T, unpack_symmetric(rows[q:], q))
    sample = joint_covariance(fit, contrasts, design.terms, range(q))
    statistic = float(wald_statistics(contrasts.gaps[None, :], sample[None, :, :])[0])
    p = exceedance(draws, statistic, options.ties)
    plan = design.plan
    return WildWald(
        statistic=statistic,
        restrictions=q,
        p_value=p,
        p_error=0.0 if plan.enumerated else float(np.sqrt(p * (1 - p) / plan.draws)),
        w_draws=draws,
        draws=plan.draws,
        enumerated=plan.enumerated,
        invalid=int(np.count_nonzero(~np.isfinite(draws))),
        convention=design.convention,
    )


def unpack_symmetric(rows: FloatArray, q: int) -> FloatArray:
    """Turn pair products of shape (q (q + 1) / 2, draws) into matrices of shape (draws, q, q)."""
    full = np.empty((rows.shape[1], q, q))
    for row, (a, b) in zip(rows, zip(*np.triu_indices(q), strict=True), strict=True):
        full[:, a, b] = full[:, b, a] = row
    return full


def wald_statistics(gaps: FloatArray, covariances: FloatArray) -> FloatArray:
    """Return g' V^-1 g for each draw; NaN where V is not positive definite.

    Parameters
    ----------
    gaps
        Shape (draws, q).
    covariances
        Shape (draws, q, q).
    """
    if not np.isfinite(covariances).all():
        return np.full(len(gaps), np.nan)
    scale = np.sqrt(np.abs(np.einsum("bii->bi", covariances)))
    scale = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(covariances / (scale[:, :, None] * scale[:, None, :]))
    along = np.einsum("bij,bi->bj", vectors, gaps / scale)
    valid = values[:, 0] > 1e-12
    return np.where(valid, np.sum(along**2 / np.where(valid[:, None], values, 1.0), axis=1), np.nan)
