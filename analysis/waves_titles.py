"""Local run: the wave test on cooperation attention in release titles, which carry no licence and are not shipped.

`python analysis/waves_titles.py FILE` reads an XLSX or CSV with prov, date and title (`panelcoop fetch titles`)
and prints the verdicts: titles on cooperation per title, the same without Hubei, their placebo, the number of titles;
then the log rate of titles on cooperation, over the weeks that have any. A dozen weeks are too few for any verdict but
INCONCLUSIVE, and the test says so.
"""

import sys

import pandas as pd

from panelcoop.panel.events.adapters.titles import read_titles, weekly_title_counts
from panelcoop.waves.companions import wave_companions

OUTLIER = "CN-HB"


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    counts = weekly_title_counts(read_titles(arguments[0])).astype("float64")
    share = counts.assign(share=counts["cooperation"] / counts["documents"].where(counts["documents"] > 0))
    told = share[share.groupby("week")["cooperation"].transform("sum") > 0]
    for found in (
        wave_companions(share, outcomes="share", outlier=OUTLIER, placebos="documents"),
        wave_companions(told, outcomes="cooperation", outlier=OUTLIER, offset="documents"),
    ):
        for name, result in found.verdicts.items():
            print(f"{name}\n{result}\n")
        for name, reason in found.refused.items():
            print(f"{name}: not run. {reason}\n")
    return 0


if __name__ == "__main__":
    pd.set_option("display.width", 160)
    sys.exit(main(sys.argv[1:]))
