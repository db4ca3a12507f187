"""From the shipped figures to the panel: keys, roles, values, and what a damaged input does to it."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError, PlanError
from panelcoop.panel.assemble import assemble
from panelcoop.panel.inputs import read_inputs
from panelcoop.panel.plan import change_plan, read_plan
from panelcoop.panel.sources.records import WeeklyFigures
from panelcoop.panel.stage_block import STAGE_COLUMNS, outbreak_table
from panelcoop.panel.weeks import parse_week, week_label

EXACT = 1e-12  # sums of a few products
MAIN = "joint_response_containment_health"
HUBEI_W05 = ("CN-HB", pd.Timestamp("2020-01-27"))


@pytest.fixture(scope="module")
def plan(root):
    return read_plan(root / "study.toml")


@pytest.fixture(scope="module")
def inputs(plan):
    return read_inputs(plan.folder)


@pytest.fixture(scope="module")
def panel(plan, inputs):
    return assemble(plan, data=inputs)


@pytest.fixture
def folder(root, tmp_path):
    """A copy of the data folder that a test may damage."""
    return shutil.copytree(root / "data", tmp_path / "data")


def wide(panel, column):
    return panel.data[column].unstack("region")  # noqa: PD010 - unique keys


def edit(folder, name, change):
    table = pd.read_csv(folder / name, dtype=str, keep_default_na=False)
    change(table).to_csv(folder / name, index=False)


def test_every_region_has_every_week(panel, plan):
    assert panel.data.shape[0] == 31 * 157
    assert panel.data.index.is_unique
    assert panel.data.index.is_monotonic_increasing
    assert panel.data.index.names == ["region", "week"]
    assert panel.data.index.unique("week").equals(plan.weeks.rename("week"))


def test_every_column_has_a_role_and_a_note(panel):
    assert set(panel.roles) == set(panel.notes) == set(panel.data.columns)
    assert len(panel.columns_of("outcome")) == 4 * 5 + 1
    assert "not cooperation" in panel.notes[MAIN]
    assert "by construction" in panel.notes["alignment_stringency"]


def test_measures_are_computed_from_the_indices_in_the_panel(panel):
    policy = wide(panel, "containment_health")
    weights = panel.weights["contiguity"].frame()
    pairs = np.minimum(policy.to_numpy()[:, :, None], policy.to_numpy()[:, None, :])
    expected = np.einsum("tij,ij->ti", pairs, weights.loc[policy.columns, policy.columns].to_numpy())
    np.testing.assert_allclose(wide(panel, MAIN), expected, atol=1e-9)


def test_drivers_are_last_week_s(panel):
    now = wide(panel, "risk")
    lagged = wide(panel, "own_risk")
    np.testing.assert_allclose(lagged.iloc[1:], now.iloc[:-1], atol=EXACT)
    cases, population = panel.data.loc[HUBEI_W05, "new_cases"], panel.regions.loc["CN-HB", "population"]
    assert panel.data.loc[HUBEI_W05, "risk"] == pytest.approx(np.log1p(cases / population * 1e6))


def test_spread_is_the_mean_of_the_neighbours_last_week(panel):
    week, before = pd.Timestamp("2020-02-03"), pd.Timestamp("2020-01-27")
    risk = wide(panel, "risk").loc[before]
    assert panel.data.loc[("CN-HI", week), "spread_risk"] == pytest.approx(risk["CN-GD"])
    hebei_s = risk[["CN-BJ", "CN-HE"]].mean()
    assert panel.data.loc[("CN-TJ", week), "spread_risk"] == pytest.approx(hebei_s)


def test_no_record_is_missing_not_zero(panel):
    first = panel.data.xs(parse_week("2020-W01"), level="week")
    assert first["new_cases"].notna().sum() == 1  # Hubei alone is on record
    assert panel.data.loc[["CN-GZ", "CN-SN"], "vertical_authority"].isna().all()
    assert panel.data.loc["CN-HB", "share_emergency"].isna().sum() > 100


def test_level_one_falls_into_one_week_but_for_tibet(panel):
    dates = panel.data["level_one_week"].groupby("region").first().dropna()
    assert dates.map(week_label).value_counts().to_dict() == {"2020-W04": 28, "2020-W05": 1}
    assert week_label(dates["CN-XZ"]) == "2020-W05"
    down = panel.data["downgrade_week"].groupby("region").first().dropna().map(week_label)
    assert (len(down), down.min(), down.max()) == (29, "2020-W08", "2020-W18")


def test_donors_are_marked_while_support_was_under_way(panel):
    donor = wide(panel, "counterpart_support")
    assert (donor.max() == 1).sum() == 19
    assert donor["CN-HB"].isna().all()
    on = donor.index[donor.max(axis=1) == 1]
    assert (week_label(on.min()), week_label(on.max())) == ("2020-W07", "2020-W17")


def test_both_clocks_stand_in_the_panel_and_the_plan_s_is_chosen(panel, plan, inputs):
    data = panel.data
    assert data["stage"].equals(data["stage_epidemic"].rename("stage"))
    other = assemble(change_plan(plan, {"stages.clock": "white_paper"}), data=inputs).data
    assert other["stage"].equals(other["stage_white_paper"].rename("stage"))
    assert all(data[c].cat.ordered for c in STAGE_COLUMNS)
    assert data["stage_white_paper"].groupby("week").nunique().max() == 1
    assert data["stage_epidemic"].groupby("week").nunique().max() > 1


def test_the_known_national_outbreaks_are_found(panel):
    table = outbreak_table(panel)
    assert table["first_week"].is_monotonic_increasing
    peaks = {(peak.year, peak.quarter) for peak in table["peak_week"]}
    assert {(2020, 1), (2021, 3), (2021, 4), (2022, 1), (2022, 4)} <= peaks
    assert table["regions"].iloc[0] == 30


def test_empty_slots_are_said(panel):
    assert "public_opinion" in panel.empty_slots
    assert "EMPTY     public_opinion" in str(panel)


def test_description_is_complete(panel):
    table = panel.describe()
    assert (table["cells"] + table["missing"] == len(panel.data)).all()
    assert table.loc[MAIN, "balanced"]
    assert table.loc["vertical_authority", "regions"] == 29


def test_order_of_rows_does_not_matter(plan, inputs, panel):
    def shuffled(figures):
        return WeeklyFigures(figures.frame.sample(frac=1, random_state=3), figures.ledger)

    facts = inputs.facts
    mixed = replace(
        facts,
        provinces=facts.provinces.iloc[::-1],
        contiguity=facts.contiguity.sample(frac=1, random_state=1),
        counterparts=facts.counterparts.iloc[::-1],
        stages=facts.stages.iloc[::-1],
        response_levels=facts.response_levels.sample(frac=1, random_state=2),
    )
    again = assemble(
        plan,
        data=replace(
            inputs,
            facts=mixed,
            policy=shuffled(inputs.policy),
            cases=shuffled(inputs.cases),
            measures=shuffled(inputs.measures),
        ),
    )
    pd.testing.assert_frame_equal(again.data, panel.data, rtol=1e-12)


def test_same_plan_same_panel(plan, panel):
    pd.testing.assert_frame_equal(assemble(plan).data, panel.data)


def test_some_regions_only(plan, inputs):
    few = assemble(change_plan(plan, {"data.regions": ["CN-HB", "CN-HN", "CN-JX"]}), data=inputs)
    assert few.data.index.unique("region").tolist() == ["CN-HB", "CN-HN", "CN-JX"]
    assert few.weights["contiguity"].matrix.shape == (3, 3)


def test_pairs_cut_by_leaving_regions_out_are_in_the_ledger(plan, inputs):
    two = assemble(change_plan(plan, {"data.regions": ["CN-HI", "CN-XZ"]}), data=inputs)
    assert two.weights["contiguity"].isolates == ("CN-HI", "CN-XZ")
    cut = two.ledger.rows.query("variable == 'weights' and action == 'excluded'")
    assert cut["count"].tolist() == [68]


def test_lag_of_the_plan(plan, inputs, panel):
    twice = assemble(change_plan(plan, {"drivers.lag": 2}), data=inputs)
    one, two = (wide(p, "own_risk") for p in (panel, twice))
    np.testing.assert_allclose(two.iloc[1:], one.iloc[:-1], atol=EXACT)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "model.outcome",
            "joint_respons_stringency",
            r"model\.outcome: found.*did you mean 'joint_response_stringency'",
        ),
        ("model.drivers", ["own_risk", "spread"], r"model\.drivers\[2\]: found 'spread'.*no column of the panel"),
        ("model.drivers", ["public_opinion"], r"model\.drivers\[1\]: 'public_opinion' is an empty slot"),
        ("outcomes.main", "nothing", r"outcomes\.main: found 'nothing'"),
        ("waves.outcome", "nothing", r"waves\.outcome: found 'nothing'"),
        ("data.regions", ["CN-HB", "CN-HX"], r"data\.regions\[2\]: found 'CN-HX'.*Allowed"),
        ("weights.joined", [["CN-HI", "CN-XX"]], r"weights\.joined\[1\]: found 'CN-XX'"),
        ("inference.outlier_region", "Hubei", r"inference\.outlier_region: found 'Hubei'.*no region"),
        ("model.outcome", "own_risk", r"model\.outcome: 'own_risk' is a driver, not an outcome"),
    ],
)
def test_plan_that_names_what_is_not_there_is_refused(plan, inputs, key, value, message):
    with pytest.raises(PlanError, match=message):
        assemble(change_plan(plan, {key: value}), data=inputs)


def test_deleted_cell_is_missing_with_a_ledger_line(plan, folder, panel):
    def blank(table):
        here = (table["iso"] == "CN-HB") & (table["week"] == "2020-W05")
        return table.assign(containment_health=table["containment_health"].mask(here, ""))

    edit(folder, "weekly/oxcgrt.csv", blank)
    damaged = assemble(plan, data=folder)
    lost = damaged.data.index[damaged.data[MAIN].isna() & panel.data[MAIN].notna()]
    neighbours = (panel.weights["contiguity"].frame()["CN-HB"] > 0).sum()
    assert set(lost.get_level_values("week")) == {HUBEI_W05[1]}
    assert len(lost) == 1 + neighbours
    rows = damaged.ledger.rows
    told = rows[rows["reason"].str.contains("blank or absent")]
    assert told[["source", "variable", "count"]].to_numpy().tolist() == [["oxcgrt", "containment_health", 1]]
    assert rows.query(f"source == 'panel' and variable == '{MAIN}'")["count"].tolist() == [1 + neighbours]


@pytest.mark.parametrize("name", ["weekly/oxcgrt.csv", "weekly/jhu.csv", "weekly/gpl_covid.csv"])
def test_deleted_column_is_an_error(plan, folder, name):
    edit(folder, name, lambda table: table.drop(columns=table.columns[2]))
    with pytest.raises(DataError, match="no column"):
        assemble(plan, data=folder)


@pytest.mark.parametrize(
    ("name", "column"), [("weekly/oxcgrt.csv", "containment_health"), ("weekly/jhu.csv", "new_cases")]
)
def test_deleted_province_is_missing_with_a_ledger_line(plan, folder, panel, name, column):
    edit(folder, name, lambda table: table[table["iso"] != "CN-QH"])
    damaged = assemble(plan, data=folder)
    assert len(damaged.data) == len(panel.data)
    kept = damaged.data.loc["CN-QH", column]
    assert kept.iloc[10:].isna().all()
    rows = damaged.ledger.rows
    assert ((rows["region"] == "CN-QH") & (rows["action"] == "missing")).any()


def test_province_gone_from_the_table_of_provinces_leaves_the_panel_with_a_ledger_line(plan, folder):
    edit(folder, "facts/china_provinces.csv", lambda table: table[table["iso"] != "CN-QH"])
    damaged = assemble(plan, data=folder)
    assert len(damaged.data.index.unique("region")) == 30
    assert (damaged.ledger.rows["region"] == "CN-QH").any()


def test_impossible_value_is_an_error(plan, folder):
    edit(folder, "weekly/oxcgrt.csv", lambda table: table.assign(stringency="150"))
    with pytest.raises(DataError, match="stringency"):
        assemble(plan, data=folder)


def test_inputs_given_directly_are_checked_too(plan, inputs):
    frame = inputs.policy.frame.assign(stringency=-1.0)
    with pytest.raises(DataError, match=r"column 'stringency' breaks in_range"):
        assemble(plan, data=replace(inputs, policy=WeeklyFigures(frame, inputs.policy.ledger)))


def test_without_early_counts_early_cases_are_missing(plan):
    late = assemble(change_plan(plan, {"data.early_cases": False}))
    assert wide(late, "new_cases").iloc[:4].isna().all(axis=None)
