"""What changes in a project: verdicts, the registry of runs and bundles, settings. The only SQL on its database."""

import json
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from core.disk.files import replace_file, temporary_beside
from core.disk.locks import FileLock, LockHeld
from core.errors import AnomalureError, StoreBusy
from core.records import Round, Verdict
from core.store.migrations import MIGRATIONS, migrate, read_version

Change = tuple[int, ...]
PATIENCE_S = 10.0
_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.2
_OF_DISK = (
    "No space left on device",
    "Read-only file system",
    "Permission denied",
    "Input/output error",
    "not enough space on the disk",
    "Disk quota exceeded",
    "File too large",
)


# DuckDB lets one process have a file, and one connection must not be shared by threads. The threads of a process
# take turns by a lock of their own, the processes by a lock file: DuckDB's own lock alone loses rows. Measured with
# DuckDB 2.0.0: of 180 rows that six processes add in turns, retrying while the file is held, one or more is missing
# after "commit" in most trials, and none with the lock file.
class _Turn:
    """Whose turn it is among the threads of this process, and the verdicts that wait to be written together."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.guard = threading.Lock()
        self.waiting: list[_Batch] = []
        self.left: tuple[Change, int] | None = None  # the file as our last writing left it, and its last verdict


class _Batch:
    """Verdicts that one thread gave, all or none; ``written`` once it is known what became of them."""

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        self.verdicts = verdicts
        self.written = threading.Event()
        self.sequences: dict[str, int] = {}
        self.error: BaseException | None = None


_turns: dict[Path, _Turn] = {}
_turns_guard = threading.Lock()

VERDICT_COLUMNS = (
    "sequence",
    "verdict_id",
    "photo_id",
    "crop_id",
    "kind",
    "x",
    "y",
    "width",
    "height",
    "verdict",
    "decided_at",
    "reviewer",
    "species",
    "note",
    "run",
    "bundle",
    "score",
    "p_value",
    "false_alarm_rate",
    "round",
)
_SHOWN = ", ".join("coalesce(verdict, '') AS verdict" if name == "verdict" else name for name in VERDICT_COLUMNS)


class Store:
    """``anomalure.duckdb`` of a project, opened for each piece of work and closed again at once.

    So the pages, a run and the command line work side by side. Every method may raise ``StoreBusy``, when another
    process does not let go within ``patience_s`` seconds, and ``AnomalureError``, when the file is not Anomalure's,
    damaged, or a newer version's.
    """

    def __init__(self, path: Path, *, patience_s: float = PATIENCE_S) -> None:
        self.path = Path(path).resolve()
        self.patience_s = patience_s
        with _turns_guard:
            self._turn = _turns.setdefault(self.path, _Turn())
        self._migrated = False
        self._reader = threading.local()

    # Verdicts

    def append_verdicts(self, verdicts: Sequence[Verdict]) -> dict[str, int]:
        """Add verdicts, all or none. When this returns they are on the disk.

        A verdict whose id is there already is not added again, so that a retry cannot double it. Threads that wait
        for their turn are written together: opening the database costs as much for one verdict as for a hundred.

        Returns:
            The number (``sequence``) of each verdict by its id.
        """
        if not verdicts:
            return {}
        batch = _Batch(verdicts)
        with self._turn.guard:
            self._turn.waiting.append(batch)
        try:
            with self._wait_for_turn():
                if not batch.written.is_set():
                    with self._turn.guard:
                        batches, self._turn.waiting = self._turn.waiting, []
                    self._write_batches(batches)
        except StoreBusy:
            with self._turn.guard:
                if batch in self._turn.waiting:
                    self._turn.waiting.remove(batch)
                    raise
            batch.written.wait()
        if batch.error is not None:
            raise batch.error
        return batch.sequences

    def _write_batches(self, batches: Sequence[_Batch]) -> None:
        try:
            with self._hold_file():
                with self._transaction() as connection:
                    for batch in batches:
                        batch.sequences, newest = _insert(connection, batch.verdicts)
                self._turn.left = self.look_for_change(), newest
        except duckdb.Error as error:
            if len(batches) > 1:  # one of them is wrong in itself: the others must not suffer
                for batch in batches:
                    self._write_batches([batch])
                return
            batches[0].error = error
        except BaseException as error:
            for batch in batches:
                batch.error = error
        for batch in batches:
            batch.written.set()

    def verdicts(self, *, after: int = 0, with_second: bool = False) -> pd.DataFrame:
        """Every verdict ever given, oldest first; columns ``VERDICT_COLUMNS``, ``decided_at`` in UTC without zone.

        ``verdict`` is empty where a row takes an earlier verdict back. Those of the blind second round never hold,
        so they are there only ``with_second``. ``after``: only those with a higher ``sequence``.
        """
        which = "" if with_second else f"AND round <> '{Round.SECOND}'"
        return self._read(f"SELECT {_SHOWN} FROM verdicts WHERE sequence > ? {which} ORDER BY sequence", [after])

    def verdicts_of_photo(self, photo_id: str) -> pd.DataFrame:
        """Every verdict on the crops of one photo, oldest first; columns as ``verdicts()``."""
        return self._read(f"SELECT {_SHOWN} FROM verdicts WHERE photo_id = ? ORDER BY sequence", [photo_id])

    def last_verdicts(self, *, run: str, reviewer: str, limit: int) -> pd.DataFrame:
        """A reviewer's last decisions in a run that still hold, newest first; columns as ``verdicts()`` and ``before``.

        ``before``, ``species_before`` and ``note_before`` are what held before each, empty if nothing did.
        """
        return self._read(
            f"""WITH mine AS (SELECT * FROM verdicts WHERE run = $run AND reviewer = $reviewer
                                    AND round <> '{Round.SECOND}'
                              ORDER BY sequence DESC LIMIT {20 * limit:d}),
                held AS (SELECT * FROM verdicts WHERE crop_id IN (SELECT crop_id FROM mine)
                                                       AND round <> '{Round.SECOND}'),
                told AS (SELECT *, lag(verdict) OVER turns AS v, lag(species) OVER turns AS s,
                                lag(note) OVER turns AS n, row_number() OVER (
                                    PARTITION BY crop_id ORDER BY sequence DESC) AS age
                         FROM held WINDOW turns AS (PARTITION BY crop_id ORDER BY sequence))
                SELECT {_SHOWN}, coalesce(v, '') AS before, coalesce(s, '') AS species_before,
                       coalesce(n, '') AS note_before
                FROM told WHERE age = 1 AND told.verdict IS NOT NULL AND reviewer = $reviewer AND run = $run
                ORDER BY sequence DESC LIMIT {limit:d}""",
            {"run": run, "reviewer": reviewer},
        )

    def count_decided(self, *, reviewer: str, since: datetime) -> tuple[int, datetime | None]:
        """How many crops a reviewer has decided about since a moment, and when the first of them; UTC."""
        table = self._read(
            """SELECT count(DISTINCT crop_id) AS n, min(decided_at) AS first FROM verdicts
               WHERE decided_at >= ? AND reviewer = ? AND verdict IS NOT NULL AND round <> 'second'""",
            [to_utc(since), reviewer],
        )
        first = table["first"].iloc[0]
        return int(table["n"].iloc[0]), None if pd.isna(first) else first.to_pydatetime()

    def look_for_change(self) -> Change:
        """What differs once somebody has written: two equal answers mean that nothing was written between them."""
        change: Change = ()
        for path in (self.path, self.path.with_name(f"{self.path.name}.wal")):
            try:
                stat = path.stat()
            except OSError:
                change += (0, 0)
            else:
                change += (stat.st_mtime_ns, stat.st_size)
        return change

    def is_ours(self, change: Change, *, last: int) -> bool:
        """Whether the file is as this process left it when it wrote the verdict ``last`` as the newest of all."""
        return self._turn.left == (change, last)

    def copy_verdicts(self, path: Path) -> None:
        """Write ``verdicts()`` to a Parquet file, however many there are, without having them in memory."""
        columns = ", ".join("coalesce(verdict, '') AS verdict" if c == "verdict" else c for c in VERDICT_COLUMNS)
        where = str(path).replace("'", "''")
        self._read(
            f"COPY (SELECT {columns} FROM verdicts WHERE round <> '{Round.SECOND}') TO '{where}' (FORMAT parquet)"
        )

    # Registry

    def register_run(self, *, run_id: str, name: str, folder: str, bundle: str, created_at: datetime) -> None:
        """Note a run; noted again, it is replaced."""
        with self._write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?)", [run_id, name, folder, bundle, to_utc(created_at)]
            )

    def runs(self) -> pd.DataFrame:
        """The runs that were noted, newest first: run_id, name, folder, bundle, created_at (UTC)."""
        return self._read("SELECT * FROM runs ORDER BY created_at DESC, run_id")

    def register_bundle(self, name: str, *, made_from: str = "", created_at: datetime | None = None) -> None:
        """Note a bundle, which never changes once made; ``made_from`` is the bundle that it was retrained from.

        Raises:
            AnomalureError: If there is one of that name.
        """
        with self._write() as connection:
            if connection.execute("SELECT 1 FROM bundles WHERE name = ?", [name]).fetchone():
                raise AnomalureError(
                    f"There is a bundle named {name} already, and a bundle never changes. Choose another name."
                )
            connection.execute(
                "INSERT INTO bundles VALUES (?, ?, ?)", [name, made_from, to_utc(created_at or datetime.now(UTC))]
            )

    def bundles(self) -> pd.DataFrame:
        """The bundles that were noted, newest first: name, made_from, created_at (UTC), active."""
        return self._read(
            "SELECT *, name = coalesce((SELECT bundle FROM activations ORDER BY sequence DESC LIMIT 1), '') AS active "
            "FROM bundles ORDER BY created_at DESC, name"
        )

    def active_bundle(self) -> str:
        """The name of the bundle that runs use unless told otherwise; empty: first look."""
        table = self._read("SELECT bundle FROM activations ORDER BY sequence DESC LIMIT 1")
        return str(table["bundle"].iloc[0]) if len(table) else ""

    def activate_bundle(self, name: str) -> None:
        """Make a bundle the active one; an empty name goes back to first looks.

        Raises:
            AnomalureError: If there is no bundle of that name.
        """
        with self._write() as connection:
            names = [row[0] for row in connection.execute("SELECT name FROM bundles ORDER BY name").fetchall()]
            if name and name not in names:
                raise AnomalureError(f"There is no bundle named {name!r}; there are: {', '.join(names) or 'none'}.")
            connection.execute(
                "INSERT INTO activations SELECT coalesce(max(sequence), 0) + 1, ?, ? FROM activations",
                [name, to_utc(datetime.now(UTC))],
            )

    # Settings

    def get_setting(self, key: str, default: Any = None) -> Any:
        """A value that was set, or ``default``."""
        table = self._read("SELECT value FROM settings WHERE key = ?", [key])
        return json.loads(table["value"].iloc[0]) if len(table) else default

    def set_setting(self, key: str, value: Any) -> None:
        """Keep a value that fits JSON."""
        with self._write() as connection:
            connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", [key, json.dumps(value)])

    # Saved views, in core/store/saved_views.py's words

    def add_saved_view(self, *, view_id: str, name: str, address: str, created_at: datetime) -> None:
        """Keep a view; there may be others of its name."""
        with self._write() as connection:
            connection.execute(
                "INSERT INTO saved_views VALUES (?, ?, ?, ?)", [view_id, name, address, to_utc(created_at)]
            )

    def remove_saved_view(self, view_id: str) -> None:
        """Forget a view; one that is not there is no error."""
        with self._write() as connection:
            connection.execute("DELETE FROM saved_views WHERE view_id = ?", [view_id])

    def saved_views(self) -> pd.DataFrame:
        """The views, newest first: view_id, name, address, created_at (UTC)."""
        return self._read("SELECT * FROM saved_views ORDER BY created_at DESC, view_id")

    # Opening and closing

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Within it this thread, which must not write, reads with the file opened once: most reads take less time."""
        with self._wait_for_turn(), self._hold_file():
            self._make_ready()
            with self._open(read_only=True) as connection:
                self._reader.connection = connection
                try:
                    yield
                finally:
                    self._reader.connection = None

    def _read(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> pd.DataFrame:
        with nullcontext() if getattr(self._reader, "connection", None) else self.reading():
            connection: duckdb.DuckDBPyConnection = self._reader.connection
            return connection.execute(query, values if isinstance(values, Mapping) else list(values)).df()

    @contextmanager
    def _write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._wait_for_turn(), self._hold_file(), self._transaction() as connection:
            yield connection

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        self._make_ready()
        with self._open(read_only=False) as connection:
            connection.begin()
            try:
                yield connection
                connection.commit()
            except BaseException:
                with suppress(duckdb.Error):  # after a full disk there is nothing left to roll back
                    connection.rollback()
                raise

    @contextmanager
    def _wait_for_turn(self) -> Iterator[None]:
        if not self._turn.lock.acquire(timeout=self.patience_s):
            raise self._busy("another part of this program")
        try:
            yield
        finally:
            self._turn.lock.release()

    @contextmanager
    def _hold_file(self) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(self.path.with_name(f"{self.path.name}.lock"), patience_s=self.patience_s))
            except LockHeld as held:
                raise self._busy(f"process {held.holder}") from held
            except OSError as error:
                raise self._unwritable(error) from error
            yield

    def _make_ready(self) -> None:
        if not self.path.exists():
            self._create()
        if self._migrated:
            return
        with self._open(read_only=True) as connection:
            version = read_version(connection)
        if version < len(MIGRATIONS):
            with self._open(read_only=False) as connection:
                migrate(connection)
        self._migrated = True

    def _create(self) -> None:
        # Made aside and then named, so that a kill leaves no half database.
        temporary = temporary_beside(self.path)
        try:
            with duckdb.connect(temporary) as connection:
                migrate(connection)
            replace_file(temporary, self.path)
        finally:
            temporary.unlink(missing_ok=True)

    @contextmanager
    def _open(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._connect(read_only=read_only)
        try:
            yield connection
        except duckdb.Error as error:
            if _is_of_disk(error) or isinstance(error, duckdb.IOException):
                raise self._unwritable(error) from error
            if isinstance(error, duckdb.FatalException):
                raise self._damaged(error) from error
            raise
        finally:
            connection.close()

    def _connect(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        until = time.monotonic() + self.patience_s
        pause = _PAUSE_S
        while True:
            try:
                return duckdb.connect(self.path, read_only=read_only)
            except duckdb.Error as error:
                if _is_of_disk(error):
                    raise self._unwritable(error) from error
                if not _is_held(error):
                    raise self._damaged(error) from error
                if time.monotonic() > until:
                    raise self._busy("another program") from error
            time.sleep(random.uniform(0.5, 1.0) * pause)  # apart, or those who wait meet again and again
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)

    def _busy(self, who: str) -> StoreBusy:
        return StoreBusy(
            f"The project's database {self.path} is in use by {who} and was not free within "
            f"{self.patience_s:g} seconds. Close it there, or try again."
        )

    def _unwritable(self, error: Exception) -> AnomalureError:
        why = next((words for words in _OF_DISK if words in str(error)), str(error))
        return AnomalureError(
            f"The project's database {self.path} could not be written or read ({why}). Nothing was "
            "changed. Make room on its disk, or let Anomalure write there."
        )

    def _damaged(self, error: Exception) -> AnomalureError:
        return AnomalureError(
            f"The project's database {self.path} cannot be opened: it is damaged or not a database "
            f"of Anomalure ({error}). Put it back from a copy, or move it away: a new one is then "
            "made, without the verdicts."
        )


def to_utc(moment: datetime) -> datetime:
    """A moment in UTC without zone, as the database keeps it; one without zone is taken to be in UTC."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _insert(connection: duckdb.DuckDBPyConnection, verdicts: Sequence[Verdict]) -> tuple[dict[str, int], int]:
    """The numbers of the verdicts by their ids, and that of the newest verdict of all."""
    ids = list({item.verdict_id for item in verdicts})
    there = connection.execute(
        f"SELECT verdict_id, sequence FROM verdicts WHERE verdict_id IN ({', '.join('?' * len(ids))})", ids
    ).fetchall()
    sequences = {str(verdict_id): int(sequence) for verdict_id, sequence in there}
    ((last,),) = connection.execute("SELECT coalesce(max(sequence), 0) FROM verdicts").fetchall()
    rows = []
    for item in verdicts:
        if item.verdict_id in sequences:
            continue
        last += 1
        sequences[item.verdict_id] = last
        rows.append(
            (
                last,
                item.verdict_id,
                item.photo_id,
                item.crop_id,
                str(item.kind),
                item.box.x,
                item.box.y,
                item.box.width,
                item.box.height,
                None if item.verdict is None else str(item.verdict),
                to_utc(item.decided_at),
                item.reviewer,
                item.species,
                item.note,
                item.run,
                item.bundle,
                item.score,
                item.p_value,
                item.false_alarm_rate,
                str(item.round),
            )
        )
    if rows:
        connection.executemany(
            f"INSERT INTO verdicts ({', '.join(VERDICT_COLUMNS)}) VALUES ({', '.join('?' * len(VERDICT_COLUMNS))})",
            rows,
        )
    return sequences, int(last)


def _is_of_disk(error: duckdb.Error) -> bool:
    """Whether the disk is full, or may not be written: a commit says so as an error of its own kind."""
    return any(words in str(error) for words in _OF_DISK)


def _is_held(error: duckdb.Error) -> bool:
    text = str(error)
    return "Could not set lock on file" in text or "being used by another process" in text
