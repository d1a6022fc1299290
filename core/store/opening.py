"""Opens a project's database file for one operation at a time, by one thread of one process."""

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from core.disk.files import replace_file, temporary_beside
from core.disk.locks import FileLock, LockHeld, LockUnwritable
from core.errors import AnomalureError, NotNow, StoreBusy, is_of_memory
from core.store.engine import attach, confine
from core.store.migrations import MIGRATIONS, check_content, create, migrate, read_version

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
    """The lock among the threads of this process, and the verdicts that wait to be written together."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.guard = threading.Lock()
        self.waiting: list[Any] = []
        self.left: tuple[Change, int] | None = None  # the file as our last writing left it, and its last verdict
        self.ready: Change | None = None  # the file as it was when we last closed it, found to be Anomalure's


_turns: dict[Path, _Turn] = {}
_turns_guard = threading.Lock()


class DatabaseFile:
    """A DuckDB file that is opened for each operation and closed again at once.

    So the pages, a run and the command line work side by side. Every method may raise ``StoreBusy``, when another
    process does not let go within ``patience_s`` seconds, and ``AnomalureError``, when the file is not Anomalure's,
    damaged, or a newer version's.
    """

    def __init__(self, path: Path, *, patience_s: float = PATIENCE_S) -> None:
        self.path = Path(path).resolve()
        self.patience_s = patience_s
        self._had_folder = self.path.parent.is_dir()
        with _turns_guard:
            self._turn = _turns.setdefault(self.path, _Turn())
        self._reader = threading.local()

    def look_for_change(self) -> Change:
        """A version of the file: two equal values mean that nothing was written between them."""
        change: Change = ()
        for path in (self.path, self.path.with_name(f"{self.path.name}.wal")):
            try:
                stat = path.stat()
            except OSError:
                change += (0, 0)
            else:
                change += (stat.st_mtime_ns, stat.st_size)
        return change

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Within it this thread, which must not write, reads with the file opened once: most reads take less time."""
        with self._wait_for_turn(), self._hold_file(for_reading=True), self._open_to_read() as connection:
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
                with suppress(duckdb.Error):  # after an error of a full disk there is no transaction to roll back
                    connection.rollback()
                raise
        self._turn.ready = self.look_for_change()

    @contextmanager
    def _wait_for_turn(self) -> Iterator[None]:
        if not self._turn.lock.acquire(timeout=self.patience_s):
            raise self._busy("another part of this program")
        try:
            yield
        finally:
            self._turn.lock.release()

    @contextmanager
    def _hold_file(self, *, for_reading: bool = False) -> Iterator[None]:
        folder = self.path.parent
        if self._had_folder and not folder.is_dir():
            # Made anew, it would take decisions that nobody finds in the project that was moved.
            raise NotNow(
                f"The project's folder {folder} is gone: it was moved or renamed, or its disk is not connected. "
                "Nothing was changed. Put it back, or start Anomalure again with the folder where it is now."
            )
        with ExitStack() as stack:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(self.path.with_name(f"{self.path.name}.lock"), patience_s=self.patience_s))
            except LockHeld as held:
                raise self._busy(f"process {held.holder}") from held
            except LockUnwritable:
                if not for_reading:
                    raise
                # A project that may only be read can be looked at. DuckDB's own lock still refuses a second writer.
            except OSError as error:
                raise self._unwritable(error) from error
            yield

    @contextmanager
    def _open_to_read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            self._make_ready()
        except OSError as error:
            if self.path.exists():
                raise self._unwritable(error) from error
            # There is no database, and none can be made: nothing has been decided.
            with duckdb.connect() as connection:
                create(connection)
                yield connection
            return
        except NotNow as error:
            if isinstance(error, StoreBusy):
                raise
            with self._copy_to_memory(error) as connection:
                yield connection
            return
        with self._open(read_only=True) as connection:
            yield connection

    @contextmanager
    def _copy_to_memory(self, error: NotNow) -> Iterator[duckdb.DuckDBPyConnection]:
        """The database of an earlier version that may only be read, as this version has it; else the ``error``."""
        where = str(self.path).replace("'", "''")
        with duckdb.connect() as connection:
            try:
                connection.execute(
                    f"ATTACH '{where}' AS kept (READ_ONLY); COPY FROM DATABASE kept TO memory; DETACH kept"
                )
                confine(connection, self.path.parent)
                migrate(connection)
                check_content(connection)
            except duckdb.Error:
                raise error from None
            yield connection

    def _make_ready(self) -> None:
        if not self.path.exists():
            self._create()
        if self._turn.ready == self.look_for_change():
            return
        with self._open(read_only=True) as connection:
            version = read_version(connection)
        if version < len(MIGRATIONS):
            with self._open(read_only=False) as connection:
                migrate(connection)
        with self._open(read_only=True) as connection:
            check_content(connection)
        self._turn.ready = self.look_for_change()

    def _create(self) -> None:
        # Made under another name and then renamed, so that a killed process leaves no incomplete database.
        temporary = temporary_beside(self.path)
        try:
            with temporary.open("xb"):
                pass  # a folder that cannot be written to is an OSError, not one of DuckDB's
            temporary.unlink()
            with attach(temporary, read_only=False) as connection:
                create(connection)
            replace_file(temporary, self.path)
            self._turn.ready = self.look_for_change()
        finally:
            temporary.unlink(missing_ok=True)

    @contextmanager
    def _open(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        with ExitStack() as stack:
            connection = self._connect(stack, read_only=read_only)
            try:
                yield connection
            except duckdb.Error as error:
                if _is_of_disk(error) or isinstance(error, duckdb.IOException):
                    raise self._unwritable(error) from error
                if isinstance(error, duckdb.FatalException):
                    raise self._damaged(error) from error
                raise

    def _connect(self, stack: ExitStack, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        until = time.monotonic() + self.patience_s
        pause = _PAUSE_S
        while True:
            try:
                return stack.enter_context(attach(self.path, read_only=read_only))
            except duckdb.Error as error:
                if is_of_memory(error):
                    raise MemoryError(str(error)) from error
                if _is_of_disk(error):
                    raise self._unwritable(error) from error
                if not _is_held(error):
                    raise self._damaged(error) from error
                if time.monotonic() > until:
                    raise self._busy("another program") from error
            time.sleep(
                random.uniform(0.5, 1.0) * pause
            )  # random waits, so that waiting processes do not collide again and again
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)

    def _busy(self, who: str) -> StoreBusy:
        return StoreBusy(
            f"The project's database {self.path} is in use by {who} and was not free within "
            f"{self.patience_s:g} seconds. Close it there, or try again."
        )

    def _unwritable(self, error: Exception) -> AnomalureError:
        why = next((words for words in _OF_DISK if words in str(error)), str(error))
        return NotNow(
            f"The project's database {self.path} could not be written or read ({why}). Nothing was "
            "changed. Make room on its disk, or let Anomalure write there."
        )

    def _damaged(self, error: Exception) -> AnomalureError:
        return NotNow(
            f"The project's database {self.path} cannot be opened: it is damaged or not a database "
            f"of Anomalure ({error}). Put it back from a copy, or move it away: a new one is then "
            "made, without the verdicts."
        )


def _is_of_disk(error: duckdb.Error) -> bool:
    """Whether the disk is full, or may not be written: a commit says so as an error of its own kind."""
    return any(words in str(error) for words in _OF_DISK)


def _is_held(error: duckdb.Error) -> bool:
    text = str(error)
    return "Could not set lock on file" in text or "being used by another process" in text
