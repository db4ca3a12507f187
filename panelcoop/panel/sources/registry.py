"""Where the originals are, which are fixed by a checksum, and how to get them: the network or a mirror folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DownloadError
from panelcoop.panel.sources.download import download
from panelcoop.panel.sources.manifest import sha256_of

__all__ = ["FOLDERS", "MIRROR", "ORIGINALS", "Original", "gather", "inputs", "mirror_folder"]

MIRROR = "PANELCOOP_MIRROR"
"""Environment variable: a folder that holds the originals, one folder per source."""

HOST = "https://raw.githubusercontent.com"
OXCGRT_AT = "OxCGRT/covid-policy-dataset/e7f66ee39654293b5c068efd2f195bd591dc27f6/data/timeseries_indices"
JHU_AT = "CSSEGISandData/COVID-19/master/csse_covid_19_data/csse_covid_19_time_series"
CANGHAILAN_AT = "canghailan/Wuhan-2019-nCoV/master"
GPL_AT = "bolliger32/gpl-covid/84369c56b76f67c6b91f42872ea124636450c82a/data/processed/adm2"

FOLDERS = {
    "oxcgrt": "oxcgrt",
    "jhu": "jhu_csse",
    "canghailan": "canghailan_prov_daily",
    "gpl_covid": "gpl_covid_china",
}
"""Source -> its folder, in a mirror and in the cache."""


@dataclass(frozen=True)
class Original:
    """One upstream file.

    Attributes
    ----------
    source
        Key of `FOLDERS`.
    name
        File name at the public address.
    revision
        Repository, revision or branch, and folder at the public host.
    sha256
        Checksum of the public file, or None: the address is not fixed to a version, so the figures built from it
        are compared with the shipped ones instead.
    mirror_name, mirror_sha256
        The mirror's file and its checksum, as stored (compressed).
    """

    source: str
    name: str
    revision: str
    sha256: str | None
    mirror_name: str
    mirror_sha256: str

    @property
    def address(self) -> str:
        """Public address of the file."""
        return f"{HOST}/{self.revision}/{self.name}"


ORIGINALS = (
    Original(
        source="oxcgrt",
        name="OxCGRT_timeseries_StringencyIndex_v1.csv",
        revision=OXCGRT_AT,
        sha256="c28b5bab905286ec94dd5e0ab822c00a7fe4c471b70dc66bf225529b01460c69",
        mirror_name="OxCGRT_timeseries_StringencyIndex_v1.csv.xz",
        mirror_sha256="f892d8cf2849cf31b7c7cfdce4665d1cf284f3d4e094a1b020a3a9721aebd30c",
    ),
    Original(
        source="oxcgrt",
        name="OxCGRT_timeseries_ContainmentHealthIndex_v1.csv",
        revision=OXCGRT_AT,
        sha256="c62316841efbb45059712ad42aeb11c3eb50878eb230184e45c20b1981b1f87f",
        mirror_name="OxCGRT_timeseries_ContainmentHealthIndex_v1.csv.xz",
        mirror_sha256="d394117c04539b0e177157ddb043737d8b74721b6687924f7037979b03328d02",
    ),
    Original(
        source="oxcgrt",
        name="OxCGRT_timeseries_GovernmentResponseIndex_v1.csv",
        revision=OXCGRT_AT,
        sha256="aef97336122093c6a89c989eb3cc5127d162520466e026978644594572668673",
        mirror_name="OxCGRT_timeseries_GovernmentResponseIndex_v1.csv.xz",
        mirror_sha256="9dc28fd622f1912bd2f756493ee2464bf35826c3349bad764fcac7883ccfddac",
    ),
    Original(
        source="oxcgrt",
        name="OxCGRT_timeseries_EconomicSupportIndex_v1.csv",
        revision=OXCGRT_AT,
        sha256="36fe223898e2ae83a254754a67afcd70b4702fd36a071374ed1e5345560dbb4b",
        mirror_name="OxCGRT_timeseries_EconomicSupportIndex_v1.csv.xz",
        mirror_sha256="a72c04d29674b8853c88db48bde8da279605d6da2e793ab6ff5c75ec8d5af118",
    ),
    Original(
        source="jhu",
        name="time_series_covid19_confirmed_global.csv",
        revision=JHU_AT,
        sha256=None,
        mirror_name="time_series_covid19_confirmed_global.csv.xz",
        mirror_sha256="a4cf0f5f17b4fd34f54c35e81d3b16ac534810e33f6790b0cab30506e22ef2d2",
    ),
    Original(
        source="jhu",
        name="time_series_covid19_deaths_global.csv",
        revision=JHU_AT,
        sha256=None,
        mirror_name="time_series_covid19_deaths_global.csv.xz",
        mirror_sha256="a40c666ad71ba113ed5179b2cdc8f0dcc1516586c46689416ed379d3aee6bd65",
    ),
    Original(
        source="canghailan",
        name="Wuhan-2019-nCoV.csv",
        revision=CANGHAILAN_AT,
        sha256=None,
        mirror_name="china_province_daily_2019-12-01_2020-12-08.csv.xz",
        mirror_sha256="c23c7400d1d04bb990fb8ed98465d9d04dad2c6244f814c0537d49de304e84dc",
    ),
    Original(
        source="gpl_covid",
        name="CHN_processed.csv",
        revision=GPL_AT,
        sha256="e247ea63357e11a6efbf56f15fbe8f96c79b79b9d4f02c847db874aa1b6733b1",
        mirror_name="CHN_processed.csv.xz",
        mirror_sha256="bc4abe7ef7bb4f5299c7e5f04c3ddaf787075b436084de8d6f77ff15ae4ded59",
    ),
)
"""Every file the weekly figures are built from.

OxCGRT and gpl-covid are fixed to a revision and pinned by checksum. JHU and canghailan are addressed by branch and no
checksum of theirs was at hand: they are not pinned, and what is built from them is compared with the shipped figures.
"""


def inputs(source: str) -> Iterator[Original]:
    """Yield the upstream files of one source.

    Raises
    ------
    DataError
        When there is no such source.

    Examples
    --------
    >>> [original.name for original in inputs("gpl_covid")]
    ['CHN_processed.csv']
    """
    fail_if_not_one_of(source, list(FOLDERS), "the source")
    return (original for original in ORIGINALS if original.source == source)


def mirror_folder(mirror: Path | str | None = None) -> Path | None:
    """Return the mirror folder given, or the one PANELCOOP_MIRROR names, or None.

    Raises
    ------
    DownloadError
        When the folder does not exist.
    """
    named = mirror or os.environ.get(MIRROR)
    if named and not Path(named).is_dir():
        msg = f"the mirror folder {named} does not exist; correct {MIRROR}, or unset it to download the originals."
        raise DownloadError(msg)
    return Path(named) if named else None


def gather(source: str, *, cache: Path | str | None = None, mirror: Path | str | None = None) -> Path:
    """Make sure a source's files are at hand and return the folder that holds them.

    Parameters
    ----------
    source
        Key of `FOLDERS`.
    cache
        Where downloads are kept; default the user's cache folder.
    mirror
        A folder laid out by `FOLDERS`; default what the environment variable PANELCOOP_MIRROR names; without
        either, the files are downloaded from their public addresses. A file is plain under its public name or as
        the mirror stores it; one that is not pinned and already in the cache is not fetched again.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    DownloadError
        When a file is missing from the mirror, cannot be fetched, or has another checksum than the pinned one.
    """
    held = mirror_folder(mirror)
    if held:
        folder = held / FOLDERS[source]
        for original in inputs(source):
            _fail_if_not_mirrored(original, folder)
        return folder
    folder = (Path(cache) if cache else _default_cache()) / FOLDERS[source]
    for original in inputs(source):
        download(original.address, folder / original.name, sha256=original.sha256)
    return folder


def _default_cache() -> Path:
    import pooch

    return Path(pooch.os_cache("panelcoop"))


def _fail_if_not_mirrored(original: Original, folder: Path) -> None:
    pinned = {original.mirror_name: original.mirror_sha256, original.name: original.sha256}
    held = [name for name in pinned if (folder / name).is_file()]
    if not held:
        wanted = " nor ".join(pinned)
        msg = f"the mirror {folder} holds neither {wanted}; unset {MIRROR} to download from {original.address}."
        raise DownloadError(msg)
    for name in held:
        found = sha256_of((folder / name).read_bytes())
        if pinned[name] not in (None, found):
            msg = (
                f"{folder / name} is not the file this version was built on: sha256 {found}, expected {pinned[name]}. "
                f"Restore it, or unset {MIRROR} to download from {original.address}."
            )
            raise DownloadError(msg)
