"""Agreement with moderndid's port of HonestDiD, where it is installed (extra `peers`)."""

from __future__ import annotations

import numpy as np
import pytest
from honest_oracle import random_study

from panelcoop.sensitivity.honest import EventCoefficients, Precision, honest_did

pytestmark = pytest.mark.peers

SOLVER = 2e-4
"""It solves second-order cone programmes to about 1e-4 and searches half-lengths by finite differences."""


@pytest.fixture(scope="module")
def peer():
    return pytest.importorskip("moderndid.didhonest.sensitivity", reason="needs moderndid")


@pytest.fixture(scope="module")
def study():
    found = random_study(2, 3, 2)
    return EventCoefficients(found.estimates, found.covariance, 3, 2)


def ends(frame):
    rows = frame.iter_rows(named=True) if hasattr(frame, "iter_rows") else frame.to_dict("records")
    return np.array([[row["lb"], row["ub"]] for row in rows], dtype=float)


def test_fixed_length_intervals(peer, study):
    values = [0.0, 0.05, 0.2]
    found = honest_did(study, restriction="smoothness", values=values).table[["low", "high"]].to_numpy()
    other = peer.create_sensitivity_results_sm(
        study.estimates, study.covariance, 3, 2, method="FLCI", m_vec=np.array(values)
    )
    assert found == pytest.approx(ends(other), abs=SOLVER)


@pytest.mark.parametrize(
    ("bound", "kind"),
    [("deviation from parallel trends", "relative-magnitudes"), ("deviation from linear trend", "smoothness-relative")],
)
def test_conditional_sets_on_a_common_window(peer, study, bound, kind):
    # without sign restrictions: with them it misses accepted islands that linear programmes confirm
    exact = Precision(refine=True)
    found = honest_did(study, restriction=kind, values=[0.5], method="Conditional", precision=exact)
    low, high = found.table[["low", "high"]].to_numpy()[0]
    grid = {"grid_points": 200, "grid_lb": low - 0.2, "grid_ub": high + 0.2}
    other = peer.create_sensitivity_results_rm(
        study.estimates, study.covariance, 3, 2, bound, "Conditional", np.array([0.5]), **grid
    )
    step = (high - low + 0.4) / 199
    inside = ends(other)[0]
    assert low - 1e-9 <= inside[0] <= low + step + 1e-9
    assert high - step - 1e-9 <= inside[1] <= high + 1e-9
