"""The whole study in a copy of the repository: it runs, a second make does nothing, a change rebuilds what it must."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("Makefile", "study.toml", "requirements.lock", "README.md", "panelcoop", "analysis", "data", "paper", "docs")
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = ["make", f"PY={sys.executable}", "READY=", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


def sums(folder: Path) -> dict[str, str]:
    files = [*(folder / "analysis/output").rglob("*.*"), folder / "paper/paper.pdf", folder / "docs/national_path.svg"]
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Copy what git would clone, ask for few draws to save time, and make it."""
    folder = tmp_path_factory.mktemp("clone")
    skip = shutil.ignore_patterns("__pycache__", "output", "paper.pdf")
    for part in PARTS:
        source = ROOT / part
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, folder / part, **({"ignore": skip} if source.is_dir() else {}))
    plan = folder / "study.toml"
    plan.write_text(re.sub(r"draws = \d+", "draws = 99", plan.read_text(encoding="utf-8")), encoding="utf-8")
    done = make(folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, done.stdout


@pytest.mark.xdist_group("study")
def test_make_ends_with_what_it_made_and_what_it_found(study: tuple[Path, str]):
    folder, printed = study
    tail = printed[printed.index("Made:") :]
    assert "paper/paper.pdf" in tail
    assert json.loads((folder / "analysis/output/numbers/study.json").read_text())["headline"] in tail
    assert (folder / "paper/paper.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.xdist_group("study")
def test_a_second_make_does_nothing(study: tuple[Path, str]):
    folder, _ = study
    before = sums(folder)
    done = make(folder)
    assert "Nothing to be done" in done.stdout
    assert make(folder, "-q").returncode == 0
    assert sums(folder) == before


@pytest.mark.xdist_group("study")
@pytest.mark.parametrize(
    ("changed", "rebuilt", "left"),
    [
        ("data/weekly/jhu.csv", "analysis/table_panel.py", "analysis/data.py"),
        ("study.toml", "analysis/numbers_study.py", "analysis/data.py"),
        ("paper/sections/limits.typ", "analysis/paper.py", "analysis/table_panel.py"),
        ("analysis/table_panel.py", "analysis/paper.py", "analysis/figure_national_path.py"),
        ("panelcoop/estimate/stage_results.py", "analysis/table_stage_effects.py", "analysis/table_panel.py"),
        ("panelcoop/panel/drivers.py", "analysis/table_panel.py", "analysis/data.py"),
    ],
)
def test_a_change_rebuilds_what_depends_on_it(study: tuple[Path, str], changed: str, rebuilt: str, left: str):
    folder, _ = study
    file = folder / changed
    old = file.stat().st_mtime
    try:
        os.utime(file, (time.time() + 5, time.time() + 5))
        planned = make(folder, "-n").stdout
    finally:
        os.utime(file, (old, old))
    assert rebuilt in planned
    assert left not in planned


@pytest.mark.xdist_group("study")
def test_a_lost_output_is_made_again_byte_for_byte(study: tuple[Path, str]):
    folder, _ = study
    before = sums(folder)
    for lost in ("tables/stage_effects.docx", "figures/national_path.pdf", "numbers/study.json"):
        (folder / "analysis/output" / lost).unlink()
    (folder / "paper/paper.pdf").unlink()
    done = make(folder)
    assert done.returncode == 0, done.stderr[-3000:]
    assert sums(folder) == before


@pytest.mark.xdist_group("study")
def test_every_output_says_where_it_comes_from(study: tuple[Path, str]):
    folder, _ = study
    plan = json.loads((folder / "analysis/output/numbers/study.json").read_text())["provenance"]["plan"]
    silent = [
        path.name
        for path in (folder / "analysis/output").rglob("*.*")
        if path.suffix not in {".docx", ".txt"} and plan.encode() not in path.read_bytes()
    ]
    assert not silent


@pytest.mark.xdist_group("study")
def test_the_figure_of_the_readme_is_current(study: tuple[Path, str]):
    folder, _ = study
    made, shown = ((base / "docs/national_path.svg").read_text(encoding="utf-8") for base in (folder, ROOT))
    assert made == shown, "run make docs/national_path.svg and commit it"
