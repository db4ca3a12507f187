"""Every kind of driver, weight, clock and table that a plan can name, by hand; and what each refuses."""

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError, PanelcoopWarning, PlanError
from panelcoop.panel.events.drivers import base_year_score, decayed_authority, imported_risk
from panelcoop.panel.events.study import assemble_study, study_stages
from panelcoop.panel.events.study_sections import CLOCK_KEYS, DRIVER_KEYS, WEIGHT_KEYS
from panelcoop.panel.policy_measures import joint_response
from panelcoop.simulate import simulate_events

ROUNDING = 1e-12
REGIONS, WEEKS = ["R1", "R2", "R3", "R4"], pd.date_range("2020-01-06", periods=10, freq="7D", unit="us")
BEFORE = pd.date_range("2019-12-30", periods=12, freq="7D", unit="us")
HEAD = """title = "t"
[data]
events = "events.csv"
regions = "regions.csv"
[calendar]
first = "2020-W02"
last = "2020-W11"
"""
WEIGHTS = '[weights]\nkind = "matrix"\ntable = "matrix.csv"\n'


@pytest.fixture(scope="module")
def drawn():
    return simulate_events(regions=4, weeks=10, per_week=40, seed=3)


@pytest.fixture
def study(tmp_path, drawn):
    """Write the log and tables; return what assembles a plan made of the head and further sections."""
    drawn.events.to_csv(tmp_path / "events.csv", index=False)
    people = [np.nan, 1e6, 2e6, 4e6, 8e6]
    drawn.regions.assign(population=people, share=[np.nan, 0.1, 0.2, 0.3, 0.4]).to_csv(
        tmp_path / "regions.csv", index=False
    )
    cases().to_csv(tmp_path / "cases.csv", index=False)
    matrix = pd.DataFrame(1.0 - np.eye(4), index=pd.Index(REGIONS, name="region"), columns=REGIONS)
    matrix.to_csv(tmp_path / "matrix.csv")

    def assemble(sections="", head=HEAD, **tables):
        for name, table in tables.items():
            table.to_csv(tmp_path / f"{name}.csv", index=False)
        (tmp_path / "study.toml").write_text(head + sections, encoding="utf-8")
        return assemble_study(tmp_path / "study.toml")

    assemble.plan = tmp_path / "study.toml"
    return assemble


def cases():
    """New cases by region and week, from the week before the window to the week behind it."""
    rows = [(r, day, 10 * k + t) for k, r in enumerate(REGIONS) for t, day in enumerate(BEFORE)]
    return pd.DataFrame(rows, columns=["region", "date", "cases"])


def wide(panel, name):
    return panel.data[name].unstack("region")  # noqa: PD010 - unique keys


VALUE = '[drivers.x]\ntable = "cases.csv"\ncolumn = "cases"\n'


def test_a_lag_reads_the_weeks_before_the_window(study):
    found = wide(study(VALUE), "x")
    np.testing.assert_array_equal(found["R2"], 10 + np.arange(10))
    assert len(study(VALUE + "lag = 2\n").data["x"].dropna()) == 4 * 9


def test_a_lead_is_a_placebo_with_a_warning(study):
    with pytest.warns(PanelcoopWarning, match="'x' is taken 1 periods ahead"):
        panel = study(VALUE + "lag = -1\n")
    np.testing.assert_array_equal(wide(panel, "x")["R1"], np.arange(2, 12))
    assert "1 week ahead" in panel.notes["x"]


def test_risk_is_log_cases_per_million(study):
    daily = cases().assign(date=lambda d: d["date"] + pd.Timedelta(days=2))
    both = pd.concat([cases(), daily])  # two days of a week add up
    found = wide(study('[drivers.r]\nkind = "risk"\ntable = "cases.csv"\ncolumn = "cases"\n', cases=both), "r")
    np.testing.assert_allclose(found["R3"], np.log1p(2 * (20 + np.arange(10)) / 4), rtol=ROUNDING)


def test_a_week_with_a_missing_day_has_no_sum(study):
    hole = cases().assign(date=lambda d: d["date"] + pd.Timedelta(days=2))
    hole["cases"] = hole["cases"].astype(object).where(hole["region"] != "R3", "")
    both = pd.concat([cases(), hole])
    found = wide(study('[drivers.r]\nkind = "risk"\ntable = "cases.csv"\ncolumn = "cases"\n', cases=both), "r")
    assert found["R3"].isna().all()
    assert found["R2"].notna().all()


def test_spread_of_another_driver(study):
    risk = '[drivers.r]\nkind = "risk"\ntable = "cases.csv"\ncolumn = "cases"\n'
    panel = study(WEIGHTS + risk + '[drivers.s]\nkind = "spatial lag"\nof = "r"\n')
    found, own = wide(panel, "s"), wide(panel, "r")
    np.testing.assert_allclose(found["R1"], own[["R2", "R3", "R4"]].mean(axis=1), rtol=ROUNDING)
    added = study(WEIGHTS + "row_standardised = false\n" + risk + '[drivers.s]\nkind = "spatial lag"\nof = "r"\n')
    np.testing.assert_allclose(wide(added, "s"), 3 * found, rtol=ROUNDING)


def test_constants_come_from_the_region_table_or_a_table_of_their_own(study):
    own = pd.DataFrame({"region": ["Region 2", "R1"], "z": [5, 7]})  # a name and a code
    panel = study(
        '[drivers.a]\nkind = "constant"\ncolumn = "share"\n'
        '[drivers.b]\nkind = "constant"\ntable = "own.csv"\ncolumn = "z"\n',
        own=own,
    )
    assert wide(panel, "a").iloc[3].tolist() == [0.1, 0.2, 0.3, 0.4]
    assert wide(panel, "b").iloc[0].tolist()[:2] == [7, 5]
    missing = panel.ledger.rows.query("variable == 'b' and action == 'missing'")
    assert missing["count"].tolist() == [20]


FLOWS = pd.DataFrame(
    [
        ("R1", "R2", 50, "2019-03-01"),
        ("R3", "R2", 10, "2019-W10"),
        ("R1", "R2", 9999, "2020-02-01"),
        ("X", "R2", 1, "2019-03-01"),
    ],
    columns=["source", "target", "flow", "date"],
)
IMPORTED = (
    '[drivers.m]\nkind = "imported risk"\ntable = "cases.csv"\ncolumn = "cases"\nflows = "flows.csv"\n'
    'base = ["2019-01-01", "2019-12-29"]\n'
)


@pytest.mark.parametrize("lag", [1, 2])
def test_imported_risk_by_hand(study, lag):
    panel = study(IMPORTED + f"lag = {lag}\n", flows=FLOWS)
    moves = pd.DataFrame(0.0, index=REGIONS, columns=REGIONS)
    moves.loc["R1", "R2"], moves.loc["R3", "R2"] = 50, 10
    people = pd.Series([1e6, 2e6, 4e6, 8e6], index=REGIONS)
    incidence = cases().pivot_table(index="date", columns="region", values="cases") / people * 1e6
    expected = imported_risk(incidence, moves, people, lag=lag).reindex(WEEKS)
    np.testing.assert_allclose(wide(panel, "m"), expected, rtol=ROUNDING)
    assert "region 'X' is not in the panel" in str(panel.ledger.rows["reason"].tolist())


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (IMPORTED.replace("2019-12-29", "2020-01-06"), "base period runs from 2019-01-01 to 2020-01-06"),
        (IMPORTED.replace("2019-12-29", "2020-W02"), "it must begin before it ends, and end before the study"),
        (IMPORTED + "lag = 0\n", "needs a lag of one period"),
        (
            '[weights]\nkind = "mobility"\ntable = "flows.csv"\nbase = ["2019-01-01", "2020-01-10"]\n',
            "end before the study",
        ),
    ],
)
def test_a_base_period_ends_before_the_study(study, sections, message):
    with pytest.raises((DataError, PlanError), match=message):
        study(sections, flows=FLOWS)


def test_mobility_weights_leave_strangers_in_the_ledger(study):
    base = 'kind = "mobility"\ntable = "flows.csv"\nbase = ["2019-W01", "2019-W52"]\nrow_standardised = false\n'
    panel = study("[weights]\n" + base, flows=FLOWS)
    assert panel.weights["mobility"].frame().loc["R2"].tolist() == [50, 0, 10, 0]
    assert "region 'X' is not in the panel" in str(panel.ledger.rows["reason"].tolist())


def test_opinion_is_scored_on_the_weeks_of_a_base_year(study):
    weeks = [*pd.date_range("2018-12-31", periods=52, freq="7D"), *BEFORE]
    rng = np.random.default_rng(1)
    rows = [(r, day, rng.uniform(10, 20), rng.uniform()) for r in REGIONS for day in weeks]
    posts = pd.DataFrame(rows, columns=["region", "date", "volume", "negative"])
    section = '[drivers.o]\nkind = "opinion"\ntable = "posts.csv"\ncolumn = "volume"\nbase_year = 2019\n'
    used = [day for day in weeks if day.year < 2020 or day < pd.Timestamp("2020-03-09")]

    def score(name):
        table = posts.assign(angry=posts["volume"] * posts["negative"]).pivot_table(
            index="date", columns="region", values=name
        )
        return base_year_score(table.loc[used], 2019).set_axis(WEEKS, axis=0)

    np.testing.assert_allclose(wide(study(section, posts=posts), "o"), score("volume"), rtol=1e-9)
    angry = study(section + 'negative = "negative"\n', posts=posts)
    np.testing.assert_allclose(wide(angry, "o"), score("angry"), rtol=1e-9)
    with pytest.raises(PlanError, match="must lie before the study"):
        study(section.replace("2019", "2020"), posts=posts)
    with pytest.warns(PanelcoopWarning, match="'o' is a bad control"):
        study(section + "lag = 0\n", posts=posts)


def test_directives_by_region_are_matched_and_dated_by_week(study):
    table = pd.DataFrame({"date": ["2020-W03", "20200120"], "rank": [4, 2], "region": ["", "Region 2"]})
    panel = study('[drivers.v]\nkind = "authority"\ntable = "d.csv"\nlag = 0\n', d=table)
    plain = pd.DataFrame({"date": ["2020-01-13", "2020-01-20"], "rank": [4, 2], "region": ["", "R2"]})
    expected = decayed_authority(plain, WEEKS, REGIONS)
    np.testing.assert_allclose(wide(panel, "v"), expected, rtol=ROUNDING)
    assert wide(panel, "v").iloc[1].tolist() == [4, 4, 4, 4]


def test_a_driver_from_the_documents_of_the_log_is_named(study, drawn):
    table = pd.DataFrame({"date": ["2020-01-20", "2020-02-03"], "rank": [4, 2], "document_id": ["d1", "elsewhere"]})
    with pytest.warns(PanelcoopWarning, match="50% of the documents of the driver 'v' also made the outcome"):
        study('[drivers.v]\nkind = "authority"\ntable = "d.csv"\n', d=table)


def test_bad_controls_are_named(study):
    with pytest.warns(PanelcoopWarning, match="'x' is a bad control"):
        study(VALUE + 'lag = 0\nmeasures = "mobility"\n')


def test_names_of_every_table_are_matched(study, drawn):
    renamed = cases().assign(region=lambda d: d["region"].str.replace("R", "Region "))
    documents = drawn.documents.assign(region=drawn.documents["region"].str.replace("R", "region "))
    names = ["Region 1", "Region 2", "Region 3", "Region 4"]
    square = pd.DataFrame(1.0 - np.eye(4), columns=names).assign(region=names)
    head = HEAD.replace("[calendar]", 'documents = "documents.csv"\n[calendar]')
    stages = pd.DataFrame(
        {"stage": ["a", "b"] * 4, "first": ["2020-W02", "2020-W05"] * 4, "region": np.repeat(names, 2)}
    )
    clock = '[stages]\ntable = "stages.csv"\nstages = ["a", "b"]\n'
    panel = study(WEIGHTS + VALUE + clock, head, cases=renamed, documents=documents, matrix=square, stages=stages)
    assert panel.data[["x", "documents", "stage"]].notna().all().all()
    assert panel.weights["own"].frame().loc["R1"].tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3])


def test_names_that_fit_nothing_are_named_with_candidates(study):
    odd = cases().assign(region=lambda d: d["region"].where(d["region"] != "R4", "Regoin 4"))
    told = study(VALUE, cases=odd).ledger.rows
    reasons = told.query("source == 'cases.csv'")
    assert reasons["reason"].tolist() == [
        "region 'Regoin 4' is not in the panel (nearest: Region 4, Region 3, Region 2)"
    ]
    assert reasons["count"].tolist() == [12]
    with pytest.raises(DataError, match=r"'Z1' \(row 1, 2, 3, 4, 5 and 7 more\) and 3 other names is no region"):
        study(VALUE, cases=cases().assign(region=lambda d: d["region"].str.replace("R", "Z")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: pd.concat([d, d.iloc[[3]]]), "cases.csv holds R1, 2020-01-20 in rows 4, 49; keep one row"),
        (lambda d: d.assign(date=d["date"].dt.strftime("%d/%m/%Y")), "'30/12/2019' is no day .row 1"),
        (lambda d: d.assign(region=d["region"].where(d.index != 2, "")), "has no region in row 3"),
        (lambda d: d.assign(cases=-1), "fewer than zero cases"),
    ],
)
def test_tables_of_covariates_are_checked(study, change, message):
    with pytest.raises(DataError, match=message):
        study('[drivers.r]\nkind = "risk"\ntable = "cases.csv"\ncolumn = "cases"\n', cases=change(cases()))


def test_policies_become_outcomes(study):
    rng = np.random.default_rng(2)
    rows = [(r, day, rng.uniform(0, 100)) for r in REGIONS for day in WEEKS]
    table = pd.DataFrame(rows, columns=["region", "date", "index1"])
    section = (
        '[measures]\noutcome = "joint_response_index1"\n'
        + WEIGHTS
        + '[policy]\ntable = "p.csv"\nindices = ["index1"]\n'
    )
    panel = study(section, p=table)
    index = table.pivot_table(index="date", columns="region", values="index1").to_numpy()
    expected = joint_response(index, panel.weights["own"].matrix)
    np.testing.assert_allclose(wide(panel, "joint_response_index1"), expected, rtol=ROUNDING)
    assert panel.columns_of("outcome") == ["joint_response_index1"]
    assert "Similar policies are not cooperation" in panel.notes["joint_response_index1"]
    own = '[drivers.i]\ntable = "p.csv"\ncolumn = "index1"\nlag = 0\n[stages]\nclock = "change point"\ndriver = "i"\n'
    with pytest.raises(DataError, match=r"it is the policy index 'index1'"):
        study(section + own + 'stages = ["a", "b"]\n', p=table)
    with pytest.raises(PlanError, match=r"need the section \[weights\]"):
        study('[policy]\ntable = "p.csv"\nindices = ["index1"]\n', p=table)


def test_outcomes_by_slice(study):
    panel = study('[measures]\noutcome = "reciprocity_agreement"\nby_slice = ["reciprocity", "stock"]\n')
    assert panel.columns_of("outcome") == ["reciprocity_agreement"]
    assert {"stock_policy", "reciprocity_horizontal"} <= set(panel.data.columns)
    with pytest.raises(PlanError, match=r"measures\.by_slice asks for more"):
        study('[measures]\noutcome = "reciprocity_agreement"\n')


PHASES = pd.DataFrame(
    {
        "phase": ["I", "II", "III"],
        "first_day": ["2020-01-06", "2020-W04", "2020-02-17"],
        "last_day": ["2020-01-19", "2020-W07", ""],
    }
)


def test_official_clock(study):
    section = '[stages]\nclock = "official"\ntable = "phases.csv"\nmapping = { calm = ["I"], storm = ["II", "III"] }\n'
    panel = study(section, phases=PHASES)
    stage = panel.data["stage"].groupby("week").first()
    assert stage.astype(str).tolist() == ["calm"] * 2 + ["storm"] * 8
    dates = study_stages(study.plan, panel)
    assert dates.draws.shape == (199, 1, 2)
    assert np.unique(dates.draws[:, 0, 1]).tolist() == [1, 2, 3]


def test_epidemic_clock(study):
    curve = np.array([0, 0, 0, 40, 900, 300, 20, 0, 0, 0, 0, 0])
    table = cases().assign(cases=np.concatenate([curve, np.roll(curve, 2), 0 * curve, np.roll(curve, 1)]))
    panel = study('[stages]\nclock = "epidemic"\ntable = "cases.csv"\ncolumn = "cases"\n', cases=table)
    stage = wide(panel, "stage")
    assert (
        stage["R1"].astype(str).tolist()
        == ["gestation"] * 2 + ["outbreak"] * 2 + ["continuation"] * 4 + ["recovery"] * 2
    )
    assert stage["R3"].isna().all()
    assert (stage["R2"] == "outbreak").idxmax() == (stage["R1"] == "outbreak").idxmax() + pd.Timedelta(days=14)
    missing = panel.ledger.rows.query("variable == 'stage'")
    assert missing["count"].iloc[0] == stage.isna().sum().sum()


@pytest.mark.parametrize("keys", [DRIVER_KEYS, CLOCK_KEYS, {kind: ((), used) for kind, used in WEIGHT_KEYS.items()}])
def test_the_page_on_the_plan_names_every_kind_and_key(root, keys):
    page = (root / "docs" / "study_plan.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip(" `"): line for line in page.splitlines() if line.startswith("| `")}
    for kind, (needed, optional) in keys.items():
        for key in (*needed, *optional):
            assert f"`{key}" in rows[kind] or key == "table", (kind, key)
