"""Fixtures shared by all tests."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GOLD = Path(os.environ.get("PANELCOOP_GOLD", ROOT.parent / "shared" / "gold"))
MIRROR = Path(os.environ.get("PANELCOOP_MIRROR", ROOT.parent / "shared" / "data" / "raw"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def gold_folder() -> Path:
    """Numbers and data of other programs; tests skip, saying so, where the folder is absent."""
    if not (GOLD / "gold.json").exists():
        pytest.skip("gold numbers absent: set PANELCOOP_GOLD to their folder")
    return GOLD


@pytest.fixture(scope="session")
def gold(gold_folder: Path) -> dict[str, dict]:
    """Cases of gold.json by id."""
    return {case["id"]: case for case in json.loads((gold_folder / "gold.json").read_text())["cases"]}


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Upstream files in the mirror's layout; tests skip, saying so, where the folder is absent."""
    if not (MIRROR / "oxcgrt").exists():
        pytest.skip("upstream files absent: set PANELCOOP_MIRROR to their folder")
    return MIRROR
