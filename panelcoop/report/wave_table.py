"""Tables of the wave test: the primary test beside its companions, and the battery."""

from __future__ import annotations

import pandas as pd

from panelcoop.panel.weeks import week_label
from panelcoop.report.labels import label_of
from panelcoop.report.number_text import number_text, pvalue_text
from panelcoop.report.table import Table
from panelcoop.waves.battery.run import WaveBattery
from panelcoop.waves.companions import CompanionRun, WaveCompanions
from panelcoop.waves.spiral import Spiral
from panelcoop.waves.verdict import UNIT
from panelcoop.waves.wave_verdict import WaveVerdict

__all__ = ["battery_table", "companion_numbers", "run_label", "wave_numbers", "wave_table"]

HEADS = ("Weeks", "U (p)", "W (p)", "Drift (p)", "Drawdown", "Detectable", "AR", "Verdict")

MEANING = (
    "Interrupted ascents of the common path of all regions: U, the largest rise, fall and higher rise;",
    "W, the number of disjoint ones (a lower bound on the waves), with the p-value of two or more; drift upward.",
    "Drawdown: largest fall of the smooth. AR: root of the noise.",
)


def wave_table(companions: WaveCompanions, *, name: str = "waves", title: str = "") -> Table:
    """Lay the primary test out with its companions, one row each.

    Parameters
    ----------
    companions
        Runs of `wave_companions`.
    name, title
        Stem of the files; caption.

    Returns
    -------
    Table
    """
    rows = {run_label(companions.runs[name]): _cells(result) for name, result in companions.verdicts.items()}
    body = pd.DataFrame.from_dict(rows, orient="index", columns=list(HEADS))
    first = next(iter(companions.verdicts.values()))
    t = first.thresholds
    notes = (
        " ".join(MEANING),
        f"Drawdowns in {UNIT}; detectable with {t.power:.0%} power.",
        f"Verdict: first match in a fixed order, level {t.level:g}, smallest effect {t.minimum_effect:g} sd.",
        f"First row: {first.reason}",
        *companions.notes,
        *(f"{label_of(v.outcome)}: {' '.join(v.notes)}" for v in companions.of_kind("outcome").values() if v.notes),
        *(f"Not run: {run_label(companions.runs[name])} ({why})" for name, why in companions.refused.items()),
        *t.told_revisions(),
    )
    return Table(name, title or "Do the outcomes advance in waves?", body, notes, companions.tidy().reset_index())


def battery_table(battery: WaveBattery, *, name: str = "wave_battery") -> Table:
    """Lay the battery out: statistic, p, null and warning of each test."""
    tidy = battery.tidy()

    def named(text: str) -> str:
        return text.replace(battery.driver, label_of(battery.driver).lower()) if battery.driver else text

    cells = {
        str(test): [
            number_text(float(row["statistic"])),
            pvalue_text(float(row["p"])),
            named(row["null"]),
            row["warning"],
        ]
        for test, row in tidy.iterrows()
    }
    body = pd.DataFrame.from_dict(cells, orient="index", columns=["Statistic", "p", "Null", "Beware"])
    notes = (
        f"Usual tests on {label_of(battery.outcome)}; each answers its own question and none replaces the verdict.",
        *(f"{s.name}: {s.method}; {named(s.convention)}." for s in battery.statistics),
        *(f"{test}: not run, {why}" for test, why in battery.refused.items()),
    )
    return Table(name, "The usual tests of non-linearity and cycles", body, notes, tidy.reset_index())


def wave_numbers(result: WaveVerdict, spiral: Spiral | None = None) -> dict[str, object]:
    """Return the numbers of one wave test that a text may cite.

    Examples
    --------
    >>> sorted(wave_numbers.__annotations__)
    ['result', 'return', 'spiral']
    """
    evidence, first = result.evidence, result.path.index[0]
    numbers: dict[str, object] = {
        "outcome": result.outcome,
        "label": label_of(result.outcome),
        "verdict": result.verdict,
        "reason": result.reason,
        "weeks": result.n_weeks,
        "first_week": week_label(first) if isinstance(first, pd.Timestamp) else str(first),
        "regions": result.n_regions,
        "waves": result.waves,
        "ascent": result.ascent,
        "drift_slope": result.test.drift.slope,
        "noise_range": result.test.threshold,
        **{key: getattr(evidence, key) for key in ("p_ascent", "p_waves", "p_up", "p_down", "p_drawdown", "p_linear")},
        **{key: getattr(evidence, key) for key in ("root", "drawdown", "threshold", "detectable")},
        "minimum_effect": result.thresholds.minimum_effect,
        "revisions": list(result.thresholds.revisions),
        "notes": list(result.notes),
    }
    if spiral is not None:
        numbers["spiral"] = {
            "waves": len(spiral.waves),
            "sentence": _spiral_sentence(spiral),
            "troughs_rise": spiral.troughs_rise,
            "peaks_rise": spiral.peaks_rise,
            "formality_rises": spiral.formality_rises,
            "note": spiral.note,
        }
    return numbers


def companion_numbers(companions: WaveCompanions) -> dict[str, object]:
    """Return the numbers of every run by kind of run and outcome: "same weeks" is missing where no week is lost."""
    kinds = dict.fromkeys(run.kind for run in companions.runs.values())
    return {kind: {found.outcome: wave_numbers(found) for found in companions.of_kind(kind).values()} for kind in kinds}


def run_label(run: CompanionRun) -> str:
    """Name a run for a reader.

    Examples
    --------
    >>> run_label(CompanionRun("alignment", "removed", ("own_risk",), neighbours=True))
    "Alignment with neighbours, after removing own risk and neighbours'"
    """
    changed = ", ".join(run.changed if run.kind == "without" else (label_of(name).lower() for name in run.changed))
    outcome = label_of(run.outcome)
    return {
        "outcome": outcome,
        "without": f"{outcome}, without {changed}",
        "removed": f"{outcome}, after removing {changed}" + " and neighbours'" * run.neighbours,
        "same weeks": f"{outcome}, same weeks, nothing removed",
        "placebo": f"Placebo: {outcome}",
    }[run.kind]


def _spiral_sentence(spiral: Spiral) -> str:
    """Say of each wave after the first whether it stands above the last."""
    count = len(spiral.waves)
    if count < 2:
        rises = "no rise" if count == 0 else "one rise"
        return f"The smooth makes {rises} larger than the noise range, so that no wave stands above another"
    parts = [
        f"{name} {'rise' if every else 'do not always rise'}"
        for name, every in (("troughs", spiral.troughs_rise), ("peaks", spiral.peaks_rise))
    ]
    if spiral.formality_rises is not None:
        parts.append(f"formality {'rises' if spiral.formality_rises else 'does not always rise'}")
    return f"The smooth makes {count} rises larger than the noise range; from each to the next " + ", ".join(parts)


def _cells(result: WaveVerdict) -> list[str]:
    e = result.evidence
    return [
        str(result.n_weeks),
        f"{number_text(result.ascent)} ({pvalue_text(e.p_ascent)})",
        f"{result.waves} ({pvalue_text(e.p_waves)})",
        pvalue_text(e.p_up),
        number_text(e.drawdown),
        number_text(e.detectable),
        number_text(e.root),
        result.verdict.replace("_", " ").lower(),
    ]
