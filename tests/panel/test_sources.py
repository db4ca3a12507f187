"""Adapters: both layouts give the same figures, and whatever an input lacks is an error or a ledger line."""

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.regions import china_provinces
from panelcoop.panel.sources.aggregate import complete_days, weekly_counts, weekly_mean
from panelcoop.panel.sources.canghailan import read_canghailan, weekly_canghailan
from panelcoop.panel.sources.epidemic import cases_with_early_counts
from panelcoop.panel.sources.gpl_covid import first_dates, province_positions, read_gpl_covid, weekly_gpl_covid
from panelcoop.panel.sources.jhu import read_jhu, weekly_jhu
from panelcoop.panel.sources.oxcgrt import INDICES, read_oxcgrt, weekly_oxcgrt
from panelcoop.panel.weeks import WEEKS

CHINA = china_provinces()
NAMES = CHINA.table["name"]
RNG = np.random.default_rng(20200127)
EXACT = 1e-9  # sums and means of a few decimals, rounded to six
ROUNDING = 5e-7


def wide_oxcgrt(days, values):
    head = pd.DataFrame(
        {
            "CountryCode": "CHN",
            "CountryName": "China",
            "RegionCode": CHINA.table["oxcgrt_code"].to_numpy(),
            "RegionName": NAMES.to_numpy(),
            "CityCode": "",
            "CityName": "",
            "Jurisdiction": "STATE_TOTAL",
        }
    )
    table = pd.concat([head, pd.DataFrame(values, columns=[f"{day:%d%b%Y}" for day in days])], axis=1)
    nation = table.iloc[[0]].assign(RegionCode="", RegionName="", Jurisdiction="NAT_TOTAL")
    abroad = table.iloc[[0]].assign(CountryCode="USA", RegionCode="US_NY")
    return pd.concat([abroad, table, nation], ignore_index=True)


@pytest.fixture
def oxcgrt(tmp_path):
    days = pd.date_range("2020-01-01", "2020-02-03")
    for name in INDICES.values():
        wide_oxcgrt(days, RNG.integers(0, 10001, (31, len(days))) / 100).to_csv(tmp_path / name, index=False)
    return tmp_path


def change(path, edit):
    """Read a table as text, edit it, write it back."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    edited = edit(table)
    (table if edited is None else edited).to_csv(path, index=False)


def lines(figures, **where):
    rows = figures.ledger.rows
    for column, value in where.items():
        rows = rows[rows[column].astype(str).str.contains(value, regex=False)]
    return rows


def test_oxcgrt_weeks_are_means_of_the_observed_days(oxcgrt):
    figures = weekly_oxcgrt(oxcgrt)
    raw = pd.read_csv(oxcgrt / INDICES["stringency"]).set_index("RegionCode")
    hubei = raw.loc["CHN_HB"].iloc[6:].astype(float)
    shown = figures.wide("stringency")["CN-HB"]
    assert list(WEEKS.labels(shown.index)) == ["2020-W01", "2020-W02", "2020-W03", "2020-W04", "2020-W05"]
    assert shown.iloc[0] == pytest.approx(hubei.iloc[:5].mean(), abs=ROUNDING)
    assert shown.iloc[1] == pytest.approx(hubei.iloc[5:12].mean(), abs=ROUNDING)
    assert len(figures.frame) == 31 * 5
    assert list(lines(figures, action="noted")["count"]) == [31] * 4
    assert set(lines(figures, action="missing")["week"]) == {"2020-W06"}
    assert set(lines(figures, action="excluded")["count"]) == {1}


def test_oxcgrt_reads_compressed_files_alike(oxcgrt, tmp_path_factory):
    packed = tmp_path_factory.mktemp("packed")
    for name in INDICES.values():
        pd.read_csv(oxcgrt / name, dtype=str, keep_default_na=False).to_csv(packed / f"{name}.xz", index=False)
    pd.testing.assert_frame_equal(weekly_oxcgrt(oxcgrt).frame, weekly_oxcgrt(packed).frame)


def test_oxcgrt_a_deleted_cell_a_deleted_day_and_a_deleted_province_are_in_the_ledger(oxcgrt):
    path = oxcgrt / INDICES["stringency"]

    def spoil(table):
        table.loc[table["RegionCode"] == "CHN_HB", "15Jan2020"] = ""
        return table[table["RegionCode"] != "CHN_XZ"].drop(columns="22Jan2020")

    change(path, spoil)
    figures = weekly_oxcgrt(oxcgrt)
    assert figures.wide("stringency")["CN-XZ"].isna().all()
    assert lines(figures, region="CN-XZ", variable="stringency", reason="region absent").shape[0] == 1
    assert lines(figures, region="CN-HB", week="2020-W03", reason="6 of 7 days").shape[0] == 1
    assert lines(figures, reason="day absent from the source (2020-01-22)")["count"].tolist() == [30]
    assert figures.wide("containment_health")["CN-XZ"].notna().all()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda t: t.drop(columns="RegionCode"), "has no column 'RegionCode'"),
        (lambda t: t.rename(columns={"Jurisdiction": "Juristiction"}), "did you mean 'Juristiction'"),
        (lambda t: t.replace("CHN_HB", "CHN_ZZ"), "'CHN_ZZ'"),
        (lambda t: pd.concat([t, t[t["RegionCode"] == "CHN_HB"]]), "several STATE_TOTAL rows for CN-HB"),
        (lambda t: t.rename(columns={"15Jan2020": "15th of January"}), "15th of January"),
        (lambda t: t.assign(**{"15Jan2020": "high"}), r"31 cells are no numbers \(high"),
        (lambda t: t.assign(**{"15Jan2020": "101"}), "31 values outside 0 to 100"),
    ],
)
def test_oxcgrt_says_what_is_wrong(oxcgrt, spoil, says):
    path = oxcgrt / INDICES["stringency"]
    change(path, spoil)
    with pytest.raises(DataError, match=says):
        read_oxcgrt(path, variable="stringency")


def test_a_missing_or_empty_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        weekly_oxcgrt(tmp_path / "nowhere")
    (tmp_path / INDICES["stringency"]).write_text("")
    with pytest.raises(DataError, match="empty or damaged"):
        weekly_oxcgrt(tmp_path)


JHU_DAYS = pd.date_range("2020-01-22", "2020-02-20")


def jhu_table(values, layout):
    date = (
        (lambda day: f"{day.month}/{day.day}/{day:%y}")
        if layout == "public"
        else (lambda day: f"{day.month}/{day.day}/{day.year}")
    )
    names = [*NAMES, "Hong Kong", "Unknown", ""]
    place = (
        ("Province/State", "Country/Region", "Lat", "Long")
        if layout == "public"
        else ("Province", "Country", "Lat", "Lon")
    )
    head = pd.DataFrame({place[0]: names, place[1]: ["China"] * 33 + ["France"], place[2]: 0.0, place[3]: 0.0})
    extra = np.vstack([values, np.ones((3, values.shape[1]))])
    return pd.concat([head, pd.DataFrame(extra.astype(int), columns=[date(day) for day in JHU_DAYS])], axis=1)


@pytest.fixture
def counts():
    values = np.cumsum(np.random.default_rng(7).integers(0, 9, (31, len(JHU_DAYS))), axis=1).astype(float)
    values[:, 20] -= 3  # 11 February: a correction that may turn the day negative
    values[16, 12:] -= values[16, 12] - 1  # Hubei falls on 3 February and stays low
    return values


@pytest.fixture(params=["public", "mirror"])
def jhu(request, tmp_path, counts):
    for name in ("confirmed", "deaths"):
        jhu_table(counts, request.param).to_csv(tmp_path / f"time_series_covid19_{name}_global.csv", index=False)
    return tmp_path


def test_jhu_weeks_are_sunday_to_sunday_in_both_layouts(jhu, counts):
    figures = weekly_jhu(jhu)
    shown = figures.wide("new_cases")
    assert list(WEEKS.labels(shown.index)) == ["2020-W04", "2020-W05", "2020-W06", "2020-W07"]
    sundays = [JHU_DAYS.get_loc(pd.Timestamp(day)) for day in ("2020-01-26", "2020-02-02", "2020-02-09", "2020-02-16")]
    net = np.diff(counts[:, sundays], axis=1)
    assert shown.iloc[0].isna().all()
    np.testing.assert_allclose(shown.iloc[1:].T.loc[CHINA.codes], np.maximum(net, 0), atol=EXACT)
    np.testing.assert_allclose(figures.wide("cumulative_cases").T.loc[CHINA.codes], counts[:, sundays], atol=EXACT)


def test_jhu_corrections_are_in_the_ledger(jhu, counts):
    figures = weekly_jhu(jhu)
    negative_days = int((np.diff(counts, axis=1) < 0).sum())
    assert len(lines(figures, variable="new_cases", reason="negative daily change")) == negative_days
    assert lines(figures, variable="new_cases", reason="negative weekly change")["region"].tolist() == ["CN-HB"]
    assert lines(figures, variable="new_cases", action="dropped")["week"].tolist() == ["2020-W08"]
    assert lines(figures, variable="new_cases", reason="row of another country")["count"].tolist() == [1]
    assert len(lines(figures, variable="new_cases", reason="Unknown")) == 1
    assert lines(figures, region="CN-HB", variable="new_cases", reason="jump of definition")["week"].tolist() == [
        "2020-W07"
    ]


def test_jhu_a_deleted_cell_is_carried_forward_and_a_deleted_province_missing(jhu):
    path = jhu / "time_series_covid19_confirmed_global.csv"
    before = weekly_jhu(jhu).wide("new_cases")

    def spoil(table):
        sunday = next(column for column in table.columns if column.startswith("2/9/"))
        table.loc[table.iloc[:, 0] == "Gansu", sunday] = ""
        return table[table.iloc[:, 0] != "Tibet"]

    change(path, spoil)
    figures = weekly_jhu(jhu)
    assert lines(figures, region="CN-GS", variable="new_cases", action="imputed")["count"].tolist() == [1]
    assert lines(figures, region="CN-XZ", variable="new_cases", reason="region absent").shape[0] == 1
    assert figures.wide("new_cases")["CN-XZ"].isna().all()
    after = figures.wide("new_cases")["CN-GS"]
    assert after.iloc[2] + after.iloc[3] == pytest.approx(before["CN-GS"].iloc[2] + before["CN-GS"].iloc[3], abs=EXACT)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda t: t.drop(columns=t.columns[0]), "has no column 'Province'"),
        (lambda t: t.assign(**{t.columns[0]: t.iloc[:, 0].replace("Hubei", "Hubie")}), "'Hubie'.*Hubei"),
        (lambda t: pd.concat([t, t.iloc[[2]]]), "several rows for CN-HE"),
        (lambda t: t.rename(columns={t.columns[9]: "yesterday"}), "yesterday"),
    ],
)
def test_jhu_says_what_is_wrong(jhu, spoil, says):
    path = jhu / "time_series_covid19_confirmed_global.csv"
    change(path, spoil)
    with pytest.raises(DataError, match=says):
        read_jhu(path, variable="new_cases")


def canghailan_rows():
    days = pd.date_range("2019-12-01", "2020-02-05")
    full = CHINA.table["full_name_zh"]
    listed = {"CN-HB": "2019-12-01", "CN-GD": "2020-01-19", "CN-XZ": "2020-01-28"}
    rows = []
    for code in CHINA.codes:
        begins = pd.Timestamp(listed.get(code, "2020-01-21"))
        rows += [(f"{day:%Y-%m-%d}", full[code], 2 * k + 1, 0, 0, k // 9) for k, day in enumerate(days[days >= begins])]
    rows += [(f"{day:%Y-%m-%d}", "香港特别行政区", 1, 0, 0, 0) for day in days[-5:]]
    return pd.DataFrame(rows, columns=["date", "province", "confirmed", "suspected", "cured", "dead"])


@pytest.fixture(params=["public", "mirror"])
def canghailan(request, tmp_path):
    table = canghailan_rows()
    if request.param == "mirror":
        table.to_csv(tmp_path / "china_province_daily_2019-12-01_2020-12-08.csv.xz", index=False)
        return tmp_path
    world = table.assign(country="中国", countryCode="CN", city="", cityCode="", provinceCode="")
    nation = world.iloc[:5].assign(province="", confirmed=99)
    city = world.iloc[:5].assign(city="武汉市", cityCode="420100", confirmed=77)
    abroad = world.iloc[:5].assign(country="美国", countryCode="US", province="New York", confirmed=55)
    pd.concat([nation, world, city, abroad]).to_csv(tmp_path / "Wuhan-2019-nCoV.csv", index=False)
    return tmp_path


def test_canghailan_tells_zero_and_missing_apart(canghailan):
    shown = weekly_canghailan(canghailan).wide("new_cases")
    assert list(WEEKS.labels(shown.index)) == [f"2019-W{w}" for w in range(49, 53)] + [
        f"2020-W0{w}" for w in range(1, 6)
    ]
    assert shown["CN-HB"].tolist() == [14.0] * 9
    assert shown["CN-GD"].isna().tolist() == [True] * 6 + [False] * 3
    assert shown["CN-GD"].iloc[6] == 1.0  # first followed on 19 January: the whole count is new
    assert shown["CN-XZ"].isna().tolist() == [True] * 7 + [False] * 2
    assert shown["CN-XZ"].tolist()[7:] == [0.0, 11.0]  # zero while the country is followed, then the first cases
    assert shown["CN-BJ"].tolist()[7:] == [11.0, 14.0]


def test_canghailan_layouts_agree(canghailan):
    figures = weekly_canghailan(canghailan)
    assert lines(figures, reason="香港特别行政区", variable="new_cases")["count"].tolist() == [5]
    assert lines(figures, action="imputed", region="CN-XZ", variable="new_cases")["count"].tolist() == [8]
    assert figures.wide("new_deaths").sum().sum() == sum(
        group["dead"][group["date"] <= "2020-02-02"].iloc[-1]
        for name, group in canghailan_rows().groupby("province")
        if name != "香港特别行政区"
    )


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda t: t.drop(columns="confirmed"), "has no column 'confirmed'"),
        (lambda t: t.replace("湖北省", "湖北区"), "湖北区"),
        (lambda t: pd.concat([t, t.iloc[[40]]]), "1 province-days occur twice"),
        (lambda t: t.assign(date=t["date"].str.replace("2020-01-03", "3 Jan")), "3 Jan"),
    ],
)
def test_canghailan_says_what_is_wrong(tmp_path, spoil, says):
    path = tmp_path / "extract.csv"
    spoil(canghailan_rows()).to_csv(path, index=False)
    with pytest.raises(DataError, match=says):
        read_canghailan(path, variable="new_cases")


def test_early_counts_join_without_counting_twice(tmp_path, counts):
    for name in ("confirmed", "deaths"):
        jhu_table(np.abs(counts) + 600, "public").to_csv(
            tmp_path / f"time_series_covid19_{name}_global.csv", index=False
        )
    canghailan_rows().to_csv(tmp_path / "Wuhan-2019-nCoV.csv", index=False)
    jhu, early = weekly_jhu(tmp_path), weekly_canghailan(tmp_path)
    joined = cases_with_early_counts(jhu, early)
    shown = joined.wide("new_cases")
    assert shown.index[0] == early.frame["week"].min()
    assert shown.index[-1] == jhu.frame["week"].max()
    base = early.wide("cumulative_cases").iloc[0]["CN-HB"] - early.wide("new_cases").iloc[0]["CN-HB"]
    floor = sum(
        -float(before) for before in lines(jhu, region="CN-HB", variable="new_cases", reason="weekly")["before"]
    )
    assert shown["CN-HB"].sum() + base - floor == jhu.wide("cumulative_cases").iloc[-1]["CN-HB"]
    assert shown["CN-BJ"].isna().sum() == 7
    assert lines(joined, reason="own cumulative count less")["count"].tolist() == [31, 31]


@pytest.fixture
def cities(tmp_path):
    days = pd.date_range("2020-01-10", "2020-01-28")
    rng = np.random.default_rng(3)
    rows = [
        (name, f"{name} {city}", f"{day:%Y-%m-%d}", 1000 * (city + 1), *(rng.integers(0, 2, 3)))
        for name in [*NAMES.replace({"Inner Mongolia": "Neimenggu", "Tibet": "Xizang"}), "Macao"]
        for city in range(3)
        for day in days
    ]
    columns = [
        "adm1_name",
        "adm2_name",
        "date",
        "population",
        "travel_ban_local",
        "emergency_declaration",
        "home_isolation",
    ]
    table = pd.DataFrame(rows, columns=columns).assign(pop_is_imputed=0)
    table.to_csv(tmp_path / "CHN_processed.csv", index=False)
    return tmp_path


def test_gpl_covid_shares_equal_brute_force(cities):
    table = pd.read_csv(cities / "CHN_processed.csv", parse_dates=["date"])
    figures = weekly_gpl_covid(cities)
    shown = figures.wide("share_travel_ban")
    assert list(WEEKS.labels(shown.index)) == ["2020-W03", "2020-W04"]
    for name, code in [("Hubei", "CN-HB"), ("Neimenggu", "CN-NM")]:
        mine = table[(table["adm1_name"] == name) & table["date"].between("2020-01-20", "2020-01-26")]
        people = mine.groupby("date")["population"].sum()
        shares = [
            mine[(mine["date"] == d) & (mine["travel_ban_local"] == 1)]["population"].sum() / people[d]
            for d in people.index
        ]
        assert shown[code].iloc[1] == pytest.approx(np.mean(shares), abs=ROUNDING)
    assert lines(figures, reason="Macao")["count"].tolist() == [57]
    assert set(lines(figures, action="missing", variable="share_emergency")["week"]) == {"2020-W02", "2020-W05"}


def test_gpl_covid_places_a_province_where_its_people_live(cities):
    path = cities / "CHN_processed.csv"
    table = pd.read_csv(path)
    city = table["adm2_name"].str[-1].astype(int)
    placed = table.assign(lat=30.0 + city, lon=110.0 - city)
    lost = (placed["adm1_name"] == "Hubei") & (city == 2)
    placed.loc[lost, ["lat", "lon"]] = np.nan
    placed.to_csv(path, index=False)
    found = province_positions(cities).set_index("iso")
    assert found.loc["CN-GS", ["longitude", "latitude"]].tolist() == [108.6667, 31.3333]  # people 1 : 2 : 3
    assert found.loc["CN-HB"].tolist() == [109.3333, 30.6667, 3, 2]
    assert "Macao" not in found.index
    assert len(found) == 31
    placed.loc[placed["adm1_name"] == "Hubei", "lat"] = np.nan
    placed.to_csv(path, index=False)
    with pytest.raises(DataError, match="no city of CN-HB has coordinates"):
        province_positions(cities)


def test_gpl_covid_first_dates(cities):
    table = pd.read_csv(cities / "CHN_processed.csv", parse_dates=["date"])
    dates = first_dates(cities).set_index(["iso", "policy"])
    mine = table[(table["adm1_name"] == "Gansu") & (table["home_isolation"] == 1)]
    assert dates.loc[("CN-GS", "share_home_isolation"), "first_day"] == mine["date"].min()
    half = mine.groupby("date")["population"].sum()
    assert dates.loc[("CN-GS", "share_home_isolation"), "half_day"] == half.index[half >= 3000][0]


def test_gpl_covid_a_deleted_cell_is_in_the_ledger(cities):
    path = cities / "CHN_processed.csv"

    def blank(table):
        table.loc[(table["adm2_name"] == "Hubei 1") & (table["date"] == "2020-01-15"), "travel_ban_local"] = ""

    change(path, blank)
    figures = weekly_gpl_covid(cities)
    assert lines(figures, region="CN-HB", variable="share_travel_ban", action="missing")["count"].tolist() == [1]
    assert figures.frame.notna().all().all()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda t: t.drop(columns="population"), "has no column 'population'"),
        (lambda t: t.replace("Hubei", "Hubay"), "'Hubay'"),
        (lambda t: pd.concat([t, t.iloc[[4]]]), "1 city-days occur twice"),
        (lambda t: t.replace({"population": {"1000": ""}}), "no population for"),
    ],
)
def test_gpl_covid_says_what_is_wrong(cities, spoil, says):
    path = cities / "CHN_processed.csv"
    change(path, spoil)
    with pytest.raises(DataError, match=says):
        read_gpl_covid(path)


def test_weekly_figures_do_not_depend_on_the_order_of_days_or_regions():
    days = pd.date_range("2020-01-06", periods=28)
    daily = pd.DataFrame(RNG.random((28, 5)).cumsum(axis=0), index=days, columns=list("ABCDE"))
    mixed = daily.sample(frac=1, random_state=1).sample(frac=1, axis=1, random_state=2)
    kwargs = {"source": "s", "variable": "v"}
    for how in (weekly_mean, weekly_counts):
        one, two = (how(complete_days(d, "s", "v").frame, **kwargs)[0] for d in (daily, mixed))
        pd.testing.assert_frame_equal(one, two[one.columns], check_freq=False)


def test_a_first_week_below_the_early_count_is_zero_and_in_the_ledger(tmp_path, counts):
    for name in ("confirmed", "deaths"):
        jhu_table(np.abs(counts), "public").to_csv(tmp_path / f"time_series_covid19_{name}_global.csv", index=False)
    canghailan_rows().to_csv(tmp_path / "Wuhan-2019-nCoV.csv", index=False)
    joined = cases_with_early_counts(weekly_jhu(tmp_path), weekly_canghailan(tmp_path))
    assert joined.wide("new_cases").loc[pd.Timestamp("2020-01-20"), "CN-HB"] == 0
    assert "CN-HB" in set(lines(joined, variable="new_cases", reason="below the early count")["region"])


def test_a_province_or_cell_lost_from_the_early_counts_stays_missing(tmp_path, counts):
    for name in ("confirmed", "deaths"):
        jhu_table(np.abs(counts) + 600, "public").to_csv(
            tmp_path / f"time_series_covid19_{name}_global.csv", index=False
        )
    canghailan_rows().to_csv(tmp_path / "Wuhan-2019-nCoV.csv", index=False)
    jhu, early = weekly_jhu(tmp_path), weekly_canghailan(tmp_path)
    frame = early.frame.copy()
    needed = (frame["iso"] == "CN-HB") & (frame["week"] == pd.Timestamp("2020-01-13"))
    frame.loc[needed | (frame["iso"] == "CN-GS"), frame.columns[2:]] = np.nan
    joined = cases_with_early_counts(jhu, early._replace(frame=frame))
    first = joined.wide("new_cases").loc[pd.Timestamp("2020-01-20")]
    assert sorted(first.index[first.isna()]) == ["CN-GS", "CN-HB"]
    assert lines(joined, reason="own cumulative count less")["count"].tolist() == [29, 29]


def test_a_source_that_gives_its_first_week_is_not_overwritten(tmp_path, counts):
    for name in ("confirmed", "deaths"):
        jhu_table(np.abs(counts) + 600, "public").to_csv(
            tmp_path / f"time_series_covid19_{name}_global.csv", index=False
        )
    canghailan_rows().to_csv(tmp_path / "Wuhan-2019-nCoV.csv", index=False)
    jhu = weekly_jhu(tmp_path)
    later = jhu._replace(frame=jhu.frame[jhu.frame["week"] > jhu.frame["week"].min()])
    joined = cases_with_early_counts(later, weekly_canghailan(tmp_path))
    both = joined.frame.merge(later.frame, on=["iso", "week"])
    assert (both["new_cases_x"] == both["new_cases_y"]).all()
    assert lines(joined, reason="own cumulative count less").empty
