"""Row of the table: 20 million events to a panel of 12 measures and drivers, against queries written by hand."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.harness import Workload

REGIONS, WEEKS, EVENTS = 300, 150, 20_000_000
CENTRE = "C"
FIRST = np.datetime64("2020-01-06")
CODES = [f"R{k:03d}" for k in range(REGIONS)]
COLUMNS = [
    "out_intensity", "in_intensity", "intensity", "breadth", "effective_partners", "formality", "reciprocity",
    "vertical_share", "mandated_share", "density", "centralisation", "stock", "risk_lag", "spread_lag",
]  # fmt: skip


def make(events: int = EVENTS) -> Path:
    """Write the log once: regions of unequal size, a tenth of the events with the centre, integer weights."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(tempfile.gettempdir()) / f"panelcoop_bench_{events}.parquet"
    if path.exists():
        return path
    rng = np.random.default_rng(1)
    size = rng.lognormal(size=REGIONS)
    nodes, mechanisms = (
        pa.array([*CODES, CENTRE]),
        pa.array(["agreement", "joint_departmental", "joint_prevention", "counterpart_support", "other"]),
    )
    partial = path.with_suffix(".partial")
    writer = None
    for done in range(0, events, 2_000_000):
        n = min(2_000_000, events - done)
        source = rng.choice(REGIONS, n, p=size / size.sum())
        target = (source + rng.integers(1, REGIONS, n)) % REGIONS
        target[rng.random(n) < 0.1] = REGIONS
        swap = rng.random(n) < 0.5
        source, target = np.where(swap, target, source), np.where(swap, source, target)
        table = pa.table(
            {
                "day": pa.array((FIRST + rng.integers(0, 7 * WEEKS, n)).astype("datetime64[D]")),
                "source": nodes.take(pa.array(source)),
                "target": nodes.take(pa.array(target)),
                "mechanism": mechanisms.take(pa.array(rng.integers(0, 5, n))),
                "resource": rng.random(n) < 0.4,
                "information": rng.random(n) < 0.4,
                "policy": rng.random(n) < 0.4,
                "share": rng.integers(1, 5, n).astype(float),
                "formality": rng.integers(1, 6, n).astype(float),
                "mandated": rng.random(n) < 0.1,
            }
        )
        writer = writer or pq.ParquetWriter(partial, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()
    return partial.rename(path)


def covariates() -> tuple[pd.DataFrame, np.ndarray]:
    """Draw risk by region and week, and row-standardised weights of the four next regions."""
    rng = np.random.default_rng(2)
    weeks = pd.date_range(FIRST, periods=WEEKS, freq="7D", unit="us")
    index = pd.MultiIndex.from_product([CODES, weeks], names=["region", "week"])
    matrix = sum(np.roll(np.eye(REGIONS), k, axis=1) for k in (1, 2, 3, 4)) / 4
    return pd.DataFrame({"risk": rng.standard_normal(len(index))}, index=index), matrix


def summary(frame: pd.DataFrame) -> np.ndarray:
    """Mean of every column, and of its squares: what engines must agree on."""
    values = frame[COLUMNS].to_numpy(float)
    return np.concatenate([np.nanmean(values, axis=0), np.nanmean(values**2, axis=0)])


def ours(path: Path):
    """Time ``assemble_events`` on Parquet, with a spatial lag and a join."""
    from panelcoop.panel.events.assemble import assemble_events
    from panelcoop.panel.events.settings import Assembly
    from panelcoop.panel.weights import spatial_lag

    regions = pd.DataFrame({"code": [CENTRE, *CODES], "level": ["nation"] + ["province"] * REGIONS, "parent": ""})
    risk, matrix = covariates()

    def call():
        panel = assemble_events(path, regions, choices=Assembly(slices=(), persistence=False))
        wide = risk["risk"].to_numpy().reshape(REGIONS, WEEKS).T
        spread = pd.Series(spatial_lag(wide, matrix).T.ravel(), index=risk.index)
        lagged = {f"{n}_lag": v.groupby("region").shift() for n, v in (("risk", risk["risk"]), ("spread", spread))}
        return summary(panel.with_columns(lagged).data)

    return call


SQL_PANEL = """
with e as (
  select date_trunc('week', day) w, source s, target t, share x, formality f,
         source = 'C' or target = 'C' v, mandated or mechanism = 'counterpart_support' o
  from read_parquet('{path}')
), pairs as (
  select w, least(s, t) a, greatest(s, t) b,
         sum(case when s < t then x else 0 end) p, sum(case when s < t then 0 else x end) q
  from e where not v group by all
), ends as (
  select w, a r, p + q x, least(p, q) m, p > 0 sends from pairs
  union all select w, b, p + q, least(p, q), q > 0 from pairs
), ties as (
  select w, r, count(*) n, count(*) filter (sends) k, sum(x) x, sum(x * ln(x)) l, sum(m) m from ends group by all
), flows as (
  select w, s r, sum(x) filter (not v) o, 0.0 i, sum(x) filter (v) v, sum(x) filter (o and not v) d,
         sum(x * f) g, sum(x) h
  from e group by all
  union all
  select w, t, 0.0, sum(x) filter (not v), sum(x) filter (v), sum(x) filter (o and not v), sum(x * f), sum(x)
  from e group by all
), regional as (
  select w, r, sum(o) o, sum(i) i, coalesce(sum(v), 0) v, coalesce(sum(d), 0) d, sum(g) g, sum(h) h
  from flows where r <> 'C' group by all
), joined as (
  select w, r, coalesce(o, 0) out_intensity, coalesce(i, 0) in_intensity, coalesce(o, 0) + coalesce(i, 0) intensity,
         n, k, n / {others} breadth, exp(ln(x) - l / x) effective_partners, g / h formality, 2 * m / x reciprocity,
         v / (v + coalesce(o, 0) + coalesce(i, 0)) vertical_share, d / (coalesce(o, 0) + coalesce(i, 0)) mandated_share
  from regional left join ties using (w, r)
), shape as (
  select w, sum(k) / ({regions} * {others}) density,
         sum(top - n) / ({others} * ({regions} - 2)) centralisation
  from (select w, k, n, max(n) over (partition by w) top from joined) group by w
), measured as (
  select *, pow(2, -datediff('day', date '2020-01-06', w) / 28.0)
            * sum(intensity * pow(2, datediff('day', date '2020-01-06', w) / 28.0))
              over (partition by r order by w) stock
  from joined join shape using (w)
)
select m.*, y.risk risk_lag, z.spread spread_lag
from measured m
left join risk y on y.region = m.r and y.week + interval 7 day = m.w
left join (
  select w.i, risk.week, sum(w.weight * risk.risk) spread from weights w join risk on risk.region = w.j group by all
) z
  on z.i = m.r and z.week + interval 7 day = m.w
"""


def duckdb_by_hand(path: Path):
    """Time one SQL statement as an analyst would write it."""
    import duckdb

    risk, matrix = covariates()
    table = risk.reset_index()
    i, j = np.nonzero(matrix)
    weights = pd.DataFrame({"i": np.array(CODES)[i], "j": np.array(CODES)[j], "weight": matrix[i, j]})

    def call():
        connection = duckdb.connect()
        connection.register("risk", table)
        connection.register("weights", weights)
        query = SQL_PANEL.format(path=path, regions=REGIONS, others=REGIONS - 1.0)
        return summary(connection.execute(query).df())

    return call


def polars_by_hand(path: Path):
    """Time one lazy polars query as an analyst would write it, on all cores."""
    os.environ["POLARS_MAX_THREADS"] = str(os.cpu_count() or 1)
    import polars as pl

    risk, matrix = covariates()
    table = pl.from_pandas(risk.reset_index()).with_columns(pl.col("week").cast(pl.Date).alias("w"), r="region")
    i, j = np.nonzero(matrix)
    weights = pl.DataFrame({"r": np.array(CODES)[i], "j": np.array(CODES)[j], "weight": matrix[i, j]})
    x, central = pl.col("share"), (pl.col("source") == CENTRE) | (pl.col("target") == CENTRE)

    def pair_ties(e):
        onward = pl.col("source") < pl.col("target")
        pairs = (
            e.filter(~pl.col("v"))
            .with_columns(a=pl.min_horizontal("source", "target"), b=pl.max_horizontal("source", "target"))
            .group_by("w", "a", "b")
            .agg(p=(x * onward).sum(), q=(x * ~onward).sum())
        )
        flow = {"x": pl.col("p") + pl.col("q"), "m": pl.min_horizontal("p", "q")}
        ends = pl.concat(
            [
                pairs.select("w", r="a", sends=pl.col("p") > 0, **flow),
                pairs.select("w", r="b", sends=pl.col("q") > 0, **flow),
            ]
        )
        sums = {"n": pl.len(), "k": pl.col("sends").sum(), "x": pl.col("x").sum(), "m": pl.col("m").sum()}
        return ends.group_by("w", "r").agg(**sums, l=(pl.col("x") * pl.col("x").log()).sum())

    def side(e, near, way):
        horizontal = x.filter(~pl.col("v")).sum()
        sums = {"o": horizontal if way == "out" else pl.lit(0.0), "i": horizontal if way == "in" else pl.lit(0.0)}
        sums |= {"v": x.filter(pl.col("v")).sum(), "d": x.filter(pl.col("by_order") & ~pl.col("v")).sum()}
        return e.group_by("w", r=near).agg(**sums, g=(x * pl.col("formality")).sum(), h=x.sum())

    def call():
        e = pl.scan_parquet(path).select(
            "source", "target", "share", "formality", w=pl.col("day").dt.truncate("1w"), v=central,
            by_order=pl.col("mandated") | (pl.col("mechanism") == "counterpart_support"),
        )  # fmt: skip
        flows = pl.concat([side(e, "source", "out"), side(e, "target", "in")]).filter(pl.col("r") != CENTRE)
        regional = flows.group_by("w", "r").agg(pl.all().sum())
        both = regional.join(pair_ties(e), on=["w", "r"], how="left").collect(engine="streaming").sort("r", "w")
        total, others = pl.col("o") + pl.col("i"), REGIONS - 1
        age = (pl.col("w") - pl.lit(FIRST.astype(object))).dt.total_days() / 28
        panel = both.with_columns(
            out_intensity="o", in_intensity="i", intensity=total, breadth=pl.col("n") / others,
            effective_partners=(pl.col("x").log() - pl.col("l") / pl.col("x")).exp(),
            formality=pl.col("g") / pl.col("h"), reciprocity=2 * pl.col("m") / pl.col("x"),
            vertical_share=pl.col("v") / (pl.col("v") + total), mandated_share=pl.col("d") / total,
            density=pl.col("k").sum().over("w") / (REGIONS * others),
            centralisation=(pl.col("n").max() - pl.col("n")).sum().over("w") / (others * (REGIONS - 2)),
            stock=pl.lit(2.0).pow(-age) * (total * pl.lit(2.0).pow(age)).cum_sum().over("r"),
        )  # fmt: skip
        later = pl.col("w").dt.offset_by("1w")
        spread = weights.join(table, left_on="j", right_on="region").group_by("r", "w").agg(
            spread_lag=(pl.col("weight") * pl.col("risk")).sum()
        )  # fmt: skip
        own = table.select("r", later, risk_lag="risk")
        joined = panel.join(own, on=["r", "w"], how="left").join(spread.with_columns(later), on=["r", "w"], how="left")
        return summary(joined.to_pandas())

    return call


def make_ten_times() -> Path:
    """Write ten times as many events: more than memory holds at once."""
    return make(10 * EVENTS)


WORKLOADS = (
    Workload(
        name="assembly-200m",
        label="200 million events out of core to the same panel",
        make=make_ten_times,
        engines={"panelcoop": ours},
        slow=frozenset({"panelcoop"}),
        memory=4.0,
        runs=1,
    ),
    Workload(
        name="assembly",
        label="20 million events to a panel: 12 measures, a spatial lag, joined",
        make=make,
        engines={"panelcoop": ours, "DuckDB by hand": duckdb_by_hand, "polars by hand": polars_by_hand},
        faster=1.0,
        memory=1.0,
        agree=1e-9,
    ),
)
