"""Every line of a CSV file is one row: stray quotation marks and encodings spoil no other row and lose none."""

import gzip

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panelcoop.errors import DataError, PanelcoopError
from panelcoop.panel.events.csv_lines import read_csv_lines
from panelcoop.panel.events.read import read_events

HEADER = "start,source,target,mechanism,document"
GOOD = "2020-02-10,A,B,agreement,d{}"


def written(tmp_path, lines, name="log.csv"):
    path = tmp_path / name
    path.write_bytes("\n".join([HEADER, *lines]).encode())
    return path


@pytest.mark.parametrize("closing", ['2020-02-10,A,B,agreement,the board"', GOOD.format(900)])
def test_a_stray_quotation_mark_costs_its_own_row(tmp_path, closing):
    lines = [GOOD.format(k) for k in range(1000)]
    lines[2] = '2020-02-10,A,B,agreement,"notice'
    lines[900] = closing
    log = read_events(written(tmp_path, lines))
    assert len(log) == 999
    assert log.rejected[["row", "original"]].values.tolist() == [[3, lines[2]]]
    assert "broken quotation" in log.rejected["reasons"].iloc[0]


def test_a_line_break_within_a_cell_is_named(tmp_path):
    log = read_events(written(tmp_path, ['2020-02-10,A,B,agreement,"notice', 'of the board"', GOOD.format(1)]))
    assert log.events["row"].tolist() == [3]
    assert log.rejected["row"].tolist() == [1, 2]
    assert "keep line breaks out of cells" in log.rejected["reasons"].iloc[0]


def test_what_quotation_marks_are_for(tmp_path):
    log = read_events(
        written(tmp_path, ['"2020-02-10","A","B","agreement","say ""so"", twice"', '2020-02-11,A,B,other,5"'])
    )
    assert log.events["document"].tolist() == ['say "so", twice', '5"']


piece = st.sampled_from(['"', ",", "A", "2020-02-10", "agreement", '"B"', '""', " ", "é", "x\x0by", "\x1c", "\u2028"])
line = st.one_of(st.just(GOOD.format(1)), st.lists(piece, min_size=1, max_size=12).map("".join))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(line, max_size=12), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_lines_of_data_are_good_or_rejected(tmp_path, lines, end):
    (tmp_path / "log.csv").write_bytes(end.join([HEADER, *lines]).encode())
    log = read_events(tmp_path / "log.csv")
    data = [line for line in lines if line.strip()]
    assert len(log) + len(log.rejected) == len(data)
    rows = log.rejected.set_index("row")["original"].to_dict()
    assert all(data[row - 1] == original for row, original in rows.items())


CHINESE = "start,source,target,mechanism,备注\n2020-02-10,湖北,江苏,agreement,无\n"


@pytest.mark.parametrize(
    ("encoding", "text", "remedy"),
    [
        ("gb18030", CHINESE, "gb18030"),
        (
            "cp1252",
            CHINESE.replace("备注", "événement").replace("湖北", "A").replace("江苏", "B").replace("无", "é"),
            "cp1252",
        ),
        ("utf-16", CHINESE, "encoding='utf-16'"),
        ("utf-16-le", CHINESE, "utf-16"),
        ("utf-32", CHINESE, "encoding='utf-32'"),
    ],
)
def test_a_header_in_another_encoding_names_the_remedy(tmp_path, encoding, text, remedy):
    path = tmp_path / "log.csv"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(DataError, match=remedy):
        read_events(path)
    assert len(read_events(path, encoding=encoding)) == 1


@pytest.mark.parametrize("encoding", ["no-such", "hex", "undefined", "idna", "a\0b"])
def test_what_is_no_encoding_says_so(tmp_path, encoding):
    with pytest.raises(DataError, match=r"usual ones are utf-8|Usual encodings are utf-8"):
        read_events(written(tmp_path, [GOOD]), encoding=encoding)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.one_of(st.binary(max_size=120), st.text(max_size=80).map(lambda text: text.encode("utf-8", "replace"))),
    encoding=st.sampled_from(["utf-8", "gb18030", "utf-16", "utf-16-be", "cp1252", "utf-7", "big5"]),
    headed=st.booleans(),
)
def test_no_bytes_crash_the_reader(tmp_path, body, encoding, headed):
    (tmp_path / "fuzz.csv").write_bytes(HEADER.encode() + b"\n" + body if headed else body)
    try:
        log = read_events(tmp_path / "fuzz.csv", encoding=encoding)
    except PanelcoopError as fault:
        str(fault).encode()
        return
    read = len(log) + len(log.rejected)
    assert sorted([*log.events["row"], *log.rejected["row"]]) == list(range(1, read + 1))
    log.report().encode()


def test_a_gzipped_file_is_read_and_a_broken_one_named(tmp_path):
    (tmp_path / "log.csv.gz").write_bytes(gzip.compress(f"{HEADER}\n{GOOD}\n".encode()))
    assert len(read_events(tmp_path / "log.csv.gz")) == 1
    (tmp_path / "broken.csv.gz").write_bytes(b"\x1f\x8b nothing")
    with pytest.raises(DataError, match="cannot be unpacked"):
        read_events(tmp_path / "broken.csv.gz")


def test_a_header_with_an_open_quotation_mark_is_refused(tmp_path):
    (tmp_path / "log.csv").write_text('start,source,"target\n')
    with pytest.raises(DataError, match=r"header .* cannot be read"):
        read_csv_lines(tmp_path / "log.csv")


@pytest.mark.parametrize(("mark", "words"), [(";", "';'"), ("\t", "tabs")])
def test_another_separator_is_asked_about(tmp_path, mark, words):
    (tmp_path / "log.csv").write_text(f"{HEADER}\n{GOOD}\n".replace(",", mark))
    with pytest.raises(DataError, match=f"parted by {words}"):
        read_events(tmp_path / "log.csv")


def test_rejected_rows_of_broken_files_can_be_saved(tmp_path):
    (tmp_path / "log.csv").write_bytes(f"{HEADER}\n".encode() + b"2020-02-10,\xff,B,agreement,d\n")
    log = read_events(tmp_path / "log.csv")
    assert pd.read_parquet(log.save(tmp_path / "out")[1])["original"].tolist() == ["2020-02-10,?,B,agreement,d"]
