"""A DuckDB of this process for each project's folder, to which the database file is attached for one operation.

To start DuckDB takes twenty times as long as to attach a file to one that runs (30 ms against 1.6 ms, DuckDB 2.0.0).
"""

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

_MOST_KEPT = 4
NAME = "project"
"""The attached database in SQL; statements need not name it."""

_Key = tuple[int, Path]  # a process that was forked must not use its parent's DuckDB
_idle: dict[_Key, duckdb.DuckDBPyConnection] = {}
_guard = threading.Lock()


@contextmanager
def attach(path: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """The database at ``path``, an absolute path, until the end of the block; then no lock on the file is left.

    It is confined to its folder: a project may come from somebody else, and a view or a macro in a database can read
    every file of its reader.

    Raises:
        duckdb.Error: As ``duckdb.connect`` does, if the file is held by another process, damaged or not to be opened.
    """
    key = os.getpid(), path.parent
    with _guard:
        engine = _idle.pop(key, None)
    if engine is None:
        engine = _start(path.parent)
    try:
        engine.execute(f"ATTACH {_quote(path)} AS {NAME} ({'READ_ONLY' if read_only else 'READ_WRITE'}); USE {NAME}")
        yield engine
    except BaseException:
        engine.close()  # it may hold half of a transaction, or be invalid after an error of the disk
        raise
    try:
        engine.execute(f"USE memory; DETACH {NAME}")
    except duckdb.Error:
        engine.close()  # what was committed is on the disk, and only tidying up has failed
    else:
        _keep(key, engine)


def _keep(key: _Key, engine: duckdb.DuckDBPyConnection) -> None:
    with _guard:
        # Two threads may each have started one, for two files of one folder.
        ended = [_idle.pop(key)] if key in _idle else []
        _idle[key] = engine
        ours = [one for one in _idle if one[0] == key[0]]
        ended += [_idle.pop(one) for one in ours[:-_MOST_KEPT]]
    for one in ended:
        one.close()


def _start(folder: Path) -> duckdb.DuckDBPyConnection:
    engine = duckdb.connect()
    confine(engine, folder)
    return engine


def confine(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Keep all statements on a DuckDB, for good, from reading or writing any file outside of the folder."""
    connection.execute(f"""
        SET allowed_directories = [{_quote(folder)[:-1]}/'];
        SET autoinstall_known_extensions = false;
        SET autoload_known_extensions = false;
        SET enable_external_access = false;
        SET lock_configuration = true;""")


def _quote(path: Path) -> str:
    return "'" + path.as_posix().replace("'", "''") + "'"


@atexit.register
def _close_all() -> None:
    """Left open, DuckDB reports leaks when Python ends."""
    with _guard:
        for (pid, _), engine in _idle.items():
            if pid == os.getpid():
                with suppress(duckdb.Error):
                    engine.close()
        _idle.clear()
