"""Verdicts are never lost: not by others who write at once, not by a kill, not by an update."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from core.disk.locks import FileLock
from core.errors import AnomalureError, StoreBusy
from core.records import Decision, Round
from core.store.database import VERDICT_COLUMNS, Store, _Batch
from core.store.migrations import MIGRATIONS, migrate
from tests.fakes.project import make_project
from tests.fakes.verdicts import NOON, append_one_by_one, make_verdict


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "anomalure.duckdb"


@pytest.fixture
def store(path) -> Store:
    return Store(path)


def test_a_verdict_comes_back_as_it_was_given(store):
    store.append_verdicts([make_verdict(7)])

    (row,) = store.verdicts().to_dict("records")

    assert tuple(row) == VERDICT_COLUMNS
    assert row == {
        "sequence": 1,
        "verdict_id": "verdict-7",
        "photo_id": "ab" * 16,
        "crop_id": f"{7:020x}",
        "kind": "detection",
        "x": 1.0,
        "y": 2.0,
        "width": 3.0,
        "height": 4.0,
        "verdict": "anomaly",
        "decided_at": datetime(2026, 5, 1, 12),
        "reviewer": "R",
        "species": "stoat",
        "note": "white tail, ❄",
        "run": "season",
        "bundle": "first",
        "score": 1.5,
        "p_value": 0.01,
        "false_alarm_rate": 0.05,
        "round": "first",
        "given_to": "",
    }


def test_signs_that_nobody_sees_in_verdicts_of_earlier_versions_are_not_shown(store, tmp_path):
    store.append_verdicts([replace(make_verdict(7), species="fox\u202edeer", note="\u2066seen\x1b twice")])

    for table in (store.verdicts(), store.verdicts_of_photo("ab" * 16), store.find_verdicts([1])):
        assert table[["species", "note"]].values.tolist() == [["foxdeer", "seen twice"]]
    store.copy_verdicts(tmp_path / "verdicts.parquet")
    assert pd.read_parquet(tmp_path / "verdicts.parquet")[["species", "note"]].values.tolist() == [
        ["foxdeer", "seen twice"]
    ]


def test_a_verdict_that_takes_back_has_an_empty_decision(store):
    store.append_verdicts([make_verdict(verdict=None, score=None, p_value=None)])
    row = store.verdicts().iloc[0]
    assert row["verdict"] == ""
    assert row[["score", "p_value"]].isna().all()


def test_a_blind_second_verdict_is_kept_and_never_holds(store):
    store.append_verdicts([make_verdict(1)])
    store.append_verdicts(
        [make_verdict(2, crop_id=f"{1:020x}", verdict=Decision.NORMAL, reviewer="S", round=Round.SECOND)]
    )

    assert store.verdicts()["reviewer"].tolist() == ["R"]
    assert store.verdicts(with_second=True)["round"].tolist() == ["first", "second"]


def test_verdicts_are_numbered_in_the_order_in_which_they_came(store):
    store.append_verdicts([make_verdict(1), make_verdict(2)])
    store.append_verdicts([])
    store.append_verdicts([make_verdict(3)])
    verdicts = store.verdicts()
    assert verdicts["sequence"].tolist() == [1, 2, 3]
    assert verdicts["verdict_id"].tolist() == ["verdict-1", "verdict-2", "verdict-3"]


def test_the_time_of_a_verdict_is_kept_in_utc(store):
    store.append_verdicts([make_verdict(decided_at=NOON.astimezone(timezone(timedelta(hours=9))))])
    assert store.verdicts()["decided_at"].tolist() == [datetime(2026, 5, 1, 12)]


def test_of_several_verdicts_all_are_kept_or_none(store):
    store.append_verdicts([make_verdict(1)])
    with pytest.raises(duckdb.ConstraintException):
        store.append_verdicts([make_verdict(2), make_verdict(3, reviewer=None)])
    assert store.verdicts()["verdict_id"].tolist() == ["verdict-1"]


def test_a_thousand_verdicts_are_kept_in_less_than_a_second_and_a_retry_adds_none(store):
    store.append_verdicts([make_verdict(0)])
    many = [make_verdict(n, given_to="g", score=None if n % 2 else 0.5) for n in range(1_000)]
    begun = time.perf_counter()

    sequences = store.append_verdicts(many)

    assert time.perf_counter() - begun < 1.0
    assert store.append_verdicts(many) == sequences
    verdicts = store.verdicts()
    assert verdicts["sequence"].tolist() == list(range(1, 1_001))
    assert verdicts["verdict_id"].tolist() == [one.verdict_id for one in many]
    assert verdicts["given_to"].tolist() == ["", *["g"] * 999]
    assert verdicts["score"].isna().sum() == 500


def test_a_batch_that_cannot_be_kept_does_not_spoil_one_that_waits_with_it(path, store):
    good, bad = make_verdict(1), make_verdict(2, score="much")
    waiting = [_Batch([bad]), _Batch([good])]

    store._write_batches(waiting)

    assert isinstance(waiting[0].error, pa.ArrowException)
    assert waiting[1].error is None
    assert store.verdicts()["verdict_id"].tolist() == ["verdict-1"]


def test_the_last_decisions_are_those_that_a_reviewer_made_and_that_still_hold(store):
    store.append_verdicts(
        [
            make_verdict(1, crop_id="a", given_to="g", species="fox", reviewer="S", verdict=Decision.NORMAL),
            make_verdict(2, crop_id="a", species="deer"),
            make_verdict(3, crop_id="b", species="stoat"),
            make_verdict(4, crop_id="b", given_to="h", species="fox"),  # a group's name does not replace a look
            make_verdict(5, crop_id="c", given_to="h", species="fox"),
            make_verdict(6, crop_id="d"),
            make_verdict(7, crop_id="d", verdict=None, species=""),
            make_verdict(8, crop_id="d", species="vole"),
        ]
    )

    last = store.last_verdicts(run="season", reviewer="R", limit=10)

    columns = ["crop_id", "species", "before", "species_before"]
    assert last[columns].values.tolist() == [
        ["d", "vole", "", ""],
        ["b", "stoat", "", ""],
        ["a", "deer", "normal", "fox"],
    ]


def test_a_new_store_has_no_verdicts_and_no_bundle(store):
    assert store.verdicts().empty
    assert store.active_bundle() == ""
    assert store.bundles().empty
    assert store.runs().empty


def test_five_processes_that_write_at_once_lose_nothing(path):
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=append_one_by_one, args=(path, writer, 10)) for writer in range(5)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=120)

    assert [writer.exitcode for writer in writers] == [0] * 5
    verdicts = Store(path).verdicts()
    assert sorted(verdicts["verdict_id"]) == sorted(f"verdict-{w * 1000 + i}" for w in range(5) for i in range(10))
    assert verdicts["sequence"].tolist() == list(range(1, 51))


def test_threads_of_one_process_take_turns(path):
    def work(number: int) -> int:
        store = Store(path)  # as each page would
        store.append_verdicts([make_verdict(number)])
        return len(store.verdicts())

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(work, range(16)))

    assert min(seen) >= 1
    assert len(Store(path).verdicts()) == 16


APPEND_AND_DIE = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from core.store.database import Store
from tests.fakes.verdicts import make_verdict
Store(Path({path!r})).append_verdicts([make_verdict(5)])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_verdict_is_on_disk_when_saving_it_returns(path):
    code = APPEND_AND_DIE.format(root=str(Path(__file__).resolve().parents[3]), path=str(path))
    ended = subprocess.run([sys.executable, "-c", code], timeout=120, check=False)

    assert ended.returncode == -signal.SIGKILL
    assert Store(path).verdicts()["verdict_id"].tolist() == ["verdict-5"]


def test_a_verdict_that_a_kill_left_in_the_log_beside_the_database_is_noticed(path):
    store = Store(path)
    store.append_verdicts([make_verdict(1)])
    before = store.look_for_change()
    with duckdb.connect(path) as other:
        other.execute("PRAGMA disable_checkpoint_on_shutdown")
        other.execute("INSERT INTO settings VALUES ('left', '1')")

    assert path.with_name(f"{path.name}.wal").exists()
    assert store.look_for_change() != before
    assert store.get_setting("left") == 1


def test_several_reads_can_share_one_opening(path, store, monkeypatch):
    store.append_verdicts([make_verdict(1)])
    opened = []
    connect = Store._connect
    monkeypatch.setattr(Store, "_connect", lambda self, stack, **how: opened.append(how) or connect(self, stack, **how))
    with store.reading():
        assert len(store.verdicts()) == 1
        assert store.get_setting("nothing", 3) == 3

    assert opened == [{"read_only": True}]
    assert len(store.verdicts()) == 1, "and afterwards the file is opened anew"
    assert len(opened) == 2


HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def holder(path, store):
    """Another program that has the database open until it is told to let go."""
    store.verdicts()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline().strip() == "held"
    yield process
    process.kill()
    process.communicate(timeout=30)


def test_a_store_held_by_another_program_is_said_to_be_busy(path, holder):
    with pytest.raises(StoreBusy, match="in use by another program"):
        Store(path, patience_s=0.05).verdicts()


def test_a_store_waits_until_the_other_program_lets_go(path, holder):
    free = threading.Timer(0.3, lambda: holder.communicate("\n"))
    free.start()
    Store(path, patience_s=60).append_verdicts([make_verdict(1)])
    free.join()
    assert len(Store(path).verdicts()) == 1


VERSION_1 = (
    "CREATE TABLE migrations (number INTEGER NOT NULL, name TEXT NOT NULL, applied_at TIMESTAMP NOT NULL)",
    "INSERT INTO migrations VALUES (1, 'verdicts', '2026-01-01')",
    """CREATE TABLE verdicts (
        sequence BIGINT NOT NULL, verdict_id TEXT NOT NULL, photo_id TEXT NOT NULL, crop_id TEXT NOT NULL,
        kind TEXT NOT NULL, x DOUBLE NOT NULL, y DOUBLE NOT NULL, width DOUBLE NOT NULL, height DOUBLE NOT NULL,
        verdict TEXT, decided_at TIMESTAMP NOT NULL, reviewer TEXT NOT NULL, species TEXT NOT NULL,
        note TEXT NOT NULL, run TEXT NOT NULL, bundle TEXT NOT NULL, score DOUBLE, p_value DOUBLE,
        false_alarm_rate DOUBLE)""",
    """INSERT INTO verdicts VALUES (1, 'old', 'abab', 'cdcd', 'detection', 1, 2, 3, 4, 'anomaly', '2026-01-02 03:04:05',
        'R', 'stoat', 'note', 'season', 'first', 1.5, 0.01, 0.05)""",
)
"""A project as the first step left it, written out: a later change of the steps must not change it."""


def test_a_project_of_an_old_version_is_brought_up_to_date_and_loses_nothing(path):
    with duckdb.connect(path) as connection:
        for statement in VERSION_1:
            connection.execute(statement)

    store = Store(path)

    assert store.verdicts()["verdict_id"].tolist() == ["old"]
    store.append_verdicts([make_verdict(2)])
    store.set_setting("theme", "dark")
    assert store.verdicts()["sequence"].tolist() == [1, 2]
    assert store.verdicts()["decided_at"][0] == datetime(2026, 1, 2, 3, 4, 5)
    assert store.verdicts()["given_to"].tolist() == ["", ""]
    with duckdb.connect(path, read_only=True) as connection:
        done = connection.execute("SELECT number, name FROM migrations ORDER BY number").fetchall()
    assert done == [(number, step.name) for number, step in enumerate(MIGRATIONS, start=1)]


def test_a_step_that_fails_leaves_the_database_as_it_was(path, monkeypatch):
    with duckdb.connect(path) as connection:
        migrate(connection, up_to=1)
        connection.execute("CREATE TABLE bundles (a INTEGER)")  # the second table of step 2 cannot be made
        with pytest.raises(duckdb.CatalogException):
            migrate(connection)
        tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        assert tables == {"migrations", "verdicts", "bundles"}
        assert connection.execute("SELECT count(*) FROM migrations").fetchone() == (1,)


def test_a_project_of_a_newer_version_is_refused_and_left_alone(path, store):
    store.append_verdicts([make_verdict(1)])
    with duckdb.connect(path) as connection:
        connection.execute(
            "INSERT INTO migrations VALUES (?, 'from the future', now()::TIMESTAMP)", [len(MIGRATIONS) + 1]
        )
    before = path.read_bytes()
    with pytest.raises(AnomalureError, match="newer version of Anomalure"):
        Store(path).verdicts()
    assert path.read_bytes() == before


def test_a_project_of_another_line_of_versions_is_refused(path, store):
    store.verdicts()
    with duckdb.connect(path) as connection:
        connection.execute("UPDATE migrations SET name = 'something else' WHERE number = 2")
    with pytest.raises(AnomalureError, match="something else"):
        Store(path).verdicts()


def write_text(path: Path) -> None:
    path.write_text("photos of my holidays\n" * 1000)


def write_nothing(path: Path) -> None:
    path.write_bytes(b"")


def write_part(path: Path) -> None:
    whole = path.with_name("whole.duckdb")
    Store(whole).append_verdicts([make_verdict(i) for i in range(3)])
    path.write_bytes(whole.read_bytes()[:9000])


def make_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("spoil", [write_text, write_nothing, write_part, make_folder])
def test_a_file_that_is_no_database_is_said_to_be_so(path, spoil):
    spoil(path)
    with pytest.raises(AnomalureError, match="damaged or not a database"):
        Store(path).verdicts()
    with pytest.raises(AnomalureError, match="damaged or not a database"):
        Store(path).append_verdicts([make_verdict(1)])


def test_a_folder_that_cannot_be_written_is_said_to_be_so(path, store):
    path.with_name(f"{path.name}.lock").mkdir()
    with pytest.raises(AnomalureError, match="cannot be written"):
        store.verdicts()


def test_another_programs_database_is_refused_and_left_alone(path):
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE invoices (a INTEGER)")
    with pytest.raises(AnomalureError, match="not Anomalure's: it has the tables invoices"):
        Store(path).append_verdicts([make_verdict(1)])
    with duckdb.connect(path, read_only=True) as connection:
        tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert tables == [("invoices",)]


def test_making_a_store_leaves_only_the_database_and_its_lock_behind(path, store):
    store.append_verdicts([make_verdict(1)])
    assert sorted(os.listdir(path.parent)) == [path.name, f"{path.name}.lock"]


def test_a_store_in_use_by_another_process_of_ours_is_said_to_be_busy(path, store):
    store.verdicts()
    with FileLock(path.with_name(f"{path.name}.lock")), pytest.raises(StoreBusy, match=f"process {os.getpid()}"):
        Store(path, patience_s=0.02).verdicts()


def test_the_active_bundle_is_the_one_that_was_activated_last(store):
    store.register_bundle("first", created_at=NOON)
    store.register_bundle("second", made_from="first", created_at=NOON + timedelta(days=1))
    store.activate_bundle("first")
    store.activate_bundle("second")
    assert store.active_bundle() == "second"
    assert store.bundles()[["name", "made_from", "active"]].values.tolist() == [
        ["second", "first", True],
        ["first", "", False],
    ]

    store.activate_bundle("first")  # the way back
    assert store.active_bundle() == "first"
    store.activate_bundle("")
    assert store.active_bundle() == ""
    assert not store.bundles()["active"].any()


def test_a_bundle_that_is_not_there_cannot_be_activated(store):
    store.register_bundle("first")
    with pytest.raises(AnomalureError, match="no bundle named 'second'; there are: first"):
        store.activate_bundle("second")


def test_a_bundles_name_is_given_once(store):
    store.register_bundle("first")
    with pytest.raises(AnomalureError, match="first already"):
        store.register_bundle("first")


def test_runs_are_noted_newest_first(store):
    for day, run_id in enumerate(("a", "b")):
        store.register_run(run_id=run_id, name=run_id, folder="/photos", bundle="", created_at=NOON + timedelta(day))
    store.register_run(run_id="a", name="new name", folder="/photos", bundle="", created_at=NOON)
    assert store.runs()[["run_id", "name"]].values.tolist() == [["b", "b"], ["a", "new name"]]


@pytest.mark.parametrize("value", [0.07, "käfer", None, {"a": [1, 2]}])
def test_a_setting_comes_back_as_it_was_set(store, value):
    assert store.get_setting("key", "not set") == "not set"
    store.set_setting("key", "something else")
    store.set_setting("key", value)
    assert store.get_setting("key", "not set") == value


def test_a_project_that_was_moved_takes_no_decision_at_its_old_place(tmp_path):
    project = make_project(tmp_path, 3)
    row = project.review_queue(flagged_only=False).rows.iloc[0]
    project.path.rename(tmp_path / "moved")

    for act in (lambda: project.save_verdict(row, "normal", reviewer="Ada"), project.verdicts):
        with pytest.raises(AnomalureError, match="is gone: it was moved or renamed"):
            act()

    assert not project.path.exists()
    (tmp_path / "moved").rename(project.path)
    project.save_verdict(row, "normal", reviewer="Ada")
    assert len(project.verdicts()) == 1
