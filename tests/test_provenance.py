"""What every output says about where it came from."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from panelcoop.provenance import git_revision, provenance


def test_outside_git_the_revision_is_unknown(tmp_path):
    assert git_revision(tmp_path) == "unknown"
    assert git_revision(tmp_path / "nowhere") == "unknown"


def test_without_git_the_revision_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_revision() == "unknown"


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_inside_git_it_is_the_commit(tmp_path):
    author = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], [*author, "commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    assert len(git_revision(tmp_path)) == 40
    assert provenance("abc", folder=tmp_path) == {**provenance("abc"), "revision": git_revision(tmp_path)}
