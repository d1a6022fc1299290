"""One DuckDB in memory for all tables that this process makes for a while."""

import atexit
from functools import cache

import duckdb

_THREADS = 2


def connect_memory() -> duckdb.DuckDBPyConnection:
    """A connection with temporary tables, views and registered names of its own; they go when it is closed.

    To start a DuckDB takes longer than most queries (30 ms, DuckDB 2.0.0), to connect to one that runs does not.
    """
    return _engine().cursor()


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": _THREADS})
    atexit.register(connection.close)  # left open, DuckDB reports leaks when Python ends
    return connection
