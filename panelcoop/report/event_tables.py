"""Tables of the event studies: mean effects, events used and support, effects by stage, sensitivity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from panelcoop.panel.weeks import week_label
from panelcoop.report.event_bounds import RELATIVE, SMOOTH
from panelcoop.report.number_text import MISSING, interval_text, number_text, percent_text, pvalue_text
from panelcoop.report.table import Table
from panelcoop.sensitivity.event_evidence import EventEvidence

__all__ = [
    "event_effects_table",
    "event_sensitivity_table",
    "event_stages_table",
    "event_support_table",
    "largest_weeks",
    "left_out_texts",
]

EFFECTS = (
    "Effect: mean over the weeks named, by events that reach them (imputation, two-stage, Callaway-Sant'Anna, "
    "Sun-Abraham) or week by week (the others). Events: those that take part in the week of the event, of all. Errors: "
    "clustered by province, those of imputation and rings leave the province itself out."
)
LEADS = (
    "Leads, p: largest lead against the simultaneous distribution of the leads, as their band in the figure; leads are "
    "reported, never used to choose."
)
BOUNDS = (
    "Honest: 95% intervals of the first effect where trends may deviate by as much as before the event (relative "
    f"magnitudes, C-LF, M = {RELATIVE:g}), or change their slope by {SMOOTH:g} a week (smoothness, FLCI). They need "
    "one reference week; a dash says that an estimator has none. Rings as a path and imputation in stacks are bounded "
    "relative to that week; their mean effect is relative to all untreated weeks."
)
SHARED = "All provinces share national directives, so effects are differences between provinces, not totals."
STAGES = (
    "Stage: that of the province in the week before the event and its anticipation; no stage where the clock gives it "
    "none. Outbreaks at home and next door ask for clean weeks before them, so that nearly all fall into recovery. "
    "Weeks and events: those behind the effect."
)
DOUBTS = (
    "First downgrade: imputation given the epidemic state of every week. Provinces without a record of response levels "
    "are given the earliest and the latest date on record in turn. Randomised dates: dates exchanged among provinces, "
    "studentised; p counts the dates in the data, the interval holds the constant effects not rejected. Static "
    "two-way: region and week effects and one effect of all weeks from the downgrade on, without covariates; weights "
    "of its comparisons as in Goodman-Bacon (2021), of its cells as in de Chaisemartin and D'Haultfoeuille (2020)."
)
LATER = (
    "Outbreaks: local projections at home, rings as a path next door, without each province in turn, and with dates "
    "moved back to weeks before the outbreak and its anticipation, in which nothing should happen."
)
OWN = (
    "Own index: the outcome is the province's own policy index. The main outcome takes the smaller of two provinces' "
    "indices and so moves with the neighbour's as well."
)


def event_effects_table(designs: Sequence[EventEvidence]) -> Table:
    """Tabulate the mean effect after the event by design and estimator, with what each conditions on.

    Parameters
    ----------
    designs
        What was estimated.
    """
    data = pd.DataFrame([row for design in designs for row in _effects(design)])
    rows = data.to_dict(orient="records")
    cells = {
        ("", "Conditions on"): data["conditions"].tolist(),
        ("Mean effect", "Effect"): [number_text(v) for v in data["estimate"]],
        ("Mean effect", "95% interval"): _intervals(data, ""),
        ("Mean effect", "Weeks"): [f"{r['first_week']:.0f}–{r['last_week']:.0f}" for r in rows],
        ("", "Events"): [f"{r['used']:,.0f} of {r['asked']:,.0f}" for r in rows],
        ("", "Leads, p"): [pvalue_text(v) for v in data["leads_p"]],
        ("First effect, honest", "M = 1"): _intervals(data, "relative_"),
        ("First effect, honest", "Smooth"): _intervals(data, "smooth_"),
    }
    body = pd.DataFrame(cells, index=pd.MultiIndex.from_frame(data[["design", "estimator"]]))
    body.columns = pd.MultiIndex.from_tuples(list(cells))
    lost = [
        f"Not computed, {d.title.lower()}: {k} ({why.split('. ')[0]})."
        for d in designs
        for k, why in d.unavailable.items()
    ]
    remarks = [remark for design in designs for remark in design.remarks]
    estimands = [f"{d.title}: {d.estimand}." for d in designs]
    notes = (*estimands, EFFECTS, LEADS, BOUNDS, *remarks, SHARED, *lost)
    return Table("event_effects", "Event studies of joint response", body, notes, data)


def _effects(design: EventEvidence) -> list[dict[str, object]]:
    out = []
    for label, effect in design.effects.iterrows():
        name = str(label)
        relative = design.bound(name, "relative-magnitudes", 1.0)
        smooth = design.bound(name, "smoothness", SMOOTH)
        row = {"design": design.title, "estimator": name, "conditions": design.conditions.get(name, "nothing")}
        bounds = {"relative_low": relative[0], "relative_high": relative[1]}
        bounds |= {"smooth_low": smooth[0], "smooth_high": smooth[1]}
        out.append({**row, **{str(k): v for k, v in effect.items()}, **bounds})
    return out


def event_support_table(designs: Sequence[EventEvidence]) -> Table:
    """Tabulate event weeks, events and fewest clean controls by horizon for the first study of each design.

    The notes say how many of all events take part, and why the others do not. The largest event week of a horizon is
    that of the first estimator that averages cohorts: a change of composition can look like dynamics.
    """
    parts = {
        f"{d.title}: {next(iter(d.studies))}": next(iter(d.studies.values())).support.join(largest_weeks(d)[1])
        for d in designs
    }
    data = pd.concat(parts, names=["design", "horizon"]).reset_index()
    body = pd.DataFrame(
        {
            "Event weeks": [f"{int(v)}" for v in data["cohorts"]],
            "Events": [f"{int(v)}" for v in data["treated"]],
            "Fewest controls": [f"{int(v)}" for v in data["controls"]],
            "Thin": ["yes" if v else "" for v in data["thin"]],
            "Largest week": [
                _largest_text(week, share) for week, share in zip(data["week"], data["share"], strict=True)
            ],
        },
        index=pd.MultiIndex.from_arrays([data["design"], [number_text(h, 0) for h in data["horizon"]]]),
    )
    rule = next(iter(designs[0].studies.values())).rule
    thin = f"Thin: fewer than {rule.min_cohorts} event weeks or {rule.min_controls} clean controls behind a horizon."
    labels = [(largest_weeks(d)[0], d.title.lower()) for d in designs]
    by_cohort = "; ".join(f"{label} ({title})" for label, title in labels if label) or "none"
    largest = (
        "Largest week: the event week that weighs most in a horizon, and its weight, in estimators that average cohorts"
        f": {by_cohort}."
    )
    used = [f"{d.title}, events in the week of the event: {'; '.join(_used(d))}." for d in designs]
    title = "Support of the event studies by week since the event"
    return Table("event_support", title, body, (thin, largest, *used), data)


def largest_weeks(design: EventEvidence) -> tuple[str, pd.DataFrame]:
    """Find the event week that weighs most in each horizon.

    Returns
    -------
    The first study whose horizons average cohorts ("" without one), and week and share by horizon.
    """
    if not design.composition:
        return "", pd.DataFrame({"week": [], "share": []}, index=pd.Index([], name="horizon", dtype=int))
    label, weights = next(iter(design.composition.items()))
    return label, pd.DataFrame({"week": weights.idxmax(axis=1).astype(object), "share": weights.max(axis=1)})


def _largest_text(week: object, share: float) -> str:
    if not share > 0:
        return MISSING
    named = f"{week_label(week)}, " if isinstance(week, pd.Timestamp) else ""  # weeks of stacks are only numbered
    return f"{named}{percent_text(share, 0)}"


def left_out_texts(design: EventEvidence, label: str) -> list[str]:
    """Say how many events of a study take no part, reason by reason.

    Examples
    --------
    >>> found = EventEvidence("demo", "Demo", "", {}, left_out={"LP-DiD": {"events without controls": 1}})
    >>> left_out_texts(found, "LP-DiD")
    ['1 event without controls']
    """
    counted = design.left_out.get(label, {}).items()
    return [f"{n} {why if n > 1 else why.replace('events ', 'event ', 1)}" for why, n in counted]


def _used(design: EventEvidence) -> list[str]:
    """Say how many of all events take part and why others do not, once for estimators that agree."""
    said: dict[str, list[str]] = {}
    for label, row in design.effects.iterrows():
        reasons = ", ".join(left_out_texts(design, str(label)))
        text = f"{row['used']:.0f} of {row['asked']:.0f}" + (f" (left out: {reasons})" if reasons else "")
        said.setdefault(text, []).append(str(label))
    return [f"{', '.join(labels)}: {text}" for text, labels in said.items()]


def event_stages_table(designs: Sequence[EventEvidence]) -> Table:
    """Tabulate effects by the stage in which the event happens; a stage without an effect says why."""
    data = pd.concat({d.title: d.by_stage for d in designs}, names=["design"]).reset_index()
    rows = data.to_dict(orient="records")
    body = pd.DataFrame(
        {
            "Effect": [number_text(v) for v in data["estimate"]],
            "95% interval": _intervals(data, ""),
            "Event weeks": [str(v) for v in data["weeks"]],
            "Events": [str(v) for v in data["events"]],
            "Remark": data["reason"].astype(str).tolist(),
        },
        index=pd.MultiIndex.from_arrays(
            [[f"{r['design']}: {r['estimator']}" for r in rows], data["stage"].astype(str)]
        ),
    )
    return Table("event_stages", "Effects by the stage in which the event happens", body, (STAGES,), data)


def event_sensitivity_table(found: Mapping[str, pd.DataFrame]) -> Table:
    """Tabulate event studies under doubts on record and with other outcomes.

    Parameters
    ----------
    found
        Frames with estimate, std_error, pvalue and note by case, by the head of their rows.
    """
    data = pd.concat(found, names=["group", "case"]).reset_index()
    body = pd.DataFrame(
        {
            "Effect": [number_text(v) for v in data["estimate"]],
            "Std. error": [number_text(v) for v in data["std_error"]],
            "p": [pvalue_text(v) for v in data["pvalue"]],
            "Remark": data["note"].astype(str).tolist(),
        },
        index=pd.MultiIndex.from_frame(data[["group", "case"]]),
    )
    return Table("event_sensitivity", "Sensitivity of the event studies", body, (DOUBTS, LATER, OWN), data)


def _intervals(data: pd.DataFrame, which: str) -> list[str]:
    ends = data[[f"{which}low", f"{which}high"]].to_numpy(dtype=float)
    return [interval_text(float(low), float(high)) for low, high in ends]
