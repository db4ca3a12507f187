"""The README: its example runs, its exhibits exist in the Makefile, no number is typed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_runs_and_prints_what_it_says(capsys: pytest.CaptureFixture[str]):
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)  # the README's own words
    shown = capsys.readouterr().out
    assert "StageInteraction: meetings" in shown
    assert "DWB-t" in shown
    truth = {"risk:outbreak": 2.0, "risk:recovery": 0.5}
    assert names["fit"].params[list(truth)].to_dict() == pytest.approx(truth, abs=0.25)


def test_every_exhibit_has_its_script_and_its_rule():
    rows = re.findall(r"^\| .* \| `(analysis/\w+\.py)` \| (.*) \|$", README, flags=re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert rows
    for script, outputs in rows:
        assert (ROOT / script).exists(), script
        assert script in makefile
        for stem in re.findall(r"`(?:tables|figures|numbers)/(\w+)\.", outputs):
            assert re.search(rf"\b{stem}\b", makefile), stem


def test_every_script_of_the_study_is_in_the_table_of_exhibits():
    scripts = {f"analysis/{path.name}" for path in (ROOT / "analysis").glob("*.py")}
    service = {"analysis/data.py", "analysis/readme_figure.py", "analysis/summary.py", "analysis/waves_titles.py"}
    missing = {script for script in scripts - service if f"`{script}`" not in README}
    assert not missing, f"add to the README's table of exhibits: {sorted(missing)}"


def test_no_result_is_typed_by_hand():
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    assert not re.search(r"\d+\.\d{2}", prose.replace("Python 3.11", ""))
