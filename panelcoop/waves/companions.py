"""The same test beside itself: without the outlier region, after removing risk, on placebos."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeAlias, Unpack

import numpy as np
import pandas as pd

from panelcoop.errors import DataError, PanelcoopError
from panelcoop.numerics.waves.ascent_test import ascent_test
from panelcoop.numerics.waves.autoregression import draw_noise
from panelcoop.panel.record import Panel, SpatialWeights, as_panel
from panelcoop.waves.inputs import InputOptions, wave_input
from panelcoop.waves.primary import ascent_settings, thresholds_for, wave_test, wave_test_of
from panelcoop.waves.removal import Removal, as_removal, on_cells_of, remove_drivers
from panelcoop.waves.thresholds import WaveThresholds
from panelcoop.waves.wave_verdict import WaveVerdict

__all__ = ["CompanionRun", "RunKind", "WaveCompanions", "fake_outcomes", "permuted_weights", "wave_companions"]


RunKind: TypeAlias = Literal["outcome", "without", "removed", "same weeks", "placebo"]
"""An outcome as it is; without the outlier; after removing drivers; what that leaves, nothing removed; a placebo."""


@dataclass(frozen=True)
class CompanionRun:
    """What a run is.

    Attributes
    ----------
    outcome
        Column tested.
    kind
        What was done to it.
    changed
        Name of the region left out, or of the drivers removed; empty otherwise.
    neighbours
        Whether the drivers of neighbours were removed too.
    """

    outcome: str
    kind: RunKind = "outcome"
    changed: tuple[str, ...] = ()
    neighbours: bool = False

    @property
    def name(self) -> str:
        """Name in plain columns."""
        changed = ", ".join(self.changed)
        return {
            "outcome": self.outcome,
            "without": f"{self.outcome}, without {changed}",
            "removed": f"{self.outcome}, after removing {changed}",
            "same weeks": f"{self.outcome}, same weeks, nothing removed",
            "placebo": f"placebo: {self.outcome}",
        }[self.kind]


@dataclass(frozen=True)
class WaveCompanions:
    """The primary test and its companions.

    Attributes
    ----------
    verdicts
        Result of each run by name; the first is the run of the plan.
    refused
        Runs that could not be made, with the reason.
    runs
        What each run is, by name.
    notes
        What was not run for want of data.
    """

    verdicts: dict[str, WaveVerdict]
    refused: dict[str, str]
    runs: dict[str, CompanionRun]
    notes: tuple[str, ...] = ()

    def of_kind(self, kind: RunKind) -> dict[str, WaveVerdict]:
        """Return the results of one kind of run, by name."""
        return {name: found for name, found in self.verdicts.items() if self.runs[name].kind == kind}

    def tidy(self) -> pd.DataFrame:
        """List the runs, one row each: sample, statistics with p-values, drawdowns in sd, AR root, verdict."""
        rows = [verdict_row(name, result) for name, result in self.verdicts.items()]
        return pd.DataFrame(rows).set_index("run")


def wave_companions(
    panel: Panel | pd.DataFrame,
    *,
    outcomes: Sequence[str] | str,
    remove: Removal | Sequence[str] | str | None = None,
    outlier: object | None = None,
    placebos: Sequence[str] | str = (),
    sign_share: float | None = None,
    thresholds: WaveThresholds | None = None,
    bounds_of: Mapping[str, tuple[float, float]] | None = None,
    **how: Unpack[InputOptions],
) -> WaveCompanions:
    """Run the primary test on outcomes, then without the outlier, after removing drivers, and on placebo columns.

    Parameters
    ----------
    panel
        A panel, or a frame with region and week as index or columns.
    outcomes
        One column or several; companions are run on the first.
    remove
        Drivers to take out: forced or autonomous. Where this loses weeks or regions, a further run on the ones it
        leaves, with nothing removed, shows what the loss alone does.
    outlier
        Region to leave out.
    placebos
        Columns that should show no waves of cooperation, such as total documents; the first is the placebo of the
        verdict. Offset and bounds are those of outcomes: placebos are tested as they are, with the weights.
    sign_share
        As for `wave_test`; it enters the verdict of the first outcome only.
    thresholds
        As for `wave_test`.
    bounds_of
        Bounds by outcome, where outcomes have scales of their own; an outcome not named has those of ``bounds``.
    **how
        weights, offset, bounds: as for `wave_test`.

    Raises
    ------
    DataError
        If no run at all could be made; the reasons are given.
    """
    record, columns = as_panel(panel), _listed(outcomes)
    if not columns:
        msg = "There is no outcome to test; name at least one column."
        raise DataError(msg)
    main, shadows = columns[0], _listed(placebos)
    test = partial(wave_test, thresholds=thresholds)
    first = {"placebo": shadows[0] if shadows else None, "sign_share": sign_share}
    scales = {name: _scaled(how, (bounds_of or {}).get(name)) for name in columns}
    jobs: dict[CompanionRun, Callable[[], WaveVerdict | None]] = {
        CompanionRun(main): partial(test, record, main, **first, **scales[main]),
        **{CompanionRun(name): partial(test, record, name, **scales[name]) for name in columns[1:]},
    }
    if outlier is not None:
        named = CompanionRun(main, "without", (_region_name(record, outlier),))
        jobs[named] = lambda: test(record.without_regions([outlier]), main, **scales[main])
    if remove is not None:
        taken = as_removal(remove, record)
        spatial = taken.weights is not None
        jobs[CompanionRun(main, "removed", taken.drivers, spatial)] = partial(
            test, record, main, remove=taken, **scales[main]
        )
        jobs[CompanionRun(main, "same weeks", taken.drivers, spatial)] = partial(
            _nothing_removed, record, main, taken, thresholds_for(record, thresholds), **scales[main]
        )
    alone: InputOptions = {"weights": how.get("weights")}
    jobs |= {CompanionRun(name, "placebo"): partial(test, record, name, **alone) for name in shadows}
    return _made(jobs)


def fake_outcomes(
    panel: Panel | pd.DataFrame,
    *,
    outcome: str,
    replications: int = 200,
    thresholds: WaveThresholds | None = None,
    **how: Unpack[InputOptions],
) -> pd.Series:
    """Run the test on outcomes made without waves: this panel's own line and noise.

    Parameters
    ----------
    panel, outcome, thresholds, **how
        As for `wave_companions`.
    replications
        Fake outcomes, each tested with 199 draws.

    Notes
    -----
    The common path of the outcome is replaced by its straight line plus a path drawn from its fitted noise. The
    shares of U and of W >= 2 that are found are the size of the test *in this panel*; the share of drifts is its power,
    as the line keeps its slope.
    """
    record = as_panel(panel)
    agreed = thresholds_for(record, thresholds)
    settings = replace(ascent_settings(agreed), draws=199)
    work = wave_input(record, outcome, **how)
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
    panel: Panel | pd.DataFrame,
    *,
    outcome: str,
    remove: Removal | Sequence[str] | str,
    permutations: int = 20,
    thresholds: WaveThresholds | None = None,
    **how: Unpack[InputOptions],
) -> pd.DataFrame:
    """Repeat the autonomous test with neighbours assigned at random.

    Parameters
    ----------
    panel, outcome, remove, thresholds, **how
        As for `wave_companions`.
    permutations
        Number of random assignments of regions to places.

    Returns
    -------
    pandas.DataFrame
        U, its p-value and W with the true weights (row "true") and with permuted region labels.

    Notes
    -----
    If waves vanish as well when *random* regions' risk is removed, it is the common course of risk that explains them,
    not that of neighbours.

    Raises
    ------
    DataError
        If the removal has no spatial weights to permute, or as for `wave_test`.
    """
    record = as_panel(panel)
    removal = as_removal(remove, record)
    if removal.weights is None:
        msg = "There are no spatial weights to permute; name those of the panel: Removal(drivers, 'contiguity')."
        raise DataError(msg)
    agreed = thresholds_for(record, thresholds)
    test = partial(wave_test, outcome=outcome, remove=removal, thresholds=agreed, **how)
    rows = {"true": test(record)}
    rng = np.random.default_rng(agreed.seed)
    for number in range(1, permutations + 1):
        shuffled = _permuted(record.weights[removal.weights], rng)
        rows[f"permuted {number}"] = test(replace(record, weights={**record.weights, removal.weights: shuffled}))
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


def _region_name(panel: Panel, region: object) -> str:
    """Name of a region where the panel knows one, else its label."""
    names = panel.regions.get("name", pd.Series(dtype=object))
    return str(names.get(region, region))


def _listed(names: Sequence[str] | str) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _scaled(how: InputOptions, bounds: tuple[float, float] | None) -> InputOptions:
    return how if bounds is None else {**how, "bounds": bounds}


def _made(jobs: dict[CompanionRun, Callable[[], WaveVerdict | None]]) -> WaveCompanions:
    """Make every run; keep what was refused, with the reason."""
    verdicts: dict[str, WaveVerdict] = {}
    refused: dict[str, str] = {}
    for run, job in jobs.items():
        try:
            found = job()
        except PanelcoopError as error:
            refused |= {} if run.kind == "same weeks" else {run.name: str(error)}
            continue
        if found is not None:
            verdicts[run.name] = found
    if not verdicts:
        reasons = " ".join(f"{name}: {why}" for name, why in refused.items())
        msg = f"No wave test could be run. {reasons}"
        raise DataError(msg)
    return WaveCompanions(verdicts, refused, {run.name: run for run in jobs})


def _nothing_removed(
    panel: Panel, outcome: str, removal: Removal, thresholds: WaveThresholds, **how: Unpack[InputOptions]
) -> WaveVerdict | None:
    """Test what a removal leaves with nothing removed; None where the removal loses no week and no region."""
    whole = wave_input(panel, outcome, **how)
    left = remove_drivers(whole, panel, removal)
    if left.values.shape == whole.values.shape:
        return None
    return wave_test_of(on_cells_of(whole, left), outcome=outcome, thresholds=thresholds)


def _permuted(weights: SpatialWeights, rng: np.random.Generator) -> SpatialWeights:
    order = rng.permutation(len(weights.regions))
    regions = tuple(weights.regions[i] for i in order)
    return replace(weights, regions=regions, note="region labels permuted")
