"""The planned event studies on the shipped panel: samples, support rules and doubts on record."""

from __future__ import annotations

import numpy as np
import pytest

from panelcoop.panel.assemble import assemble
from panelcoop.panel.plan import read_plan
from panelcoop.sensitivity.event_evidence import (
    downgrade_evidence,
    downgrade_sample,
    neighbour_evidence,
    outbreak_evidence,
)
from panelcoop.sensitivity.event_sensitivity import downgrade_sensitivity


@pytest.fixture(scope="module")
def panel(root):
    return assemble(read_plan(root / "study.toml"))


def test_downgrade_sample_has_the_29_provinces_on_record(panel):
    regions = downgrade_sample(panel).data.index.unique("region")
    assert len(regions) == 29
    assert not {"CN-GZ", "CN-SN"} & set(regions)


def test_downgrade_effects_are_shown_with_their_thin_support(panel):
    found = downgrade_evidence(panel)
    main = found.studies["imputation"]
    assert main.support.loc[2, "thin"]
    supported = found.studies["imputation, supported"]
    assert supported.params.loc[1:].isna().all()
    assert set(supported.reasons) >= {1, 2, 3}
    assert "Callaway-Sant'Anna" in found.bounds.index.get_level_values(0)


@pytest.mark.parametrize("evidence", [outbreak_evidence, neighbour_evidence])
def test_repeated_designs_keep_the_planned_number_of_clean_controls(panel, evidence):
    found = evidence(panel)
    for study in found.studies.values():
        assert (study.support["controls"] >= panel.plan.events.minimum_controls).all()
        assert study.anticipation == panel.plan.events.anticipation
        assert study.reference == (-3,)
    assert list(found.by_stage.index) == ["gestation", "outbreak", "continuation", "recovery"]
    assert (found.by_stage.loc[found.by_stage["estimate"].isna(), "reason"] != "").all()


def test_doubts_on_record_are_all_estimated(panel):
    table = downgrade_sensitivity(panel, draws=99)
    assert np.isfinite(table["estimate"]).all()
    assert 0 < table.loc["randomised dates", "pvalue"] <= 1
    assert table.loc["Gansu a week earlier", "estimate"] != table.loc["as recorded", "estimate"]
