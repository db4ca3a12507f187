"""Simultaneous (sup-t) bands from bootstrap draws: all coefficients covered at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.checks import fail_if_not_level
from panelcoop.errors import DataError
from panelcoop.options import FloatArray

__all__ = ["SimultaneousBand", "quantile_band", "sup_t_band", "sup_t_critical"]


@dataclass(frozen=True, eq=False)
class SimultaneousBand:
    """A band that covers every coefficient of a set with the stated probability.

    Attributes
    ----------
    lower, upper
        Ends, shape (m,); NaN where the standard error is.
    critical
        Standard errors on each side (sup-t), or the pointwise level reached (quantile band).
    level
        Coverage.
    """

    lower: FloatArray
    upper: FloatArray
    critical: float
    level: float


def sup_t_critical(t_draws: FloatArray, level: float = 0.95) -> float:
    """Return the quantile of the largest |t*| over a set of coefficients.

    Parameters
    ----------
    t_draws
        Studentised draws around the estimate (unrestricted), shape (m, draws); rows that are all NaN are left out.
    level
        Coverage.

    Raises
    ------
    DataError
        When no draw is finite or the level is not between 0 and 1.
    """
    fail_if_not_level(level)
    kept = t_draws[np.isfinite(t_draws).any(axis=1)]
    if kept.size == 0:
        msg = "No draw is finite: no band exists. Check that the coefficients are identified."
        raise DataError(msg)
    valid = kept[:, np.isfinite(kept).all(axis=0)]
    largest = np.sort(np.abs(valid).max(axis=0))
    return float(largest[min(int(np.ceil(level * (largest.size + 1))) - 1, largest.size - 1)])


def sup_t_band(estimates: FloatArray, se: FloatArray, t_draws: FloatArray, level: float = 0.95) -> SimultaneousBand:
    """Put the sup-t band around estimates: estimate plus and minus the critical value times its standard error.

    Parameters
    ----------
    estimates, se
        Shape (m,).
    t_draws
        Studentised draws around the estimate, shape (m, draws): `WildTests.t_draws` of an unrestricted
        bootstrap (`WildOptions(impose_null=False)`).
    level
        Coverage of the whole set.

    Notes
    -----
    The narrowest band of this shape that has simultaneous coverage: never wider than Bonferroni or Sidak.

    References
    ----------
    Montiel Olea, Plagborg-Moller (2019), Journal of Applied Econometrics 34.

    Examples
    --------
    >>> draws = np.random.default_rng(1).standard_normal((5, 20_000))
    >>> band = sup_t_band(np.zeros(5), np.ones(5), draws)
    >>> round(band.critical, 1)
    2.6
    """
    critical = sup_t_critical(t_draws, level)
    return SimultaneousBand(estimates - critical * se, estimates + critical * se, critical, level)


def quantile_band(draws: FloatArray, level: float = 0.95) -> SimultaneousBand:
    """Return the band between pointwise quantiles whose common level gives simultaneous coverage.

    Parameters
    ----------
    draws
        Bootstrap draws of the coefficients themselves, shape (m, draws).
    level
        Share of draws that lie inside the band everywhere.

    Notes
    -----
    Algorithm 2 of Montiel Olea and Plagborg-Moller (2019): not symmetric, needs no standard errors. The
    pointwise level is that of the draw whose most extreme rank is the share 1 - level from the outside.

    Raises
    ------
    DataError
        When a draw is not finite.
    """
    if not np.isfinite(draws).all():
        msg = "Draws must be finite; leave out coefficients that are not identified."
        raise DataError(msg)
    count = draws.shape[1]
    ordered = np.sort(draws, axis=1)
    ranks = np.argsort(np.argsort(draws, axis=1), axis=1)
    depth = np.minimum(ranks, count - 1 - ranks).min(axis=0)
    allowed = int(np.floor((1 - level) * count + 1e-9))
    cut = int(np.sort(depth)[allowed])
    pointwise = 1 - 2 * cut / count
    return SimultaneousBand(ordered[:, cut], ordered[:, count - 1 - cut], pointwise, level)
