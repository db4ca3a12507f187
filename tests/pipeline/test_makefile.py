"""The Makefile: every script has a rule, every rule lists what its script reaches, the lock file is portable."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "analysis").rglob("*.py"))
OUTSIDE_THE_STUDY = {"analysis/data.py", "analysis/waves_titles.py"}  # typed by a person: inputs are not shipped
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", f"PY={sys.executable}", "READY=", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@cache
def prerequisites() -> dict[str, set[str]]:
    """Read make's own database: which files each script's rule depends on."""
    rules: dict[str, set[str]] = {}
    for line in make("-pnq", "all").stdout.splitlines():
        if line.startswith(("#", "\t")) or ":" not in line or "=" in line.split(":")[0]:
            continue
        needed = line.split(":", 1)[1].split("|")[0].split()
        for script in [word for word in needed if re.fullmatch(r"analysis/[\w/]+\.py", word)]:
            rules.setdefault(script, set()).update(needed)
    return rules


def modules_reached(script: Path) -> set[str]:
    """Follow the imports of a script through the package; the lazy public face is resolved by name."""
    seen: set[Path] = set()
    todo = set(files_imported(script))
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo |= set() if path == ROOT / "panelcoop/__init__.py" else files_imported(path)
    return {str(path.relative_to(ROOT)) for path in seen}


def files_imported(path: Path) -> set[Path]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names += [node.module, *[f"{node.module}.{alias.name}" for alias in node.names]]
            names += [public_face().get(a.name, "") for a in node.names if node.module == "panelcoop"]
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "pc":
            names += [public_face().get(node.attr, "")]
    return {found for name in names if (found := file_of(name)) is not None}


def file_of(module: str) -> Path | None:
    if module.split(".", maxsplit=1)[0] != "panelcoop":
        return None
    base = ROOT.joinpath(*module.split("."))
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.exists()), None)


@cache
def public_face() -> dict[str, str]:
    """Map each public name to the module that defines it."""
    import panelcoop

    found = {name: getattr(panelcoop, name) for name in getattr(panelcoop, "__all__", ())}
    return {name: getattr(thing, "__module__", "") for name, thing in found.items()}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_every_script_has_a_rule(script: Path):
    name = str(script.relative_to(ROOT))
    if script.parent.name == "validation":
        assert "analysis/validation/*.py" in (ROOT / "Makefile").read_text()
    elif name in OUTSIDE_THE_STUDY:
        assert name in (ROOT / "Makefile").read_text()
    else:
        assert name in prerequisites(), f"{name} has no rule: copy four lines of the Makefile"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_a_rule_lists_every_source_its_script_reaches(script: Path):
    name = str(script.relative_to(ROOT))
    if name not in prerequisites():
        pytest.skip("typed by a person, not a prerequisite of the study")
    missing = {m for m in modules_reached(script) if m not in prerequisites()[name]}
    assert not missing, f"the rule of {name} does not list {sorted(missing)}"


def test_help_names_every_target():
    shown = make("help").stdout
    for target in ("all", "test", "check", "tables", "figures", "paper", "data", "validate", "bench", "clean"):
        assert f"make {target} " in shown


def test_the_lock_names_no_index_and_no_path():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert not [line for line in lines if re.search(r"https?:|file:|index|/[a-z]+/", line) and not line.startswith("#")]
    assert not [line for line in lines if line.startswith("-")]


def test_every_locked_package_has_a_checksum_and_every_dependency_is_locked():
    text = (ROOT / "requirements.lock").read_text()
    blocks = re.findall(r"^([a-z0-9._-]+)==[^\n]*\n((?:    --hash=\S+ ?\\?\n)+)", text, flags=re.MULTILINE)
    assert len(blocks) == len(re.findall(r"^[a-z0-9._-]+==", text, flags=re.MULTILINE))
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"], "hatchling"]
    names = {re.split(r"[\[><=~ ]", w)[0].lower().replace("_", "-") for w in wanted}
    assert names <= {name for name, _ in blocks}


@pytest.mark.parametrize(
    ("stand_in", "words"),
    [
        ("exit 1", "needs 3.11 or newer"),
        ('case "$2" in *version_info*) exit 0;; *) exit 1;; esac', "python3-venv"),
    ],
    ids=["old Python", "no venv"],
)
def test_a_python_that_will_not_do_is_named_with_the_remedy(tmp_path: Path, stand_in: str, words: str):
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\n{stand_in}\n")
    fake.chmod(0o755)
    venv = tmp_path / "venv"
    command = ["make", f"PYTHON={fake}", f"VENV={venv}", f"{venv}/.installed"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert words in done.stdout + done.stderr


def test_a_missing_python_is_named_with_the_remedy(tmp_path: Path):
    venv = tmp_path / "venv"
    command = ["make", "PYTHON=no-such-python", f"VENV={venv}", f"{venv}/.installed"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "make PYTHON=" in done.stdout + done.stderr
