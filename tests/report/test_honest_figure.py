"""Honest bounds drawn: what excludes zero is filled, what has no end carries an arrow, panels share a scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from panelcoop.errors import DataError
from panelcoop.report.honest_figure import honest_figure
from panelcoop.sensitivity.honest import EventCoefficients, honest_did


@pytest.fixture(scope="module")
def bounds():
    study = EventCoefficients([0.02, -0.01, 0.5, 0.6], 0.002 * np.eye(4), 2, 2)
    return honest_did(study, values=[0.0, 1.0, 6.0])


def middles(ax):
    return [line for line in ax.get_lines() if line.get_marker() == "o"]


def test_filled_where_zero_is_excluded(bounds):
    import matplotlib.pyplot as plt

    figure = honest_figure(bounds)
    (ax,) = figure.axes
    filled = [line.get_markerfacecolor() != "white" for line in middles(ax)]
    assert filled == [True, *bounds.table["excludes_zero"]]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["none", "0", "1", "6"]
    assert any("breakdown" in text.get_text() for text in ax.texts)
    plt.close(figure)


def test_ends_without_bound_carry_arrows(bounds):
    import matplotlib.pyplot as plt

    table = bounds.table.copy()
    table.loc[6.0, ["low", "high"]] = [-np.inf, np.inf]
    table.loc[1.0, ["low", "high"]] = np.nan
    figure = honest_figure([bounds, replace(bounds, table=table)], titles=["whole", "open"])
    first, second = figure.axes
    assert first.get_ylim() == second.get_ylim()
    assert {"v", "^"} <= {line.get_marker() for line in second.get_lines()}
    assert any("none" in text.get_text() for text in second.texts)
    plt.close(figure)


def test_titles_must_match(bounds):
    with pytest.raises(DataError, match="one title for each"):
        honest_figure([bounds, bounds], titles=["one"])
