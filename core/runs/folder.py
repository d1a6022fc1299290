"""A run on disk: complete shards of Parquet, its progress, and the process that works on it."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.disk.files import read_whole, replace_file, temporary_beside, write_whole
from core.disk.json import parse_values, to_json
from core.disk.parquet import read_parquet, write_parquet
from core.errors import AnomalureError
from core.records import HeatMap
from core.runs.info import INFO, RunInfo, read_info
from core.runs.shards import (
    HEAT_MAPS,
    READ_STAGE,
    SCHEMAS,
    SHARD_TABLES,
    RunCounts,
    RunEmbeddings,
    ShardTables,
    account_files,
    as_table,
    embeddings_table,
)
from core.runs.small_detector import warn_of_detector
from core.runs.written_shards import WrittenShards
from core.work.claims import holding, is_held, read_claim
from core.work.folder import REQUEST, Status, WorkFolder
from core.work.progress import Phase, Progress

__all__ = [
    "SCHEMAS",
    "SHARD_TABLES",
    "Phase",
    "Progress",
    "RunCounts",
    "RunEmbeddings",
    "RunFolder",
    "RunInfo",
    "ShardTables",
    "Status",
    "embeddings_table",
]


class RunFolder(WorkFolder):
    """The folder of one run. The object is cheap to make, because nothing is read before it is needed.

    A folder with only a request is not a run yet: its process is still reading the folder of photos, or has failed to.
    """

    what = "run"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._info: RunInfo | None = None
        self._done: dict[int, RunCounts] = {}
        self._listing: list[str] | None = None
        self._names: pa.ChunkedArray | None = None
        self._n_files: int | None = None
        self._holds_finish = False
        self.written = WrittenShards(self.path)

    @classmethod
    def create(cls, path: Path, info: RunInfo, file_names: Sequence[str]) -> "RunFolder":
        """Make a new run over these files, in this order, relative to ``info.folder``.

        Raises:
            FileExistsError: If the folder exists, unless it has only the request for this run.
        """
        run = cls(path)
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            if run.is_made or not (path / REQUEST).is_file():
                raise
        run._write_table(path / "listing.parquet", pa.table({"file_name": pa.array(file_names, pa.string())}))
        write_whole(path / INFO, to_json(info), durable=True)  # written last, because this makes the folder a run
        return run

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """The run in a folder.

        Raises:
            AnomalureError: If there is no run, or it cannot be read.
        """
        run = cls(path)
        _ = run.info
        return run

    # Facts

    @property
    def run_id(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def info(self) -> RunInfo:
        """What the run was made with.

        Raises:
            AnomalureError: If ``run.json`` is missing or invalid.
        """
        if self._info is None:
            self._info = read_info(self.path / INFO)
        return self._info

    @property
    def is_made(self) -> bool:
        """Whether this is a run, not only the request for one."""
        return (self.path / INFO).is_file()

    @property
    def is_only_requested(self) -> bool:
        """Whether this is the request for a run that is not made yet."""
        return not self.is_made and (self.path / REQUEST).is_file()

    @property
    def resume_words(self) -> str:
        """The option of its command."""
        return f"--resume {self.name}"

    @property
    def can_resume(self) -> bool:
        """Whether the run can be resumed, which is always true."""
        return self.is_made

    def check_resumable(self) -> None:
        """As for any work, except that a finished run can be scored again, and its workers can be joined."""
        if self.status is not Status.DONE and not (self.written.exists and not is_held(self.written.finish_path)):
            super().check_resumable()

    @property
    def status(self) -> Status:
        """As of any work. A run of several workers is running as long as one of them is alive."""
        status = super().status
        if status not in (Status.DONE, Status.BROKEN) and self.written.is_worked_on:
            return Status.RUNNING
        # Workers write no end of their own: there may be others.
        return Status.CANCELLED if status is Status.PREPARED and self.cancel_requested else status

    def read_progress(self) -> Progress | None:
        """As of any work. While workers do a run that nobody leads, it is counted from what lies in the folder."""
        progress = super().read_progress()
        if progress is None or progress.phase is not Phase.PREPARED:
            return progress
        counts = self.counts()
        return replace(progress, done=counts.photos, failures=counts.failures)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """As for any work. A run of several workers is claimed instead, because disks of networks may have no locks."""
        if not self.written.exists:
            with super().locked():
                yield
            return
        with self.leading():
            yield

    @contextmanager
    def leading(self) -> Iterator[None]:
        """Within it no other process leads or finishes this run of several workers.

        Raises:
            AnomalureError: If a living process does.
        """
        if self._holds_finish:
            yield
            return
        with holding(self.written.finish_path, "that leads the run") as claim:
            if claim is None:
                holder = read_claim(self.written.finish_path)
                raise AnomalureError(
                    f"Run {self.name} is being led or finished by {holder.holder if holder else 'another process'}. "
                    "Wait until it ends, or cancel it."
                )
            self._holds_finish = True
            try:
                yield
            finally:
                self._holds_finish = False

    @property
    def created_at(self) -> datetime:
        """When the run was made, or requested if it is not made yet. In UTC."""
        return super().created_at if self.is_only_requested else self.info.created_at

    @property
    def problem(self) -> str:
        """Why the folder cannot be used, in a sentence; empty if it can."""
        if self.is_only_requested:
            return super().problem
        try:
            _ = self.info, self.n_files
        except AnomalureError as error:
            return str(error)
        return ""

    @property
    def n_files(self) -> int:
        """Number of files of the run, without reading their names."""
        if self._n_files is None:
            try:
                self._n_files = int(pq.read_metadata(self.path / "listing.parquet").num_rows)
            except (OSError, pa.ArrowException) as error:
                raise self._unlisted(error) from error
        return self._n_files

    @property
    def file_names(self) -> list[str]:
        """Every file of the run in its fixed order, relative to ``info.folder``."""
        if self._listing is None:
            self._listing = self._read_names().to_pylist()
        return self._listing

    def _read_names(self) -> pa.ChunkedArray:
        """The names as Arrow has them, which takes a third of the memory of a list."""
        if self._names is None:
            try:
                table = read_parquet(self.path / "listing.parquet", schema=SCHEMAS["listing"])
            except (OSError, pa.ArrowException) as error:
                raise self._unlisted(error) from error
            self._names = table.column("file_name")
        return self._names

    # Shards

    @property
    def shard_photos(self) -> int:
        """Files per shard, from the run's settings."""
        return int(self.info.settings.get("shard_photos", 256))

    @property
    def n_shards(self) -> int:
        """How many shards the files make; 0 for no files."""
        return -(-self.n_files // self.shard_photos)

    def shard_files(self, i: int) -> list[str]:
        """The files of shard ``i``, 0-based."""
        if not 0 <= i < self.n_shards:
            raise IndexError(f"shard {i} of {self.n_shards}")
        names: list[str] = self._read_names().slice(i * self.shard_photos, self.shard_photos).to_pylist()
        return names

    def is_done(self, i: int) -> bool:
        """Whether shard ``i`` is complete on disk."""
        return (self.path / f"done-{i:05d}.json").is_file()

    def done_shards(self) -> list[int]:
        """The finished shards, in order."""
        return sorted(int(path.stem.removeprefix("done-")) for path in self.path.glob("done-*.json"))

    def list_left(self) -> list[int]:
        """The shards that nobody has done yet, in order."""
        there = {*self.written.list_there(), *self.done_shards()}  # in this order: the finish moves them the same way
        return [i for i in range(self.n_shards) if i not in there]

    def write_shard(
        self, i: int, tables: ShardTables | Mapping[str, pa.Table | pd.DataFrame], *, boxes_over_limit: int = 0
    ) -> RunCounts:
        """Write shard ``i``. Its done file comes last, and until then nothing of the shard counts.

        Raises:
            ValueError: If a table is missing, or the shard's files are not each exactly one of: photo with crops,
                whole frame, duplicate, failure. A run never loses a file silently.
        """
        if isinstance(tables, ShardTables):
            boxes_over_limit = tables.boxes_over_limit
            tables = tables.tables()
        if set(tables) - {HEAT_MAPS} != set(SHARD_TABLES):
            raise ValueError(f"a shard has the tables {', '.join(SHARD_TABLES)}, got {', '.join(sorted(tables))}")
        typed = {name: as_table(name, table) for name, table in tables.items()}
        counts = replace(account_files(self.shard_files(i), typed), boxes_over_limit=boxes_over_limit)
        for name, table in typed.items():
            self._write_table(self.shard_path(name, i), table)
        self.write_counts(i, counts)
        return counts

    def write_counts(self, i: int, counts: RunCounts) -> None:
        """Write the done file of a shard whose tables are in their place."""
        write_whole(self.path / f"done-{i:05d}.json", to_json(asdict(counts)), durable=True)

    def grow(self, file_names: Iterable[str]) -> list[str]:
        """Put more files behind those of the run, and return those of them that were not in it yet.

        The last shard takes them until it is full, though it is finished: ``unread_files`` names them.
        """
        known = set(self.file_names)
        more = [name for name in dict.fromkeys(file_names) if name not in known]
        if more:
            self.write_listing([*self.file_names, *more])
        return more

    def write_listing(self, file_names: Sequence[str]) -> None:
        """Replace the list of files. Those of finished shards have to stay where they are."""
        table = pa.table({"file_name": pa.array(file_names, pa.string())})
        self._write_table(self.path / "listing.parquet", table)
        self._listing, self._names = list(file_names), table.column("file_name")

    def is_whole(self, i: int) -> bool:
        """Whether all files of finished shard ``i`` are in its tables: none has come into the list since."""
        return _read_counts(self.path / f"done-{i:05d}.json").photos == len(self.shard_files(i))

    def unread_files(self, i: int) -> list[str]:
        """The files of finished shard ``i`` that could not be read and may be readable now, or came into it since."""
        counts = _read_counts(self.path / f"done-{i:05d}.json")
        is_whole = self.is_whole(i)
        if not counts.failures and is_whole:
            return []
        failures = read_parquet(self.shard_path("failures", i), schema=SCHEMAS["failures"]).to_pylist()
        unread = [failure["file_name"] for failure in failures if failure["stage"] == READ_STAGE]
        if is_whole:
            return unread
        photos = read_parquet(self.shard_path("photos", i), columns=["file_name"])["file_name"].to_pylist()
        there = {*photos, *(failure["file_name"] for failure in failures)}
        return unread + [name for name in self.shard_files(i) if name not in there]

    def extend_shard(self, i: int, tables: ShardTables) -> RunCounts:
        """Put photos into finished shard ``i``: new ones, and ones that can be read at last in place of their failures.

        If the process is killed meanwhile, the shard is not finished and is done again as a whole.
        """
        more = {name: as_table(name, table) for name, table in tables.tables().items()}
        again = pa.concat_tables([more[name].select(["file_name"]) for name in ("photos", "failures")])["file_name"]
        joined = {}
        for name in (*SHARD_TABLES, HEAT_MAPS):
            path = self.shard_path(name, i)
            parts = (
                [read_parquet(path, schema=None if name == "embeddings" else SCHEMAS[name])] if path.exists() else []
            )
            if name == "failures":
                parts = [parts[0].filter(pc.invert(pc.is_in(parts[0]["file_name"], value_set=again.combine_chunks())))]
            if more.get(name) is not None:
                parts.append(more[name])
            if parts:
                joined[name] = pa.concat_tables(parts)
        done = self.path / f"done-{i:05d}.json"
        n_over_limit = _read_counts(done).boxes_over_limit + tables.boxes_over_limit
        done.unlink()
        self._done.pop(i, None)
        return self.write_shard(i, joined, boxes_over_limit=n_over_limit)

    def counts(self) -> RunCounts:
        """The sums of the counts of the finished shards, and of those that workers have written meanwhile."""
        total = RunCounts()
        written = self.written.list_there()
        done = self.done_shards()
        for i in sorted(set(written) - set(done)):
            total += self.written.read_account(i).counts
        for i in done:
            if i not in self._done:  # done files never change
                self._done[i] = _read_counts(self.path / f"done-{i:05d}.json")
            total += self._done[i]
        return total

    def tables(self, name: str) -> list[Path]:
        """The Parquet files of a table: those of the finished shards, or the file of ``listing`` or ``events``."""
        if name in ("listing", "events"):
            path = self.path / f"{name}.parquet"
            return [path] if path.is_file() else []
        if name not in (*SHARD_TABLES, "scores", HEAT_MAPS):
            raise ValueError(f"a run has no table {name!r}")
        paths = [self.shard_path(name, i) for i in self.done_shards()]
        return paths if name in SHARD_TABLES else [path for path in paths if path.is_file()]

    @property
    def version(self) -> str:
        """A text that changes whenever the run's finished shards, scores or events do, for caches."""
        progress = self.read_progress()
        if progress is not None and progress.phase is Phase.DONE:
            return f"{self.run_id}-done-{int(progress.heartbeat_at * 1000)}"
        files = [*self.tables("scores"), *self.tables("events")]
        latest = max((path.stat().st_mtime_ns for path in files), default=0)
        return f"{self.run_id}-{len(self.done_shards())}-{len(files)}-{latest}"

    def is_scored(self) -> bool:
        """Whether there are scores. Stops at the first, because the folder of a large run has many files."""
        with os.scandir(self.path) as entries:
            return any(one.name.startswith("scores-") and one.name.endswith(".parquet") for one in entries)

    def read_table(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """A whole table in memory, except ``embeddings``; for tests and small tables such as ``failures``."""
        schema = SCHEMAS[name]
        parts = [read_parquet(path, schema=schema, columns=columns) for path in self.tables(name)]
        empty = schema.empty_table()
        return pa.concat_tables(parts or [empty.select(list(columns)) if columns else empty]).to_pandas()

    def embedded_shards(self) -> "RunEmbeddings":
        """The crops with their embeddings, one finished shard at a time; see ``core.runs.parts.EmbeddedShards``."""
        return RunEmbeddings(self.tables)

    def find_heat_map(self, crop_id: str, *, shard: int) -> HeatMap | None:
        """The heat map of a whole frame of this shard; None if it was not scored by its patches."""
        path = self.shard_path(HEAT_MAPS, shard)
        if not (self.is_done(shard) and path.is_file()):
            return None
        row = read_parquet(path, schema=SCHEMAS[HEAT_MAPS], filters=pc.field("crop_id") == crop_id).to_pylist()
        if not row:
            return None
        distances = np.array(row[0]["distances"], dtype=np.float16).reshape(row[0]["height"], row[0]["width"])
        return HeatMap(distances, row[0]["bank_id"], row[0]["limit"])

    def seen_hashes(self) -> dict[str, str]:
        """``photo_id`` to file name of the photos of the finished shards, duplicates left out."""
        seen: dict[str, str] = {}
        for path in self.tables("photos"):
            table = read_parquet(path, columns=["photo_id", "file_name", "duplicate_of"]).to_pydict()
            rows = zip(table["photo_id"], table["file_name"], table["duplicate_of"], strict=True)
            seen.update((photo_id, file_name) for photo_id, file_name, first in rows if first is None)
        return seen

    # What is written after all shards are done

    def write_events(self, events: pd.DataFrame | pa.Table) -> None:
        """Write table ``events``, and replace an earlier one."""
        self._write_table(self.path / "events.parquet", as_table("events", events))

    def write_scores(self, i: int, scores: pd.DataFrame | pa.Table) -> None:
        """Write the scores of the crops of shard ``i``, and replace earlier ones."""
        self._write_table(self.shard_path("scores", i), as_table("scores", scores))

    def write_all_scores(self, scores: Iterable[pd.DataFrame]) -> None:
        """Write the result of ``Scorer.score(run.embedded_shards())``: one table per finished shard, in their order."""
        for i, table in zip(self.done_shards(), scores, strict=True):
            self.write_scores(i, table)

    def _unlisted(self, error: Exception) -> AnomalureError:
        return AnomalureError(
            f"The list of photos of run {self.run_id} cannot be read from {self.path}: {error}. "
            "Delete the run's folder and start the run again."
        )

    def shard_path(self, name: str, i: int) -> Path:
        """Where the table of a finished shard lies."""
        return self.path / f"{name}-{i:05d}.parquet"

    def _write_table(self, path: Path, table: pa.Table) -> None:
        temporary = temporary_beside(path)
        try:
            with temporary.open("xb") as file:
                write_parquet(table, file)
                file.flush()
                os.fsync(file.fileno())
            replace_file(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _read_counts(path: Path) -> RunCounts:
    try:
        return RunCounts(**parse_values(read_whole(path)))
    except (OSError, ValueError, TypeError) as error:
        raise AnomalureError(
            f"{path} is not what Anomalure wrote ({error}). Delete it and resume the run: "
            "its photos are then processed again."
        ) from error


def describe_run(run: RunFolder) -> dict[str, Any]:
    """A run as one flat row of JSON values: what it was made with, and the counts of its files.

    Raises:
        AnomalureError: If one of its files cannot be read.
    """
    info = run.info
    try:
        flagged = sum(
            int(pc.sum(read_parquet(path, columns=["flagged"])["flagged"]).as_py() or 0)
            for path in run.tables("scores")
        )
    except (OSError, pa.ArrowException, KeyError, TypeError) as error:
        raise AnomalureError(
            f"The scores of run {run.run_id} cannot be read ({str(error).partition('. Detail')[0][:200]}). Put its "
            "files back from a copy, or resume the run: it is then scored again."
        ) from error
    return {
        "run": run.run_id,
        "status": str(run.status),
        "folder": info.folder,
        "bundle": info.bundle,
        "detector": info.detector,
        **asdict(run.counts()),
        "flagged": flagged,
        "created_at": info.created_at.isoformat(),
        "warnings": warn_of_detector(info.detector, run.tables("photos")),
    }
