"""Official and epidemic clocks as dates with draws; drivers that do not move; dates handed on to the refits."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.clocks.change_points import change_point_clock
from panelcoop.panel.clocks.dates import StageDates, starts_of
from panelcoop.panel.clocks.epidemic import epidemic_clock
from panelcoop.panel.clocks.hidden_markov import hidden_markov_clock
from panelcoop.panel.clocks.official import MOVES, official_clock
from panelcoop.panel.clocks.user_table import table_clock
from panelcoop.panel.record import panel_from_frame
from panelcoop.panel.stage_block import date_stages
from panelcoop.sensitivity.multiverse_universe import Universe
from panelcoop.sensitivity.stage_dates import stage_date_uncertainty

WEEKS = pd.date_range("2020-01-06", periods=40, freq="7D", unit="us")
MAPPING = {"calm": ["I"], "storm": ["II", "III"], "after": ["IV"]}
PHASES = pd.DataFrame(
    {
        "phase": ["I", "II", "III", "IV"],
        "first_day": ["2020-01-01", "2020-02-05", "2020-03-01", "2020-04-06"],
        "last_day": ["2020-02-04", "2020-02-29", "2020-04-05", ""],
    }
)
SHARE_ERROR = 0.03  # four standard errors of a share of one quarter over 4,000 draws


def path_panel(values, role="driver"):
    rows = [{"region": r, "week": w, "x": v} for r in "AB" for w, v in zip(WEEKS[: len(values)], values, strict=True)]
    return panel_from_frame(pd.DataFrame(rows), roles={"x": role})


@pytest.mark.parametrize("clock", [change_point_clock, hidden_markov_clock])
@pytest.mark.parametrize("level", [0.0, 3.7, 1e9])
def test_a_driver_that_never_moves_dates_nothing(clock, level):
    with pytest.raises(DataError, match="same national mean in every period"):
        clock(path_panel(np.full(20, level)), "x")


@pytest.mark.parametrize("clock", [change_point_clock, hidden_markov_clock])
@pytest.mark.parametrize("name", ["density", "stock_policy", "alignment_stringency"])
def test_measures_of_a_log_date_nothing_whatever_their_role(clock, name):
    panel = path_panel(np.arange(30.0), role="other")
    renamed = panel_from_frame(panel.data.rename(columns={"x": name}))
    with pytest.raises(DataError, match="made from the records of the outcome"):
        clock(renamed, name)
    own = panel_from_frame(panel.data.rename(columns={"x": name}), roles={name: "driver"})
    assert clock(own, name, draws=0).starts.shape == (1, 4)  # a driver of that name is one's own


def test_official_dates_and_their_draws():
    dates = official_clock(PHASES, WEEKS, mapping=MAPPING, draws=4000)
    assert dates.starts.tolist() == [[0, 4, 13]]  # 5 February is a Wednesday: most of its week is phase II
    moves = dates.draws[:, 0, :] - dates.starts[0]
    for column in (1, 2):
        assert np.mean(moves[:, column] == 1) == pytest.approx(MOVES, abs=SHARE_ERROR)
        assert np.mean(moves[:, column] == -1) == pytest.approx(MOVES, abs=SHARE_ERROR)
    assert (moves[:, 0] == 0).all()
    assert np.corrcoef(moves[:, 1], moves[:, 2])[0, 1] == pytest.approx(0, abs=0.07)


@pytest.mark.parametrize(
    ("mapping", "table", "message"),
    [
        ({"calm": ["I"]}, PHASES, "II, III, IV are mapped nowhere"),
        ({**MAPPING, "more": ["V"]}, PHASES, "V are not in the table"),
        ({**MAPPING, "more": ["I"]}, PHASES, "I are mapped twice"),
        (MAPPING, PHASES.assign(last_day=["2020-01-20", "2020-02-29", "2020-04-05", ""]), "leave a period between"),
        (MAPPING, PHASES.assign(first_day="5.2.2020"), "is no day"),
    ],
)
def test_official_tables_are_checked(mapping, table, message):
    with pytest.raises(DataError, match=message):
        official_clock(table, WEEKS, mapping=mapping)


def outbreaks():
    wave = [0, 0, 0, 30, 800, 200, 10, 0, 0, 0]
    frame = pd.DataFrame({"A": wave * 3 + [0] * 10, "B": [0] * 5 + wave + [0] * 25, "C": [0.0] * 40}, index=WEEKS)
    long = frame.rename_axis("week").reset_index().melt("week", var_name="region", value_name="new_cases")
    return panel_from_frame(long), pd.Series({"A": 1e6, "B": 2e6, "C": 3e6})


def test_epidemic_dates_return_and_equal_the_clock_of_the_panel():
    panel, people = outbreaks()
    dates = epidemic_clock(panel, population=people, draws=100, seed=1)
    assert dates.starts.shape == (3, 12)  # three rounds of four stages
    expected = date_stages(panel, population=people).data["stage_epidemic"]
    pd.testing.assert_series_equal(dates.series(), expected, check_names=False)
    assert dates.series().loc["C"].isna().all()
    assert dates.table().query("region == 'A' and stage == 'outbreak'")["first"].tolist() == list(WEEKS[[3, 13, 23]])
    own = [dates.codes(d).tolist() for d in range(100)].count(dates.codes().tolist())
    assert 0 < own < 100
    assert (np.diff(dates.draws, axis=2) >= 0).all()


def test_epidemic_clock_reads_cases_beyond_the_panel_and_refuses_outcomes():
    panel, people = outbreaks()
    wide = panel.data["new_cases"].unstack("region")  # noqa: PD010 - unique keys
    whole = epidemic_clock(panel, population=people, draws=0).series()
    late = panel_from_frame(panel.data[panel.data.index.get_level_values("week") >= WEEKS[20]])
    cut = epidemic_clock(late, wide, population=people, draws=0)
    pd.testing.assert_series_equal(cut.series(), whole[whole.index.get_level_values("week") >= WEEKS[20]])
    outcome = panel_from_frame(panel.data, roles={"new_cases": "outcome"})
    with pytest.raises(DataError, match="must not be dated from the outcome"):
        epidemic_clock(outcome, population=people)
    with pytest.raises(DataError, match="population of B is missing"):
        epidemic_clock(panel, population=people.drop("B"))
    with pytest.raises(DataError, match="add daily cases up"):
        epidemic_clock(panel, wide.set_axis(WEEKS + pd.Timedelta(days=1), axis=0), population=people)


def test_starts_of_any_path():
    rng = np.random.default_rng(2)
    codes = np.sort(rng.integers(-1, 3, size=(5, 30)), axis=1)
    codes[0] = np.tile([0, 0, 1, 2, 2], 6)
    starts, ends = starts_of(codes, 3)
    dates = StageDates("own", ("a", "b", "c"), WEEKS[:30], tuple("ABCDE"), starts, ends, starts[None])
    np.testing.assert_array_equal(dates.codes(), codes)
    np.testing.assert_array_equal(dates.codes(0), codes)


def test_table_clock_reads_weeks_and_refuses_guesses():
    table = pd.DataFrame({"stage": ["a", "b"], "first": ["2020-W02", "2020-W06"], "last": ["", "2020-W10"]})
    dates = table_clock(table, WEEKS)
    assert dates.starts.tolist() == [[0, 4]]
    assert dates.ends.tolist() == [9]
    with pytest.raises(DataError, match="'06/01/2020' is no day"):
        table_clock(table.assign(first=["06/01/2020", "03/02/2020"]), WEEKS)


def test_every_clock_feeds_the_refits():
    """Dates with their draws, as vectors: the estimated dates first, shares of draws that add up to one."""
    rng = np.random.default_rng(4)
    level = np.repeat([0.0, 4.0], 20)
    index = pd.MultiIndex.from_product([list("ABCDEF"), WEEKS], names=["region", "week"])
    data = pd.DataFrame(
        {"x": np.tile(level, 6) + 0.5 * rng.standard_normal(240), "z": rng.standard_normal(240)}, index=index
    )
    data["y"] = np.where(np.tile(level, 6) > 0, 1.0, 0.2) * data["z"] + 0.3 * rng.standard_normal(240)
    panel = panel_from_frame(data, roles={"x": "driver", "z": "driver", "y": "outcome"})
    table = pd.DataFrame({"stage": ["early", "late"], "first": [WEEKS[0], WEEKS[20]]})
    dates = table_clock(table, WEEKS, draws=30)
    vectors = dates.vectors(panel)
    assert vectors.probabilities.sum() == pytest.approx(1)
    assert vectors.vectors[0].name == "estimated"
    assert len(vectors.vectors) == 3  # a week early, right, a week late
    stage = dates.series(list("ABCDEF"))
    pd.testing.assert_series_equal(vectors.vectors[0].stage, stage, check_names=False)
    dated = panel.with_columns({"stage": stage}, {"stage": "stage"})
    universe = Universe(outcome="y", drivers={"z": "z"}, stage="stage")
    found = stage_date_uncertainty(dated, ["z:late - z:early"], model=universe, vectors=vectors)
    row = found.table.iloc[0]
    assert row["estimate"] == pytest.approx(0.8, abs=0.15)
    assert row["between"] > 0
    nodraws = table_clock(table, WEEKS, draws=0).vectors(panel)
    assert len(nodraws.vectors) == 1
    assert np.isinf(nodraws.imputations)


def test_pictures_name_every_stage_and_keep_labels_apart():
    panel, people = outbreaks()
    figure = epidemic_clock(panel, population=people, draws=40).picture(panel.data["new_cases"].groupby("week").mean())
    top, bands = figure.axes
    assert [text.get_text() for text in top.get_legend().get_texts()] == list(
        date_stages(panel, population=people).data["stage_epidemic"].cat.categories
    )
    assert [label.get_text() for label in bands.get_yticklabels()] == ["A", "B", "C"]
    assert bands.get_ylim()[0] > bands.get_ylim()[1]  # the first region stands at the top
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in bands.get_xticklabels() if label.get_text()]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    national = official_clock(PHASES, WEEKS, mapping=MAPPING).picture()
    assert [label.get_text() for label in national.axes[0].get_yticklabels()] == ["nation"]
