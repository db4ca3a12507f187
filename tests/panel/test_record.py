"""A panel of one's own table: keys of any name, and what must be refused."""

from __future__ import annotations

import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.record import panel_from_frame

OWN = pd.DataFrame({"state": ["a", "a", "b", "b"], "t": [1, 2, 1, 2], "y": [0.0, 1.0, 2.0, 3.0]})


@pytest.mark.parametrize(("name", "key"), [("region", "state"), ("week", "t")])
def test_a_column_with_a_keys_name_beside_the_key_is_named(name, key):
    with pytest.raises(DataError, match=f"'{key}', but the table has another column named '{name}'"):
        panel_from_frame(OWN.assign(**{name: 1}), region="state", week="t")


def test_keys_may_be_columns_or_index_levels():
    from_columns = panel_from_frame(OWN, region="state", week="t").data
    from_index = panel_from_frame(OWN.set_index(["state", "t"]), region="state", week="t").data
    pd.testing.assert_frame_equal(from_columns, from_index)


@pytest.mark.parametrize("weeks", [[1, 2], list(pd.to_datetime(["2020-01-06", "2020-01-13"]))])
def test_a_frame_that_stands_like_a_panel_gives_what_its_columns_give(weeks):
    columns = pd.DataFrame({"region": list("aabb"), "week": weeks * 2, "y": [0.0, 1.0, 2.0, 3.0]})
    keyed = columns.set_index(["region", "week"])
    for frame in (keyed, keyed.iloc[::-1], keyed.iloc[1:], keyed.iloc[:3]):
        expected = panel_from_frame(frame.reset_index()).data
        pd.testing.assert_frame_equal(panel_from_frame(frame).data, expected)


def test_a_later_change_of_the_frame_leaves_the_panel_alone():
    keyed = OWN.rename(columns={"state": "region", "t": "week"}).set_index(["region", "week"])
    panel = panel_from_frame(keyed)
    keyed.loc[("a", 1), "y"] = 99.0
    keyed["new"] = 1.0
    assert panel.data["y"].iloc[0] == 0.0
    assert list(panel.data.columns) == ["y"]


@pytest.mark.parametrize("weeks", [[1, 1], [1, None], [202052, 202101]])
def test_keys_of_an_index_are_checked_as_those_of_columns(weeks):
    frame = pd.DataFrame({"region": ["a", "a"], "week": weeks, "y": [0.0, 1.0]})
    for form in (frame, frame.set_index(["region", "week"])):
        with pytest.raises(DataError):
            panel_from_frame(form)
