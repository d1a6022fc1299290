"""The ledger of a watch: which photos are done, what has to be told to whom, and what was told. It outlives a kill.

SQLite, from Python's own library: each step is one transaction, so that a watcher that is killed at any moment resumes
at the last step that was finished.
"""

import errno
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import AnomalureError

LEDGER = "ledger.sqlite3"
MOST_LOSSES_NAMED = 50
_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS photos (
    file_name TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, photo_id TEXT NOT NULL,
    state TEXT NOT NULL, of TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS contents (photo_id TEXT PRIMARY KEY, file_name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS losses (at REAL NOT NULL, file_name TEXT NOT NULL, what TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS batches (
    batch INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, files TEXT NOT NULL, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS digests (
    nth INTEGER PRIMARY KEY AUTOINCREMENT, digest_id TEXT UNIQUE NOT NULL, event TEXT NOT NULL, row TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    nth INTEGER NOT NULL, channel TEXT NOT NULL, sent INTEGER NOT NULL, PRIMARY KEY (channel, nth));
CREATE INDEX IF NOT EXISTS unsent ON deliveries (channel, sent, nth);
CREATE INDEX IF NOT EXISTS of_event ON digests (event);
CREATE TABLE IF NOT EXISTS channels (channel TEXT PRIMARY KEY, last_sent_at REAL NOT NULL);
"""
DONE, TAKEN, COPY = "done", "taken", "copy"
_FULL = ("database or disk is full", "disk I/O error")


class FileState(NamedTuple):
    """What shows that a file has changed."""

    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Photos of finished events that are done together. ``number`` and ``run`` stay, however often it is begun."""

    number: int
    run: str
    file_names: tuple[str, ...]


class Ledger:
    """The ledger in a folder; made if it is not there. One process has it, since it works on the watch alone.

    Raises:
        AnomalureError: If the file is damaged.
        OSError: ``ENOSPC`` if the disk is full, from every method that writes.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LEDGER
        with self._explaining():
            self._database = sqlite3.connect(self.path, isolation_level=None, timeout=30.0)
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.executescript(_SCHEMA)
            self._known = {
                name: FileState(size, mtime_ns)
                for name, size, mtime_ns in self._database.execute("SELECT file_name, size, mtime_ns FROM photos")
            }

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *error: object) -> None:
        self._database.close()

    # Facts

    def read_fact(self, name: str) -> str:
        """A fact that was kept under this name; empty if there is none."""
        found = self._database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return str(found[0]) if found else ""

    def keep_fact(self, name: str, value: str) -> None:
        """Keep a fact, such as which run grows."""
        with self._writing() as write:
            write("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    # Photos

    def knows(self, file_name: str, file_state: FileState) -> bool:
        """Whether this file, as it is now, was taken before."""
        return self._known.get(file_name) == file_state

    def find_content(self, photo_id: str) -> str | None:
        """The name under which the same content was taken first."""
        found = self._database.execute("SELECT file_name FROM contents WHERE photo_id = ?", (photo_id,)).fetchone()
        return str(found[0]) if found else None

    def note_copy(self, file_name: str, file_state: FileState, *, photo_id: str, of: str) -> None:
        """Note that a file has the content of another one, so that it is not done."""
        with self._writing() as write:
            self._put(write, file_name, file_state, photo_id, COPY, of)
        self._known[file_name] = file_state

    def note_touched(self, file_name: str, file_state: FileState) -> None:
        """Note a new time of a file whose content is the same."""
        with self._writing() as write:
            write(
                "UPDATE photos SET size = ?, mtime_ns = ? WHERE file_name = ?",
                (file_state.size, file_state.mtime_ns, file_name),
            )
        self._known[file_name] = file_state

    def forget_copies(self, photo_id: str) -> None:
        """Let copies count as new, because what they are copies of went away before it was done."""
        if self.find_content(photo_id) is not None:
            return
        own = (photo_id, COPY)
        copies = self._database.execute("SELECT file_name FROM photos WHERE photo_id = ? AND state = ?", own)
        names = [name for (name,) in copies]
        with self._writing() as write:
            write("DELETE FROM photos WHERE photo_id = ? AND state = ?", own)
        for name in names:
            self._known.pop(name, None)

    def note_loss(self, file_name: str, what: str) -> None:
        """Note a photo that went away before it was looked at."""
        with self._writing() as write:
            write("INSERT INTO losses VALUES (?, ?, ?)", (time.time(), file_name, what))

    def list_losses(self) -> tuple[int, list[str]]:
        """How many photos went away before they were looked at, and the names of the last ones."""
        (n,) = self._database.execute("SELECT count(*) FROM losses").fetchone()
        names = self._database.execute("SELECT file_name FROM losses ORDER BY rowid DESC LIMIT ?", (MOST_LOSSES_NAMED,))
        return n, [name for (name,) in names]

    # Batches

    def begin_batch(self, run: str, photos: Sequence[tuple[str, FileState, str]]) -> Batch:
        """Note photos (name, file_state, id; the id is empty if it cannot be read) that are going to be done."""
        files = [name for name, _, _ in photos]
        with self._writing() as write:
            number = write(
                "INSERT INTO batches (run, files, state) VALUES (?, ?, ?)", (run, json.dumps(files), TAKEN)
            ).lastrowid
            for name, file_state, photo_id in photos:
                self._put(write, name, file_state, photo_id, TAKEN, "")
                if photo_id:
                    write("INSERT OR IGNORE INTO contents VALUES (?, ?)", (photo_id, name))
        self._known.update((name, file_state) for name, file_state, _ in photos)
        return Batch(int(number or 0), run, tuple(files))

    def find_unfinished(self) -> Batch | None:
        """The batch that a process began and did not finish."""
        found = self._database.execute("SELECT batch, run, files FROM batches WHERE state = ? LIMIT 1", (TAKEN,))
        row = found.fetchone()
        return Batch(row[0], row[1], tuple(json.loads(row[2]))) if row else None

    def move_batch(self, batch: Batch, run: str) -> Batch:
        """Let a batch be done in another run, because its own is gone."""
        with self._writing() as write:
            write("UPDATE batches SET run = ? WHERE batch = ?", (run, batch.number))
        return Batch(batch.number, run, batch.file_names)

    def withdraw(self, batch: Batch, file_names: Sequence[str]) -> Batch:
        """Take photos that went away out of a batch. If they come back they count as new."""
        gone = set(file_names)
        left = tuple(name for name in batch.file_names if name not in gone)
        with self._writing() as write:
            for name in gone:
                write("DELETE FROM photos WHERE file_name = ?", (name,))
                write("DELETE FROM contents WHERE file_name = ?", (name,))
                write("INSERT INTO losses VALUES (?, ?, ?)", (time.time(), name, "deleted"))
            state = TAKEN if left else DONE
            write("UPDATE batches SET files = ?, state = ? WHERE batch = ?", (json.dumps(left), state, batch.number))
        for name in gone:
            self._known.pop(name, None)
        return Batch(batch.number, batch.run, left)

    def finish_batch(self, batch: Batch, rows: Sequence[Mapping[str, Any]], channels: Iterable[Any]) -> None:
        """Note in one step that a batch is done, and which channel has to tell which of its rows.

        Args:
            batch: The batch.
            rows: Its digest: one row an event, each with an ``id``.
            channels: Each has a ``name``, and ``wants(row)``.
        """
        listed = list(channels)
        with self._writing() as write:
            for row in rows:
                nth = write(
                    "INSERT INTO digests (digest_id, event, row) VALUES (?, ?, ?)",
                    (row["id"], f"{row['run']}/{row['event_id']}", json.dumps(row)),
                ).lastrowid
                for channel in listed:
                    if channel.wants(row):
                        write("INSERT INTO deliveries VALUES (?, ?, 0)", (nth, channel.name))
            write("UPDATE batches SET state = ? WHERE batch = ?", (DONE, batch.number))
            write(
                "UPDATE photos SET state = ? WHERE state = ? AND file_name IN (SELECT value FROM json_each(?))",
                (DONE, TAKEN, json.dumps(batch.file_names)),
            )

    def was_told(self, run: str, event_id: str) -> bool:
        """Whether there is a digest of this event already, so that further photos of it come late."""
        found = self._database.execute("SELECT 1 FROM digests WHERE event = ? LIMIT 1", (f"{run}/{event_id}",))
        return found.fetchone() is not None

    # What has to be told

    def list_unsent(self, channel: str, *, most: int) -> list[tuple[int, dict[str, Any]]]:
        """The oldest rows that a channel has not told, with their numbers."""
        found = self._database.execute(
            "SELECT d.nth, row FROM deliveries JOIN digests d USING (nth) WHERE channel = ? AND sent = 0 "
            "ORDER BY d.nth LIMIT ?",
            (channel, most),
        )
        return [(nth, json.loads(row)) for nth, row in found]

    def count_unsent(self) -> dict[str, int]:
        """How many rows each channel has not told yet; also channels that the watch no longer has."""
        found = self._database.execute("SELECT channel, count(*) FROM deliveries WHERE sent = 0 GROUP BY channel")
        return dict(found.fetchall())

    def note_sent(self, channel: str, numbers: Iterable[int]) -> None:
        """Note that a channel has told these rows."""
        with self._writing() as write:
            for nth in numbers:
                write("UPDATE deliveries SET sent = 1 WHERE channel = ? AND nth = ?", (channel, nth))
            write("INSERT OR REPLACE INTO channels VALUES (?, ?)", (channel, time.time()))

    def last_sent_at(self, channel: str) -> float:
        """When a channel told something last, in seconds since 1970; 0 for never."""
        found = self._database.execute("SELECT last_sent_at FROM channels WHERE channel = ?", (channel,)).fetchone()
        return float(found[0]) if found else 0.0

    # All of it

    def count_all(self) -> dict[str, int]:
        """Photos that are done, copies of others, and events that have a digest."""
        states = dict(self._database.execute("SELECT state, count(*) FROM photos GROUP BY state").fetchall())
        (events,) = self._database.execute("SELECT count(*) FROM digests").fetchone()
        return {"photos": states.get(DONE, 0), "copies": states.get(COPY, 0), "events": events}

    def list_last(self, most: int) -> list[dict[str, Any]]:
        """The newest rows, newest first."""
        found = self._database.execute("SELECT row FROM digests ORDER BY nth DESC LIMIT ?", (most,))
        return [json.loads(row) for (row,) in found]

    def _put(self, write: Any, file_name: str, file_state: FileState, photo_id: str, state: str, of: str) -> None:
        write(
            "INSERT OR REPLACE INTO photos VALUES (?, ?, ?, ?, ?, ?)",
            (file_name, file_state.size, file_state.mtime_ns, photo_id, state, of),
        )

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        with self._explaining():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database.execute
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if any(words in str(error) for words in _FULL):
                raise OSError(errno.ENOSPC, "The disk is full", str(self.path)) from error
            raise AnomalureError(f"{self.path} cannot be used: {error}. Check the rights to its folder.") from error
        except sqlite3.DatabaseError as error:
            raise AnomalureError(
                f"{self.path} is damaged ({error}). Move it away: the watch then looks at all photos of its folder "
                "again, in a new run, and tells of them again."
            ) from error
