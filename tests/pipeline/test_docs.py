"""The pages of the documentation: the first example runs, every name they use exists, every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import panelcoop as pc

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))


def test_the_first_example_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(ROOT)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/first_example.md").read_text(), flags=re.DOTALL)
    names: dict = {}
    exec(compile(code, "first_example.md", "exec"), names)  # the page's own words
    shown = capsys.readouterr().out
    assert "24 events of 25 rows" in shown
    assert names["sent"].sum() == pytest.approx(598)  # 604 patients less 6 that two records name
    assert names["figure"].axes
    plt.close(names["figure"])


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_pages_name_what_exists(page):
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"\bpc\.(\w+)", text):
        assert hasattr(pc, name), name
    for target in re.findall(r"\]\(([\w/]+\.md)\)", text):
        assert (page.parent / target).exists(), target
    if page.name == "index.md":
        for name in re.findall(r"`([a-zA-Z_]+)`", text):
            assert hasattr(pc, name), name
