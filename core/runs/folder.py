"""A run on disk: complete shards of Parquet, its progress, and the process that works on it."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.disk.files import read_whole, replace_file, temporary_beside, write_whole
from core.disk.inside import check_ordinary
from core.disk.json import from_values, parse_values, to_json
from core.disk.parquet import read_parquet, write_parquet
from core.errors import AnomalureError, NewerVersion
from core.records import HeatMap
from core.runs.shards import (
    HEAT_MAPS,
    READ_STAGE,
    SCHEMAS,
    SHARD_TABLES,
    RunCounts,
    ShardTables,
    account_files,
    as_table,
    embeddings_table,
)
from core.runs.small_detector import warn_of_detector
from core.version import is_newer
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

INFO = "run.json"


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """What a run was made with. It is written once, as ``run.json``, when the run is made.

    Attributes:
        run_id: The name of the run's folder.
        name: What the pages call it.
        folder: The folder of photos, absolute.
        bundle: The bundle's name; empty for a first look.
        detector: Name of the detector.
        encoder: Name of the encoder.
        encoders: The specifications of that encoder, so that a first look can be resumed.
        sections: Lengths of the parts of an embedding; empty in runs of earlier versions.
        engines: The engine of each encoder. A resumed run uses the same engines. Others round differently, and the
            crops of one run could not be compared.
        boxes: The file that boxes came from instead of a detector, absolute or empty.
        deployments_csv: The table of cameras, absolute or empty.
        settings: As ``RunSettings.to_values()`` gives them.
        created_at: In UTC.
        code_version: The version of Anomalure that made it.
    """

    run_id: str
    name: str
    folder: str
    bundle: str = ""
    detector: str = ""
    encoder: str = ""
    encoders: tuple[Mapping[str, Any], ...] = ()
    sections: tuple[int, ...] = ()
    engines: tuple[str, ...] = ()
    boxes: str = ""
    deployments_csv: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    code_version: str = ""


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
            self._info = _read_info(self.path / INFO)
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
        """As for any work, except that a finished run can be scored again."""
        if self.status is not Status.DONE:
            super().check_resumable()

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
        path = self.path / "listing.parquet"
        try:
            return pq.read_metadata(path).num_rows
        except (OSError, pa.ArrowException) as error:
            raise self._unlisted(error) from error

    @property
    def file_names(self) -> list[str]:
        """Every file of the run in its fixed order, relative to ``info.folder``."""
        if self._listing is None:
            try:
                table = read_parquet(self.path / "listing.parquet", schema=SCHEMAS["listing"])
            except (OSError, pa.ArrowException) as error:
                raise self._unlisted(error) from error
            self._listing = table.column("file_name").to_pylist()
        return self._listing

    # Shards

    @property
    def shard_photos(self) -> int:
        """Files per shard, from the run's settings."""
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
        """Whether shard ``i`` is complete on disk."""
        return (self.path / f"done-{i:05d}.json").is_file()

    def done_shards(self) -> list[int]:
        """The finished shards, in order."""
        return sorted(int(path.stem.removeprefix("done-")) for path in self.path.glob("done-*.json"))

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
            self._write_table(self._shard_path(name, i), table)
        write_whole(self.path / f"done-{i:05d}.json", to_json(asdict(counts)), durable=True)
        return counts

    def unread_files(self, i: int) -> list[str]:
        """The files of finished shard ``i`` that could not be read, and may be readable now."""
        if not _read_counts(self.path / f"done-{i:05d}.json").failures:
            return []
        failures = read_parquet(self._shard_path("failures", i), schema=SCHEMAS["failures"]).to_pylist()
        return [failure["file_name"] for failure in failures if failure["stage"] == READ_STAGE]

    def extend_shard(self, i: int, tables: ShardTables) -> RunCounts:
        """Put photos that could be read at last into finished shard ``i``, in place of their failures.

        If the process is killed meanwhile, the shard is not finished and is done again as a whole.
        """
        more = {name: as_table(name, table) for name, table in tables.tables().items()}
        again = pa.concat_tables([more[name].select(["file_name"]) for name in ("photos", "failures")])["file_name"]
        joined = {}
        for name in (*SHARD_TABLES, HEAT_MAPS):
            path = self._shard_path(name, i)
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
        """The sums of the counts of the finished shards."""
        total = RunCounts()
        for i in self.done_shards():
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
        paths = [self._shard_path(name, i) for i in self.done_shards()]
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
        return RunEmbeddings(self)

    def find_heat_map(self, crop_id: str, *, shard: int) -> HeatMap | None:
        """The heat map of a whole frame of this shard; None if it was not scored by its patches."""
        path = self._shard_path(HEAT_MAPS, shard)
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
        self._write_table(self._shard_path("scores", i), as_table("scores", scores))

    def write_all_scores(self, scores: Iterable[pd.DataFrame]) -> None:
        """Write the result of ``Scorer.score(run.embedded_shards())``: one table per finished shard, in their order."""
        for i, table in zip(self.done_shards(), scores, strict=True):
            self.write_scores(i, table)

    def _unlisted(self, error: Exception) -> AnomalureError:
        return AnomalureError(
            f"The list of photos of run {self.run_id} cannot be read from {self.path}: {error}. "
            "Delete the run's folder and start the run again."
        )

    def _shard_path(self, name: str, i: int) -> Path:
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


class RunEmbeddings:
    """The crops of a run's finished shards with their embeddings; one shard is in memory at a time."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run

    def __iter__(self) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Pairs of crops and float32 embeddings in the same order; see ``core.runs.parts.EmbeddedShards``."""
        for crops_path, photos_path, embeddings_path in zip(
            *(self._run.tables(name) for name in ("crops", "photos", "embeddings")), strict=True
        ):
            crops = read_parquet(crops_path, schema=SCHEMAS["crops"]).to_pandas()
            photos = read_parquet(photos_path, schema=SCHEMAS["photos"]).to_pandas()
            first = photos[photos["duplicate_of"].isna()].set_index("photo_id")["deployment"]
            crops["deployment"] = crops["photo_id"].map(first)
            heat_path = crops_path.with_name(crops_path.name.replace("crops", HEAT_MAPS, 1))
            if heat_path.is_file():
                crops = crops.merge(_read_largest(heat_path), on="crop_id", how="left", validate="one_to_one")
            column = read_parquet(embeddings_path, columns=["embedding"]).column("embedding").combine_chunks()
            vectors = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
            yield crops, vectors.reshape(len(crops), column.type.list_size)


def _read_largest(path: Path) -> pd.DataFrame:
    """The largest distance of each heat map of a shard: ``crop_id, bank_id, patch_distance``."""
    table = read_parquet(path, schema=SCHEMAS[HEAT_MAPS], columns=["crop_id", "bank_id", "distances"])
    largest = [float(one.values.to_numpy(zero_copy_only=False).max()) for one in table.column("distances")]
    return table.select(["crop_id", "bank_id"]).to_pandas().assign(patch_distance=largest)


def _read_info(path: Path) -> RunInfo:
    run_id = path.parent.name
    try:
        check_ordinary(path.parent)
        values = parse_values(read_whole(path))
        unknown = sorted(set(values) - {item.name for item in fields(RunInfo)})
        if unknown or is_newer(dict(values).get("code_version")):
            raise NewerVersion(
                f"Run {run_id} was made by a newer version of Anomalure, or {path} was changed by another program. It "
                "is not read, and nothing was changed. Update Anomalure."
            )
        info = from_values({**values, "run_id": run_id}, RunInfo)
        if info.created_at.tzinfo is None:
            raise ValueError("created_at has no time zone")
        if Path(info.bundle).name != info.bundle or info.bundle in (".", ".."):
            raise ValueError("its bundle is not one of this project")
        size = info.settings.get("shard_photos", 256)
        if type(size) is not int or size < 1:
            raise ValueError(f"shard_photos must be a whole number of at least 1, got {size!r}")
        return info
    except FileNotFoundError as error:
        raise AnomalureError(
            f"There is no finished run folder at {path.parent}: run.json is missing. If making it was "
            "cut short, delete the folder and start the run again."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AnomalureError(
            f"Run {run_id} cannot be read: {path} is not what Anomalure wrote ({error}). Put it back "
            "from a copy, or delete the run's folder."
        ) from error


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
