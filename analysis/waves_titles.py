"""Local run: the wave test on cooperation attention in release titles, which carry no licence and are not shipped.

`python analysis/waves_titles.py FILE` reads an XLSX or CSV with prov, date and title (`panelcoop fetch titles`)
and prints two verdicts: titles on cooperation per title, and their placebo, the number of titles. Eleven weeks are too
few for any verdict but INCONCLUSIVE, and the test says so.
"""

import sys

import pandas as pd

from panelcoop.errors import PanelcoopError
from panelcoop.panel.events.adapters.titles import read_titles, weekly_title_counts
from panelcoop.waves.primary import wave_test


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    counts = weekly_title_counts(read_titles(arguments[0])).astype("float64")
    share = counts.assign(share=counts["cooperation"] / counts["documents"].where(counts["documents"] > 0))
    print(wave_test(share, outcome="share", placebo="documents"), end="\n\n")
    try:
        print(wave_test(share, outcome="cooperation", offset="documents"))
    except PanelcoopError as reason:
        print(f"Log rate not tested: {reason}")
    return 0


if __name__ == "__main__":
    pd.set_option("display.width", 160)
    sys.exit(main(sys.argv[1:]))
