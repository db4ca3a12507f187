"""Tables of a stage-interaction regression: effects by stage, and every inference side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from panelcoop.estimate.diagnostics import RegionDiagnostics
from panelcoop.estimate.stage_evidence import StageEvidence
from panelcoop.estimate.stage_results import StageInteraction
from panelcoop.report.labels import label_of, method_label, short_label_of, unit_of
from panelcoop.report.number_text import count_text, interval_text, number_text, percent_text, pvalue_text
from panelcoop.report.table import Table

__all__ = ["inference_comparison_table", "influence_table", "stage_effects_table"]

AVERAGE, SAME = "Average", "Equal over stages"
NOT_IDENTIFIED = "n.i."
REFERENCE = "ref."
COARSE = 1_000  # draws below which a p-value of zero is not below the .001 that tables write


def stage_effects_table(
    evidence: StageEvidence,
    *,
    name: str = "stage_effects",
    model: str = "",
    place: str = "region",
    labels: Mapping[str, str] | None = None,
) -> Table:
    """Lay out driver-by-stage effects: drivers in rows, stages in columns, tests of homogeneity at the end.

    Parameters
    ----------
    evidence
        Effects, homogeneity and averages under one method of inference.
    name
        Stem of the table's files.
    model
        What the title calls the model, if it is not the main one.
    place
        What one region is called, such as "province".
    labels
        Readable names by driver; the package's own by default.

    Returns
    -------
    Table
        A cell that is not identified says so, and its reason stands in the notes; a driver without data has a row.
    """
    fit = evidence.fit
    columns = [*[s.capitalize() for s in fit.stages], AVERAGE, SAME]
    rows: dict[tuple[str, str], list[str]] = {}
    for driver in evidence.effects.index.unique("driver"):
        shown = "Stage itself" if driver == "stage" else label_of(str(driver), labels)
        cells = [_effect_cells(dict(evidence.effects.loc[(driver, s)]), s, evidence.draws) for s in fit.stages]
        cells += [_average_cells(evidence, str(driver)), _homogeneity_cells(evidence, str(driver))]
        for line, head in enumerate(("Effect", "95% interval", "p")):
            rows[shown, head] = [cell[line] for cell in cells]
    for slot in evidence.empty_slots:
        rows[label_of(slot, labels), "Effect"] = ["no data"] * len(fit.stages) + ["", ""]
    body = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    body.index = pd.MultiIndex.from_tuples(list(rows))
    title = f"Drivers of {label_of(fit.outcome, labels).lower()} by stage{f': model {model}' if model else ''}"
    return Table(name, title, body, _notes(evidence, place, labels), evidence.effects.reset_index())


def inference_comparison_table(
    comparison: pd.DataFrame, fit: StageInteraction, *, omitted: Mapping[str, str] | None = None
) -> Table:
    """Lay out the p-values of every method for every effect, with each method's convention in the notes.

    Parameters
    ----------
    comparison
        What ``fit.inference`` returned: one row per hypothesis and method.
    fit
        The regression.
    omitted
        Methods that could not be used, with the reason: the notes name them.

    Returns
    -------
    Table
    """
    flat = comparison.reset_index()
    methods = list(dict.fromkeys(flat["method"]))
    rows = {}
    for hypothesis, part in flat.groupby("hypothesis", sort=False):
        cells = part.set_index("method")
        rows[_term(hypothesis)] = [number_text(cells["estimate"].iloc[0]), *[_p_cell(cells, m) for m in methods]]
    body = pd.DataFrame.from_dict(rows, orient="index", columns=["Effect", *map(method_label, methods)])
    body.index = pd.MultiIndex.from_tuples(list(rows))
    ways = flat.dropna(subset=["pvalue"]).drop_duplicates("method")
    lost = flat[flat["pvalue"].isna() & ~flat["method"].isin(ways["method"])].drop_duplicates("method")
    notes = (
        f"p-values of the same effects on {label_of(fit.outcome).lower()} under each method of inference.",
        *[f"{method_label(str(r.method))}: {r.convention}." for r in ways.itertuples()],
        *[f"{method_label(str(r.method))}: not computed, {str(r.note).rstrip('.')}." for r in lost.itertuples()],
        *[f"{method_label(method)}: not computed, {why}." for method, why in (omitted or {}).items()],
    )
    return Table("inference", "The same effects under every method of inference: p-values", body, notes, flat)


def influence_table(
    diagnostics: RegionDiagnostics, *, names: Mapping[str, str] | None = None, place: str = "region"
) -> Table:
    """Lay out what each effect owes to single regions: effective clusters, the most influential, the effect without.

    Parameters
    ----------
    diagnostics
        What ``region_diagnostics`` returned.
    names
        Readable names by region.
    place
        What one region is called, such as "province".

    Returns
    -------
    Table
    """
    known = names or {}
    rows = {}
    for contrast, row in diagnostics.contrasts.iterrows():
        worst = row["most_influential"]
        values = [number_text(row["estimate"]), number_text(row["effective_clusters"], 1)]
        rows[_term(contrast)] = [*values, known.get(worst, str(worst)), number_text(row["estimate_without"])]
    columns = ["Effect", "Effective clusters", f"Most influential {place}", "Effect without it"]
    body = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    body.index = pd.MultiIndex.from_tuples(list(rows))
    heavy = diagnostics.regions["leverage"].nlargest(3)
    most = ", ".join(f"{known.get(str(r), str(r))} {number_text(v)}" for r, v in heavy.items())
    notes = (
        f"What each effect owes to single {place}s (MacKinnon, Nielsen and Webb 2023).",
        "Effective clusters: Carter, Schnepel and Steigerwald (2017); far fewer than there are: few carry the effect.",
        f"Largest leverage: {most}; the mean is {number_text(diagnostics.regions['leverage'].mean())}.",
        diagnostics.convention,
    )
    title = f"Which {place}s carry the effects"
    return Table("influence", title, body, notes, diagnostics.contrasts.reset_index())


def _term(hypothesis: object) -> tuple[str, str]:
    """Split "driver:stage = 0" into what a reader calls the driver and the stage."""
    driver, _, stage = str(hypothesis).partition(":")
    return label_of(driver), stage.partition(" ")[0].capitalize()


def _p_cell(cells: pd.DataFrame, method: str) -> str:
    drawn = cells["draws"].get(method) if "draws" in cells else None
    return _p_text(_number(cells["pvalue"].get(method)), _number(drawn))


def _p_text(pvalue: float, draws: float, *, sign: bool = False) -> str:
    """Write a p-value; of draws none of which is as extreme as the data, as less than one over their number."""
    if pvalue == 0 and draws < COARSE:
        return f"{'p ' if sign else ''}<{' ' if sign else ''}{1 / draws:.1g}"
    return pvalue_text(pvalue, sign=sign)


def _number(value: object) -> float:
    return float(value) if isinstance(value, float | int) else float("nan")


def _effect_cells(row: Mapping[str, Any], stage: str, draws: float) -> tuple[str, str, str]:
    if row["relative_to"] == stage:
        return REFERENCE, "", ""
    return _estimate_cells(row, draws)


def _average_cells(evidence: StageEvidence, driver: str) -> tuple[str, str, str]:
    if driver not in evidence.average.index:
        return "", "", ""
    return _estimate_cells(dict(evidence.average.loc[driver]), evidence.draws)


def _estimate_cells(row: Mapping[str, Any], draws: float) -> tuple[str, str, str]:
    if pd.isna(row["estimate"]):
        return NOT_IDENTIFIED, "", ""
    interval = interval_text(row["conf_low"], row["conf_high"])
    return number_text(row["estimate"]), interval, _p_text(row["pvalue"], draws)


def _homogeneity_cells(evidence: StageEvidence, driver: str) -> tuple[str, str, str]:
    if driver not in evidence.homogeneity.index:
        return "", "", ""
    row: dict[str, Any] = dict(evidence.homogeneity.loc[driver])
    if pd.isna(row["pvalue"]):
        return NOT_IDENTIFIED, "", ""
    holm = _p_text(row["pvalue_holm"], evidence.draws / len(evidence.homogeneity))
    return _p_text(row["pvalue"], evidence.draws, sign=True), f"Holm {holm}", f"q = {int(row['df'])}"


def _notes(evidence: StageEvidence, place: str, labels: Mapping[str, str] | None) -> tuple[str, ...]:
    fit, unit = evidence.fit, unit_of(evidence.fit.outcome)
    outcome = label_of(fit.outcome, labels).lower() + (f" ({unit})" if unit else "")
    size = f"{count_text(fit.nobs)} {place}-weeks, {fit.n_regions} {place}s, {fit.n_weeks} weeks"
    estimand = (
        f"Estimand: the difference in {outcome} that goes with one unit more of a driver one week earlier, within "
        f"{place}s and weeks, at each stage."
    )
    columns = (
        f"{AVERAGE}: stages weighted by their share of the sample. {SAME}: test that the effect is the same at every "
        "stage, q restrictions, adjusted by Holm over the drivers."
    )
    return (
        estimand,
        f"Effects absorbed: {fit.effects}. {size}{_fit_quality(fit)}.",
        f"p-values and intervals: {evidence.convention}.",
        columns,
        f"Units: {'; '.join(f'{short_label_of(d)}: {unit_of(d)}' for d in fit.drivers if unit_of(d))}.",
        *_reasons(evidence, labels),
        *[f"{label_of(slot, labels)}: empty, {why}." for slot, why in evidence.empty_slots.items()],
    )


def _fit_quality(fit: StageInteraction) -> str:
    r2 = next((float(v) for k, v in fit.statistics.items() if k.startswith("r2_within")), float("nan"))
    return "" if math.isnan(r2) else f"; within R² {percent_text(r2)}"


def _reasons(evidence: StageEvidence, labels: Mapping[str, str] | None) -> list[str]:
    """Say once per driver and reason what is not identified or only a contrast."""
    weak = evidence.effects[evidence.effects["reason"].astype(bool)].reset_index()
    notes = []
    for (driver, status, reason), part in weak.groupby(["driver", "status", "reason"], sort=False):
        name = "the stages themselves" if driver == "stage" else label_of(str(driver), labels)
        mark = NOT_IDENTIFIED if status == "not identified" else REFERENCE
        notes.append(f"{mark} {name} ({', '.join(part['stage'])}): {status}, {str(reason).rstrip('.')}.")
    return notes
