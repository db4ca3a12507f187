"""The command line: codes 0, 1 and 2, no tracebacks, and a new study that builds."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from panelcoop.cli import app
from panelcoop.simulate import simulate_events

COMMANDS = ["new", "validate", "assemble", "describe", "fetch", "code-sample"]


def run(*arguments):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def study(tmp_path):
    drawn = simulate_events(regions=4, weeks=5, faults=1, seed=1)
    drawn.events.to_csv(tmp_path / "events.csv", index=False)
    drawn.regions.to_csv(tmp_path / "regions.csv", index=False)
    drawn.documents.to_csv(tmp_path / "documents.csv", index=False)
    drawn.events.iloc[: -len(drawn.faults)].to_csv(tmp_path / "good.csv", index=False)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"Example: panelcoop {command}" in " ".join(result.output.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["validate"],
        ["validate", "x.csv", "--unknown"],
        ["validate", "x.csv", "--unit", "month"],
        ["validate", "x.csv", "--first", "2020-W01"],
        ["fetch", "nowhere"],
        ["fetch", "titles"],
        ["code-sample"],
        ["code-sample", "x.csv", "--per-stratum", "0"],
    ],
)
def test_bad_usage_ends_with_two(arguments):
    assert run(*arguments).exit_code == 2


def test_a_folder_in_use_is_bad_usage(study):
    assert run("new", study).exit_code == 2


def test_validate_says_when_regions_were_not_checked(study):
    assert "regions were not checked" in run("validate", study / "events.csv").output


def test_validate_prints_every_problem_and_fails(study):
    result = run("validate", study / "events.csv", "--regions", study / "regions.csv", "--out", study / "checked")
    assert result.exit_code == 1
    assert "regions were not checked" not in result.output
    drawn = simulate_events(regions=4, weeks=5, faults=1, seed=1)
    for row in drawn.faults["row"]:
        assert f"events.csv: row {row}" in result.output
    for words in (
        "impossible date",
        "unknown region",
        "self-loop",
        "unknown mechanism",
        "negative weight",
        "duplicate",
    ):
        assert words in result.output
    assert len(pd.read_parquet(study / "checked" / "rejected.parquet")) == 6


def test_validate_accepts_a_good_log(study):
    result = run("validate", study / "good.csv", "--regions", study / "regions.csv")
    assert result.exit_code == 0
    assert "0 rejected" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["validate", "absent.csv"],
        ["assemble", "absent.toml"],
        ["describe", "absent"],
        ["code-sample", "absent.xlsx"],
        ["code-sample", "--score", "absent.csv"],
        ["validate", "absent.csv", "--regions", "absent.csv"],
    ],
)
def test_bad_input_is_one_sentence(arguments):
    result = run(*arguments)
    assert result.exit_code == 1
    assert "Error: " in result.output


def test_assemble_and_describe(study):
    options = ["--regions", study / "regions.csv", "--documents", study / "documents.csv", "--out", study / "panel"]
    assert run("assemble", study / "events.csv", *options).exit_code == 0
    assert {"panel.parquet", "columns.csv", "ledger.csv", "rejected.parquet"} <= {
        path.name for path in (study / "panel").iterdir()
    }
    described = run("describe", study / "panel")
    assert described.exit_code == 0
    assert "4 regions x 5 weeks" in described.output
    assert "effective_partners" in described.output
    assert "reject" in run("describe", study / "events.csv").output


def test_code_sample_and_score(tmp_path):
    titles = pd.DataFrame(
        {"prov": "山东", "date": "2020-02-03", "title": ["援鄂医疗队", "合作社", "复工", "对口支援黄冈"]}
    )
    titles.to_csv(tmp_path / "titles.csv", index=False)
    drawn = run("code-sample", tmp_path / "titles.csv", "--out", tmp_path / "sheet.csv", "--per-stratum", "5")
    assert drawn.exit_code == 0
    sheet = pd.read_csv(tmp_path / "sheet.csv")
    assert len(sheet) == 4
    sheet["hand_mechanism"] = ["other" if "援鄂" in t else "none" for t in sheet["title"]]
    sheet.to_csv(tmp_path / "sheet.csv", index=False)
    scored = run("code-sample", "--score", tmp_path / "sheet.csv")
    assert scored.exit_code == 0
    assert "4 hand-coded titles" in scored.output


def test_a_new_study_builds(tmp_path):
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    assert run("new", tmp_path / "mine").exit_code == 0
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "PYTHON": sys.executable}
    done = subprocess.run(["make"], cwd=tmp_path / "mine", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine" / "paper" / "paper.pdf").stat().st_size > 10_000
    again = subprocess.run(["make", "-q"], cwd=tmp_path / "mine", env=environment, check=False)
    assert again.returncode == 0
    described = run("describe", tmp_path / "mine" / "study.toml")
    assert "EMPTY" in described.output
