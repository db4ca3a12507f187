"""Where an output came from: plan, package version and git revision, for the metadata of every file."""

from __future__ import annotations

import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["git_revision", "package_version", "provenance"]

UNKNOWN = "unknown"


def provenance(plan_hash: str = UNKNOWN, *, folder: Path | str = ".") -> dict[str, str]:
    """Say which plan, version and revision made an output.

    Parameters
    ----------
    plan_hash
        ``plan.hash``.
    folder
        Folder whose git revision is asked for; the current one by default.

    Returns
    -------
    dict
        ``plan``, ``panelcoop`` and ``revision``; "unknown" for what is not known. The same inputs give the same
        mapping: no time and no name of a machine.

    Examples
    --------
    >>> sorted(provenance("abc"))
    ['panelcoop', 'plan', 'revision']
    """
    return {"plan": plan_hash, "panelcoop": package_version(), "revision": git_revision(folder)}


def package_version() -> str:
    """Return the version of this package, "unknown" where it is not installed."""
    try:
        return version("panelcoop")
    except PackageNotFoundError:
        return UNKNOWN


def git_revision(folder: Path | str = ".") -> str:
    """Return the commit a folder stands at, "unknown" outside a repository or without git.

    Notes
    -----
    Uncommitted changes are not looked for: outputs are themselves such changes.
    """
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN
    return answer.stdout.strip() or UNKNOWN
