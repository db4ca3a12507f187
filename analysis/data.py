"""Rebuild the weekly figures in data/ from the originals and check that they are the shipped ones.

Run by `make data`. Downloads from the public addresses, or reads the folder PANELCOOP_MIRROR names. `--write`
replaces the shipped figures. Ends with code 1 when a file differs or an original cannot be had.
"""

import sys
from pathlib import Path

from panelcoop.errors import PanelcoopError
from panelcoop.panel.sources.build import rebuild_data

DATA = Path(__file__).parents[1] / "data"


def main(arguments: list[str]) -> int:
    write = "--write" in arguments
    try:
        checks = rebuild_data(DATA, write=write)
    except PanelcoopError as fault:
        print(f"{type(fault).__name__}: {fault}", file=sys.stderr)
        return 1
    print(*checks, sep="\n")
    if write:
        print(f"written to {DATA}")
    return 0 if write or all(check.identical for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
