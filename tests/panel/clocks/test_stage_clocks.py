"""Clocks find the dates that were put in, say how sure they are, and refuse the outcome."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.clocks.change_points import best_breaks, change_point_clock
from panelcoop.panel.clocks.hidden_markov import fit_left_right, hidden_markov_clock
from panelcoop.panel.clocks.user_table import table_clock
from panelcoop.panel.record import panel_from_frame
from panelcoop.panel.stages import fail_if_dated_from_outcome

LEVELS = np.repeat([0.0, 5.0, 2.5, 0.5], [8, 6, 10, 12])
STARTS = [0, 8, 14, 24]
WEEKS = pd.date_range("2020-01-06", periods=len(LEVELS), freq="7D", unit="us")


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(5)
    rows = [
        {"region": region, "week": week, "risk": level + 0.4 * rng.standard_normal(), "y": rng.standard_normal()}
        for region in "ABCD"
        for week, level in zip(WEEKS, LEVELS, strict=True)
    ]
    return panel_from_frame(pd.DataFrame(rows), roles={"risk": "driver", "y": "outcome"})


@pytest.mark.parametrize("clock", [change_point_clock, hidden_markov_clock])
def test_draws_are_not_negative(panel, clock):
    with pytest.raises(DataError, match="draws must be at least 0"):
        clock(panel, "risk", draws=-1)


@pytest.mark.parametrize("clock", [change_point_clock, hidden_markov_clock])
def test_clocks_find_the_true_dates(panel, clock):
    dates = clock(panel, "risk", draws=60)
    assert dates.starts.tolist() == [STARTS]
    assert dates.draws.shape == (60, 1, 4)
    assert (np.diff(dates.draws, axis=2) > 0).all()
    assert (np.abs(dates.draws - np.array(STARTS)) <= 1).mean() > 0.9
    stage = dates.series(list("ABCD"))
    assert stage.loc["A"].value_counts(sort=False).tolist() == [8, 6, 10, 12]
    assert stage.index.equals(panel.data.index)


@pytest.mark.parametrize("clock", [change_point_clock, hidden_markov_clock])
def test_the_outcome_dates_nothing(panel, clock):
    with pytest.raises(DataError, match="must not be dated from the outcome"):
        clock(panel, "y")


@pytest.mark.parametrize("clock", [change_point_clock, hidden_markov_clock])
def test_draws_repeat_with_the_seed(panel, clock):
    first, again = (clock(panel, "risk", draws=5, seed=3).draws for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_too_many_stages_are_refused(panel):
    with pytest.raises(DataError, match="do not fit"):
        change_point_clock(panel, "risk", stages=[str(k) for k in range(20)])


def test_partition_equals_enumeration():
    values = np.random.default_rng(1).standard_normal(13)

    def ssr(breaks):
        return sum(((part - part.mean()) ** 2).sum() for part in np.split(values, breaks))

    allowed = [b for b in combinations(range(2, 12), 2) if np.diff([0, *b, 13]).min() >= 2]
    assert best_breaks(values, 3, 2).tolist()[1:] == list(min(allowed, key=ssr))


def test_hidden_markov_likelihood_equals_enumeration():
    values = np.array([0.1, -0.3, 0.2, 2.0, 2.4, 1.7, 0.9])
    model = fit_left_right(values, 2)

    def density(x, k):
        return np.exp(-0.5 * (x - model.means[k]) ** 2 / model.variances[k]) / np.sqrt(2 * np.pi * model.variances[k])

    paths = {}
    for move in range(1, len(values)):
        states = [0] * move + [1] * (len(values) - move)
        chance = model.stay[0] ** (move - 1) * (1 - model.stay[0])
        paths[move] = chance * np.prod([density(x, k) for x, k in zip(values, states, strict=True)])
    assert model.log_likelihood == pytest.approx(np.log(sum(paths.values())))
    later = np.array([sum(p for m, p in paths.items() if m <= t) for t in range(len(values))]) / sum(paths.values())
    np.testing.assert_allclose(model.posterior[:, 1], later, atol=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_ruptures_and_our_own_search_find_the_same_dates(seed):
    rng = np.random.default_rng(seed)
    path = LEVELS + 2.0 * rng.standard_normal(LEVELS.size)
    rows = [{"region": r, "week": w, "risk": x} for r in "AB" for w, x in zip(WEEKS, path, strict=True)]
    noisy = panel_from_frame(pd.DataFrame(rows), roles={"risk": "driver"})
    theirs = change_point_clock(noisy, "risk", engine="ruptures", shortest=4, draws=0)
    own = change_point_clock(noisy, "risk", engine="own", shortest=4, draws=0)
    np.testing.assert_array_equal(theirs.starts, own.starts)


def test_ruptures_is_named_where_it_is_missing(panel, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match="install it"):
        change_point_clock(panel, "risk", engine="ruptures", draws=0)
    assert change_point_clock(panel, "risk", draws=0).starts.tolist() == [STARTS]


TABLE = pd.DataFrame(
    {
        "region": ["A", "A", "B", "B"],
        "stage": ["calm", "storm", "calm", "storm"],
        "first": ["2020-01-06", "2020-01-24", "2020-01-15", "2020-02-03"],
        "last": ["", "2020-02-12", "", ""],
    }
)


def test_table_by_region():
    dates = table_clock(TABLE, WEEKS[:8])
    stage = dates.series()
    assert stage.loc["A"].astype(object).where(stage.loc["A"].notna(), None).tolist() == [
        "calm", "calm", "storm", "storm", "storm", "storm", None, None,
    ]  # fmt: skip
    assert stage.loc["B"].isna().tolist() == [True] + [False] * 7
    assert (stage.loc["B"] == "storm").sum() == 4
    assert dates.table()["low"].le(dates.table()["first"]).all()


def test_every_draw_is_a_dating(panel):
    dates = table_clock(TABLE, WEEKS[:8], draws=50)
    assert (np.diff(dates.draws, axis=2) >= 0).all()
    assert np.abs(dates.draws - dates.starts).max() == 1
    assert dates.series(draw=3).shape == (16,)
    with pytest.raises(DataError, match="50 draws"):
        dates.series(draw=50)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first": ["2020-01-06", "no", "2020-01-15", "2020-02-03"]}, "no day .row 2"),
        ({"stage": ["calm", "calm", "calm", "storm"]}, "stands twice"),
        ({"first": ["2020-03-06", "2020-01-24", "2020-01-15", "2020-02-03"]}, "out of order"),
        ({"region": ["A", "A", "", ""]}, "mixes national"),
    ],
)
def test_bad_tables_are_named(change, message):
    with pytest.raises(DataError, match=message):
        table_clock(TABLE.assign(**change), WEEKS, stages=["calm", "storm"])


def test_pictures_show_every_stage(panel):
    dates = change_point_clock(panel, "risk", draws=9)
    figure = dates.picture(panel.data["risk"].groupby("week").mean())
    words = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert words == ["gestation", "outbreak", "continuation", "recovery"]
    figure.savefig("/dev/null", format="png")


@pytest.mark.parametrize(
    "copy",
    [
        lambda y: 2 * y + 1,
        lambda y: y.groupby("region").shift(1),
        lambda y: -y.groupby("region").shift(-4),
        lambda y: y.groupby("week").transform("mean"),
    ],
)
def test_a_copy_of_the_outcome_dates_nothing(panel, copy):
    frame = panel.data.assign(other=copy(panel.data["y"])).dropna().reset_index()
    copied = panel_from_frame(frame, roles={"risk": "driver", "y": "outcome", "other": "driver"})
    with pytest.raises(DataError, match="moves as the outcome 'y' does"):
        change_point_clock(copied, "other")


def test_a_shifted_outcome_is_known_by_its_name():
    roles = {"y": "outcome", "y_lag1": "driver", "intensity_lag2": "other", "risk_lag1": "other"}
    for name in ("y_lag1", "intensity_lag2"):
        with pytest.raises(DataError, match="must not be dated from"):
            fail_if_dated_from_outcome(name, roles)
    fail_if_dated_from_outcome("risk_lag1", roles)
