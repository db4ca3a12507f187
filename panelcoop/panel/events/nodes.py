"""Who stands in the network: the panel's regions, the centre, partners outside; and where each actor belongs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from panelcoop.checks import fail_if_not_one_of, name_few, nearest
from panelcoop.errors import DataError
from panelcoop.panel.events.contract import LEVELS, SEPARATOR
from panelcoop.panel.regions import RegionSystem

__all__ = ["Nodes", "nodes_of"]


@dataclass(frozen=True)
class Nodes:
    """The nodes of a cooperation network.

    Attributes
    ----------
    regions
        The N regions of the panel, sorted.
    centre
        The nation node C, or None.
    outside
        Partners that are neither a region of the panel nor the centre (foreign countries, say): they count as
        partners j of a region but have no rows of their own.
    place
        Actor code to node: a city stands for its province, a ministry for the nation.
    """

    regions: tuple[str, ...]
    centre: str | None
    outside: tuple[str, ...]
    place: Mapping[str, str]

    @property
    def partners(self) -> int:
        """How many partners a region can have: all nodes but itself and the centre."""
        return len(self.regions) + len(self.outside) - 1

    @property
    def centre_number(self) -> int:
        """Number of the centre: regions come first, then partners outside, then the centre."""
        return len(self.regions) + len(self.outside)

    @property
    def names(self) -> list[str]:
        """Label of every node, by its number."""
        return [*self.regions, *self.outside, *([] if self.centre is None else [self.centre])]

    def actor_frame(self) -> pd.DataFrame:
        """List the number of the node each actor stands for: columns `actor` and `node`."""
        number = {name: k for k, name in enumerate(self.names)}
        rows = [(actor, number[node]) for actor, node in sorted(self.place.items())]
        return pd.DataFrame(rows, columns=["actor", "node"]).astype({"actor": object, "node": "int16"})


def nodes_of(
    regions: RegionSystem | None, actors: Iterable[str] = (), *, level: str = "province", centre: str | None = None
) -> Nodes:
    """Find the nodes for a panel at one level of government.

    Parameters
    ----------
    regions
        Region system; levels and parents are read from its table where it has them. None: every actor is a region.
    actors
        Cells of `source` and `target`, used where there is no region system.
    level
        Level of the panel's regions. Actors below are lifted to it by their parents; "nation" is the centre.
    centre
        Code of the centre where the system has no level "nation".

    Raises
    ------
    DataError
        When no region stands at the level, or the centre is no region of the system.

    Examples
    --------
    >>> nodes_of(None, ["B|A", "C"], centre="C").regions
    ('A', 'B')
    """
    fail_if_not_one_of(level, LEVELS[1:], "the level of the panel")
    if regions is None:
        codes = sorted({code for cell in actors for code in str(cell).split(SEPARATOR)})
        return _flat_nodes(codes, centre)
    if centre is not None and centre not in regions:
        near = nearest(centre, regions.codes)
        msg = f"The centre '{centre}' is no code of {regions.label}{near}; name one of its codes."
        raise DataError(msg)
    if "level" not in regions.table:
        return _flat_nodes(sorted(regions.codes), centre)
    levels = regions.table["level"].fillna("").astype(str)
    nation = [str(code) for code in levels.index[levels == "nation"]]
    middle = centre or (nation[0] if nation else None)
    place = {code: _lift(code, regions.table, level) for code in regions.codes}
    place |= {code: middle for code in nation if middle is not None}
    inside = {code for code in regions.codes if levels[code] in (level, "") and code != middle}
    if not inside:
        msg = f"{regions.label} has no region at the level '{level}'; it has {name_few(sorted(set(levels)))}."
        raise DataError(msg)
    outside = {node for node in place.values() if node not in inside and node != middle}
    return Nodes(tuple(sorted(inside)), middle, tuple(sorted(outside)), place)


def _flat_nodes(codes: list[str], centre: str | None) -> Nodes:
    return Nodes(tuple(c for c in codes if c != centre), centre, (), {c: c for c in codes})


def _lift(code: str, table: pd.DataFrame, level: str) -> str:
    """Climb from a region to its ancestor at a level; a region without one stands for itself."""
    here, steps = code, 0
    while table.loc[here, "level"] != level:
        parent = table.loc[here, "parent"] if "parent" in table else ""
        if not isinstance(parent, str) or parent not in table.index or steps > len(LEVELS):
            return code
        if table.loc[parent, "level"] == "nation":
            return code
        here, steps = parent, steps + 1
    return here
