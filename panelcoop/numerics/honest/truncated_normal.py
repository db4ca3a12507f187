"""Quantiles of a standard normal between two bounds, exact far into the tails."""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr, ndtri_exp

from panelcoop.options import FloatArray

__all__ = ["truncated_normal_ppf"]


def truncated_normal_ppf(probability: float, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return the quantile of N(0, 1) given that it lies in [low, high].

    Parameters
    ----------
    probability
        Between 0 and 1.
    low, high
        Bounds of equal shape, possibly infinite, low <= high.

    Notes
    -----
    Probabilities are added on the log scale in whichever tail the interval lies, so that bounds of 40 standard
    deviations lose no digits.

    Examples
    --------
    >>> truncated_normal_ppf(0.95, np.array([-np.inf, 0.0, 30.0]), np.array([np.inf, np.inf, np.inf])).round(4)
    array([ 1.6449,  1.96  , 30.0996])
    """
    low, high = np.asarray(low, float), np.asarray(high, float)
    flip = high > -low  # the mass lies above zero: work in the upper tail, mirrored
    near, far = np.where(flip, -high, low), np.where(flip, -low, high)
    at = np.where(flip, 1.0 - probability, probability)
    with np.errstate(divide="ignore"):
        mixed = np.logaddexp(np.log1p(-at) + log_ndtr(near), np.log(at) + log_ndtr(far))
    found = np.clip(ndtri_exp(mixed), near, far)
    return np.asarray(np.where(flip, -found, found))
