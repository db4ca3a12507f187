"""Is a covariance one: positive semi-definite, repaired only on request, NaN where nothing is left to estimate it."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from panelcoop.options import BoolArray, FloatArray

__all__ = ["definiteness_note", "is_psd", "repaired", "without_variance"]

PSD_TOLERANCE = 1e-10  # negative eigenvalues of the scaled matrix that rounding explains


def is_psd(full: FloatArray) -> tuple[bool, float]:
    """Say whether a covariance, scaled to a unit diagonal, has no negative eigenvalue beyond rounding; and the least.

    Examples
    --------
    >>> is_psd(np.array([[1.0, 2.0], [2.0, 1.0]]))
    (False, -1.0)
    """
    if not np.isfinite(full).all():
        return True, float("nan")
    scale = np.sqrt(np.abs(np.diag(full)))
    scale[scale == 0] = 1.0
    smallest = float(np.linalg.eigvalsh(full / np.outer(scale, scale))[0])
    return smallest >= -PSD_TOLERANCE, smallest


def repaired(full: FloatArray) -> FloatArray:
    """Set negative eigenvalues to zero (Cameron, Gelbach and Miller, 2011)."""
    values, vectors = linalg.eigh(full)
    return np.asarray((vectors * np.clip(values, 0.0, None)) @ vectors.T)


def definiteness_note(smallest: float, *, mended: bool) -> str:
    """Report a covariance that is not positive semi-definite, and what was done about it."""
    text = f"The covariance is not positive semi-definite (smallest eigenvalue {smallest:.2g} of the scaled matrix)"
    return f"{text}; negative eigenvalues were set to zero." if mended else f"{text}; it was left as it is."


def without_variance(
    full: FloatArray, alone: FloatArray, names: tuple[str, ...], least: float
) -> tuple[FloatArray, tuple[str, ...]]:
    """Set to NaN what rests on a single week or cluster: its summed scores cancel to rounding and show no variance.

    Parameters
    ----------
    full : (k, k)
    alone : (k,) variances from single rows
    names : (k,)
    least : share of them below which a variance is rounding
    """
    lost: BoolArray = (np.abs(np.diag(full)) <= least * alone) & (alone > 0)
    if not lost.any():
        return full, ()
    full = full.copy()
    full[lost, :] = np.nan
    full[:, lost] = np.nan
    gone = ", ".join(name for name, none in zip(names, lost, strict=True) if none)
    return full, (f"No variance to estimate for {gone}: summed over weeks or clusters the scores cancel.",)
