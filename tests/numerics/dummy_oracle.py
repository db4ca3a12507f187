"""Small random designs and the dummy-variable regression they are compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sample:
    outcome: np.ndarray
    columns: np.ndarray
    effects: list[np.ndarray]
    weights: np.ndarray | None
    trend: np.ndarray | None

    @property
    def n(self) -> int:
        return len(self.outcome)


def sample(
    seed: int,
    *,
    regions: int = 8,
    weeks: int = 7,
    missing: float = 0.2,
    weighted: bool = False,
    trends: bool = False,
    k: int = 3,
    pieces: int = 1,
    shuffled: bool = True,
) -> Sample:
    """An unbalanced panel; `pieces` > 1 makes disconnected sets of regions and weeks."""
    rng = np.random.default_rng(seed)
    region, week = (a.ravel() for a in np.meshgrid(np.arange(regions), np.arange(weeks), indexing="ij"))
    keep = (rng.random(region.size) >= missing) & (region % pieces == week % pieces)
    region, week = region[keep], week[keep]
    order = rng.permutation(region.size) if shuffled else np.arange(region.size)
    region, week = region[order], week[order]
    n = region.size
    columns = rng.standard_normal((n, k)) + rng.standard_normal(regions)[region, None]
    outcome = columns.sum(axis=1) + rng.standard_normal(weeks)[week] + rng.standard_normal(n)
    weights = rng.uniform(0.2, 3.0, n) if weighted else None
    trend = week.astype(float) if trends else None
    return Sample(outcome, columns, [region, week], weights, trend)


def dummies(effects: list[np.ndarray], trend: np.ndarray | None = None) -> np.ndarray:
    """All dummies of all effects (and region trends), redundant ones included."""
    parts = [np.equal.outer(codes, np.unique(codes)).astype(float) for codes in effects]
    if trend is not None:
        parts.append(parts[0] * trend[:, None])
    return np.hstack(parts) if parts else np.empty((0, 0))


@dataclass(frozen=True)
class Brute:
    """Dummy-variable weighted least squares in rows scaled by the root of the weights."""

    coef: np.ndarray
    resid: np.ndarray
    hat: np.ndarray
    columns: np.ndarray  # (n, k) demeaned, scaled
    bread: np.ndarray
    rank: int


def brute_force(s: Sample) -> Brute:
    root = np.ones(s.n) if s.weights is None else np.sqrt(s.weights)
    D = dummies(s.effects, s.trend) * root[:, None] if s.effects else np.zeros((s.n, 1))
    X, y = s.columns * root[:, None], s.outcome * root
    onto = D @ np.linalg.pinv(D, rcond=1e-11)
    columns = X - onto @ X
    bread = np.linalg.inv(columns.T @ columns)
    coef = bread @ columns.T @ y
    resid = y - onto @ y - columns @ coef
    hat = onto + columns @ bread @ columns.T
    return Brute(coef, resid, hat, columns, bread, int(np.linalg.matrix_rank(np.hstack([X, D]), tol=1e-9)))
