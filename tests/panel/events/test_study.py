"""The plan of an event study: what it makes of the template, and what it refuses."""

import shutil

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError, PanelcoopError, PlanError
from panelcoop.panel.events.drivers import decayed_authority
from panelcoop.panel.events.study import assemble_study, study_stages
from panelcoop.panel.events.study_plan import is_event_study, read_study_plan
from panelcoop.panel.stored import load_panel, save_panel

ROUNDING = 1e-12


@pytest.fixture(scope="module")
def folder(root, tmp_path_factory):
    target = tmp_path_factory.mktemp("study") / "mine"
    return shutil.copytree(root / "panelcoop" / "template", target)


@pytest.fixture(scope="module")
def panel(folder):
    return assemble_study(folder / "study.toml")


def test_the_template_becomes_a_panel(panel, folder, root):
    assert panel.data.shape[0] == 10 * 40
    assert panel.columns_of("outcome") == ["out_intensity"]
    assert panel.columns_of("driver") == ["risk", "spread", "authority"]
    assert panel.columns_of("offset") == ["documents"]
    assert panel.empty_slots["public_opinion"].startswith("no search")
    assert is_event_study(folder / "study.toml")
    assert not is_event_study(root / "study.toml")


def test_drivers_are_lagged_by_a_week(panel, folder):
    table = pd.read_csv(folder / "data" / "covariates.csv", parse_dates=["date"])
    raw = table.pivot_table(index="date", columns="region", values="risk")
    found = panel.data["risk"].to_numpy().reshape(10, 40).T
    assert np.isnan(found[0]).all()
    np.testing.assert_allclose(found[1:], raw.to_numpy()[:-1])
    weights = panel.weights["nearest"].matrix
    spread = panel.data["spread"].to_numpy().reshape(10, 40).T
    np.testing.assert_allclose(spread[1:], raw.to_numpy()[:-1] @ weights.T, rtol=ROUNDING, atol=ROUNDING)


def test_authority_uses_the_exposure_of_the_region_table(panel, folder):
    directives = pd.read_csv(folder / "data" / "directives.csv")
    regions = pd.read_csv(folder / "data" / "regions.csv").set_index("code")["exposure"]
    weeks = pd.DatetimeIndex(panel.data.index.unique("week"))
    expected = decayed_authority(directives, weeks, list(panel.data.index.unique("region")), exposure=regions)
    found = panel.data["authority"].to_numpy().reshape(10, 40).T
    np.testing.assert_allclose(found[1:], expected.to_numpy()[:-1], rtol=ROUNDING)


def test_stages_come_from_the_table(panel):
    first = panel.data["stage"].groupby("week").first()
    assert first[first == "outbreak"].index[0] == pd.Timestamp("2020-02-03")
    assert first.notna().all()


def test_another_clock(folder):
    text = (folder / "study.toml").read_text(encoding="utf-8")
    text = text.replace('clock = "table"', 'clock = "change point"').replace(
        'table = "data/stages.csv"', 'driver = "spread"'
    )
    (folder / "clock.toml").write_text(text.replace("lag = 1", "lag = 0"), encoding="utf-8")
    plan = read_study_plan(folder / "clock.toml")
    panel = assemble_study(plan)
    dates = study_stages(plan, panel)
    assert dates.clock == "change point"
    assert panel.data["stage"].nunique() == 4


@pytest.mark.parametrize(
    ("driver", "message"),
    [
        ("out_intensity", "must not be dated from the outcome"),
        ("intensity", "made from the records of the outcome"),
        ("stock", "made from the records of the outcome"),
        ("partners", "made from the records of the outcome"),
        ("density", "made from the records of the outcome"),
        ("intensity_agreement", "made from the records of the outcome"),
        ("in_intensity_policy", "made from the records of the outcome"),
        ("documents", "no driver of the plan"),
        ("riks", "did you mean 'risk'"),
    ],
)
@pytest.mark.parametrize("clock", ["change point", "hidden Markov"])
def test_no_clock_reads_what_the_log_made(folder, driver, message, clock):
    text = (folder / "study.toml").read_text(encoding="utf-8")
    text = text.replace('clock = "table"', f'clock = "{clock}"').replace(
        'table = "data/stages.csv"', f'driver = "{driver}"'
    )
    (folder / "outcome.toml").write_text(text, encoding="utf-8")
    with pytest.raises((DataError, PlanError), match=message):
        assemble_study(folder / "outcome.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('outcome = "out_intensity"', 'outcome = "out_intensty"', "did you mean 'out_intensity'"),
        ('outcome = "out_intensity"', 'outcome = "documents"', "no measure 'documents'"),
        ("half_life = 4.0                     # weeks", 'by_slice = ["stck"] #', "by_slice holds stck"),
        ('unit = "week"', 'unit = "month"', "calendar.unit"),
        ('first = "2020-W02"', "", "first and last go together"),
        ('events = "data/events.csv"', 'evnts = "data/events.csv"', "data.evnts"),
        ('events = "data/events.csv"', 'events = "data/absent.csv"', "There is no file"),
        ('table = "data/positions.csv"', 'table = "data/absent.csv"', "names data/absent.csv"),
        ('column = "risk"', 'column = "rsk"', "did you mean 'risk'"),
        ('kind = "nearest"', 'kind = "mobility"', "needs 'base' and does not use 'k'"),
        ('kind = "value"', 'kind = "opinion"', "a driver of kind 'opinion' needs 'base_year'"),
        (
            'column = "risk"\nlag = 1\n\n[drivers.spread]',
            "half_life = 2\n[drivers.spread]",
            "needs 'column' and does not use 'half_life'",
        ),
        ("[drivers.risk] ", "[drivers.stock] ", "must not have the name of a measure"),
        ("[drivers.risk] ", "[drivers.stage] ", "must not have the name of a measure"),
        ('kind = "spatial lag"', 'of = "risk"\nkind = "spatial lag"', "does not use 'column', 'table'"),
        (
            'table = "data/covariates.csv"\ncolumn = "risk"\nlag = 1\n\n[drivers.authority]',
            'of = "rsk"\n[drivers.authority]',
            "no other driver .did you mean 'risk'",
        ),
        ('column = "risk"', 'column = "risk"\nmeasures = "mobilty"', "'mobility', 'response level'"),
        ("half_life = 4.0                     # weeks, of the stock", "half_life = 0.0 #", "greater than 0"),
        ("title =", "title", "cannot be read"),
    ],
)
def test_what_a_plan_must_not_say(folder, old, new, message):
    text = (folder / "study.toml").read_text(encoding="utf-8")
    assert old in text
    (folder / "bad.toml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises((PlanError, DataError), match=message):
        assemble_study(folder / "bad.toml")


def test_a_panel_survives_the_disk(panel, tmp_path):
    save_panel(panel, tmp_path)
    again = load_panel(tmp_path)
    pd.testing.assert_series_equal(again.data["intensity"], panel.data["intensity"])
    assert again.columns_of("driver") == panel.columns_of("driver")
    with pytest.raises(PanelcoopError, match="no panel"):
        load_panel(tmp_path / "absent")


def _with_covariate(folder, tmp_path, **changes):
    target = shutil.copytree(folder, tmp_path / "copy")
    table = pd.read_csv(target / "data" / "covariates.csv", dtype=str)
    for column, value in changes.items():
        table.loc[4, column] = value
    table.to_csv(target / "data" / "covariates.csv", index=False)
    return target


@pytest.mark.parametrize("word", ["abc", "inf"])
def test_text_among_the_covariates_is_refused_by_file_column_and_row(folder, tmp_path, word):
    target = _with_covariate(folder, tmp_path, risk=word)
    with pytest.raises(DataError, match=rf"data/covariates.csv, column 'risk': {word} in row 5"):
        assemble_study(target / "study.toml")


def test_an_empty_covariate_is_missing(folder, tmp_path):
    found = assemble_study(_with_covariate(folder, tmp_path, risk="") / "study.toml")
    assert found.data["risk"].isna().sum() == 11


def test_unknown_regions_of_a_covariate_are_in_the_ledger(folder, tmp_path):
    ledger = assemble_study(_with_covariate(folder, tmp_path, region="R99") / "study.toml").ledger
    assert "region 'R99' is not in the panel" in str(ledger.rows["reason"].tolist())
