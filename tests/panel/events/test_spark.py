"""The same queries on Spark give the same panel: integers to the bit, floats to 1e-12."""

import importlib.util
import shutil
import warnings

import numpy as np
import pandas as pd
import pytest
from pandas_dyads import expand_with_pandas

from panelcoop.errors import DataError
from panelcoop.panel.events.assemble import assemble_events
from panelcoop.panel.events.query import dyad_table
from panelcoop.panel.events.read import read_events
from panelcoop.panel.events.settings import Assembly
from panelcoop.panel.measures.engine import open_engine
from panelcoop.panel.weeks import WEEKS
from panelcoop.simulate import simulate_events

ROUNDING = 1e-12  # sums in another order
READY = importlib.util.find_spec("pyspark") is not None and shutil.which("java") is not None
INTEGERS = ["partners"]
KEYS = ["event", "source", "target", "day"]


@pytest.mark.spark
@pytest.mark.skipif(not READY, reason="pyspark or a Java runtime is missing: install panelcoop[spark] and Java 17")
@pytest.mark.filterwarnings("ignore")  # pyspark's own
def test_spark_and_duckdb_agree(tmp_path):
    drawn = simulate_events(regions=6, weeks=10, seed=2)
    log = read_events(drawn.events, regions=drawn.regions)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spark = assemble_events(log, choices=Assembly(engine="spark")).data
    duckdb = assemble_events(log).data
    for name in INTEGERS:
        np.testing.assert_array_equal(spark[name], duckdb[name])
    pd.testing.assert_frame_equal(spark, duckdb, rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.spark
@pytest.mark.skipif(not READY, reason="pyspark or a Java runtime is missing: install panelcoop[spark] and Java 17")
@pytest.mark.filterwarnings("ignore")  # pyspark's own
def test_spark_reads_logs_and_partitions_and_shares_events_out(tmp_path):
    drawn = simulate_events(regions=6, weeks=10, seed=2)
    log = read_events(drawn.events, regions=drawn.regions)
    expected = expand_with_pandas(log.events).sort_values(KEYS, ignore_index=True)
    for word, rows in expected.groupby("mechanism"):
        (tmp_path / "dyads" / f"mechanism={word}").mkdir(parents=True)
        rows.drop(columns="mechanism").to_parquet(tmp_path / "dyads" / f"mechanism={word}" / "part.parquet")
    duckdb = assemble_events(log, choices=Assembly(slices=(), persistence=False)).data
    choices = Assembly(engine="spark", slices=(), persistence=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with open_engine("spark") as connection:
            shared = dyad_table(connection, log, calendar=WEEKS)
            found = connection.to_pyarrow(shared).to_pandas(date_as_object=False).sort_values(KEYS, ignore_index=True)
        pd.testing.assert_frame_equal(found, expected, rtol=ROUNDING, atol=ROUNDING, check_dtype=False)
        for stored in (log.save(tmp_path / "events")[0], tmp_path / "dyads"):
            spark = assemble_events(stored, drawn.regions, choices=choices).data
            pd.testing.assert_frame_equal(spark, duckdb, rtol=ROUNDING, atol=ROUNDING)
        expected.assign(share=-1.0).to_parquet(tmp_path / "bad.parquet")
        with pytest.raises(DataError, match="with a share that is missing, negative or infinite"):
            assemble_events(tmp_path / "bad.parquet", drawn.regions, choices=choices)


@pytest.mark.skipif(importlib.util.find_spec("pyspark") is not None, reason="pyspark is installed")
def test_without_pyspark_the_remedy_is_named():
    log = read_events(pd.DataFrame({"date": ["2020-02-03"], "source": "A", "target": "B", "mechanism": "other"}))
    with pytest.raises(DataError, match=r"panelcoop\[spark\]"):
        assemble_events(log, choices=Assembly(engine="spark"))
