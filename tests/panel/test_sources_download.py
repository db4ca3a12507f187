"""Downloads: whole or absent, retried, continued after a broken connection, checked."""

import hashlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from panelcoop.errors import DataError, DownloadError
from panelcoop.panel.sources import registry
from panelcoop.panel.sources.download import download
from panelcoop.panel.sources.registry import FOLDERS, ORIGINALS, gather, inputs

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA = hashlib.sha256(CONTENT).hexdigest()
FAST = {"pause": 0.01, "timeout": 5.0}


class Server(ThreadingHTTPServer):
    """Serves one file; what it does wrong is set by the test."""

    daemon_threads = True

    def __init__(self):
        self.content, self.tag, self.ranges = CONTENT, '"v1"', True
        self.breaks, self.codes, self.asked = [], [], []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/file.csv"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.asked.append(asked)
        if server.codes:
            self.send_error(server.codes.pop(0))
            return
        begin = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and server.ranges else 0
        if asked and self.headers.get("If-Range") not in (None, server.tag):
            begin = 0
        if begin >= len(server.content):
            self.send_error(416)
            return
        body = server.content[begin:]
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(server.content) - 1}/{len(server.content)}")
        if server.tag:
            self.send_header("ETag", server.tag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = server.breaks.pop(0) if server.breaks else len(body)
        self.wfile.write(body[:cut])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join(timeout=5)


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("sha256", [SHA, None])
def test_a_file_arrives_whole(server, tmp_path, sha256):
    target = download(server.url, tmp_path / "deep" / "file.csv", sha256=sha256, **FAST)
    assert target.read_bytes() == CONTENT
    assert leftovers(tmp_path / "deep") == ["file.csv"]


def test_a_whole_file_is_not_fetched_again(server, tmp_path):
    for _ in range(2):
        download(server.url, tmp_path / "file.csv", sha256=SHA, **FAST)
    assert len(server.asked) == 1


def test_a_broken_connection_is_continued_where_it_stopped(server, tmp_path):
    server.breaks = [300_000, 200_000]
    download(server.url, tmp_path / "file.csv", sha256=SHA, **FAST)
    assert (tmp_path / "file.csv").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=300000-", "bytes=500000-"]


def test_a_later_run_continues_what_an_earlier_one_left(server, tmp_path):
    server.breaks = [400_000]
    with pytest.raises(DownloadError, match="the connection broke after 400000 of 1048576 bytes"):
        download(server.url, tmp_path / "file.csv", sha256=None, attempts=1, **FAST)
    assert leftovers(tmp_path) == ["file.csv.partial", "file.csv.partial.tag"]
    download(server.url, tmp_path / "file.csv", sha256=None, **FAST)
    assert server.asked[-1] == "bytes=400000-"
    assert (tmp_path / "file.csv").read_bytes() == CONTENT
    assert leftovers(tmp_path) == ["file.csv"]


def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(server, tmp_path):
    server.breaks = [400_000]
    with pytest.raises(DownloadError):
        download(server.url, tmp_path / "file.csv", sha256=None, attempts=1, **FAST)
    server.content, server.tag = CONTENT[::-1], '"v2"'
    download(server.url, tmp_path / "file.csv", sha256=None, **FAST)
    assert (tmp_path / "file.csv").read_bytes() == CONTENT[::-1]


def test_without_tag_or_checksum_a_file_is_never_continued(server, tmp_path):
    server.tag, server.breaks = "", [400_000]
    download(server.url, tmp_path / "file.csv", sha256=None, **FAST)
    assert server.asked == [None, None]
    assert (tmp_path / "file.csv").read_bytes() == CONTENT


def test_a_server_without_ranges_starts_anew(server, tmp_path):
    server.ranges, server.breaks = False, [400_000]
    download(server.url, tmp_path / "file.csv", sha256=SHA, **FAST)
    assert (tmp_path / "file.csv").read_bytes() == CONTENT


def test_a_partial_file_that_is_too_long_is_dropped(server, tmp_path):
    (tmp_path / "file.csv.partial").write_bytes(CONTENT + b"more")
    download(server.url, tmp_path / "file.csv", sha256=SHA, **FAST)
    assert (tmp_path / "file.csv").read_bytes() == CONTENT


def test_busy_servers_are_asked_again_and_missing_files_are_not(server, tmp_path):
    server.codes = [503, 500]
    download(server.url, tmp_path / "file.csv", sha256=SHA, **FAST)
    assert len(server.asked) == 3
    server.codes = [404, 404]
    with pytest.raises(DownloadError, match=r"in 1 attempt .the server answered 404"):
        download(server.url, tmp_path / "other.csv", sha256=None, **FAST)
    assert leftovers(tmp_path) == ["file.csv"]


def test_a_wrong_checksum_leaves_nothing_behind(server, tmp_path):
    with pytest.raises(DownloadError, match="not the file this version was built on"):
        download(server.url, tmp_path / "file.csv", sha256="0" * 64, **FAST)
    assert leftovers(tmp_path) == []


def test_a_damaged_file_is_replaced(server, tmp_path):
    (tmp_path / "file.csv").write_bytes(b"damaged")
    download(server.url, tmp_path / "file.csv", sha256=SHA, **FAST)
    assert (tmp_path / "file.csv").read_bytes() == CONTENT


def test_offline_says_so_and_names_the_mirror(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(DownloadError, match=r"Are you offline.*PANELCOOP_MIRROR"):
        download(f"http://127.0.0.1:{port}/file.csv", tmp_path / "file.csv", sha256=None, attempts=2, **FAST)
    assert leftovers(tmp_path) == []


def test_every_original_has_an_address_and_a_mirror_checksum():
    assert {original.source for original in ORIGINALS} == set(FOLDERS)
    assert len({original.address for original in ORIGINALS}) == len(ORIGINALS)
    for original in ORIGINALS:
        assert original.address.startswith("https://")
        assert len(original.mirror_sha256) == 64
        fixed = "/master/" not in original.address
        assert fixed == (original.sha256 is not None), "a checksum is pinned just where the address is fixed"
    with pytest.raises(DataError, match="oxcgrt, jhu"):
        inputs("who")


def test_a_mirror_is_checked(tmp_path, monkeypatch):
    with pytest.raises(DownloadError, match="does not exist"):
        gather("jhu", mirror=tmp_path / "nowhere")
    with pytest.raises(DownloadError, match=r"holds neither time_series_covid19_confirmed_global.csv.xz nor"):
        gather("jhu", mirror=tmp_path)
    folder = tmp_path / FOLDERS["gpl_covid"]
    folder.mkdir()
    (folder / "CHN_processed.csv.xz").write_bytes(b"something else")
    monkeypatch.setenv("PANELCOOP_MIRROR", str(tmp_path))
    with pytest.raises(DownloadError, match=r"CHN_processed.csv.xz is not the file this version was built on: sha256"):
        gather("gpl_covid")


def test_an_unpinned_original_in_public_layout_may_stand_in_a_mirror(tmp_path):
    folder = tmp_path / FOLDERS["canghailan"]
    folder.mkdir()
    (folder / "Wuhan-2019-nCoV.csv").write_text("date,province,confirmed,dead\n")
    assert gather("canghailan", mirror=tmp_path) == folder


def test_gather_downloads_from_the_public_address(server, tmp_path, monkeypatch):
    monkeypatch.delenv("PANELCOOP_MIRROR", raising=False)
    monkeypatch.setattr(registry, "HOST", server.url.removesuffix("/file.csv"))
    folder = gather("canghailan", cache=tmp_path)
    assert (folder / "Wuhan-2019-nCoV.csv").read_bytes() == CONTENT
