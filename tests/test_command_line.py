"""The command line: codes 0, 1 and 2, no tracebacks, and a new study that builds."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import panelcoop as pc
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
        ["assemble", "x.csv", "--level", "village"],
        ["assemble", "x.csv", "--engine", "sqlite"],
        ["assemble", "study.toml", "--encoding", "gb18030"],
        ["assemble", "study.toml", "--first", "2020-W01", "--last", "2020-W09"],
        ["validate", "study.toml", "--unit", "day"],
        ["validate", "x.csv", "--code-changes", "changes.csv"],
    ],
)
def test_bad_usage_ends_with_two(arguments):
    assert run(*arguments).exit_code == 2


def test_a_folder_in_use_is_bad_usage(study):
    assert run("new", study).exit_code == 2


def test_version():
    assert run("--version").output.strip() == f"panelcoop {pc.__version__}"


def test_what_is_written_never_lies_among_the_files_of_the_log(study):
    (study / "log").mkdir()
    (study / "good.csv").rename(study / "log" / "good.csv")
    for out in (study / "log", study / "log" / "panel"):
        for command in ("assemble", "validate"):
            result = run(command, study / "log", "--out", out)
            assert result.exit_code == 2
            assert "among" in result.output
    assert run("validate", study / "log", "--regions", study / "regions.csv", "--out", study / "checked").exit_code == 0
    assert run("validate", study / "checked" / "events.parquet", "--out", study / "checked").exit_code == 2


def test_encodings_are_named_and_read(study):
    table = pd.read_csv(study / "good.csv", dtype=str, keep_default_na=False).rename(columns={"document": "文件"})
    table.to_csv(study / "gbk.csv", index=False, encoding="gb18030")
    options = ["--regions", study / "regions.csv"]
    for command in ("validate", "assemble", "describe"):
        result = run(command, study / "gbk.csv")
        assert result.exit_code == 1
        assert "--encoding" in result.output
    assert run("validate", study / "gbk.csv", "--encoding", "gb18030", *options).exit_code == 0
    assert run("assemble", study / "gbk.csv", "--encoding", "gb18030", *options, "--out", study / "p").exit_code == 0
    assert "文件" in run("describe", study / "gbk.csv", "--encoding", "gb18030").output


def test_validate_names_misspelt_columns(study):
    pd.read_csv(study / "good.csv").rename(columns={"formality": "formalty"}).to_csv(study / "good.csv", index=False)
    result = run("validate", study / "good.csv", "--regions", study / "regions.csv")
    assert "column 'formalty' is not read; did you mean 'formality'?" in result.output


def test_old_codes_are_read_as_new_ones(study):
    table = pd.read_csv(study / "good.csv", dtype=str, keep_default_na=False)
    table.assign(source=table["source"].replace("R1", "R1old")).to_csv(study / "old.csv", index=False)
    pd.DataFrame({"old": ["R1old"], "new": ["R1"], "since": ["2019-01-01"]}).to_csv(study / "changes.csv", index=False)
    options = ["--regions", study / "regions.csv"]
    assert run("validate", study / "old.csv", *options).exit_code == 1
    result = run("validate", study / "old.csv", *options, "--code-changes", study / "changes.csv")
    assert result.exit_code == 0
    assert "old code 'R1old' read as 'R1'" in result.output


def test_logs_in_folders_and_parquet_are_described(study):
    (study / "log").mkdir()
    pd.read_csv(study / "good.csv").to_parquet(study / "log" / "good.parquet")
    for source in (study / "log", study / "log" / "good.parquet"):
        assert run("describe", source).output.startswith("EventLog: ")


def test_a_plan_is_checked_with_its_log_and_tables(tmp_path):
    plan = tmp_path / "mine" / "study.toml"
    assert run("new", plan.parent).exit_code == 0
    result = run("validate", plan)
    assert result.exit_code == 0
    assert "0 rejected" in result.output
    assert "10 regions x 40 weeks" in result.output
    plan.write_text(plan.read_text().replace('first = "2020-W02"', 'first = "2020-W10"'))
    assert run("validate", plan).exit_code == 1


def test_rejected_rows_of_a_plan_are_those_of_its_ledger(tmp_path):
    plan = tmp_path / "mine" / "study.toml"
    assert run("new", plan.parent).exit_code == 0
    text = plan.read_text().replace('first = "2020-W02"', 'first = "2020-W10"')
    plan.write_text(text.replace('last = "2020-W41"', 'last = "2020-W30"'))
    assert run("assemble", plan, "--out", tmp_path / "by_command").exit_code == 0
    script = [sys.executable, "scripts/build_panel.py"]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    subprocess.run(script, cwd=plan.parent, env=environment, capture_output=True, check=True)
    for folder in (tmp_path / "by_command", plan.parent / "output"):
        ledger = pd.read_csv(folder / "ledger.csv")
        dropped = ledger[(ledger["action"] == "dropped") & (ledger["source"] == "events.csv")]
        rejected = pd.read_parquet(folder / "rejected.parquet")
        assert len(rejected) == dropped["count"].sum() > 0
        assert set(rejected["reasons"]) == {"outside the calendar (2020-W10 to 2020-W30)"}


def test_validate_says_when_regions_were_not_checked(study):
    assert "regions were not checked" in run("validate", study / "events.csv").output


def test_validate_says_when_the_calendar_was_not_checked(study):
    words = "the calendar was not checked: give --first and --last"
    assert words in run("validate", study / "events.csv").output
    window = ("--first", "2020-W01", "--last", "2020-W30")
    assert words not in run("validate", study / "events.csv", *window).output


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


def test_code_sample_in_another_encoding(tmp_path):
    titles = pd.DataFrame({"prov": "山东", "date": ["2020-02-03"], "title": "援鄂医疗队"})
    titles.to_csv(tmp_path / "titles.csv", index=False, encoding="gb18030")
    draw = ["code-sample", tmp_path / "titles.csv", "--out", tmp_path / "sheet.csv"]
    assert "--encoding" in run(*draw).output or "gb18030" in run(*draw).output
    assert run(*draw, "--encoding", "gb18030").exit_code == 0
    sheet = pd.read_csv(tmp_path / "sheet.csv").assign(hand_mechanism="other")
    sheet.to_csv(tmp_path / "sheet.csv", index=False, encoding="gb18030")
    assert "1 hand-coded" in run("code-sample", "--score", tmp_path / "sheet.csv", "--encoding", "gb18030").output


def test_code_sample_without_a_good_title(tmp_path):
    (tmp_path / "titles.csv").write_text("prov,date,title\n", encoding="utf-8")
    drawn = run("code-sample", tmp_path / "titles.csv")
    assert drawn.exit_code == 1
    assert "no good title" in drawn.output


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
