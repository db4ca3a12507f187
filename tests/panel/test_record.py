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
