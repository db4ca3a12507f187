"""Rows without region identity: repeated cross-sections as a panel that group-time effects can read."""

from __future__ import annotations

import pandas as pd

from panelcoop.panel.record import Panel, panel_from_frame

__all__ = ["repeated_cross_sections"]


def repeated_cross_sections(frame: pd.DataFrame, *, week: str = "week") -> Panel:
    """Make every row a region of its own, for ``CallawaySantAnna(unbalanced="cross-section")``.

    Parameters
    ----------
    frame
        One row per interview, case or firm and week, in any order; a column holds the week in which the row's group is
        treated (``Events.from_column``), others what errors may be clustered by.
    week
        Column, or level of the index, with the week.

    Returns
    -------
    Panel
        Regions are the numbers of the rows. A column (or level) called "region" is kept as "home_region", so
        ``cluster="home_region"`` lets rows of one region move together.

    Raises
    ------
    DataError
        If the week is missing somewhere, or weeks have no order of time.

    Notes
    -----
    This is ``panel = FALSE`` of R did: rows count as independent unless they are clustered, also those that come from
    one region. ``unbalanced="cross-section"`` on a panel is ``allow_unbalanced_panel = TRUE``: rows of one region are
    summed before they are squared.

    Examples
    --------
    >>> own = pd.DataFrame({"region": ["a", "a", "a", "b"], "t": [1, 1, 2, 1], "y": [0.0, 1.0, 2.0, 3.0]})
    >>> repeated_cross_sections(own, week="t").data["home_region"].tolist()
    ['a', 'a', 'a', 'b']
    """
    named = [name for name in frame.index.names if name is not None]
    flat = (frame.reset_index() if named else frame).rename(columns={"region": "home_region"})
    return panel_from_frame(flat.assign(region=range(len(flat))), region="region", week=week)
