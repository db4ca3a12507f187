"""Files are whole or absent, bars appear late and only on a terminal, checks name what is wrong."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from panelcoop import checks, progress
from panelcoop.atomic import atomic_path, write_text
from panelcoop.errors import DataError


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    target = write_text(tmp_path / "deep" / "table.md", "old\n")

    def half() -> None:
        with atomic_path(target) as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert target.read_bytes() == b"old\n"
    assert [p.name for p in target.parent.iterdir()] == ["table.md"]


def test_a_write_replaces_the_file_and_keeps_its_suffix(tmp_path):
    target = tmp_path / "figure.png"
    with atomic_path(target) as partial:
        assert partial.suffix == ".png"
        assert partial.parent == tmp_path
        partial.write_bytes(b"picture")
    assert target.read_bytes() == b"picture"
    assert len(list(tmp_path.iterdir())) == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("terminal", "patience", "shown"), [(True, -1.0, True), (True, 60.0, False), (False, -1.0, False)]
)
def test_the_bar_appears_past_its_patience_and_only_on_a_terminal(monkeypatch, terminal, patience, shown):
    stream = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", patience)
    assert list(progress.track(list(range(5)), "bootstrap draws")) == [0, 1, 2, 3, 4]
    assert ("bootstrap draws" in stream.getvalue()) is shown


def test_an_interrupted_loop_ends_the_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", -1.0)

    def interrupted() -> None:
        for item in progress.track(list(range(5)), "draws"):
            if item == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()


def test_checks_name_the_column_the_rows_and_the_remedy():
    with pytest.raises(DataError, match=r"no column 'regoin' \(did you mean 'region'\?\)"):
        checks.fail_if_columns_missing(["regoin"], ["region", "week"], "The table")
    with pytest.raises(DataError, match=r"'risk' is NaN or infinite in 2 rows \(row 1, 3\); drop"):
        checks.fail_if_not_finite(np.array([0.0, np.nan, 1.0, np.inf]), "risk")
    with pytest.raises(DataError, match="kind must be one of CRV1, CRV2; got 'CRV'"):
        checks.fail_if_not_one_of("CRV", ["CRV1", "CRV2"], "kind")


def test_suggestions_do_not_mind_the_case():
    assert checks.nearest("crv1", ["iid", "CRV1", "CRV2"]) == " (did you mean 'CRV1'?)"
    assert checks.nearest("dwb-T", ["WCR", "DWB-t"]) == " (did you mean 'DWB-t'?)"
    assert checks.nearest("nothing like it", ["WCR"]) == ""


def test_whole_numbers_are_whole_and_large_enough():
    checks.fail_if_not_whole(np.int64(3), "draws", 1)
    checks.fail_if_not_whole(None, "lag", 0, optional=True)
    for bad, said in ((0, "at least 1"), (2.5, "whole number"), (True, "whole number"), (None, "whole number")):
        with pytest.raises(DataError, match=said):
            checks.fail_if_not_whole(bad, "draws", 1)
