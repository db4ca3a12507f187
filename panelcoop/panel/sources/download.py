"""Fetch one file over HTTP: retried, resumed, checked, and either whole or absent."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import cast

from panelcoop.errors import DownloadError

__all__ = ["ResumingDownloader", "download"]

CHUNK = 1 << 16
AGENT = "panelcoop (research software)"
PERMANENT = {400, 401, 403, 404, 410, 451}
"""Answers that another attempt will not change."""


@dataclass(frozen=True)
class ResumingDownloader:
    """What `pooch` calls to fetch a file: continues where a broken connection stopped.

    Attributes
    ----------
    partial
        Where the unfinished file is kept between attempts (and between runs).
    attempts
        How often to try.
    pause
        Seconds before the second attempt; doubled each time.
    timeout
        Seconds to wait for an answer or for more bytes.
    checked
        Whether the whole file's checksum is known: only then may a file be continued without the server's word
        (ETag) that it is still the same.
    """

    partial: Path
    attempts: int = 4
    pause: float = 1.0
    timeout: float = 30.0
    checked: bool = False

    def __call__(self, url: str, output_file: str, pooch: object, check_only: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - pooch's signature
        """Fetch `url` and move it to `output_file` when every byte is there.

        Raises
        ------
        DownloadError
            When all attempts fail.
        """
        faults: list[str] = []
        for attempt in range(self.attempts):
            if attempt:
                time.sleep(self.pause * 2 ** (attempt - 1))
            try:
                self._fetch(url)
            except urllib.error.HTTPError as fault:
                fault.close()
                faults.append(f"the server answered {fault.code} {fault.reason}")
                if fault.code in PERMANENT:
                    break
            except (OSError, HTTPException) as fault:
                faults.append(str(getattr(fault, "reason", fault)) or type(fault).__name__)
            else:
                self.partial.replace(output_file)
                self._tag_file.unlink(missing_ok=True)
                return
        tried = f"{len(faults)} attempt{'s' if len(faults) > 1 else ''} ({faults[-1]})"
        remedy = (
            "Are you offline? What has arrived is kept and continued next time; or set PANELCOOP_MIRROR to a folder"
        )
        msg = f"{url} could not be fetched in {tried}. {remedy} that holds the files."
        raise DownloadError(msg)

    @property
    def _tag_file(self) -> Path:
        return self.partial.with_name(f"{self.partial.name}.tag")

    def _fetch(self, url: str) -> None:
        held = self._held()
        headers = {"User-Agent": AGENT, "Accept-Encoding": "identity", **self._range(held)}
        request = urllib.request.Request(url, headers=headers)
        try:
            answer = cast("HTTPResponse", urllib.request.urlopen(request, timeout=self.timeout))
        except urllib.error.HTTPError as fault:
            if fault.code == 416:  # what is held is longer than the file: begin anew
                self.partial.unlink(missing_ok=True)
            raise
        with answer:
            resumed = answer.status == 206 and (answer.headers["Content-Range"] or "").startswith(f"bytes {held}-")
            self._remember(answer)
            with self.partial.open("ab" if resumed else "wb") as out:
                while chunk := answer.read(CHUNK):
                    out.write(chunk)
            _fail_if_short(self.partial, answer, held if resumed else 0)

    def _held(self) -> int:
        known = self.checked or self._tag_file.is_file()
        return self.partial.stat().st_size if known and self.partial.is_file() else 0

    def _range(self, held: int) -> dict[str, str]:
        if not held:
            return {}
        tag = self._tag_file.read_text(encoding="utf-8") if self._tag_file.is_file() else ""
        return {"Range": f"bytes={held}-", **({"If-Range": tag} if tag else {})}

    def _remember(self, answer: HTTPResponse) -> None:
        tag = answer.headers["ETag"] or ""
        if tag and not tag.startswith("W/"):
            self._tag_file.write_text(tag, encoding="utf-8")
        else:
            self._tag_file.unlink(missing_ok=True)


def download(
    url: str, target: Path, *, sha256: str | None, attempts: int = 4, pause: float = 1.0, timeout: float = 30.0
) -> Path:
    """Fetch a file unless a whole one is there already.

    Parameters
    ----------
    url
        Public address.
    target
        Where the file shall stand; its folder is made.
    sha256
        Expected checksum, or None when the original is not fixed.
    attempts, pause, timeout
        As in `ResumingDownloader`.

    Returns
    -------
    pathlib.Path
        The target.

    Raises
    ------
    DownloadError
        When the file cannot be fetched, or its checksum is not the expected one. The target is then absent (or the
        former whole file), never half-written.
    """
    import pooch

    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    fetcher = ResumingDownloader(partial, attempts, pause, timeout, checked=sha256 is not None)
    try:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{sha256}" if sha256 else None,
            fname=target.name,
            path=target.parent,
            downloader=fetcher,
        )
    except ValueError as fault:
        msg = f"{url} is not the file this version was built on (expected sha256 {sha256}): {fault}"
        raise DownloadError(msg) from fault
    return target


def _fail_if_short(path: Path, answer: HTTPResponse, before: int) -> None:
    expected = answer.headers["Content-Length"]
    held = path.stat().st_size
    if expected is not None and held < before + int(expected):
        msg = f"the connection broke after {held} of {before + int(expected)} bytes"
        raise ConnectionError(msg)
