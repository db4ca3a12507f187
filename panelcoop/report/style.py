"""How every figure looks, and how it is saved: three formats, provenance inside, the same bytes on every run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from panelcoop.atomic import atomic_path, write_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["INK", "STAGE_COLOURS", "STAGE_MARKERS", "WIDTH", "house_style", "label_panels", "plain_svg", "save_figure"]

WIDTH = 6.5
"""Width of a full figure in inches: the text width of a journal page."""

INK = {"main": "#111111", "grey": "#8c8c8c", "faint": "#c9c9c9", "accent": "#0072b2", "warm": "#d55e00"}
"""Colours by role; accent and warm differ for every kind of colour vision and in grey (Okabe and Ito)."""

STAGE_COLOURS = {"gestation": "#6ba3cd", "outbreak": "#b5331f", "continuation": "#f0b468", "recovery": "#dbe3ea"}
"""Colours of stages: their lightness differs, so that a grey print keeps the order."""

STAGE_MARKERS = {"gestation": "^", "outbreak": "o", "continuation": "s", "recovery": "D"}
"""Markers of stages, for readers and printers without colour."""

RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 7.5,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 7.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.0,
    "hatch.linewidth": 0.5,
    "figure.dpi": 110,
    "savefig.dpi": 300,
    "pdf.fonttype": 42,
    "svg.hashsalt": "panelcoop",  # ids in SVG files are random otherwise
    "svg.fonttype": "path",
    "path.simplify": True,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house's style inside a with block; settings of the caller come back afterwards."""
    import matplotlib as mpl

    settings: dict[Any, Any] = {**mpl.rcParamsDefault, **RC, "backend": mpl.rcParams["backend"]}
    with mpl.rc_context(settings):
        yield


def label_panels(axes: Sequence[Axes], *, start: str = "a") -> None:
    """Put a letter before the title of each panel of a figure."""
    for offset, ax in enumerate(axes):
        ax.set_title(f"{chr(ord(start) + offset)}  {ax.get_title(loc='left')}", loc="left")


def save_figure(figure: Figure, name: str, folder: Path | str, provenance: Mapping[str, str]) -> list[Path]:
    """Write a figure as PDF, SVG and PNG (300 dots per inch) and close it.

    Parameters
    ----------
    figure
        What to write.
    name
        Stem of the files.
    folder
        Where the files go; it is made when absent.
    provenance
        Plan hash, version and git revision: part of every file's metadata.

    Returns
    -------
    list of Path
        The three files. The same figure gives the same bytes: no date, no random id.
    """
    import matplotlib.pyplot as plt

    words = "; ".join(f"{key}: {value}" for key, value in provenance.items())
    metadata: dict[str, dict[str, Any]] = {
        "pdf": {"Title": name, "Subject": words, "Creator": "panelcoop", "Producer": None, "CreationDate": None},
        "svg": {"Title": name, "Description": words, "Creator": "panelcoop", "Date": None},
        "png": {"Title": name, "Description": words, "Software": None},
    }
    paths = [Path(folder) / f"{name}.{kind}" for kind in metadata]
    with house_style():
        for path, kind in zip(paths, metadata, strict=True):
            with atomic_path(path) as partial:
                figure.savefig(partial, format=kind, metadata=metadata[kind], bbox_inches="tight", pad_inches=0.04)
    plt.close(figure)
    return paths


def plain_svg(source: Path | str, target: Path | str) -> Path:
    """Copy an SVG file without its metadata, so that the copy changes only when the picture does.

    Parameters
    ----------
    source
        A figure that ``save_figure`` wrote.
    target
        The copy.

    Returns
    -------
    pathlib.Path
        The copy; written anew even when it is the same, so that make sees it as up to date.
    """
    text = Path(source).read_text(encoding="utf-8")
    return write_text(target, re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL))
