"""A study begun by the command builds as it is, and with another title, window, clock and interpreter."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from panelcoop.cli_study import start_study
from panelcoop.panel.events.study import assemble_study

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def make(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHON", None)
    return subprocess.run(
        ["make", *arguments], cwd=folder, capture_output=True, text=True, check=False, env=environment
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build a changed study in a folder with a space, with the interpreter that the Makefile names."""
    folder = tmp_path_factory.mktemp("a study") / "mine"
    start_study(folder)
    plan = (folder / "study.toml").read_text(encoding="utf-8")
    for old, new in {
        'title = "Does cooperation between regions follow risk, and at which stage?"': 'title = "Quite another title"',
        'first = "2020-W02"': 'first = "2020-W08"',
        'last = "2020-W41"': 'last = "2020-W35"',
        'clock = "table"                     #': 'clock = "hidden Markov" #',
        'table = "data/stages.csv"           #': 'driver = "spread" #',
    }.items():
        assert old in plan, old
        plan = plan.replace(old, new)
    (folder / "study.toml").write_text(plan, encoding="utf-8")
    done = make(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done


def test_the_makefile_names_the_interpreter_that_began_the_study(built):
    folder, done = built
    assert f"PYTHON ?= {sys.executable.replace(' ', chr(92) + ' ')}\n" in (folder / "Makefile").read_text()
    assert done.stdout.count(f"{sys.executable} scripts/") == 4
    assert "another/python scripts/build_panel.py" in make(folder, "-n", "-B", "PYTHON=another/python").stdout


def test_every_row_of_effects_has_its_estimate_or_its_reason(built):
    folder, _ = built
    table = pd.read_csv(folder / "output" / "stage_effects.csv", keep_default_na=False)
    assert len(table) == 3 * 4
    unexplained = table[(table["estimate"] == "") & (table.get("note", "") == "")]
    assert unexplained.empty
    told = (folder / "output" / "stage_effects.txt").read_text(encoding="utf-8")
    assert "Poisson with log(documents) as offset of out_intensity" in told
    assert "national stages are absorbed by week effects" in told


def test_networks_keep_to_the_plan(built):
    folder, _ = built
    panel = assemble_study(folder / "study.toml")
    network = pd.read_csv(folder / "output" / "network.csv", index_col=0)
    assert network.loc["periods"].sum() == 28  # weeks of the window
    volume = (network.loc["volume"] * network.loc["periods"]).sum()
    assert volume == pytest.approx(panel.data["out_intensity"].sum(), rel=1e-3)  # rounded to three decimals
    assert "strongest of" in (folder / "output" / "network.svg").read_text(encoding="utf-8")


def test_the_paper_has_the_title_of_the_plan(built):
    folder, _ = built
    assert b"Quite another title" in (folder / "paper" / "paper.pdf").read_bytes()
    typst = (folder / "paper" / "paper.typ").read_text(encoding="utf-8")
    assert "plan.title" in typst
    assert make(folder, "-q").returncode == 0


def test_the_example_data_hold_the_effects_that_the_template_tells_of():
    """The simulated truth .6 and .3 lies inside the intervals, zero outside: outbreak and continuation."""
    import panelcoop as pc

    panel = assemble_study(ROOT / "panelcoop/template/study.toml")
    fit = pc.stage_interaction(
        panel, outcome="out_intensity", drivers=panel.columns_of("driver"), family=pc.Poisson("documents")
    )
    found = fit.inference(["WCR"], ["risk:outbreak", "risk:continuation", "risk:recovery"])
    low, high = found["conf_low"].astype(float).to_numpy(), found["conf_high"].astype(float).to_numpy()
    truth = [0.6, 0.3, 0.0]
    assert ((low < truth) & (truth < high)).all()
    assert (low[:2] > 0).all()
