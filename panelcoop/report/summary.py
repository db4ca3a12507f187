"""The closing words of a run: what was made, and what was found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from panelcoop.atomic import write_text

__all__ = ["study_summary"]


def study_summary(folder: Path | str, *, extra: Sequence[str] = (), target: Path | str | None = None) -> str:
    """List the outputs of a study and the headline of each file of numbers.

    Parameters
    ----------
    folder
        Holds tables/, figures/ and numbers/.
    extra
        Further files to name, such as the paper.
    target
        Where the text is kept, if anywhere.

    Returns
    -------
    str
        One line per kind of output, then one line per finding.
    """
    base = Path(folder)
    lines = ["Made:"]
    for kind in ("tables", "figures", "numbers"):
        stems = sorted({path.stem for path in (base / kind).glob("*.*")})
        suffixes = sorted({path.suffix.removeprefix(".") for path in (base / kind).glob("*.*")})
        lines += [f"  {base / kind}: {', '.join(stems)} ({', '.join(suffixes)})"] if stems else []
    lines += [f"  {name}" for name in extra if Path(name).exists()]
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((base / "numbers").glob("*.json"))]
    headlines = [numbers["headline"] for numbers in found if numbers.get("headline")]
    lines += ["Found:", *[f"  {headline}" for headline in headlines]] if headlines else []
    text = "\n".join(lines)
    if target is not None:
        write_text(target, text + "\n")
    return text
