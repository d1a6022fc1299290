"""A database that came from somebody else reads no files, and one that may only be read can be looked at."""

import errno
import os

import duckdb
import pytest

from core.errors import AnomalureError
from core.groups.actions import read_numbered
from core.store import opening
from core.store.database import VERDICT_COLUMNS, Store
from core.store.migrations import migrate


@pytest.fixture
def path(tmp_path):
    """A good database with no verdicts, in a project's folder."""
    made = tmp_path / "project" / "anomalure.duckdb"
    Store(made).runs()
    (tmp_path / "secret.txt").write_text("the secret")
    return made


def change(path, *statements):
    with duckdb.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)


SPY = ", ".join(
    "content AS note" if name == "note" else f"{'1' if name == 'sequence' else 'NULL'} AS {name}"
    for name in VERDICT_COLUMNS
)


@pytest.mark.parametrize(
    "statements",
    [
        ("ALTER TABLE verdicts RENAME TO hidden", f"CREATE VIEW verdicts AS SELECT {SPY} FROM read_text('{{secret}}')"),
        ("CREATE VIEW harmless AS SELECT 1",),
        ("CREATE MACRO nullif(a, b) AS (SELECT content FROM read_text('{secret}'))",),
        ("CREATE MACRO everything() AS TABLE SELECT * FROM read_text('{secret}')",),
    ],
)
def test_a_database_that_computes_is_refused(path, tmp_path, statements):
    change(path, *(statement.format(secret=tmp_path / "secret.txt") for statement in statements))

    with pytest.raises(AnomalureError, match="is not as Anomalure makes it") as refused:
        Store(path).verdicts()

    assert "the secret" not in str(refused.value)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT content FROM read_text('{secret}')",
        "COPY (SELECT 1) TO '{secret}'",
        "ATTACH '{secret}.duckdb'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ],
)
def test_the_stores_connection_reaches_no_file_outside_of_the_project(path, tmp_path, query):
    store = Store(path)

    with store.reading(), pytest.raises(duckdb.Error):
        store._reader.connection.execute(query.format(secret=tmp_path / "secret.txt"))

    assert (tmp_path / "secret.txt").read_text() == "the secret"


@pytest.fixture
def read_only(monkeypatch):
    """Files can be read, not written, as on a disk that is mounted so."""
    real = os.open

    def refuse(path, flags, *more, **how):
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return real(path, flags, *more, **how)

    def switch_on():
        monkeypatch.setattr(os, "open", refuse)

    return switch_on


def test_a_project_that_may_only_be_read_is_read_and_refuses_a_verdict_in_a_sentence(path, read_only):
    read_only()
    store = Store(path)

    assert store.verdicts().empty
    assert store.active_bundle() == ""
    with pytest.raises(AnomalureError, match="cannot be written"):
        store.set_setting("a", 1)


def test_a_project_of_an_earlier_version_that_may_only_be_read_is_read(tmp_path, monkeypatch):
    old = tmp_path / "old.duckdb"
    with duckdb.connect(old) as connection:
        migrate(connection, up_to=5)
        connection.execute("INSERT INTO settings VALUES ('a', '1')")
    attach = opening.attach

    def refuse(path, *, read_only):
        if not read_only:
            raise duckdb.IOException("Cannot open file: Read-only file system")
        return attach(path, read_only=read_only)

    monkeypatch.setattr(opening, "attach", refuse)
    assert Store(old).get_setting("a") == 1
    assert Store(old).notes().empty


def test_a_link_in_place_of_the_lock_has_no_other_file_written_over(path, tmp_path):
    lock = path.with_name(f"{path.name}.lock")
    lock.unlink()
    lock.symlink_to(tmp_path / "secret.txt")

    with pytest.raises(AnomalureError, match="cannot be written"):
        Store(path).verdicts()

    assert (tmp_path / "secret.txt").read_text() == "the secret"


VERDICT = (
    "INSERT INTO verdicts SELECT {sequence}, 'v{sequence}', 'p', 'c', 'detection', {x}, 0, 1, 1, '{verdict}', {time}, "
    "'Ada', '', '', 'r', '', 0, 0, 0, 'first', ''"
)


def verdict(*, sequence=1, x="0", verdict="anomaly", time="TIMESTAMP '2026-05-01 10:00:00'"):
    return VERDICT.format(sequence=sequence, x=x, verdict=verdict, time=time)


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (("DROP TABLE settings",), "settings has no column key"),
        (("DROP TABLE notes",), "notes has no column crop_id"),
        (("DROP TABLE verdicts", "CREATE TABLE verdicts (a INTEGER)"), "verdicts has no column bundle"),
        (("ALTER TABLE verdicts ALTER photo_id TYPE VARCHAR[]",), r"verdicts has no column photo_id \(VARCHAR\)"),
        ((verdict(verdict="bogus"),), "a verdict with an unknown decision"),
        ((verdict(x="'nan'"),), "a verdict with a box that cannot be"),
        ((verdict(time="'infinity'::TIMESTAMP"),), "a verdict with a time that cannot be"),
        ((verdict(time="'290000-01-01'::TIMESTAMP"),), "a verdict with a time that cannot be"),
        ((verdict(), verdict()), "a verdict with the number of another"),
    ],
)
def test_a_damaged_database_is_refused_in_a_sentence(path, statements, said):
    change(path, *statements)

    with pytest.raises(AnomalureError, match=f"is damaged or was changed by another program.*{said}"):
        Store(path).verdicts()


def test_good_verdicts_and_tables_of_other_programs_are_no_damage(path):
    change(path, verdict(sequence=1), verdict(sequence=2), "CREATE TABLE mine (a INTEGER)")

    assert len(Store(path).verdicts()) == 2


def test_a_damaged_setting_or_action_on_groups_is_a_sentence(path):
    store = Store(path)
    change(
        path,
        "INSERT INTO settings VALUES ('places', '{not json')",
        "INSERT INTO group_actions VALUES (1, 'a1', 'spring', 't', 'name', '{not json', 'Ada', now()::TIMESTAMP, 1)",
    )

    with pytest.raises(AnomalureError, match="The setting places is damaged"):
        store.get_setting("places")
    with pytest.raises(AnomalureError, match=r"the groups of run spring is damaged .*action a1"):
        read_numbered(store, run="spring", tree="t")
