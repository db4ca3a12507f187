"""The size tables as text and figure: methods in rows, rates outside the band in bold, Conley explained."""

from __future__ import annotations

import pandas as pd
import pytest

from panelcoop.report.inference_size_report import inference_size_figure, inference_size_report


@pytest.fixture
def size() -> pd.DataFrame:
    rows = [
        {"design": design, "method": method, "rejects": rate, "error": 0.01, "replications": 40, "draws": 99}
        for design in ("independent", "spatial")
        for method, rate in (("CRV1 t(30)", 0.28), ("DWB-t", 0.05))
    ]
    return pd.DataFrame(rows)


def test_methods_stand_in_rows_and_rates_outside_the_band_are_bold(size):
    text = inference_size_report(size, size, size, seed=1, minutes=2.0)
    assert "| inference | independent | spatial |" in text
    assert "| CRV1 t(30) | **.280** | **.280** |" in text
    assert "| DWB-t | .050 | .050 |" in text
    assert "## Joint hypothesis" in text
    assert "product kernel" in text


def test_the_figure_has_a_panel_per_design(size):
    figure = inference_size_figure(size)
    assert len(figure.axes) == 2
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["CRV1 t(30)", "DWB-t"]
