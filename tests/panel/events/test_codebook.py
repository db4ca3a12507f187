"""The codebook names every field, word and measure the code knows, and its example log is valid."""

import re

import pandas as pd
import pytest

from panelcoop.panel.events.contract import CONTENTS, FIELDS, FORMALITY, LAYERS, LEVELS, MECHANISMS
from panelcoop.panel.events.read import read_events
from panelcoop.panel.measures.names import MEASURE_NOTES
from panelcoop.panel.region_hierarchy import china_with_centre


@pytest.fixture(scope="module")
def text(root):
    return (root / "docs" / "codebook.md").read_text(encoding="utf-8")


def test_every_field_has_its_row(text):
    rows = {line.split("|")[1].strip(" `"): line for line in text.splitlines() if line.startswith("| `")}
    for field in FIELDS:
        assert ("| yes |" in rows[field.name]) == field.required
        for alias in field.aliases:
            assert f"`{alias}`" in rows[field.name]


def test_every_word_and_measure_is_explained(text):
    for word in (*MECHANISMS, *CONTENTS, *LEVELS, *FORMALITY, *LAYERS):
        assert word in text
    for name in MEASURE_NOTES:
        assert f"`{name}`" in text


def test_the_example_is_valid(text, tmp_path):
    (tmp_path / "log.csv").write_text(re.search(r"```csv\n(.*?)```", text, re.DOTALL)[1], encoding="utf-8")
    log = read_events(tmp_path / "log.csv", regions=china_with_centre())
    assert len(log) == 3
    assert log.problems.empty


def test_the_french_example_runs(text, root, monkeypatch, tmp_path, capsys):
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    data = root / "data" / "facts" / "france_patient_transfers_2020.csv"
    monkeypatch.chdir(tmp_path)
    exec(code.replace("data/facts/france_patient_transfers_2020.csv", str(data)), {})
    assert (tmp_path / "transfers.svg").exists()
    assert "FR-GES" in capsys.readouterr().out
    assert pd.read_csv(data).shape[0] == 25
