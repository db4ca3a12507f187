"""Where the queries run: DuckDB inside this process by default, an existing Spark session on request."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias
from uuid import uuid4

import pandas as pd

from panelcoop.checks import fail_if_not_one_of, name_few
from panelcoop.errors import DataError

__all__ = ["Engine", "IbisTable", "in_memory", "open_engine", "read_parquet_files"]

Engine: TypeAlias = Literal["duckdb", "spark"]
"""Which engine runs the queries."""

IbisTable: TypeAlias = Any
"""An ``ibis.Table``."""

MEMORY_LIMIT = "640MB"
"""What DuckDB may hold before it spills to disk: the rest of one GiB is Python and its libraries."""


@contextmanager
def open_engine(engine: Engine = "duckdb") -> Iterator[Any]:
    """Open a connection that runs Ibis expressions.

    Parameters
    ----------
    engine
        "duckdb": embedded, out of core. "spark": the active Spark session, or a local one where there is none.

    Yields
    ------
    ibis.BaseBackend

    Raises
    ------
    DataError
        When Spark is asked for and pyspark or a Java runtime is missing.
    """
    fail_if_not_one_of(engine, ["duckdb", "spark"], "engine")
    import ibis

    with warnings.catch_warnings():
        # Ibis calls names that its engines are about to drop; its users can do nothing about that.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"ibis\.")
        if engine == "spark":
            session = _spark_session()
            yield ibis.pyspark.connect(session)
            return
        connection = ibis.duckdb.connect(memory_limit=MEMORY_LIMIT, preserve_insertion_order=False)
        try:
            yield connection
        finally:
            connection.disconnect()


def in_memory(frame: pd.DataFrame) -> IbisTable:
    """Hand a frame over through Arrow, whose types every engine knows."""
    import ibis
    import pyarrow as pa

    return ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))


def read_parquet_files(connection: Any, files: Sequence[Path], *, base: Path) -> IbisTable:  # noqa: ANN401
    """Read Parquet files out of core as one table; folders `name=value` below the base become columns.

    Raises
    ------
    DataError
        When a file is no Parquet, or the files do not have the same columns.
    """
    paths = [str(file.resolve()) for file in files]
    try:
        if connection.name == "duckdb":
            return connection.read_parquet(paths, hive_partitioning=True)
        name = f"parquet_{uuid4().hex}"
        reader = _spark_session().read.option("basePath", str(base.resolve()))
        reader.parquet(*paths).createOrReplaceTempView(name)
        return connection.table(name)
    except Exception as fault:  # every engine raises its own errors
        msg = f"{name_few(paths, 3)} cannot be read as Parquet: {str(fault).splitlines()[0]}"
        raise DataError(msg) from fault


def _spark_session() -> Any:  # noqa: ANN401 - pyspark is optional and untyped here
    try:
        from pyspark.sql import SparkSession
    except ImportError as fault:
        msg = "engine='spark' needs pyspark: install panelcoop[spark] and a Java runtime."
        raise DataError(msg) from fault
    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    try:
        builder = SparkSession.builder.master("local[2]").appName("panelcoop")
        local = {"spark.ui.enabled": "false", "spark.sql.session.timeZone": "UTC", "spark.sql.shuffle.partitions": "4"}
        for name, value in local.items():
            builder = builder.config(name, value)
        return builder.getOrCreate()
    except Exception as fault:  # Java's faults reach Python under many names
        msg = "engine='spark' could not start Spark: a Java runtime (17 or later) must be on the path."
        raise DataError(msg) from fault
