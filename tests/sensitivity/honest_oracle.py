"""Slow, independent computations of honest bounds: linear programmes, bisection, numerical optimisation."""

from __future__ import annotations

import itertools

import numpy as np
from scipy import optimize, stats
from scipy.special import ndtr

from panelcoop.numerics.honest.study import StudyArrays


def random_study(seed, n_pre, n_post, weights=None):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n_pre + n_post, n_pre + n_post))
    covariance = 0.01 * (root @ root.T / (n_pre + n_post) + 0.3 * np.eye(n_pre + n_post))
    estimates = np.concatenate([rng.normal(0, 0.08, n_pre), 0.2 + rng.normal(0, 0.1, n_post)])
    first = np.eye(n_post)[0] if weights is None else np.asarray(weights, dtype=float)
    return StudyArrays(estimates, covariance, n_pre, first)


def moments(piece, study):
    """Y, its covariance, the target's direction and nuisance directions, by an orthonormal basis."""
    rows = (piece.matrix[:, study.n_pre :] != 0).any(axis=1)
    matrix = piece.matrix[rows]
    after = matrix[:, study.n_pre :]
    size = study.weights @ study.weights
    _, _, right = np.linalg.svd(study.weights[None, :])
    return (
        matrix @ study.estimates - piece.bound[rows],
        matrix @ study.covariance @ matrix.T,
        after @ study.weights / size,
        after @ right[1:].T,
    )


def largest(objective, nuisance, sd):
    """Max objective'w over {w >= 0, X'w = 0, sd'w = 1}, with a maximiser."""
    equal = np.vstack([sd, nuisance.T])
    right = np.append(1.0, np.zeros(nuisance.shape[1]))
    done = optimize.linprog(-objective, A_eq=equal, b_eq=right, method="highs")
    assert done.status == 0
    return -done.fun, done.x


def truncation(y, sigma, nuisance, eta, gamma):
    """The interval of x on which gamma stays optimal for S + c x, by bisection on linear programmes."""
    variance = gamma @ sigma @ gamma
    c = sigma @ gamma / variance
    sd = np.sqrt(np.diag(sigma))
    rest = y - c * (gamma @ y)
    tight = 1e-8

    def stays(x):
        return largest(rest + c * x, nuisance, sd)[0] <= x + tight

    ends = []
    for sign in (-1.0, 1.0):
        far = eta + sign * 50 * np.sqrt(variance)
        if stays(far):
            ends.append(sign * np.inf)
            continue
        inside = eta
        for _ in range(24):
            middle = 0.5 * (inside + far)
            inside, far = (middle, far) if stays(middle) else (inside, middle)
        ends.append(inside)
    return ends


def accepts(piece, study, theta, size, *, most=np.inf, fixed=None):
    """The conditional test of one value; `fixed` holds the fixed-length interval's weights and half-length."""
    level, sigma, direction, nuisance = moments(piece, study)
    sd = np.sqrt(np.diag(sigma))
    y = level - direction * theta
    eta, gamma = largest(y, nuisance, sd)
    if fixed is not None and abs(fixed[0] @ study.estimates - theta) > fixed[1]:
        return False
    if eta > most or eta <= 1e-9:
        return bool(eta <= most)
    variance = gamma @ sigma @ gamma
    if variance < 1e-12:
        return False
    low, high = truncation(y, sigma, nuisance, eta, gamma)
    high = min(high, most)
    if fixed is not None:
        rows = (piece.matrix[:, study.n_pre :] != 0).any(axis=1)
        slope = (gamma @ piece.matrix[rows] @ study.covariance @ fixed[0]) / variance
        rest = fixed[0] @ study.estimates - theta - slope * eta
        ends = sorted([(-fixed[1] - rest) / slope, (fixed[1] - rest) / slope])
        low, high = max(low, ends[0]), min(high, ends[1])
    sd_gamma = np.sqrt(variance)
    quantile = stats.truncnorm.ppf(1 - size, low / sd_gamma, high / sd_gamma)
    return bool(eta / sd_gamma <= max(quantile, 0.0))


def vertices(nuisance):
    """All vertices of {w >= 0, X'w = 0, sum w = 1} by trying every basis."""
    m, k = nuisance.shape
    equal = np.vstack([np.ones(m), nuisance.T])
    found = []
    for size in range(1, k + 2):
        for chosen in itertools.combinations(range(m), size):
            part = equal[:, chosen]
            if np.linalg.matrix_rank(part) < size:
                continue
            weights, *_ = np.linalg.lstsq(part, np.append(1.0, np.zeros(k)), rcond=None)
            if np.allclose(part @ weights, np.append(1.0, np.zeros(k))) and (weights > 1e-9).all():
                full = np.zeros(m)
                full[list(chosen)] = weights
                found.append(full)
    return np.array(found)


def identified(piece, study):
    """Ends of {l'beta - l'd} over d in the piece with d equal to the estimates before the event, or None."""
    p, pre = study.estimates.size, study.n_pre
    cost = np.concatenate([np.zeros(pre), study.weights])
    ends = []
    for sign in (1.0, -1.0):
        done = optimize.linprog(
            sign * cost,
            A_ub=piece.matrix,
            b_ub=piece.bound,
            A_eq=np.eye(p)[:pre],
            b_eq=study.estimates[:pre],
            bounds=[(None, None)] * p,
            method="highs",
        )
        if done.status == 2:
            return None
        ends.append(study.target - sign * done.fun if done.status == 0 else sign * -np.inf)
    return min(ends), max(ends)


def folded_quantile(probability, shift):
    return optimize.brentq(lambda c: ndtr(c - shift) - ndtr(-c - shift) - probability, 0.0, shift + 10.0, xtol=1e-14)


def half_length(study, magnitude, alpha):
    """Shortest honest half-length by direct minimisation over earlier weights that leave no linear trend in."""
    p, pre = study.estimates.size, study.n_pre
    second = np.delete(np.diff(np.eye(p + 1), n=2, axis=0), pre, axis=1)
    to_changes = np.linalg.pinv(second.T)
    trend = np.append(np.arange(-pre, 0), np.arange(1, study.n_post + 1))

    def length(early):
        v = np.concatenate([early, [0.0], study.weights])
        v[pre - 1] = trend @ v  # the last period before the reference stands at -1
        changes = to_changes @ v
        assert np.allclose(second.T @ changes, v, atol=1e-8)
        se = np.sqrt(v @ study.covariance @ v)
        return se * folded_quantile(1 - alpha, magnitude * np.abs(changes).sum() / se)

    rng = np.random.default_rng(0)
    found = []
    for _ in range(2):
        begin = rng.normal(size=pre - 1)
        for _ in range(3):
            done = optimize.minimize(length, begin, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
            begin = done.x
        found.append(done.fun)
    return min(found)
