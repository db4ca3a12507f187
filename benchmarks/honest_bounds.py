"""Honest bounds of an event study with eight periods before and eight after the reference, four magnitudes each."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.harness import Workload

PERIODS = 8
MAGNITUDES = (0.5, 1.0, 1.5, 2.0)
SLOPES = (0.0, 0.01, 0.02, 0.05)
STEP = 0.01  # a grid step of 0.04 standard errors, and 1,000 simulated draws elsewhere


def coefficients() -> tuple[np.ndarray, np.ndarray]:
    """Return estimates around 0.3 after the event and an irregular covariance."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(2 * PERIODS, 2 * PERIODS))
    covariance = 0.01 * (root @ root.T / (2 * PERIODS) + 0.3 * np.eye(2 * PERIODS))
    estimates = np.concatenate([rng.normal(0, 0.05, PERIODS), 0.3 + rng.normal(0, 0.05, PERIODS)])
    return estimates, covariance


def ours(data: tuple[np.ndarray, np.ndarray], *, kind: str, values: tuple[float, ...]):
    """Time honest_did with its default method."""
    from panelcoop.sensitivity.honest import EventCoefficients, honest_did

    study = EventCoefficients(*data, PERIODS, PERIODS)

    def call():
        return honest_did(study, restriction=kind, values=values).table[["low", "high"]].to_numpy().ravel()

    return call


def moderndid(data: tuple[np.ndarray, np.ndarray], *, kind: str, values: tuple[float, ...]):
    """Time moderndid's port of HonestDiD."""
    from moderndid.didhonest import sensitivity as md

    magnitudes = np.array(values)

    def call():
        if kind == "smoothness":
            found = md.create_sensitivity_results_sm(*data, PERIODS, PERIODS, method="FLCI", m_vec=magnitudes)
        else:
            found = md.create_sensitivity_results_rm(*data, PERIODS, PERIODS, method="C-LF", m_bar_vec=magnitudes)
        rows = found.iter_rows(named=True) if hasattr(found, "iter_rows") else found.to_dict("records")
        return [row[end] for row in rows for end in ("lb", "ub")]

    return call


def honestdid(data: tuple[np.ndarray, np.ndarray], *, kind: str, values: tuple[float, ...]):
    """Time honestdid's port of HonestDiD."""
    import honestdid as hd

    def call():
        if kind == "smoothness":
            found = hd.createSensitivityResults(*data, PERIODS, PERIODS, method="FLCI", Mvec=list(values))
        else:
            found = hd.createSensitivityResults_relativeMagnitudes(*data, PERIODS, PERIODS, Mbarvec=list(values))
        return found[["lb", "ub"]].to_numpy(dtype=float).ravel()

    return call


def engines(kind: str, values: tuple[float, ...]) -> dict:
    """Name the engines of one restriction."""
    return {
        name: partial(engine, kind=kind, values=values)
        for name, engine in (("panelcoop", ours), ("moderndid", moderndid), ("honestdid", honestdid))
    }


WORKLOADS = [
    Workload(
        "honest-relative-magnitudes",
        "honest relative magnitudes, C-LF, four values, grid of 1,000, 8 + 8 periods",
        coefficients,
        engines("relative-magnitudes", MAGNITUDES),
        faster=20,
        runs=1,
        agree=STEP,
    ),
    Workload(
        "honest-smoothness",
        "honest smoothness, fixed-length, four values, 8 + 8 periods",
        coefficients,
        engines("smoothness", SLOPES),
        faster=5,
        agree=STEP,
    ),
]
