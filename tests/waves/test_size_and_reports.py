"""Size and power by simulation (short), figures and tables of the wave tests, speed of an idea: nothing is timed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from wave_frames import frame

from panelcoop.numerics.waves.ascent_test import AscentSettings, ascent_test
from panelcoop.numerics.waves.autoregression import constant_variance, draw_noise, fit_noise
from panelcoop.panel.record import panel_from_frame
from panelcoop.report.wave_battery_figure import wave_battery_figure
from panelcoop.report.wave_figure import wave_figure
from panelcoop.report.wave_power_figure import wave_power_figure
from panelcoop.report.wave_size_report import wave_size_report
from panelcoop.report.wave_table import battery_table, wave_numbers, wave_table
from panelcoop.sensitivity import wave_evidence as evidence
from panelcoop.sensitivity.wave_battery_size import battery_evidence, battery_rates
from panelcoop.sensitivity.wave_designs import Design, common_noise, mean_path, simulate_panel
from panelcoop.sensitivity.wave_size import wave_size
from panelcoop.waves.battery.run import wave_battery
from panelcoop.waves.companions import wave_companions
from panelcoop.waves.primary import wave_test
from panelcoop.waves.spiral import spiral
from panelcoop.waves.thresholds import WaveThresholds

FEW = WaveThresholds(draws=99)


@pytest.mark.montecarlo
def test_nulls_hold_their_size_and_waves_are_found():
    nulls = [Design(truth, 2.0, 52, root, 0.3) for truth in ("linear", "staircase", "hump") for root in (0.5, 0.95)]
    found = wave_size([*nulls, Design("driftless", 2.0, 52, 0.8, 0.3)], replications=150, draws=99)
    assert (found["ascent"] <= 0.10).all()
    assert (found["two_waves"] <= 0.02).all()
    power = wave_size([Design("rising", 2.0, 100, 0.5, 0.1)], replications=150, draws=99).iloc[0]
    assert 0.70 <= power["ascent"] <= 0.98
    assert 0.40 <= power["two_waves"] <= 0.75


@pytest.mark.montecarlo
def test_uneven_noise_is_drawn_with_signs_and_holds_its_size():
    design = Design("staircase", 2.0, 100, 0.95, 0.3, noise="heteroskedastic")
    found = wave_size([design], replications=200, draws=99).iloc[0]
    assert found["ascent"] <= 0.10


@pytest.mark.montecarlo
@pytest.mark.parametrize("noise", ["missing", "counts"])
def test_panels_with_gaps_and_counts_hold_their_size(noise):
    found = wave_size([Design("linear", 2.0, 52, 0.8, 0.3, noise=noise)], replications=60, draws=99).iloc[0]
    assert found["ascent"] <= 0.10


@pytest.mark.montecarlo
def test_noise_near_a_unit_root_is_not_taken_for_a_fall_or_a_rise():
    """Around eight cosines a root of .98 is fitted like .8: no verdict may rest on a drift that such noise makes."""
    designs = [Design(truth, 3.0, 52, 0.98, 0.3) for truth in ("flat", "driftless")]
    found = evidence.verdict_shares(designs, replications=60, draws=99)
    assert (found["wrong"] <= 0.10).all()
    real = evidence.verdict_shares([Design("declining", 3.0, 100, 0.8, 0.1)], replications=20, draws=99).iloc[0]
    assert real["CONTRADICTED"] >= 0.9
    assert real["wrong"] <= 0.1


def test_many_paths_at_once_are_tested_as_one_is():
    """The matrix version and `ascent_test` agree on how often they reject, up to the draws."""
    design, rng = Design("rising", 2.0, 100, 0.5, 0.1), np.random.default_rng(3)
    paths = mean_path("rising", 100, 2.0)[:, None] + common_noise(design, 60, rng)
    clock = np.arange(100.0)
    settings = AscentSettings(draws=99)
    one_by_one = [ascent_test(path, clock, settings) for path in paths.T]
    together = wave_size([design], replications=300, draws=99).iloc[0]
    assert np.mean([t.p_ascent <= 0.05 for t in one_by_one]) == pytest.approx(together["ascent"], abs=0.15)
    assert np.mean([t.threshold for t in one_by_one]) == pytest.approx(together["threshold"], rel=0.1)


def test_the_mean_of_a_panel_has_the_law_of_the_simulated_path():
    design = Design("flat", 2.0, 40, 0.5, 0.3)
    panels = np.array([simulate_panel(design, np.random.default_rng(i)).mean(axis=0) for i in range(400)])
    centred = panels - panels.mean(axis=1, keepdims=True)
    direct = common_noise(design, 4000, np.random.default_rng(1)).T
    direct = direct - direct.mean(axis=1, keepdims=True)
    assert centred.var() == pytest.approx(direct.var(), rel=0.1)
    lag = [(x[:, 1:] * x[:, :-1]).mean() / x.var() for x in (centred, direct)]
    assert lag[0] == pytest.approx(lag[1], abs=0.05)


def test_signs_keep_noise_in_its_weeks():
    rng = np.random.default_rng(5)
    shocks = rng.standard_normal(120) * np.where(np.arange(120) < 40, 3.0, 0.3)
    fit = fit_noise(shocks, np.arange(120.0))
    assert fit.p_constant < 0.01
    wild = draw_noise(fit, np.arange(120.0), 500, rng, "wild")
    even = draw_noise(fit, np.arange(120.0), 500, rng, "resampled")
    assert wild[:35].std() > 4 * wild[60:].std()
    assert even[:35].std() < 1.5 * even[60:].std()
    calm = constant_variance(rng.standard_normal((200, 400)), np.arange(200) / 199)
    assert 0.01 <= (calm <= 0.05).mean() <= 0.10


def test_random_truths_are_named():
    with pytest.raises(ValueError, match="truth must be one of"):
        mean_path("sideways", 10, 1.0)


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(8)
    values = simulate_panel(Design("rising", 4.0, 100, 0.3, 0.02, regions=8), rng)
    return panel_from_frame(frame(values, risk=rng.standard_normal(values.shape)))


def test_the_figure_shows_bands_episodes_and_the_verdict(panel):
    import matplotlib.pyplot as plt

    result = wave_test(panel, outcome="y", thresholds=FEW)
    figure = wave_figure({"Simulated": result, "Again": result})
    assert len(figure.axes) == 2
    assert figure.axes[0].get_title(loc="left") == "a  Simulated: wave and spiral"
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert "Interrupted ascent and its fall" in labels
    assert any(label.startswith("Largest drawdown") for label in labels)
    arrows = [text for text in figure.axes[0].texts if text.arrow_patch is not None]
    assert len(arrows) == len(result.episodes) + 1
    plt.close(figure)
    with pytest.raises(ValueError, match="no wave test"):
        wave_figure({})


def test_short_paths_and_months_have_clean_axes(panel):
    import matplotlib.pyplot as plt

    values = np.random.default_rng(9).standard_normal((4, 7))
    figure = wave_figure({"Short": wave_test(frame(values), outcome="y", thresholds=FEW)})
    assert not any("nan" in text.get_text() for text in figure.axes[0].get_legend().get_texts())
    plt.close(figure)
    table = panel.data.reset_index()
    months = pd.period_range("2000-01", periods=table["week"].nunique(), freq="M")
    table["week"] = table["week"].map(dict(zip(sorted(table["week"].unique()), months, strict=True)))
    figure = wave_figure({"Months": wave_test(table, outcome="y", thresholds=FEW)})
    assert 3 <= len(figure.axes[0].get_xticks()) <= 10
    assert figure.axes[0].get_xlabel() == ""
    plt.close(figure)


def test_tables_hold_every_run_and_every_test(panel):
    import matplotlib.pyplot as plt

    table = wave_table(wave_companions(panel, outcomes=["y"], outlier="r00", remove=["risk"], thresholds=FEW))
    assert table.body.shape == (4, 8)
    assert "wave and spiral" in set(table.body["Verdict"])
    battery = wave_battery(panel, outcome="y", tests=["u", "fisher", "turning points"], thresholds=FEW, draws=99)
    assert list(battery_table(battery).body.index) == ["Lind-Mehlum U test", "Fisher g", "Turning points"]
    driven = panel_from_frame(panel.data.rename(columns={"risk": "own_risk"}))
    hansen = battery_table(wave_battery(driven, outcome="y", driver="own_risk", tests=["hansen"], draws=19))
    assert hansen.body["Null"].str.endswith("last week's own risk").all()
    assert "own_risk" not in " ".join(hansen.notes)
    figure = wave_battery_figure(battery)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["Fisher g", "Lind-Mehlum U test"]
    plt.close(figure)
    result = wave_test(panel, outcome="y", thresholds=FEW)
    numbers = wave_numbers(result, spiral(result))
    assert numbers["spiral"]["sentence"].startswith("The smooth makes ")
    assert numbers["verdict"] == "WAVE_AND_SPIRAL"
    assert numbers["spiral"]["peaks_rise"] is True


@pytest.mark.montecarlo
def test_the_evidence_on_the_battery_holds_every_test_that_has_a_p():
    rates = battery_evidence([Design(weeks=40, regions=6)], replications=1, slow_replications=1)
    assert {"Stochastic cycle", "Markov switching", "Andrews sup-F", "Hansen threshold, 2 against 1"} <= set(rates)
    driven = [name for name in rates if name.endswith(", unrelated driver")]
    assert [name.split(",")[0] for name in driven] == ["Hansen threshold"] * 2 + ["Local-projection overshoot"]
    assert rates.notna().all().all()


@pytest.mark.montecarlo
def test_the_page_of_evidence_holds_all_its_tables():
    import matplotlib.pyplot as plt

    truths, few = ("linear", "driftless", "rising"), {"replications": 20, "draws": 99}
    found, t4, uneven = (
        wave_size([Design(truth, 2.0, 52, 0.5, 0.3, noise=noise) for truth in truths], **few)
        for noise in ("gaussian", "t4", "heteroskedastic")
    )
    surface = wave_size([Design("rising", a, 52, 0.5, s) for a in (1.0, 3.0) for s in (0.1, 0.3)], **few)
    tables = {
        "wave_size": pd.concat([found, t4, uneven], ignore_index=True),
        "wave_resampled": uneven,
        "wave_battery": battery_rates([Design(weeks=52)], replications=2, tests=["u", "fisher"]).reset_index(),
        "wave_verdicts": evidence.verdict_shares([Design(weeks=52)], replications=2, draws=99).reset_index(),
        "wave_drift": pd.DataFrame({"truth": ["flat"], "T": [52]}),
        "wave_path_and_panel": pd.DataFrame({"truth": ["rising"], "AR": [0.5]}),
    }
    page = wave_size_report(tables, replications=20)
    for title in ("Largest size", "before and after", "Power", "Drift tests", "Verdicts"):
        assert title in page
    plt.close(wave_power_figure(surface))
    assert len(evidence.main_designs()) == 300
    assert {d.weeks for d in evidence.surface_designs()} == {52, 100, 150}
