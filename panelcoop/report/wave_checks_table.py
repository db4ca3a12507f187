"""Table and numbers of the checks beside the verdict on waves."""

from __future__ import annotations

import pandas as pd

from panelcoop.checks import name_few
from panelcoop.numerics.waves.cross_dependence import CrossDependence
from panelcoop.report.labels import label_of
from panelcoop.report.number_text import number_text, pvalue_text
from panelcoop.report.table import Table
from panelcoop.waves.checks import WaveChecks

__all__ = ["checks_numbers", "wave_checks_table"]

HEADS = ("Found", "What it tells")


def wave_checks_table(checks: WaveChecks, *, name: str = "wave_checks") -> Table:
    """Lay the checks out, one row each: what was found and what it tells.

    Parameters
    ----------
    checks
        Result of `wave_checks`.
    name
        Stem of the files.

    Returns
    -------
    Table
    """
    rows = {
        "Fake outcomes": (_fake(checks.fake), "size of U and W here; power of drift"),
        "Neighbours at random": (_permuted(checks.permuted), "whether it matters whose risk is removed"),
        "Waves of single regions": (_regions(checks), "what is left of regions without their first common factor"),
        "Cross-sectional dependence": (_dependence(checks.regions.dependence), "whether regions move together"),
        "The same without the factor": (
            _dependence(checks.regions.remaining_dependence),
            "biased downward where a factor was estimated",
        ),
        "Share of the first factor": (f"{checks.regions.factor_share:.0%}", "how much one common course explains"),
        "Concordance of phases": (
            f"{checks.phases.mean:.2f} ({pvalue_text(checks.phases.p, sign=True)})",
            "1: always in the same phase; .5: as coin flips",
        ),
        "Leads and lags": (_leads(checks), "regions whose interval excludes zero"),
    }
    body = pd.DataFrame.from_dict(rows, orient="index", columns=list(HEADS))
    count, root = checks.fake["replications"], checks.regions.pooled_root
    notes = (
        f"Outcome: {label_of(checks.outcome)}; level {checks.level:g}.",
        f"Fake outcomes: {count:.0f} times the path's straight line with noise drawn from its fit, 199 draws each.",
        "Neighbours at random: p of U after own and neighbours' risk is removed, with true and with permuted places.",
        f"Waves of single regions: Romano-Wolf over weeks resampled whole, pooled AR root {root:.2f}.",
        *checks.regions.notes,
        "Cross-sectional dependence: Pesaran's CD. Leads and lags: up to 8 weeks against the mean of the others.",
    )
    return Table(name, "What stands beside the verdict on waves", body, notes, pd.DataFrame([checks_numbers(checks)]))


def checks_numbers(checks: WaveChecks) -> dict[str, object]:
    """Return the numbers of the checks that a text may cite."""
    permuted = checks.permuted
    return {
        "fake": {str(key): float(value) for key, value in checks.fake.items()},
        "permuted_p": None
        if permuted is None
        else {
            "true": float(permuted["p"].iloc[0]),
            "smallest": float(permuted["p"].iloc[1:].min()),
            "largest": float(permuted["p"].iloc[1:].max()),
        },
        "regions": len(checks.regions.table),
        "own_waves": checks.own_waves,
        "pooled_root": checks.regions.pooled_root,
        "factor_share": checks.regions.factor_share,
        "cross_dependence": checks.regions.dependence.statistic,
        "concordance": {"mean": checks.phases.mean, "p": checks.phases.p},
        "leaders": checks.leaders,
    }


def _fake(fake: pd.Series) -> str:
    return f"U rejects {fake['U rejects']:.1%}, W {fake['W >= 2']:.1%}; drift found {fake['drift up']:.1%}"


def _permuted(permuted: pd.DataFrame | None) -> str:
    if permuted is None:
        return "not run: no spatial weights"
    p = permuted["p"]
    low, high = pvalue_text(float(p.iloc[1:].min())), pvalue_text(float(p.iloc[1:].max()))
    return f"{pvalue_text(float(p.iloc[0]), sign=True)}; random: {low} to {high} ({len(p) - 1} times)"


def _regions(checks: WaveChecks) -> str:
    table, own = checks.regions.table, checks.own_waves
    if own is None:
        long = "too persistent" in " ".join(checks.regions.notes)
        return "not tested: noise too persistent" if long else "not tested: too few weeks"
    named = name_few(table.index[table["p_adjusted"] <= checks.level])
    return f"{own} of {table['p_adjusted'].notna().sum()}" + (f" ({named})" if own else "")


def _dependence(found: CrossDependence) -> str:
    statistic, r = number_text(found.statistic), number_text(found.mean_correlation)
    return f"{statistic} ({pvalue_text(found.p, sign=True)}), mean r = {r}"


def _leads(checks: WaveChecks) -> str:
    leaders = checks.leaders
    return f"{len(leaders)} of {len(checks.leads)}" + (f" ({name_few(leaders, 3)})" if leaders else "")
