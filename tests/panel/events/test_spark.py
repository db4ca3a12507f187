"""The same queries on Spark give the same panel: integers to the bit, floats to 1e-12."""

import importlib.util
import shutil
import warnings

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.events.assemble import assemble_events
from panelcoop.panel.events.read import read_events
from panelcoop.panel.events.settings import Assembly
from panelcoop.simulate import simulate_events

ROUNDING = 1e-12  # sums in another order
READY = importlib.util.find_spec("pyspark") is not None and shutil.which("java") is not None
INTEGERS = ["partners"]


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


@pytest.mark.skipif(importlib.util.find_spec("pyspark") is not None, reason="pyspark is installed")
def test_without_pyspark_the_remedy_is_named():
    log = read_events(pd.DataFrame({"date": ["2020-02-03"], "source": "A", "target": "B", "mechanism": "other"}))
    with pytest.raises(DataError, match=r"panelcoop\[spark\]"):
        assemble_events(log, choices=Assembly(engine="spark"))
