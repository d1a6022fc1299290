"""A run on disk: shards of Parquet that are whole or not there, its progress, and who works on it."""

import json
import os
import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import AnomalureError
from core.files import TEMPORARY_SUFFIX, read_whole, replace_file, temporary_beside, write_whole
from core.locks import FileLock
from core.records import Crop, CropKind, Detection, Failure, Photo

_TIME = pa.timestamp("us")
_TEXT = pa.string()

SCHEMAS: dict[str, pa.Schema] = {
    "listing": pa.schema([("file_name", _TEXT)]),
    "photos": pa.schema([
        ("photo_id", _TEXT), ("file_name", _TEXT), ("deployment", _TEXT), ("captured_at", _TIME),
        ("camera_make", _TEXT), ("camera_model", _TEXT), ("camera_serial", _TEXT),
        ("width_px", pa.int32()), ("height_px", pa.int32()), ("size_bytes", pa.int64()),
        ("duplicate_of", _TEXT), ("note", _TEXT)]),
    "detections": pa.schema([
        ("photo_id", _TEXT), ("detector_class", _TEXT), ("confidence", pa.float64()),
        ("x", pa.float64()), ("y", pa.float64()), ("width", pa.float64()), ("height", pa.float64())]),
    "crops": pa.schema([
        ("crop_id", _TEXT), ("photo_id", _TEXT), ("kind", _TEXT),
        ("x", pa.float64()), ("y", pa.float64()), ("width", pa.float64()), ("height", pa.float64()),
        ("detector_class", _TEXT), ("detector_confidence", pa.float64())]),
    "failures": pa.schema([("file_name", _TEXT), ("stage", _TEXT), ("reason", _TEXT)]),
    "events": pa.schema([("photo_id", _TEXT), ("event_id", _TEXT)]),
    "scores": pa.schema([
        ("crop_id", _TEXT), ("species", _TEXT), ("score", pa.float64()), ("p_value", pa.float64()),
        ("flagged", pa.bool_()), ("judged_by", _TEXT), ("judged_against", _TEXT)]),
}  # fmt: skip
"""Columns of a run's tables; ``embeddings`` is ``crop_id, embedding`` with the length of the encoder."""

SHARD_TABLES = ("photos", "detections", "crops", "embeddings", "failures")
# A worker on another computer cannot be asked for its process; this long without a word means that it is gone.
SILENT_S = 120.0


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """What a run is a pass of, over what. Written once, when the run is made.

    ``folder`` is the folder of photos as the user gave it, absolute; ``bundle`` is empty for a first look;
    ``boxes`` is the file that boxes came from in place of a detector, ``deployments_csv`` the table of cameras, each
    absolute or empty; ``settings`` are those of ``RunSettings.to_values()``; ``created_at`` is in UTC.
    """

    run_id: str
    name: str
    folder: str
    bundle: str = ""
    detector: str = ""
    encoder: str = ""
    boxes: str = ""
    deployments_csv: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    code_version: str = ""


@dataclass(frozen=True, kw_only=True)
class RunCounts:
    """What became of the files of the finished shards.

    Every file is one of: photo with crops, photo as whole frame, duplicate, failure; so
    ``photos == with_crops + whole_frames + duplicates + failures``. ``damaged`` counts, among the judged, those that
    could be read only in part or with a warning: their ``note`` says which.
    """

    photos: int = 0
    duplicates: int = 0
    with_crops: int = 0
    whole_frames: int = 0
    failures: int = 0
    detections: int = 0
    crops: int = 0
    boxes_over_limit: int = 0
    damaged: int = 0

    def __add__(self, other: "RunCounts") -> "RunCounts":
        return RunCounts(**{item.name: getattr(self, item.name) + getattr(other, item.name) for item in fields(self)})


class Phase(StrEnum):
    """Where a run's worker is."""

    STARTING = "starting"
    PHOTOS = "photos"
    EVENTS = "events"
    SCORES = "scores"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RunStatus(StrEnum):
    """How a run stands: ``interrupted`` is one whose worker went away without an end; ``broken`` cannot be read."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is. ``done`` of ``total`` photos; ``seconds_left`` is None while nobody can tell.

    The last four fields say who wrote it and when; ``RunFolder.write_progress`` fills them in.
    """

    phase: Phase = Phase.STARTING
    done: int = 0
    total: int = 0
    photos_per_s: float = 0.0
    seconds_left: float | None = None
    failures: int = 0
    message: str = ""
    pid: int = 0
    process_started_at: float = 0.0
    host: str = ""
    heartbeat_at: float = 0.0


class ShardTables:
    """Gathers what one shard of photos gives, for ``RunFolder.write_shard``."""

    def __init__(self) -> None:
        self._photos: list[dict[str, Any]] = []
        self._detections: list[dict[str, Any]] = []
        self._crops: list[dict[str, Any]] = []
        self._failures: list[dict[str, Any]] = []
        self._embeddings: list[tuple[list[str], np.ndarray]] = []
        self.boxes_over_limit = 0

    def add_photo(
        self, photo: Photo, *, detections: Sequence[Detection], crops: Sequence[Crop], n_over_limit: int = 0
    ) -> None:
        """A photo that is judged, with at least one crop."""
        self._photos.append({**asdict(photo), "duplicate_of": None})
        self.boxes_over_limit += n_over_limit
        for found in detections:
            self._detections.append({
                "photo_id": photo.photo_id, "detector_class": found.detector_class, "confidence": found.confidence,
                **asdict(found.box)})  # fmt: skip
        for crop in crops:
            self._crops.append({
                "crop_id": crop.crop_id, "photo_id": crop.photo_id, "kind": str(crop.kind), **asdict(crop.box),
                "detector_class": crop.detector_class, "detector_confidence": crop.confidence})  # fmt: skip

    def add_duplicate(self, photo: Photo, *, duplicate_of: str) -> None:
        """A file with the same content as an earlier one, named by its file name; it is not judged again."""
        self._photos.append({**asdict(photo), "duplicate_of": duplicate_of})

    def add_failure(self, failure: Failure) -> None:
        """A file that could not be used; at most one failure a file, and no photo of it."""
        self._failures.append(asdict(failure))

    def add_embeddings(self, crop_ids: Sequence[str], embeddings: np.ndarray) -> None:
        """Raw embeddings of crops, shape ``(n, d)``, in any order over the shard; ``n = 0`` says only ``d``."""
        self._embeddings.append((list(crop_ids), np.asarray(embeddings)))

    def tables(self) -> dict[str, pa.Table]:
        """The shard's tables, embeddings in the order of the crops."""
        crops = [row["crop_id"] for row in self._crops]
        ids = [crop_id for some, _ in self._embeddings for crop_id in some]
        blocks = [block for _, block in self._embeddings]
        joined = np.concatenate(blocks) if blocks else np.empty((0, 1), dtype=np.float32)  # (n, d)
        place = {crop_id: row for row, crop_id in enumerate(ids)}
        if len(ids) != len(crops) or set(place) != set(crops):
            raise ValueError(f"each of the {len(crops)} crops needs one embedding, got {len(ids)}")
        order = np.array([place[crop_id] for crop_id in crops], dtype=int)
        return {
            "photos": pa.Table.from_pylist(self._photos, schema=SCHEMAS["photos"]),
            "detections": pa.Table.from_pylist(self._detections, schema=SCHEMAS["detections"]),
            "crops": pa.Table.from_pylist(self._crops, schema=SCHEMAS["crops"]),
            "embeddings": embeddings_table(crops, joined[order]),
            "failures": pa.Table.from_pylist(self._failures, schema=SCHEMAS["failures"]),
        }


def embeddings_table(crop_ids: Sequence[str], embeddings: np.ndarray) -> pa.Table:
    """Table ``embeddings``: float16, finite, of raw embeddings with shape ``(n, d)``."""
    if embeddings.ndim != 2 or len(embeddings) != len(crop_ids):
        raise ValueError(f"embeddings must have shape ({len(crop_ids)}, d), got {embeddings.shape}")
    limit = float(np.finfo(np.float16).max)
    halves = np.clip(embeddings, -limit, limit).astype(np.float16)
    if not np.isfinite(halves).all():
        raise ValueError("embeddings must be finite numbers")
    lists = pa.FixedSizeListArray.from_arrays(pa.array(halves.reshape(-1)), embeddings.shape[1])
    return pa.table({"crop_id": pa.array(crop_ids, _TEXT), "embedding": lists})


class RunFolder:
    """One run's folder. Cheap to make: nothing is read before it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._info: RunInfo | None = None
        self._done: dict[int, RunCounts] = {}
        self._listing: list[str] | None = None

    @classmethod
    def create(cls, path: Path, info: RunInfo, file_names: Sequence[str]) -> "RunFolder":
        """Make the folder of a new run over these files, in this order, relative to ``info.folder``.

        Raises:
            FileExistsError: If the folder is there already.
        """
        run = cls(path)
        path.mkdir(parents=True)
        run._write_table(path / "listing.parquet", pa.table({"file_name": pa.array(file_names, _TEXT)}))
        record = {**asdict(info), "created_at": info.created_at.isoformat()}
        write_whole(path / "run.json", _to_json(record), durable=True)  # last: it makes the folder a run
        return run

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """The run in a folder.

        Raises:
            AnomalureError: If there is none, or it cannot be read.
        """
        run = cls(path)
        _ = run.info
        return run

    # What it is

    @property
    def run_id(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def info(self) -> RunInfo:
        """What the run is a pass of.

        Raises:
            AnomalureError: If ``run.json`` is missing or not what it should be.
        """
        if self._info is None:
            self._info = _read_info(self.path / "run.json")
        return self._info

    @property
    def problem(self) -> str:
        """Why the folder cannot be used, in a sentence; empty if it can."""
        try:
            _ = self.info, self.file_names
        except AnomalureError as error:
            return str(error)
        return ""

    @property
    def file_names(self) -> list[str]:
        """Every file of the run in its fixed order, relative to ``info.folder``."""
        if self._listing is None:
            path = self.path / "listing.parquet"
            try:
                self._listing = pq.read_table(path, schema=SCHEMAS["listing"]).column("file_name").to_pylist()
            except (OSError, pa.ArrowException) as error:
                raise AnomalureError(f"The list of photos of run {self.run_id} cannot be read ({path}): {error}. "
                                     "Delete the run's folder and start the run again.") from error  # fmt: skip
        return self._listing

    # Shards

    @property
    def shard_photos(self) -> int:
        """Files a shard, from the run's settings."""
        return int(self.info.settings.get("shard_photos", 256))

    @property
    def n_shards(self) -> int:
        """How many shards the files make; 0 for no files."""
        return -(-len(self.file_names) // self.shard_photos)

    def shard_files(self, i: int) -> list[str]:
        """The files of shard ``i``, 0-based."""
        if not 0 <= i < self.n_shards:
            raise IndexError(f"shard {i} of {self.n_shards}")
        return self.file_names[i * self.shard_photos : (i + 1) * self.shard_photos]

    def is_done(self, i: int) -> bool:
        """Whether shard ``i`` is on disk as a whole."""
        return (self.path / f"done-{i:05d}.json").is_file()

    def done_shards(self) -> list[int]:
        """The finished shards, in order."""
        return sorted(int(path.stem.removeprefix("done-")) for path in self.path.glob("done-*.json"))

    def write_shard(
        self, i: int, tables: ShardTables | Mapping[str, pa.Table | pd.DataFrame], *, boxes_over_limit: int = 0
    ) -> RunCounts:
        """Put shard ``i`` on disk, its done file last; until then nothing of it counts.

        Raises:
            ValueError: If a table is missing, or the shard's files are not each exactly one of: photo with crops,
                whole frame, duplicate, failure. A run never loses a file in silence.
        """
        if isinstance(tables, ShardTables):
            boxes_over_limit = tables.boxes_over_limit
            tables = tables.tables()
        if set(tables) != set(SHARD_TABLES):
            raise ValueError(f"a shard has the tables {', '.join(SHARD_TABLES)}, got {', '.join(sorted(tables))}")
        typed = {name: as_table(name, table) for name, table in tables.items()}
        counts = replace(_account(self.shard_files(i), typed), boxes_over_limit=boxes_over_limit)
        for name, table in typed.items():
            self._write_table(self._shard_path(name, i), table)
        write_whole(self.path / f"done-{i:05d}.json", _to_json(asdict(counts)), durable=True)
        return counts

    def counts(self) -> RunCounts:
        """The finished shards' counts, added up."""
        total = RunCounts()
        for i in self.done_shards():
            if i not in self._done:  # a done file never changes
                self._done[i] = _read_counts(self.path / f"done-{i:05d}.json")
            total += self._done[i]
        return total

    def tables(self, name: str) -> list[Path]:
        """The Parquet files of a table that count: of finished shards, or the one file of ``listing``, ``events``."""
        if name in ("listing", "events"):
            path = self.path / f"{name}.parquet"
            return [path] if path.is_file() else []
        if name not in (*SHARD_TABLES, "scores"):
            raise ValueError(f"a run has no table {name!r}")
        paths = [self._shard_path(name, i) for i in self.done_shards()]
        return [path for path in paths if path.is_file()] if name == "scores" else paths

    def read_table(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """A whole table in memory, except ``embeddings``; for tests and small tables such as ``failures``."""
        schema = SCHEMAS[name]
        parts = [pq.read_table(path, schema=schema, columns=columns) for path in self.tables(name)]
        empty = schema.empty_table()
        return pa.concat_tables(parts or [empty.select(list(columns)) if columns else empty]).to_pandas()

    def embedded_shards(self) -> "RunEmbeddings":
        """The crops with their embeddings, one finished shard at a time (``EmbeddedShards`` of core/pipeline.py)."""
        return RunEmbeddings(self)

    def seen_hashes(self) -> dict[str, str]:
        """``photo_id`` to file name of the photos of the finished shards, duplicates left out."""
        seen: dict[str, str] = {}
        for path in self.tables("photos"):
            table = pq.read_table(path, columns=["photo_id", "file_name", "duplicate_of"]).to_pydict()
            rows = zip(table["photo_id"], table["file_name"], table["duplicate_of"], strict=True)
            seen.update((photo_id, file_name) for photo_id, file_name, first in rows if first is None)
        return seen

    # What is made when all shards are there

    def write_events(self, events: pd.DataFrame | pa.Table) -> None:
        """Table ``events``, over what was there."""
        self._write_table(self.path / "events.parquet", as_table("events", events))

    def write_scores(self, i: int, scores: pd.DataFrame | pa.Table) -> None:
        """Scores of the crops of shard ``i``, over what was there."""
        self._write_table(self._shard_path("scores", i), as_table("scores", scores))

    def write_all_scores(self, scores: Iterable[pd.DataFrame]) -> None:
        """What ``Scorer.score(run.embedded_shards())`` gives: one table a finished shard, in their order."""
        for i, table in zip(self.done_shards(), scores, strict=True):
            self.write_scores(i, table)

    # Progress

    def write_progress(self, progress: Progress) -> None:
        """Say how far this process is; a reader sees the old or the new, never a part."""
        me = replace(progress, pid=os.getpid(), process_started_at=psutil.Process().create_time(),
                     host=platform.node(), heartbeat_at=time.time())  # fmt: skip
        write_whole(self.path / "progress.json", _to_json(asdict(me)))

    def read_progress(self) -> Progress | None:
        """The last progress, or None if no process has worked on the run, or its file is damaged."""
        try:
            values = json.loads(read_whole(self.path / "progress.json"))
            known = {item.name for item in fields(Progress)}
            return Progress(**{**{k: v for k, v in values.items() if k in known}, "phase": Phase(values["phase"])})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    @property
    def status(self) -> RunStatus:
        """How the run stands now."""
        if self.problem:
            return RunStatus.BROKEN
        progress = self.read_progress()
        if progress is None:
            return RunStatus.INTERRUPTED
        if progress.phase in (Phase.DONE, Phase.CANCELLED, Phase.FAILED):
            return RunStatus(progress.phase.value)
        return RunStatus.RUNNING if _is_alive(progress) else RunStatus.INTERRUPTED

    def request_cancel(self) -> None:
        """Ask the run's process to stop after what it has in hand."""
        write_whole(self.path / "cancel", b"")

    @property
    def cancel_requested(self) -> bool:
        """Whether someone asked the run to stop."""
        return (self.path / "cancel").is_file()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Hold the run while working on it; what a kill left, an old request to cancel too, is swept away first.

        Raises:
            AnomalureError: If another process works on it.
        """
        with FileLock(self.path / "worker.lock", busy=f"Run {self.run_id} is being worked on"):
            cancel = self.path / "cancel"
            # One that came while this process was starting is meant for it.
            if cancel.is_file() and cancel.stat().st_mtime < psutil.Process().create_time():
                cancel.unlink(missing_ok=True)
            for left in self.path.glob(f".*{TEMPORARY_SUFFIX}"):
                left.unlink(missing_ok=True)
            try:
                yield
            finally:
                cancel.unlink(missing_ok=True)

    def _shard_path(self, name: str, i: int) -> Path:
        return self.path / f"{name}-{i:05d}.parquet"

    def _write_table(self, path: Path, table: pa.Table) -> None:
        temporary = temporary_beside(path)
        try:
            with temporary.open("xb") as file:
                pq.write_table(table, file, compression="zstd")
                file.flush()
                os.fsync(file.fileno())
            replace_file(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


class RunEmbeddings:
    """The crops of a run's finished shards with their embeddings; one shard is in memory at a time."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run

    def __iter__(self) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Pairs of crops (columns of table crops, and ``deployment``) and float32 embeddings in the same order."""
        for crops_path, photos_path, embeddings_path in zip(
            *(self._run.tables(name) for name in ("crops", "photos", "embeddings")), strict=True
        ):
            crops = pq.read_table(crops_path, schema=SCHEMAS["crops"]).to_pandas()
            photos = pq.read_table(photos_path, schema=SCHEMAS["photos"]).to_pandas()
            first = photos[photos["duplicate_of"].isna()].set_index("photo_id")["deployment"]
            crops["deployment"] = crops["photo_id"].map(first)
            column = pq.read_table(embeddings_path, columns=["embedding"]).column("embedding").combine_chunks()
            vectors = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
            yield crops, vectors.reshape(len(crops), column.type.list_size)


def as_table(name: str, table: pa.Table | pd.DataFrame) -> pa.Table:
    """A table in the types of its schema, columns in their order.

    Raises:
        ValueError: If a column is missing, too many, or of a kind that does not fit.
    """
    if name == "embeddings":
        if not isinstance(table, pa.Table):
            raise ValueError("embeddings come as a pyarrow table, from embeddings_table")
        return table
    schema = SCHEMAS[name]
    if isinstance(table, pd.DataFrame):
        if set(table.columns) != set(schema.names):
            raise ValueError(f"{name} must have the columns {schema.names}, got {list(table.columns)}")
        texts = {item.name: "string" for item in schema if item.type == _TEXT}
        table = pa.Table.from_pandas(table.astype(texts), schema=schema, preserve_index=False)
    if set(table.column_names) != set(schema.names):
        raise ValueError(f"{name} must have the columns {schema.names}, got {table.column_names}")
    try:
        return table.select(schema.names).cast(schema)
    except (pa.ArrowException, ValueError) as error:
        raise ValueError(f"{name} does not have the types of its schema: {error}") from error


def _account(files: Sequence[str], tables: Mapping[str, pa.Table]) -> RunCounts:
    photos = tables["photos"].select(["photo_id", "file_name", "duplicate_of", "note"]).to_pandas()
    crops = tables["crops"].select(["photo_id", "kind"]).to_pandas()
    failed = tables["failures"].column("file_name").to_pylist()
    named = sorted([*photos["file_name"], *failed])
    if named != sorted(files):
        lost, extra = sorted(set(files) - set(named)), sorted(set(named) - set(files))
        raise ValueError(f"each file of a shard is a photo or a failure, once: missing {lost[:3]}, not of it "
                         f"{extra[:3]}, {len(files)} files and {len(named)} rows")  # fmt: skip
    judged = photos.loc[photos["duplicate_of"].isna(), "photo_id"]
    kinds = crops.groupby("photo_id")["kind"].agg(lambda kinds: "+".join(sorted(set(kinds))))
    with_crops = set(kinds.index[kinds == CropKind.DETECTION])
    whole = set(kinds.index[kinds == CropKind.FRAME])
    if judged.duplicated().any() or set(judged) != with_crops | whole:
        raise ValueError("each photo of a shard that is not a duplicate has crops of detections or one whole frame")
    embedded = tables["embeddings"].num_rows
    if embedded != len(crops):
        raise ValueError(f"each of the {len(crops)} crops needs one embedding, got {embedded}")
    return RunCounts(
        photos=len(files), duplicates=len(photos) - len(judged), with_crops=len(with_crops), whole_frames=len(whole),
        failures=len(failed), detections=tables["detections"].num_rows, crops=len(crops),
        damaged=int((photos["note"].fillna("") != "").sum()))  # fmt: skip


def _read_info(path: Path) -> RunInfo:
    run_id = path.parent.name
    try:
        values = json.loads(read_whole(path))
        info = RunInfo(**{**values, "created_at": datetime.fromisoformat(values["created_at"])})
        if not isinstance(info.settings, dict) or not isinstance(info.folder, str) or info.created_at.tzinfo is None:
            raise ValueError("a field has another type")
        size = info.settings.get("shard_photos", 256)
        if type(size) is not int or size < 1:
            raise ValueError(f"shard_photos must be a whole number of at least 1, got {size!r}")
        return replace(info, run_id=run_id)  # the folder's name is what the run is found by
    except FileNotFoundError as error:
        raise AnomalureError(f"There is no finished run folder at {path.parent}: run.json is missing. If making it was "
                             "cut short, delete the folder and start the run again.") from error  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AnomalureError(f"Run {run_id} cannot be read: {path} is not what Anomalure wrote ({error}). Put it back "
                             "from a copy, or delete the run's folder.") from error  # fmt: skip


def _read_counts(path: Path) -> RunCounts:
    try:
        return RunCounts(**json.loads(read_whole(path)))
    except (ValueError, TypeError) as error:
        raise AnomalureError(f"{path} is not what Anomalure wrote ({error}). Delete it and resume the run: "
                             "its photos are then done again.") from error  # fmt: skip


def _is_alive(progress: Progress) -> bool:
    if progress.host != platform.node():
        return time.time() - progress.heartbeat_at < SILENT_S
    try:
        process = psutil.Process(progress.pid)
        # A process number is used again after a while; the start time tells the two apart.
        same = abs(process.create_time() - progress.process_started_at) < 2.0
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _to_json(values: Mapping[str, Any]) -> bytes:
    return (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode()
