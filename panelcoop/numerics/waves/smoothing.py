"""Gaussian-kernel smoothing: it cannot turn a monotone or single-humped path into waves."""

from __future__ import annotations

import numpy as np

from panelcoop.errors import DataError
from panelcoop.options import FloatArray

__all__ = ["gaussian_smoother"]


def gaussian_smoother(positions: FloatArray, bandwidth: float) -> FloatArray:
    """Return the Nadaraya-Watson smoother as a matrix.

    Parameters
    ----------
    positions
        Week number of each observation, shape (T,), increasing; gaps are allowed.
    bandwidth
        Standard deviation of the kernel, in weeks.

    Returns
    -------
    array of shape (T, T)
        Rows sum to one; ``matrix @ path`` is the smooth.

    Raises
    ------
    DataError
        If the bandwidth is not positive.

    Notes
    -----
    K[t, s] = exp(-((t - s) / h)^2 / 2), each row divided by its sum. The Gaussian kernel is totally positive and so
    variation-diminishing (Schoenberg 1950; Karlin 1968, *Total Positivity*): the smooth of a monotone path is
    monotone, and the smooth of a path has no more turning points than the path. Local-linear smoothing lacks this.

    Examples
    --------
    >>> smoother = gaussian_smoother(np.arange(4.0), 1.0)
    >>> (smoother @ np.ones(4)).round(12).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    if not bandwidth > 0:
        msg = f"bandwidth must be positive; got {bandwidth}."
        raise DataError(msg)
    scaled = (positions[:, None] - positions[None, :]) / bandwidth
    kernel = np.exp(-0.5 * scaled * scaled)
    smoother: FloatArray = kernel / kernel.sum(axis=1, keepdims=True)
    return smoother
