"""The shipped figures: the manifest tells the truth, they can be rebuilt, and a changed file is noticed."""

import functools
import http.server
import io
import json
import lzma
import shutil
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.sources import registry
from panelcoop.panel.sources.build import compare_figures, rebuild_data
from panelcoop.panel.sources.epidemic import cases_with_early_counts
from panelcoop.panel.sources.facts import FILES, load_facts, read_patient_transfers
from panelcoop.panel.sources.manifest import MANIFEST, describe_file, read_manifest, sha256_of
from panelcoop.panel.sources.registry import FOLDERS, ORIGINALS, inputs
from panelcoop.panel.sources.shipped import (
    POSITIONS_FILE,
    VARIABLES,
    load_ledger,
    load_positions,
    load_weekly,
    weekly_file,
)
from panelcoop.panel.weeks import WEEKS

SHIPPED_LIMIT = 3_000_000  # bytes: data/ stays small


@pytest.fixture
def data(root):
    return root / "data"


@pytest.fixture
def copy(data, tmp_path):
    """A copy of the data folder that a test may spoil."""
    return shutil.copytree(data, tmp_path / "data")


def edit(path, change):
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    change(table).to_csv(path, index=False, lineterminator="\n")


def reasons(figures):
    return " ".join(figures.ledger.rows["reason"])


def test_the_manifest_agrees_with_every_file(data):
    manifest = read_manifest(data)
    files = {str(path.relative_to(data)) for path in data.rglob("*.csv")}
    assert set(manifest["files"]) == files
    for name, told in manifest["files"].items():
        assert describe_file((data / name).read_bytes()) == told, name
    assert {o.name: o.sha256 or "not pinned" for o in ORIGINALS} == {
        k: v["sha256"] for k, v in manifest["originals"].items()
    }
    assert sum(path.stat().st_size for path in data.rglob("*") if path.is_file()) < SHIPPED_LIMIT


def test_the_readme_names_every_file_and_every_checksum(data):
    text = (data / "README.md").read_text(encoding="utf-8")
    for path in data.rglob("*.csv"):
        assert path.name in text, path.name
    for original in ORIGINALS:
        assert original.name in text
        assert original.mirror_sha256 in text
        assert (original.sha256 or "not pinned") in text


def test_shipped_figures_are_complete_in_regions_and_weeks(data):
    for source, variables in VARIABLES.items():
        figures = load_weekly(source, folder=data)
        assert list(figures.frame.columns[:2]) == ["iso", "week"]
        assert set(variables) == set(figures.frame.columns[2:])
        assert figures.frame["iso"].nunique() == 31
        assert len(figures.frame) == 31 * figures.frame["week"].nunique()
        assert (figures.frame["week"].dt.day_of_week == 0).all()
        assert "differs" not in reasons(figures)
    oxcgrt = load_weekly("oxcgrt", folder=data).frame
    study = oxcgrt["week"].isin(WEEKS.range("2020-W01", "2022-W52"))
    assert oxcgrt[study].notna().all().all()
    assert study.sum() == 31 * 157


def test_known_numbers_of_the_outbreak(data):
    cases = cases_with_early_counts(load_weekly("jhu", folder=data), load_weekly("canghailan", folder=data))
    hubei = cases.wide("new_cases")["CN-HB"]
    assert hubei.idxmax() == pd.Timestamp("2020-02-10")
    assert hubei.loc[:"2020-04-26"].sum() + 1 == 68128  # what Hubei had reported by 26 April 2020
    assert cases.wide("new_deaths")["CN-HB"].loc["2020-04-13"] == 1293
    assert cases.wide("new_cases").loc["2019-12-30":"2020-01-13"].drop(columns=["CN-HB", "CN-GD"]).isna().all().all()


def test_rebuilding_from_the_mirror_gives_the_shipped_bytes(data, mirror):
    checks = rebuild_data(data, mirror=str(mirror))
    assert [check.name for check in checks if not check.identical] == []
    assert {MANIFEST, *map(weekly_file, VARIABLES)} <= {check.name for check in checks}


def public_originals(mirror, folder):
    """Write the mirror's files as the public addresses serve them: plain, in the originals' layouts."""
    for original in ORIGINALS:
        content = lzma.decompress((mirror / FOLDERS[original.source] / original.mirror_name).read_bytes())
        if original.source == "jhu":
            table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
            short = {c: f"{c[:-4]}{c[-2:]}" for c in table.columns[4:]}
            names = {"Province": "Province/State", "Country": "Country/Region", "Lon": "Long", **short}
            content = table.rename(columns=names).to_csv(index=False).encode()
        if original.source == "canghailan":
            table = pd.read_csv(io.BytesIO(content), dtype=str).assign(
                country="中国", countryCode="CN", city="", cityCode=""
            )
            nation = table.iloc[:40].assign(province="", provinceCode="")
            city = table.iloc[:40].assign(city="武汉市", cityCode="420100")
            abroad = table.iloc[:40].assign(country="美国", countryCode="US", province="New York")
            content = pd.concat([nation, table, city, abroad]).to_csv(index=False).encode()
        target = folder / original.address.removeprefix(f"{registry.HOST}/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def test_rebuilding_from_the_public_layout_over_http_gives_the_shipped_bytes(data, mirror, tmp_path, monkeypatch):
    public_originals(mirror, tmp_path / "public")
    handler = functools.partial(Quiet, directory=str(tmp_path / "public"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        monkeypatch.delenv("PANELCOOP_MIRROR", raising=False)
        monkeypatch.setattr(registry, "HOST", f"http://127.0.0.1:{server.server_address[1]}")
        raw = {source: registry.gather(source, cache=tmp_path / "cache") for source in FOLDERS}
        server.shutdown()
        thread.join(timeout=5)
    monkeypatch.undo()
    for source, folder in raw.items():
        assert {path.name for path in folder.iterdir()} == {original.name for original in inputs(source)}
    flat = tmp_path / "flat"
    for source, folder in raw.items():
        shutil.copytree(folder, flat / FOLDERS[source])
    assert [check.name for check in rebuild_data(data, mirror=str(flat)) if not check.identical] == []


def test_a_difference_is_shown_cell_by_cell(copy):
    name = weekly_file("jhu")
    rebuilt = (copy / name).read_bytes()
    edit(copy / name, lambda t: t.assign(new_cases=t["new_cases"].where(t["week"] != "2020-W07", "7")).iloc[:-1])
    check = compare_figures(name, rebuilt, copy)
    assert not check.identical
    cells = check.differences.set_index(["iso", "week", "column"])
    assert tuple(cells.loc[("CN-HB", "2020-W07", "new_cases")]) == ("7", "28551")
    assert (cells["shipped"] == "(absent)").sum() == 4
    assert "28551" in str(check) or "more cells" in str(check)
    (copy / name).unlink()
    assert "absent" in str(compare_figures(name, rebuilt, copy))


def test_the_script_says_identical_or_fails(root, copy, mirror, tmp_path):
    script = (root / "analysis" / "data.py").read_text(encoding="utf-8")
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "data.py").write_text(script, encoding="utf-8")
    environment = {"PANELCOOP_MIRROR": str(mirror), "PYTHONPATH": str(root), "PATH": "", "OMP_NUM_THREADS": "1"}

    def run(*arguments):
        command = [sys.executable, str(tmp_path / "analysis" / "data.py"), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    name = weekly_file("gpl_covid")
    shipped = (copy / name).read_bytes()
    edit(copy / name, lambda t: t.iloc[1:])
    spoiled = run()
    assert spoiled.returncode == 1
    assert "weekly/gpl_covid.csv: DIFFERENT in 3 cells" in spoiled.stdout
    assert "weekly/oxcgrt.csv: identical" in spoiled.stdout
    assert run("--write").returncode == 0
    assert (copy / name).read_bytes() == shipped


def test_a_blank_cell_and_a_missing_province_are_in_the_ledger(copy):
    def spoil(table):
        table.loc[(table["iso"] == "CN-HB") & (table["week"] == "2020-W06"), "stringency"] = ""
        return table[table["iso"] != "CN-XZ"]

    edit(copy / weekly_file("oxcgrt"), spoil)
    figures = load_weekly("oxcgrt", folder=copy)
    rows = figures.ledger.rows
    weeks = figures.frame["week"].nunique()
    assert figures.frame["iso"].nunique() == 31
    assert rows[rows["region"] == "CN-XZ"]["count"].tolist() == [weeks]
    shorter = rows[rows["reason"].str.contains("shipped with a value") & (rows["variable"] == "stringency")]
    assert shorter["count"].tolist() == [weeks + 1]
    assert "differs from the shipped file" in reasons(figures)


def test_a_missing_last_week_is_in_the_ledger(copy):
    edit(copy / weekly_file("jhu"), lambda t: t[t["week"] != t["week"].max()])
    figures = load_weekly("jhu", folder=copy)
    absent = figures.ledger.rows[figures.ledger.rows["reason"].str.contains("region-week absent")]
    assert absent["count"].sum() == 31


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda t: t.drop(columns="new_deaths"), "has no column 'new_deaths'"),
        (lambda t: t.drop(columns="week"), "has no column 'week'"),
        (lambda t: pd.concat([t, t.iloc[[5]]]), "1 region-weeks occur twice"),
        (lambda t: t.replace("CN-HB", "CN-ZZ"), "CN-ZZ is no code"),
        (lambda t: t.replace("2020-W07", "2020-W70"), "no week 70"),
        (lambda t: t.replace("28551", "many"), "holds many"),
        (lambda t: t.replace("28551", "-3"), "1 impossible values of 'new_cases'"),
    ],
)
def test_a_spoiled_file_is_an_error(copy, spoil, says):
    edit(copy / weekly_file("jhu"), spoil)
    with pytest.raises(DataError, match=says):
        load_weekly("jhu", folder=copy)


def test_positions_lie_where_provinces_are(copy):
    places = load_positions(copy)
    assert len(places) == 31
    assert places["latitude"].idxmin() == "CN-HI"
    assert places["longitude"].idxmax() == "CN-HL"
    path = copy / POSITIONS_FILE
    path.write_text(path.read_text().replace("CN-HI,110", "CN-HI,1100"))
    with pytest.raises(DataError, match="CN-HI is unknown, stands twice, or lies off the earth"):
        load_positions(copy)


def test_missing_files_are_errors(copy, tmp_path):
    with pytest.raises(DataError, match="must be one of oxcgrt"):
        load_weekly("who", folder=copy)
    with pytest.raises(DataError, match="restore it"):
        load_weekly("jhu", folder=tmp_path / "nowhere")
    with pytest.raises(DataError, match="restore it"):
        load_ledger(tmp_path / "nowhere")
    (copy / MANIFEST).write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        load_weekly("jhu", folder=copy)


def test_facts_are_what_the_documents_say(data):
    facts = load_facts(data)
    assert len(facts.provinces) == 31
    assert len(facts.contiguity) == 68
    assert facts.counterparts["donor"].nunique() == 19
    assert facts.counterparts["hubei_recipient"].nunique() == 16
    assert len(facts.response_levels) == 88
    assert facts.stages["first_day"].dt.strftime("%m-%d").tolist() == ["12-27", "01-20", "02-21", "03-18", "04-29"]
    rows = facts.ledger.rows
    assert sorted(rows[rows["action"] == "missing"]["region"]) == ["CN-GZ", "CN-SN"]
    assert rows[rows["variable"] == "contiguity"]["region"].tolist() == ["CN-HI"]
    assert rows["reason"].str.contains("lower level before level I").sum() == 4
    implied = facts.provinces["grp_2018_100m_yuan"] * 1e8 / facts.provinces["grp_per_capita_2018_yuan"]
    np.testing.assert_allclose(facts.provinces["population_2018_implied"], implied, atol=501)
    transfers = read_patient_transfers(data / "facts" / FILES["patient_transfers"])
    assert len(transfers) == 25
    assert transfers["patients"].iloc[-1] == 172


def test_a_deleted_province_is_in_the_ledger_of_the_facts(copy):
    edit(copy / "facts" / FILES["provinces"], lambda t: t[t["iso"] != "CN-XZ"])
    rows = load_facts(copy).ledger.rows
    assert "CN-XZ" in set(rows[rows["reason"].str.contains("absent from the table of provinces")]["region"])
    assert rows["reason"].str.contains("differs from the shipped file").sum() == 1


@pytest.mark.parametrize(
    ("table", "spoil", "says"),
    [
        ("provinces", lambda t: t.drop(columns="tertiary_share_2019"), "has no column 'tertiary_share_2019'"),
        ("provinces", lambda t: t.assign(grp_2018_100m_yuan="100"), "not product over product per head"),
        ("provinces", lambda t: t.replace("CN-HB", "HB"), "HB is no code"),
        ("contiguity", lambda t: pd.concat([t, t.iloc[[3]].rename(columns={"a": "b", "b": "a"})]), "repeat the key"),
        ("contiguity", lambda t: t.assign(b=t["a"]), "paired with itself"),
        ("stages", lambda t: t.replace("2020-02-21", "2020-02-23"), "stage III does not begin on the day after"),
        ("stages", lambda t: t.drop(index=2), "stage IV does not begin"),
        ("response_levels", lambda t: t.replace("III", "3"), "3 is no response level"),
        ("response_levels", lambda t: t.replace("2020-01-24", "24 January"), "24 January"),
        ("counterparts", lambda t: pd.concat([t, t.iloc[[0]]]), "repeat the key"),
    ],
)
def test_spoiled_facts_are_errors(copy, table, spoil, says):
    edit(copy / "facts" / FILES[table], spoil)
    with pytest.raises(DataError, match=says):
        load_facts(copy)


def test_facts_equal_the_mirror(data, mirror):
    for name in FILES.values():
        assert sha256_of((data / "facts" / name).read_bytes()) == sha256_of((mirror / "facts" / name).read_bytes())
    assert json.loads((data / MANIFEST).read_text(encoding="utf-8"))["files"].keys() >= {
        f"facts/{n}" for n in FILES.values()
    }
