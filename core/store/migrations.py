"""The steps that bring anomalure.duckdb to this version's schema. A released step never changes."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache

import duckdb

from core.errors import AnomalureError, NewerVersion
from core.records import Decision


@dataclass(frozen=True, slots=True)
class Migration:
    """One named step; its number is its position in ``MIGRATIONS``, from 1."""

    name: str
    statements: tuple[str, ...]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        "verdicts",
        (
            """CREATE TABLE verdicts (
            sequence BIGINT NOT NULL, verdict_id TEXT NOT NULL, photo_id TEXT NOT NULL, crop_id TEXT NOT NULL,
            kind TEXT NOT NULL, x DOUBLE NOT NULL, y DOUBLE NOT NULL, width DOUBLE NOT NULL, height DOUBLE NOT NULL,
            verdict TEXT, decided_at TIMESTAMP NOT NULL, reviewer TEXT NOT NULL, species TEXT NOT NULL,
            note TEXT NOT NULL, run TEXT NOT NULL, bundle TEXT NOT NULL, score DOUBLE, p_value DOUBLE,
            false_alarm_rate DOUBLE)""",
        ),
    ),
    Migration(
        "registry of runs and bundles",
        (
            """CREATE TABLE runs (
            run_id TEXT NOT NULL, name TEXT NOT NULL, folder TEXT NOT NULL, bundle TEXT NOT NULL,
            created_at TIMESTAMP NOT NULL, PRIMARY KEY (run_id))""",
            """CREATE TABLE bundles (
            name TEXT NOT NULL, made_from TEXT NOT NULL, created_at TIMESTAMP NOT NULL, PRIMARY KEY (name))""",
            """CREATE TABLE activations (
            sequence BIGINT NOT NULL, bundle TEXT NOT NULL, activated_at TIMESTAMP NOT NULL)""",
        ),
    ),
    Migration("settings", ("CREATE TABLE settings (key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (key))",)),
    Migration("rounds of review", ("ALTER TABLE verdicts ADD COLUMN round TEXT DEFAULT 'first'",)),
    Migration(
        "saved views",
        (
            """CREATE TABLE saved_views (
            view_id TEXT NOT NULL, name TEXT NOT NULL, address TEXT NOT NULL, created_at TIMESTAMP NOT NULL,
            PRIMARY KEY (view_id))""",
        ),
    ),
    Migration(
        "groups",
        (
            "ALTER TABLE verdicts ADD COLUMN given_to TEXT DEFAULT ''",
            """CREATE TABLE group_actions (
            sequence BIGINT NOT NULL, action_id TEXT NOT NULL, run TEXT NOT NULL, tree TEXT NOT NULL,
            kind TEXT NOT NULL, body TEXT NOT NULL, reviewer TEXT NOT NULL, given_at TIMESTAMP NOT NULL,
            n BIGINT NOT NULL)""",
        ),
    ),
    Migration(
        "notes",
        (
            """CREATE TABLE notes (
            sequence BIGINT NOT NULL, note_id TEXT NOT NULL, photo_id TEXT NOT NULL, crop_id TEXT NOT NULL,
            note TEXT NOT NULL, reviewer TEXT NOT NULL, run TEXT NOT NULL, written_at TIMESTAMP NOT NULL)""",
        ),
    ),
)

_COLUMNS = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
_WRONG_VERDICTS = """
    SELECT 'a time that cannot be' FROM verdicts
    WHERE NOT isfinite(decided_at) OR year(decided_at) NOT BETWEEN 1 AND 9999
    UNION ALL SELECT 'an unknown decision' FROM verdicts WHERE verdict IS NOT NULL AND NOT list_contains(?, verdict)
    UNION ALL SELECT 'a box that cannot be' FROM verdicts WHERE NOT (isfinite(x + y) AND isfinite(width + height))
    UNION ALL SELECT 'the number of another' FROM verdicts HAVING count(*) > count(DISTINCT sequence)
    LIMIT 1"""
_RECORD = "CREATE TABLE migrations (number INTEGER NOT NULL, name TEXT NOT NULL, applied_at TIMESTAMP NOT NULL)"


def read_version(connection: duckdb.DuckDBPyConnection) -> int:
    """The number of the last step that a database has had; 0 for an empty one.

    Raises:
        NewerVersion: If a newer version made it.
        AnomalureError: If it is another program's database.
    """
    tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    done = _read_steps(connection) if "migrations" in tables else []
    known = [(number, step.name) for number, step in enumerate(MIGRATIONS, start=1)]
    if len(done) > len(known):  # before anything else is looked at, for a newer version may have all kinds of things
        raise NewerVersion(
            f"This project was last used with a newer version of Anomalure (its database is at step "
            f"{len(done)}, this version knows {len(known)}). Nothing was changed. Update Anomalure."
        )
    _refuse_what_computes(connection)
    if "migrations" not in tables:
        if tables:
            raise AnomalureError(
                "This database is not Anomalure's: it has the tables "
                f"{', '.join(sorted(tables)[:5])}. Choose another project folder."
            )
        return 0
    if done != known[: len(done)]:
        raise AnomalureError(
            "This project's database was made by another line of Anomalure: its steps are "
            f"{', '.join(name for _, name in done)}. Use the version that made it."
        )
    return len(done)


def _read_steps(connection: duckdb.DuckDBPyConnection) -> list[tuple[int, str]]:
    try:
        return connection.execute("SELECT number, name FROM migrations ORDER BY number").fetchall()
    except duckdb.Error as error:
        raise AnomalureError(
            "This project's database is damaged or was changed by another program: its list of steps cannot be read "
            f"({str(error).partition(chr(10))[0][:200]}). Put it back from a copy, or ask the person it came from."
        ) from error


def _refuse_what_computes(connection: duckdb.DuckDBPyConnection) -> None:
    """Anomalure writes tables only. A view, macro or trigger would be somebody else's, and is not what it is taken for.

    Raises:
        AnomalureError: If the database has one.
    """
    found = connection.execute("""
        SELECT view_name FROM duckdb_views() WHERE NOT internal
        UNION ALL SELECT function_name FROM duckdb_functions() WHERE NOT internal
        ORDER BY 1""").fetchall()
    if found:
        names = ", ".join(str(name)[:40] for (name,) in found[:3])
        raise AnomalureError(
            "This project's database is not as Anomalure makes it: it computes some of what should be written in it "
            f"({names}), so its decisions cannot be trusted. Ask the person it came from, or choose another project."
        )


def check_content(connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse a database of this version whose tables are not as Anomalure makes them, or whose verdicts cannot be.

    A damaged file, or somebody else's, would otherwise end in errors of the database, or in a wrong export.

    Raises:
        AnomalureError: If a table or column is missing or of another type, a verdict has an impossible time or is
            none of the known ones, or two have the same number.
    """
    # duckdb_columns() knows the columns of every attached database.
    have = {tuple(row) for row in connection.execute(f"{_COLUMNS} AND database_name = current_database()").fetchall()}
    missing = sorted(_expected_columns() - have)
    wrong = connection.execute(_WRONG_VERDICTS, [list(Decision)]).fetchall() if not missing else []
    if missing or wrong:
        table, column, kind = missing[0] if missing else ("verdicts", str(wrong[0][0]), "")
        raise AnomalureError(
            "This project's database is damaged or was changed by another program: its table "
            f"{table} {f'has no column {column} ({kind})' if missing else f'has a verdict with {column}'}. Put it back "
            "from a copy, or ask the person it came from."
        )


@cache
def _expected_columns() -> frozenset[tuple[str, str, str]]:
    with duckdb.connect() as connection:
        create(connection)
        return frozenset(tuple(row) for row in connection.execute(_COLUMNS).fetchall())


def migrate(connection: duckdb.DuckDBPyConnection, *, up_to: int = len(MIGRATIONS)) -> None:
    """Apply the steps that are missing, each in one transaction with its own record.

    Raises:
        AnomalureError: If it is another program's database, or a newer version's.
    """
    for number in range(read_version(connection) + 1, up_to + 1):
        with _transaction(connection):
            _apply(connection, number)


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Apply all steps to an empty database, in one transaction."""
    with _transaction(connection):
        for number in range(1, len(MIGRATIONS) + 1):
            _apply(connection, number)


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.begin()
    try:
        yield
        connection.commit()
    except BaseException:
        with suppress(duckdb.Error):  # after an error of a full disk there is no transaction to roll back
            connection.rollback()
        raise


def _apply(connection: duckdb.DuckDBPyConnection, number: int) -> None:
    step = MIGRATIONS[number - 1]
    if number == 1:
        connection.execute(_RECORD)
    for statement in step.statements:
        connection.execute(statement)
    connection.execute("INSERT INTO migrations VALUES (?, ?, now()::TIMESTAMP)", [number, step.name])
