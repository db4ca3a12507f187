"""The full evidence behind the wave test: grids of designs, verdict shares, drift tests, and their tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import product

import numpy as np
import pandas as pd

from panelcoop.numerics.waves.ascent_test import AscentSettings, ascent_test
from panelcoop.numerics.waves.drift import harvey_leybourne_taylor, perron_yabu
from panelcoop.progress import track
from panelcoop.sensitivity.wave_designs import (
    DRIFTLESS,
    NULLS,
    Design,
    Noise,
    Truth,
    common_noise,
    mean_path,
    simulate_panel,
)
from panelcoop.sensitivity.wave_size import panel_rejections, path_rejections
from panelcoop.waves.inputs import WaveInput
from panelcoop.waves.primary import wave_test_of
from panelcoop.waves.thresholds import WaveThresholds
from panelcoop.waves.verdict import VERDICTS, Verdict

__all__ = [
    "RIGHT",
    "battery_designs",
    "drift_rates",
    "largest_sizes",
    "main_designs",
    "path_and_panel",
    "robustness_designs",
    "surface_designs",
    "verdict_designs",
    "verdict_shares",
    "wide_table",
    "wrong_verdicts",
]

WEEKS = (52, 100, 150)
ROOTS = (0.0, 0.5, 0.8, 0.95, 1.0)
SHARES = (0.1, 0.3)
ACCEPTED_NULL, ACCEPTED_DRIFTLESS, DRIFTLESS_ROOT = 0.075, 0.10, 0.8

MONOTONE: frozenset[Verdict] = frozenset({"CONTRADICTED", "MONOTONE_NONLINEAR", "LINEAR_COMPATIBLE"})
RIGHT: Mapping[Truth, frozenset[Verdict]] = {
    "flat": MONOTONE - {"MONOTONE_NONLINEAR"},
    "linear": MONOTONE - {"MONOTONE_NONLINEAR"},
    "step": MONOTONE,
    "staircase": MONOTONE,
    "hump": frozenset({"LIFE_CYCLE_HUMP"}),
    "declining": frozenset({"CONTRADICTED"}),
    "driftless": frozenset({"WAVES_WITHOUT_RISE"}),
    "rising": frozenset({"WAVE_AND_SPIRAL"}),
    "irregular": frozenset({"WAVE_AND_SPIRAL"}),
}
"""Verdicts that a truth bears out, beside INCONCLUSIVE."""


def main_designs() -> list[Design]:
    """List all nulls and alternatives at three lengths, five roots and two common shares."""
    truths: list[tuple[Truth, float]] = [(truth, 2.0) for truth in (*NULLS, DRIFTLESS)]
    truths += [("rising", 2.0), ("rising", 3.0), ("irregular", 2.0)]
    return [
        Design(truth, amplitude, weeks, root, share)
        for (truth, amplitude), weeks, root, share in product(truths, WEEKS, ROOTS, SHARES)
    ]


def robustness_designs(noise: Noise) -> list[Design]:
    """List the designs of one further kind of noise.

    Five truths at every length and root with a common share of 30%; at 100 weeks and roots .5 and .8 the other truths
    too, and the five at 10%.
    """
    truths: tuple[Truth, ...] = ("linear", "staircase", "hump", "driftless", "rising")
    others: tuple[Truth, ...] = ("flat", "step", "declining", "irregular")
    main = product(truths, WEEKS, (0.0, 0.5, 0.8, 0.95), SHARES[1:])
    more = [*product(others, (100,), (0.5, 0.8), SHARES[1:]), *product(truths, (100,), (0.5, 0.8), SHARES[:1])]
    return [Design(truth, 2.0, weeks, root, share, noise=noise) for truth, weeks, root, share in (*main, *more)]


def surface_designs() -> list[Design]:
    """List rising waves by amplitude and common share: the power surface, AR .5."""
    amplitudes, shares = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0), (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
    return [Design("rising", a, weeks, 0.5, share) for a, weeks, share in product(amplitudes, WEEKS, shares)]


def battery_designs() -> list[Design]:
    """List the designs on which the battery is shown: a line under three kinds of shocks, a hump, rising waves."""
    lines = [
        Design("linear", 2.0, 100, root, share) for root, share in ((0.5, 0.02), (0.0, 0.3), (0.5, 0.3), (0.8, 0.3))
    ]
    return [*lines, Design("hump", 2.0, 100, 0.5, 0.1), Design("rising", 2.0, 100, 0.5, 0.1)]


def path_and_panel(*, replications: int = 1000, draws: int = 199, seed: int = 2) -> pd.DataFrame:
    """Show that simulating the common path gives the rejection rates of simulating whole panels."""
    rows = []
    for truth, root in product(("staircase", "rising"), (0.5, 0.95)):
        design = Design(truth, 2.0, 52, root, 0.3)  # type: ignore[arg-type]
        for name, run in (("path", path_rejections), ("panel", panel_rejections)):
            found = run(design, replications, AscentSettings(draws=draws), np.random.default_rng(seed))
            rates = {f"U, {name}": found.ascent, f"W >= 2, {name}": found.two_waves}
            rows.append({"truth": truth, "AR": root, **rates})
    return pd.DataFrame(rows).groupby(["truth", "AR"], sort=False).first().round(3)


def verdict_designs() -> list[Design]:
    """List the designs on which verdicts are counted: seven truths at three lengths, four roots and three shares."""
    truths: tuple[Truth, ...] = (*(truth for truth in NULLS if truth != "step"), DRIFTLESS, "rising")
    return [
        Design(truth, 3.0, weeks, root, share)
        for truth, weeks, root, share in product(truths, WEEKS, ROOTS[1:], (0.01, *SHARES))
    ]


def verdict_shares(
    designs: Iterable[Design], *, replications: int = 200, draws: int = 199, seed: int = 3
) -> pd.DataFrame:
    """Count the verdicts over simulated panels.

    Returns
    -------
    pandas.DataFrame
        One row per design (truth, a, T, AR, common): the share of replications with each verdict; ``by a fall``, the
        part of CONTRADICTED that rests on a net fall; ``wrong``, the share of verdicts that the truth belies:
        all but INCONCLUSIVE and those of `RIGHT`, and a fall that is not there.
    """
    thresholds = WaveThresholds(draws=draws)
    rows: list[dict[str, object]] = []
    for design in track(list(designs), "counting verdicts"):
        rng = np.random.default_rng([seed, design.weeks, *repr(design).encode()])
        found = [_verdict(design, thresholds, rng) for _ in range(replications)]
        verdicts = Counter(verdict for verdict, _ in found)
        by_fall = sum(fall for _, fall in found)
        right = verdicts["INCONCLUSIVE"] + sum(verdicts[verdict] for verdict in RIGHT[design.truth])
        unfounded = by_fall if "CONTRADICTED" in RIGHT[design.truth] and design.truth != "declining" else 0
        setting = {"truth": design.truth, "a": design.amplitude, "T": design.weeks}
        shares = {str(verdict): verdicts[verdict] / replications for verdict in VERDICTS}
        errors = {"by a fall": by_fall / replications, "wrong": (replications - right + unfounded) / replications}
        rows.append({**setting, "AR": design.root, "common": design.share, **shares, **errors})
    return pd.DataFrame(rows).set_index(["truth", "a", "T", "AR", "common"])


def wrong_verdicts(shares: pd.DataFrame) -> pd.DataFrame:
    """Return the largest share of wrong verdicts over lengths and common shares, by truth and root."""
    flat = shares.reset_index()
    return flat.pivot_table(index="truth", columns="AR", values="wrong", aggfunc="max", sort=False).rename(
        columns=lambda root: f"AR {root:g}"
    )


def drift_rates(*, replications: int = 300, seed: int = 4) -> pd.DataFrame:
    """Compare one-sided 5% drift tests: two plain ones, Fourier terms, and Fourier terms with the net rise."""
    truths: tuple[Truth, ...] = ("flat", "hump", "driftless", "linear", "rising")
    settings, rows = AscentSettings(draws=99), []
    for truth, weeks, root in product(truths, WEEKS, (0.5, 0.8, 0.95, 1.0)):
        design = Design(truth, 2.0, weeks, root, 0.3)
        rng = np.random.default_rng([seed, weeks, int(100 * root)])
        paths = mean_path(truth, weeks, 2.0)[:, None] + common_noise(design, replications, rng)
        p = np.array([_drift_p(path, settings) for path in paths.T])
        names = ("Harvey-Leybourne-Taylor", "Perron-Yabu", "with Fourier pairs", "with Fourier pairs and net rise")
        rates = dict(zip(names, (p <= settings.level).mean(axis=0), strict=True))
        rows.append({"truth": truth, "T": weeks, "AR": root, **rates})
    return pd.DataFrame(rows).set_index(["truth", "T", "AR"])


def wide_table(found: pd.DataFrame) -> pd.DataFrame:
    """Lay rejection rates out by truth, weeks and common share (rows) and statistic and AR root (columns)."""
    named = found.rename(
        columns={"ascent": "U", "two_waves": "W >= 2", "amplitude": "a", "weeks": "T", "share": "common"}
    )
    wide = named.pivot_table(
        index=["noise", "truth", "a", "T", "common"], columns="root", values=["U", "W >= 2"], sort=False
    )
    wide.columns = pd.Index([f"{column[0]}, AR {column[1]:g}" for column in wide.columns.to_list()])
    return wide.round(3)


def largest_sizes(found: pd.DataFrame) -> pd.DataFrame:
    """Return the largest rejection rate of U by kind of null and noise, beside what is accepted."""
    null = found[found["truth"].isin(NULLS)].groupby("noise", sort=False)["ascent"].max()
    calm = found[(found["truth"] == DRIFTLESS) & (found["root"] <= DRIFTLESS_ROOT)]
    driftless = calm.groupby("noise", sort=False)["ascent"].max()
    table = pd.DataFrame({"monotone and hump nulls": null, "driftless waves, AR <= .8": driftless})
    held = (table.iloc[:, 0] <= ACCEPTED_NULL) & (table.iloc[:, 1] <= ACCEPTED_DRIFTLESS)
    return table.round(3).assign(accepted=f"{ACCEPTED_NULL} and {ACCEPTED_DRIFTLESS:.2f}", held=held)


def _verdict(design: Design, thresholds: WaveThresholds, rng: np.random.Generator) -> tuple[str, bool]:
    """Draw one panel; return its verdict and whether it is CONTRADICTED because of a net fall."""
    values = simulate_panel(design, rng)
    clock = np.arange(float(design.weeks))
    work = WaveInput(values, clock, pd.RangeIndex(len(values)), pd.RangeIndex(design.weeks))
    found = wave_test_of(work, outcome="y", thresholds=thresholds)
    monotone = found.evidence.drawdown + found.evidence.threshold < thresholds.minimum_effect
    return found.verdict, found.verdict == "CONTRADICTED" and not monotone


def _drift_p(path: np.ndarray[tuple[int, ...], np.dtype[np.float64]], settings: AscentSettings) -> tuple[float, ...]:
    test = ascent_test(path, np.arange(float(path.size)), settings)
    return harvey_leybourne_taylor(path).p_up, perron_yabu(path).p_up, test.drift.p_up, test.p_up
