"""Tails and quantiles of the t, F, chi-squared and normal distributions, without importing scipy.stats."""

from __future__ import annotations

import numpy as np
from scipy import special

from panelcoop.options import FloatArray

__all__ = ["chi2_ppf", "chi2_sf", "f_ppf", "f_sf", "normal_ppf", "normal_sf", "t_ppf", "t_sf"]


def t_sf(value: FloatArray | float, df: FloatArray | float = np.inf) -> FloatArray:
    """Return P(t > value) with `df` degrees of freedom; an infinite `df` is the normal.

    Examples
    --------
    >>> round(float(2 * t_sf(2.042, 30)), 3)
    0.05
    """
    value, df = np.broadcast_arrays(np.asarray(value, float), np.asarray(df, float))
    finite = np.where(np.isfinite(df), df, 1.0)
    return np.asarray(np.where(np.isfinite(df), special.stdtr(finite, -value), special.ndtr(-value)))


def t_ppf(probability: FloatArray | float, df: FloatArray | float = np.inf) -> FloatArray:
    """Return the t quantile; an infinite `df` is the normal.

    Examples
    --------
    >>> round(float(t_ppf(0.975, 30)), 3)
    2.042
    """
    probability, df = np.broadcast_arrays(np.asarray(probability, float), np.asarray(df, float))
    finite = np.where(np.isfinite(df), df, 1.0)
    return np.asarray(np.where(np.isfinite(df), special.stdtrit(finite, probability), special.ndtri(probability)))


def f_sf(value: FloatArray | float, numerator_df: float, denominator_df: float = np.inf) -> FloatArray:
    """Return P(F > value); an infinite denominator is chi-squared over its degrees of freedom.

    Examples
    --------
    >>> round(float(f_sf(3.32, 2, 30)), 3)
    0.05
    """
    if not np.isfinite(denominator_df):
        return chi2_sf(np.asarray(value, float) * numerator_df, numerator_df)
    return np.asarray(special.fdtrc(numerator_df, denominator_df, value))


def f_ppf(probability: FloatArray | float, numerator_df: float, denominator_df: float = np.inf) -> FloatArray:
    """Return the F quantile; an infinite denominator is chi-squared over its degrees of freedom."""
    if not np.isfinite(denominator_df):
        return chi2_ppf(probability, numerator_df) / numerator_df
    return np.asarray(special.fdtri(numerator_df, denominator_df, probability))


def chi2_sf(value: FloatArray | float, df: float) -> FloatArray:
    """Return P(chi-squared > value).

    Examples
    --------
    >>> round(float(chi2_sf(5.991, 2)), 3)
    0.05
    """
    return np.asarray(special.chdtrc(df, value))


def chi2_ppf(probability: FloatArray | float, df: float) -> FloatArray:
    """Return the chi-squared quantile."""
    return np.asarray(special.chdtri(df, 1.0 - np.asarray(probability, float)))


def normal_sf(value: FloatArray | float) -> FloatArray:
    """Return P(standard normal > value)."""
    return np.asarray(special.ndtr(-np.asarray(value, float)))


def normal_ppf(probability: FloatArray | float) -> FloatArray:
    """Return the standard normal quantile."""
    return np.asarray(special.ndtri(probability))
