"""Tables: every format says the same, escapes what it would misread, and comes out the same twice."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from panelcoop.panel.record import Panel
from panelcoop.report.number_text import interval_text, number_text, pvalue_text
from panelcoop.report.panel_tables import ledger_table, panel_table
from panelcoop.report.table import Table, save_table, to_jsonable
from panelcoop.report.table_formats import latex_text, typst_text

PROVENANCE = {"plan": "abc123", "panelcoop": "0.1.0", "revision": "def456"}
NASTY = "50% & x_1 #2 $3 {a} ~b ^c <d> [e] *f* @g \\h β ≤ −1"


@pytest.fixture
def nasty() -> Table:
    index = pd.MultiIndex.from_tuples([("Group & co", "own_risk"), ("Group & co", "#2"), ("Other", "x")])
    columns = pd.MultiIndex.from_tuples([("", "Mean"), ("By stage", "50%"), ("By stage", "Out_break")])
    cells = [[NASTY, "1.0", "−2"], ["[0, 1]", None, ""], ["a", "b", "c"]]
    body = pd.DataFrame(cells, index=index, columns=columns)
    return Table(
        "nasty", "A title: 5% & more", body, ("Note one_two.", "p < 0.05 #x"), pd.DataFrame({"v": [1.5, np.nan]})
    )


def test_a_table_is_written_in_six_formats_that_hold_their_provenance(nasty: Table, tmp_path: Path):
    paths = save_table(nasty, tmp_path, PROVENANCE)
    assert [p.suffix for p in paths] == [".tex", ".typ", ".html", ".md", ".docx", ".json"]
    for path in paths:
        if path.suffix == ".docx":
            with zipfile.ZipFile(path) as archive:
                text = archive.read("docProps/core.xml").decode()
        else:
            text = path.read_text(encoding="utf-8")
        for value in PROVENANCE.values():
            assert value in text, path.name


def test_the_same_table_gives_the_same_bytes(nasty: Table, tmp_path: Path):
    first, second = (save_table(nasty, tmp_path / name, PROVENANCE) for name in ("one", "two"))
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes(), one.name


def test_another_number_gives_other_bytes(nasty: Table, tmp_path: Path):
    other = Table(nasty.name, nasty.title, nasty.body.replace("1.0", "1.1"), nasty.notes, nasty.data)
    first, second = (save_table(t, tmp_path / str(k), PROVENANCE) for k, t in enumerate((nasty, other)))
    changed = [a.suffix for a, b in zip(first, second, strict=True) if a.read_bytes() != b.read_bytes()]
    assert changed == [".tex", ".typ", ".html", ".md", ".docx"]


def test_typst_compiles_whatever_the_cells_hold(nasty: Table, tmp_path: Path):
    typst = pytest.importorskip("typst")
    save_table(nasty, tmp_path, PROVENANCE)
    main = tmp_path / "main.typ"
    main.write_text('#include "nasty.typ"\nSee @tab:nasty.')
    svg = typst.compile(str(main), format="svg", ignore_system_fonts=True)
    assert len(svg) > 1000


def test_a_long_table_may_break_over_pages(tmp_path: Path):
    typst = pytest.importorskip("typst")
    body = pd.DataFrame({"count": [str(k) for k in range(150)]}, index=[f"row {k}" for k in range(150)])
    save_table(Table("long", "Long", body), tmp_path, PROVENANCE)
    pages = typst.compile(str(tmp_path / "long.typ"), format="svg", ignore_system_fonts=True)
    assert isinstance(pages, list)
    assert len(pages) > 1


def test_latex_has_balanced_braces_and_no_bare_specials(nasty: Table, tmp_path: Path):
    text = save_table(nasty, tmp_path, PROVENANCE)[0].read_text(encoding="utf-8")
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    bare = body.replace("\\{", "").replace("\\}", "").replace("\\textbackslash{}", "")
    assert bare.count("{") == bare.count("}")
    assert "own\\_risk" in body
    assert "50\\%" in body
    assert "−" not in body


def test_word_holds_the_cells(nasty: Table, tmp_path: Path):
    docx = pytest.importorskip("docx")
    path = save_table(nasty, tmp_path, PROVENANCE)[4]
    document = docx.Document(io.BytesIO(path.read_bytes()))
    cells = {cell.text for table in document.tables for row in table.rows for cell in row.cells}
    assert {"[0, 1]", "−2", "own_risk"} <= cells


def test_json_holds_numbers_and_null(nasty: Table, tmp_path: Path):
    content = json.loads(save_table(nasty, tmp_path, PROVENANCE)[5].read_text(encoding="utf-8"))
    assert content["rows"] == [{"v": 1.5}, {"v": None}]


def test_json_of_numpy_and_pandas_values():
    made = {"t": np.bool_(True), "n": np.int64(2), "f": np.float64("inf"), "d": pd.NaT, "a": np.array([1.0, np.nan])}
    assert json.loads(to_jsonable(made)) == {"t": True, "n": 2, "f": None, "d": None, "a": [1.0, None]}


@pytest.mark.parametrize("escape", [latex_text, typst_text])
def test_escaping_leaves_letters_alone(escape):
    assert escape("Hubei province 31") == "Hubei province 31"


def test_numbers_as_text():
    assert number_text(-0.0049) == "0.00"
    assert number_text(1234567.0, 0) == "1,234,567"
    assert interval_text(float("-inf"), 2.0) == "[−∞, 2.00]"
    assert pvalue_text(0.0009999) == "<0.001"
    assert pvalue_text(float("nan")) == "–"


def test_the_panel_table_says_means_by_stage_and_what_is_empty(panel: Panel):
    table = panel_table(panel, stage="stage_epidemic")
    name = next(label for label in table.body.index if label[1].startswith("Joint response"))
    outcome = panel.data.loc[panel.data["stage_epidemic"] == "outbreak", "joint_response_containment_health"]
    assert table.body.loc[name, ("Mean at stage", "Outbreak")] == number_text(outcome.mean())
    assert (table.body.xs("Public opinion", level=1).to_numpy() == "no data").sum() == 6
    assert any("Public opinion: empty" in note for note in table.notes)


def test_the_panel_table_counts_missing_cells(panel: Panel):
    data = panel.data.assign(
        own_risk=panel.data["own_risk"].where(panel.data.index.get_level_values("region") != "P00")
    )
    thinner = panel_table(Panel(data=data, roles=panel.roles), stage="stage_epidemic")
    label = next(label for label in thinner.body.index if label[1].startswith("Own risk"))
    assert thinner.body.loc[label, ("All weeks", "Coverage")] == "92%"


def test_an_unknown_column_is_named(panel: Panel):
    with pytest.raises(ValueError, match=r"own_riks.*own_risk"):
        panel_table(panel, stage="stage_epidemic", columns=["own_riks"])


def test_the_ledger_table_counts_every_entry(panel: Panel):
    table = ledger_table(panel)
    assert table.body["Cells or rows"].tolist() == ["33", "4"]
