"""Estimate what each driver does at each stage, under region and week effects, with inference for few regions."""

from pathlib import Path

import panelcoop as pc

panel = pc.load_panel("output")
outcome, drivers = panel.columns_of("outcome")[0], panel.columns_of("driver")
offset = next(iter(panel.columns_of("offset")), None)
counts = pc.Poisson(offset) if "intensity" in outcome else None  # counts are modelled as counts, shares as they are
fit = pc.stage_interaction(panel, outcome=outcome, drivers=drivers, family=counts)

terms = fit.identification.query("kind == 'driver'")
known = terms.index[terms["status"] == "identified"]
found = fit.inference(["DWB-t", "WCR"], {term: {term: 1.0} for term in known})  # wild bootstraps: weeks, regions
main = found.xs("DWB-t", level="method")[["estimate", "conf_low", "conf_high"]].astype(float)
p_values = found["pvalue"].astype(float).unstack("method").rename(columns={"DWB-t": "p_dwb", "WCR": "p_wcr"})
table = terms[["family", "stage"]].rename(columns={"family": "driver"}).join(main).join(p_values).round(3)
if table["estimate"].isna().any():  # what is not estimated says why
    table["note"] = terms["reason"].where(table["estimate"].isna(), "")
table.to_csv("output/stage_effects.csv", index=False, float_format="%.3f")

model = f"Poisson with log({offset}) as offset" if counts and offset else "Poisson" if counts else "Least squares"
lost = [f"{count} rows left out, {reason}" for reason, count in fit.dropped.items()]
said = [
    f"{model} of {outcome}: {fit.nobs} rows of {fit.n_regions} regions and {fit.n_weeks} periods",
    *lost,
    *fit.notes,
]
Path("output/stage_effects.txt").write_text(". ".join(line.rstrip(".") for line in said) + ".\n", encoding="utf-8")
print(table.to_string(index=False), *said, sep="\n")
