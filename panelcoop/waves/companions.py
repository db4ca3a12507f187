"""The same test beside itself: without the outlier region, after removing risk, on placebos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from panelcoop.errors import PanelcoopError
from panelcoop.numerics.waves.ascent_test import ascent_test
from panelcoop.numerics.waves.autoregression import draw_noise
from panelcoop.panel.record import Panel, SpatialWeights
from panelcoop.waves.inputs import wave_input
from panelcoop.waves.primary import ascent_settings, thresholds_for, wave_test
from panelcoop.waves.removal import Removal, as_removal
from panelcoop.waves.thresholds import WaveThresholds
from panelcoop.waves.wave_verdict import WaveVerdict

__all__ = ["WaveCompanions", "fake_outcomes", "permuted_weights", "wave_companions"]


@dataclass(frozen=True)
class WaveCompanions:
    """The primary test and its companions.

    Attributes
    ----------
    verdicts
        Result of each run by name; the first is the run of the plan.
    refused
        Runs that could not be made, with the reason.
    """

    verdicts: dict[str, WaveVerdict]
    refused: dict[str, str]

    def tidy(self) -> pd.DataFrame:
        """List the runs, one row each: sample, statistics with p-values, drawdowns in sd, AR root, verdict."""
        rows = [verdict_row(name, result) for name, result in self.verdicts.items()]
        return pd.DataFrame(rows).set_index("run")


def wave_companions(
    panel: Panel,
    *,
    outcomes: Sequence[str],
    remove: Removal | Sequence[str] | str | None = None,
    outlier: object | None = None,
    placebos: Sequence[str] = (),
    sign_share: float | None = None,
    thresholds: WaveThresholds | None = None,
) -> WaveCompanions:
    """Run the primary test on outcomes, then without the outlier, after removing drivers, and on placebo columns.

    Parameters
    ----------
    panel
        A panel.
    outcomes
        Columns; companions are run on the first.
    remove
        Drivers to take out: forced or autonomous.
    outlier
        Region to leave out.
    placebos
        Columns that should show no waves of cooperation, such as total documents; the first is the placebo of the
        verdict.
    sign_share
        As for `wave_test`; it enters the verdict of the first outcome only.
    thresholds
        As for `wave_test`.
    """
    main = outcomes[0]
    checks: dict[str, object] = {"placebo": placebos[0] if placebos else None, "sign_share": sign_share}
    runs: list[tuple[str, Panel, str, dict[str, object]]] = [
        (name, panel, name, checks if name == main else {}) for name in outcomes
    ]
    if outlier is not None:
        runs.append((f"{main}, without {outlier}", panel.without_regions([outlier]), main, {}))
    if remove is not None:
        drivers = ", ".join(as_removal(remove, panel).drivers)
        runs.append((f"{main}, after removing {drivers}", panel, main, {"remove": remove}))
    runs += [(f"placebo: {name}", panel, name, {}) for name in placebos]
    verdicts: dict[str, WaveVerdict] = {}
    refused: dict[str, str] = {}
    for name, data, column, more in runs:
        try:
            verdicts[name] = wave_test(data, outcome=column, thresholds=thresholds, **more)  # type: ignore[arg-type]
        except PanelcoopError as error:
            refused[name] = str(error)
    return WaveCompanions(verdicts, refused)


def fake_outcomes(
    panel: Panel, *, outcome: str, replications: int = 200, thresholds: WaveThresholds | None = None
) -> pd.Series:
    """Run the test on outcomes made without waves: this panel's own line and noise.

    Notes
    -----
    The common path of the outcome is replaced by its straight line plus a path drawn from its fitted noise. The
    shares of U and of
    W >= 2 that are found are the size of the test *in this panel*.
    """
    agreed = thresholds_for(panel, thresholds)
    settings = replace(ascent_settings(agreed), draws=199)
    work = wave_input(panel, outcome)
    path = work.common().path
    noise = ascent_test(path, work.positions, settings).noise
    line = np.polyval(np.polyfit(work.positions, path, 1), work.positions)
    rng = np.random.default_rng(agreed.seed)
    fakes = line[:, None] + draw_noise(noise, work.positions, replications, rng)
    tests = [ascent_test(fake, work.positions, replace(settings, seed=i)) for i, fake in enumerate(fakes.T)]
    return pd.Series(
        {
            "U rejects": float(np.mean([t.p_ascent <= agreed.level for t in tests])),
            "W >= 2": float(np.mean([t.waves >= 2 for t in tests])),
            "drift up": float(np.mean([t.p_up <= agreed.level for t in tests])),
            "replications": float(replications),
        },
        name=outcome,
    )


def permuted_weights(
    panel: Panel,
    *,
    outcome: str,
    remove: Removal | Sequence[str] | str,
    permutations: int = 20,
    thresholds: WaveThresholds | None = None,
) -> pd.DataFrame:
    """Repeat the autonomous test with neighbours assigned at random.

    Returns
    -------
    pandas.DataFrame
        U, its p-value and W with the true weights (row "true") and with permuted region labels.

    Notes
    -----
    If waves vanish as well when *random* regions' risk is removed, it is the common course of risk that explains them,
    not that of neighbours.
    """
    removal = as_removal(remove, panel)
    agreed = thresholds_for(panel, thresholds)
    rows = {"true": wave_test(panel, outcome=outcome, remove=removal, thresholds=agreed)}
    if removal.weights is not None:
        rng = np.random.default_rng(agreed.seed)
        for number in range(1, permutations + 1):
            shuffled = _permuted(panel.weights[removal.weights], rng)
            other = replace(panel, weights={**panel.weights, removal.weights: shuffled})
            rows[f"permuted {number}"] = wave_test(other, outcome=outcome, remove=removal, thresholds=agreed)
    found = [{"run": name, "U": r.ascent, "p": r.test.p_ascent, "W": r.waves} for name, r in rows.items()]
    return pd.DataFrame(found).set_index("run")


def verdict_row(name: str, result: WaveVerdict) -> dict[str, object]:
    """Return the numbers of one run that a table shows."""
    e = result.evidence
    return {
        "run": name,
        "outcome": result.outcome,
        "regions": result.n_regions,
        "weeks": result.n_weeks,
        "U": result.ascent,
        "p_U": e.p_ascent,
        "W": result.waves,
        "p_W": e.p_waves,
        "p_drift": e.p_up,
        "drawdown_sd": e.drawdown,
        "detectable_sd": e.detectable,
        "AR": e.root,
        "verdict": result.verdict,
        "reason": result.reason,
    }


def _permuted(weights: SpatialWeights, rng: np.random.Generator) -> SpatialWeights:
    order = rng.permutation(len(weights.regions))
    regions = tuple(weights.regions[i] for i in order)
    return replace(weights, regions=regions, note="region labels permuted")
