"""Numbers printed by R's did, fixest, did2s, etwfe and didimputation, and by Stata's csdid, jwdid, lpdid and others.

``events.json`` holds every number with its program, call and place; ``seeded_events.py`` the data. Each case names the
estimator and its options, so it also says how to get what another program prints.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from seeded_events import frame_of

import panelcoop as pc

CASES = {case["id"]: case for case in json.loads(Path(__file__).with_name("events.json").read_text(encoding="utf-8"))}

FIVE_DIGITS = 6e-6
"""R did rounds the p-value of its pre-trend test."""

pytestmark = pytest.mark.filterwarnings("ignore:two-way fixed effects")


@lru_cache
def _panel(name: str, folder: Path, *, rows: bool) -> pc.Panel:
    frame = frame_of(name, folder)
    return (
        pc.repeated_cross_sections(frame, week="time")
        if rows
        else pc.panel_from_frame(frame, region="unit", week="time")
    )


def _options(given: dict) -> dict:
    """Lists and keys of JSON as the options take them."""
    made = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    if "bins" in made:
        made["bins"] = {int(label): tuple(members) for label, members in made["bins"].items()}
    return made


def _study(case: dict, folder: Path) -> pc.EventStudy:
    panel = _panel(case["data"], folder, rows=case.get("rows", False))
    options = _options(case.get("events", {}))
    events = pc.Events.from_column(panel, "g", never=0)
    kind, chosen = case["estimator"]
    asked = {"outcome": "y", **case.get("study", {})}
    return pc.event_study(
        panel,
        events.with_options(**options) if options else events,
        estimator=getattr(pc, kind)(**_options(chosen)),
        **asked,
    )


class _Printed:
    """Compares within the tolerance of a case; a printed number may stand alone, without its error."""

    def __init__(self, case: dict) -> None:
        self.limits = {"rel": case["rtol"], "abs": case["atol"]}

    def __call__(self, ours: tuple[float, float], printed: list[float | None], where: object) -> None:
        for found, number in zip(ours, printed, strict=True):
            if number is not None and not np.isnan(number):
                assert found == pytest.approx(number, **self.limits), where


@pytest.mark.parametrize("name", list(CASES))
def test_printed(name, gold_folder):
    case = CASES[name]
    study, agrees = _study(case, gold_folder), _Printed(case)
    numbers = case["numbers"]
    for label, printed in numbers.get("horizon", {}).items():
        agrees((study.params[int(label)], study.std_errors[int(label)]), printed, label)
    if "cells" in numbers:
        table = study.group_time().set_index(["cohort", "week"])
        for label, printed in numbers["cells"].items():
            row = table.loc[tuple(int(part) for part in label.split(","))]
            agrees((row["estimate"], row["std_error"]), printed, label)
    for asked in numbers.get("averages", []):
        found = pc.aggregate_events(study, asked["by"], **asked.get("options", {}))
        agrees((found.overall.estimate, found.overall.std_error), asked["overall"], asked["by"])
        for label, printed in asked.get("each", {}).items():
            agrees((found.params[int(label)], found.std_errors[int(label)]), printed, (asked["by"], label))


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "covariance" in case["numbers"]])
def test_printed_covariance(name, gold_folder):
    case = CASES[name]
    printed = case["numbers"]["covariance"]
    study, at = _study(case, gold_folder), printed["horizons"]
    limits = {"rtol": case["rtol"], "atol": case["atol"]}
    np.testing.assert_allclose(study.params.reindex(at), printed["estimates"], **limits)
    np.testing.assert_allclose(study.cov.reindex(index=at, columns=at), printed["matrix"], **limits)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "wald" in case["numbers"]])
def test_printed_pretrend_test(name, gold_folder):
    case = CASES[name]
    printed = case["numbers"]["wald"]
    wald = pc.pretrend_tests(_study(case, gold_folder), by="cell", draws=9, **printed.get("options", {})).wald
    statistic, pvalue = printed["value"]
    assert wald.statistic == pytest.approx(statistic, rel=printed["rtol"])
    assert wald.pvalue == pytest.approx(pvalue, abs=FIVE_DIGITS)
