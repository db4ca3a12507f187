"""Measures that are one short formula on arrays: shares, indices, stocks and the shape of a whole network."""

from __future__ import annotations

import numpy as np

from panelcoop.checks import fail_if_not_finite
from panelcoop.errors import DataError
from panelcoop.options import FloatArray

__all__ = [
    "centralisation",
    "coupling_degree",
    "density",
    "ei_index",
    "gini",
    "jaccard",
    "ratio",
    "stock",
    "vertical_share",
]


def ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Divide; 0/0 is NaN, never zero.

    Examples
    --------
    >>> ratio(np.array([1.0, 0.0]), np.array([2.0, 0.0]))
    array([0.5, nan])
    """
    above, below = np.broadcast_arrays(np.asarray(above, float), np.asarray(below, float))
    quotient: FloatArray = np.divide(above, below, out=np.full(below.shape, np.nan), where=below != 0)
    return quotient


def vertical_share(vertical: FloatArray, between: FloatArray) -> FloatArray:
    """Compute the share of a region's cooperation that runs with the centre.

    Notes
    -----
    ``V_it = A_C<->i / (A_C<->i + sum_j A_i<->j)``, in [0, 1]; NaN at 0/0.

    Examples
    --------
    >>> vertical_share(np.array([1.0, 0.0]), np.array([3.0, 0.0]))
    array([0.25,  nan])
    """
    return ratio(vertical, np.asarray(vertical, float) + between)


def ei_index(external: FloatArray, internal: FloatArray) -> FloatArray:
    """Compute the E-I index of Krackhardt and Stern.

    Notes
    -----
    ``(external - internal) / (external + internal)``, from -1 (all ties within) to 1 (all without); NaN at 0/0.

    References
    ----------
    Krackhardt and Stern (1988), Social Psychology Quarterly 51.

    Examples
    --------
    >>> ei_index(np.array([3.0, 0.0]), np.array([1.0, 0.0]))
    array([0.5, nan])
    """
    external, internal = np.asarray(external, float), np.asarray(internal, float)
    return ratio(external - internal, external + internal)


def jaccard(kept: FloatArray, now: FloatArray, before: FloatArray) -> FloatArray:
    """Compute the persistence of ties: |E_t and E_{t-1}| / |E_t or E_{t-1}|.

    Parameters
    ----------
    kept, now, before
        Sizes of the intersection and of the two edge sets.

    Notes
    -----
    In [0, 1]; NaN where both sets are empty.

    Examples
    --------
    >>> jaccard(np.array([1.0]), np.array([2.0]), np.array([3.0]))
    array([0.25])
    """
    return ratio(kept, np.asarray(now, float) + before - kept)


def density(edges: FloatArray, nodes: FloatArray) -> FloatArray:
    """Compute the share of the possible directed ties that exist: |E_t| / [N(N-1)].

    Notes
    -----
    In [0, 1]; NaN with fewer than two nodes.

    Examples
    --------
    >>> density(np.array([3.0]), np.array([3.0]))
    array([0.5])
    """
    nodes = np.asarray(nodes, float)
    return ratio(edges, np.where(nodes > 1, nodes * (nodes - 1), 0.0))


def centralisation(degrees: FloatArray) -> FloatArray:
    """Compute Freeman's degree centralisation.

    Parameters
    ----------
    degrees
        Shape (..., N): number of partners of each node, NaN for nodes without records.

    Notes
    -----
    ``sum_i (d_max - d_i) / [(N-1)(N-2)]``, from 0 (all alike) to 1 (a star); NaN with fewer than three nodes.

    References
    ----------
    Freeman (1978), Social Networks 1.

    Examples
    --------
    >>> float(centralisation(np.array([3.0, 1.0, 1.0, 1.0])))
    1.0
    """
    degrees = np.asarray(degrees, float)
    seen = np.isfinite(degrees)
    nodes = seen.sum(axis=-1)
    top = np.max(np.where(seen, degrees, -np.inf), axis=-1, initial=0.0)
    spread = np.where(seen, top[..., None] - degrees, 0.0).sum(axis=-1)
    return ratio(spread, np.where(nodes > 2, (nodes - 1.0) * (nodes - 2.0), 0.0))


def gini(strengths: FloatArray) -> FloatArray:
    """Compute the Gini coefficient of node strength: weighted centralisation.

    Parameters
    ----------
    strengths
        Shape (..., N), zero or more; NaN for nodes without records.

    Notes
    -----
    ``sum_i sum_j |x_i - x_j| / (2 N^2 mean)``, in [0, 1 - 1/N]; NaN where all strengths are zero.

    Examples
    --------
    >>> float(gini(np.array([0.0, 0.0, 0.0, 8.0])))
    0.75
    """
    ordered = np.sort(np.asarray(strengths, float), axis=-1)  # NaN goes last
    seen = np.isfinite(ordered)
    nodes = seen.sum(axis=-1)
    rank = np.arange(1, ordered.shape[-1] + 1)
    weighted = np.where(seen, ordered * (2 * rank - nodes[..., None] - 1), 0.0).sum(axis=-1)
    return ratio(weighted, nodes * np.where(seen, ordered, 0.0).sum(axis=-1))


def stock(flows: FloatArray, *, half_life: float = 4.0) -> FloatArray:
    """Accumulate flows that decay: K_t = 2^(-1/h) K_{t-1} + A_t.

    Parameters
    ----------
    flows
        Shape (..., T). A missing flow leaves the stock missing until records resume, which start from zero.
    half_life
        h in periods.

    Raises
    ------
    DataError
        When the half-life is not positive.

    Notes
    -----
    Range [0, inf); K is A in the first period with records.

    Examples
    --------
    >>> stock(np.array([np.nan, 8.0, 0.0, 0.0]), half_life=1)
    array([nan,  8.,  4.,  2.])
    """
    if not half_life > 0:
        msg = f"The half-life must be positive; got {half_life}."
        raise DataError(msg)
    flows = np.asarray(flows, float)
    held = np.empty_like(flows)
    keep, last = 2.0 ** (-1.0 / half_life), np.full(flows.shape[:-1], np.nan)
    for t in range(flows.shape[-1]):
        last = flows[..., t] + keep * np.nan_to_num(last)
        held[..., t] = last
    return held


def coupling_degree(
    subsystems: FloatArray, *, lowest: FloatArray, highest: FloatArray, shares: FloatArray | None = None
) -> FloatArray:
    """Compute the coupling coordination degree of K subsystems.

    Parameters
    ----------
    subsystems
        Shape (..., K).
    lowest, highest
        Shape (K,): fixed constants that put each subsystem on [0, 1]; taken from the codebook, never from the sample
        under study, or another sample changes the past. Values outside are cut to the ends.
    shares
        Weights alpha_k, shape (K,), sum to one; default equal.

    Returns
    -------
    numpy.ndarray
        Shape (...,), in [0, 1]; NaN where a subsystem is missing or all are zero (0/0).

    Raises
    ------
    DataError
        When there are fewer than two subsystems or not one constant and weight for each, a constant is not finite, a
        range is empty, or the weights do not sum to one.

    Notes
    -----
    ``D = sqrt(C T)``, ``C = K (prod_k U_k)^(1/K) / sum_k U_k``, ``T = sum_k alpha_k U_k``.

    Examples
    --------
    >>> float(coupling_degree(np.array([1.0, 0.25]), lowest=np.zeros(2), highest=np.ones(2)).round(6))
    0.707107
    """
    values = np.asarray(subsystems, float)
    k = values.shape[-1]
    alpha = np.full(k, 1.0 / k) if shares is None else np.asarray(shares, float)
    low, high = np.asarray(lowest, float), np.asarray(highest, float)
    _fail_if_constants_bad(k, low, high, alpha)
    scaled = np.clip((values - low) / (high - low), 0.0, 1.0)
    coupling = ratio(k * np.prod(scaled, axis=-1) ** (1.0 / k), scaled.sum(axis=-1))
    degree: FloatArray = np.sqrt(coupling * (scaled @ alpha))
    return degree


def _fail_if_constants_bad(k: int, low: FloatArray, high: FloatArray, alpha: FloatArray) -> None:
    if k < 2:
        msg = "Coupling needs two subsystems or more."
        raise DataError(msg)
    for name, given in (("lowest", low), ("highest", high), ("shares", alpha)):
        if given.shape != (k,):
            msg = f"'{name}' must hold one number for each of the {k} subsystems; its shape is {given.shape}."
            raise DataError(msg)
    fail_if_not_finite(low, "lowest", "give one constant per subsystem")
    fail_if_not_finite(high, "highest", "give one constant per subsystem")
    if not (high > low).all():
        msg = "Each 'highest' constant must exceed its 'lowest'."
        raise DataError(msg)
    if (alpha < 0).any() or abs(alpha.sum() - 1.0) > 1e-9:
        msg = f"The weights of the subsystems must be zero or more and sum to one; they sum to {alpha.sum():g}."
        raise DataError(msg)
