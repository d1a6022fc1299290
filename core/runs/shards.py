"""The tables of one shard of photos, and a check that every file of the shard is accounted for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from core.disk.parquet import read_parquet
from core.records import Box, Crop, CropKind, Detection, Failure, HeatMap, Photo

_TIME = pa.timestamp("us")
_TEXT = pa.string()

SCHEMAS: dict[str, pa.Schema] = {
    "listing": pa.schema([("file_name", _TEXT)]),
    "photos": pa.schema(
        [
            ("photo_id", _TEXT),
            ("file_name", _TEXT),
            ("deployment", _TEXT),
            ("captured_at", _TIME),
            ("camera_make", _TEXT),
            ("camera_model", _TEXT),
            ("camera_serial", _TEXT),
            ("width_px", pa.int32()),
            ("height_px", pa.int32()),
            ("size_bytes", pa.int64()),
            ("duplicate_of", _TEXT),
            ("note", _TEXT),
        ]
    ),
    "detections": pa.schema(
        [
            ("photo_id", _TEXT),
            ("detector_class", _TEXT),
            ("confidence", pa.float64()),
            ("x", pa.float64()),
            ("y", pa.float64()),
            ("width", pa.float64()),
            ("height", pa.float64()),
        ]
    ),
    "crops": pa.schema(
        [
            ("crop_id", _TEXT),
            ("photo_id", _TEXT),
            ("kind", _TEXT),
            ("x", pa.float64()),
            ("y", pa.float64()),
            ("width", pa.float64()),
            ("height", pa.float64()),
            ("detector_class", _TEXT),
            ("detector_confidence", pa.float64()),
        ]
    ),
    "heat_maps": pa.schema(
        [
            ("crop_id", _TEXT),
            ("bank_id", _TEXT),
            ("limit", pa.float64()),
            ("height", pa.int32()),
            ("width", pa.int32()),
            ("distances", pa.list_(pa.float16())),
        ]
    ),
    "failures": pa.schema([("file_name", _TEXT), ("stage", _TEXT), ("reason", _TEXT)]),
    "events": pa.schema([("photo_id", _TEXT), ("event_id", _TEXT)]),
    "scores": pa.schema(
        [
            ("crop_id", _TEXT),
            ("species", _TEXT),
            ("score", pa.float64()),
            ("p_value", pa.float64()),
            ("flagged", pa.bool_()),
            ("judged_by", _TEXT),
            ("judged_against", _TEXT),
        ]
    ),
}
"""Columns of a run's tables; ``embeddings`` is ``crop_id, embedding`` with the length of the encoder."""

READ_STAGE = "read"
"""The stage of failures that are tried again when the run is resumed: the disk may be there then."""
SHARD_TABLES = ("photos", "detections", "crops", "embeddings", "failures")
HEAT_MAPS = "heat_maps"
"""The table that a shard has only if its bundle scores whole frames by their patches."""


LEAST_SHARDS = 8
"""A run that is cancelled keeps its finished shards, so a small one has several, too."""


def choose_shard_photos(n_photos: int, *, most: int, batch_photos: int) -> int:
    """Photos per shard: at most ``most``, in a small run an eighth of its photos, in whole batches."""
    eighth = -(-n_photos // LEAST_SHARDS)
    return max(1, min(most, -(-eighth // batch_photos) * batch_photos))


@dataclass(frozen=True, kw_only=True)
class RunCounts:
    """Counts of the files of the finished shards.

    Every file is one of: photo with crops, photo as whole frame, duplicate, failure; so
    ``photos == with_crops + whole_frames + duplicates + failures``. ``damaged`` counts scored photos that could be
    read only in part or with a warning, as their ``note`` says.
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


class ShardTables:
    """Collects the results of one shard of photos for ``RunFolder.write_shard``."""

    def __init__(self) -> None:
        self._photos: list[dict[str, Any]] = []
        self._detections: list[dict[str, Any]] = []
        self._crops: list[dict[str, Any]] = []
        self._failures: list[dict[str, Any]] = []
        self._embeddings: list[tuple[list[str], np.ndarray]] = []
        self._heat_maps: list[dict[str, Any]] = []
        self.over_limit: dict[str, int] = {}

    @property
    def boxes_over_limit(self) -> int:
        """Boxes that were left out because a photo had too many; ``over_limit`` has them by photo id."""
        return sum(self.over_limit.values())

    @property
    def n_photos(self) -> int:
        """Photos so far, duplicates included."""
        return len(self._photos)

    def add_photo(
        self, photo: Photo, *, detections: Sequence[Detection], crops: Sequence[Crop], n_over_limit: int = 0
    ) -> None:
        """A photo that is scored, with at least one crop."""
        self._photos.append({**_columns(photo), "duplicate_of": None})
        if n_over_limit:
            self.over_limit[photo.photo_id] = n_over_limit
        for found in detections:
            self._detections.append(
                {
                    "photo_id": photo.photo_id,
                    "detector_class": found.detector_class,
                    "confidence": found.confidence,
                    **_columns(found.box),
                }
            )
        for crop in crops:
            self._crops.append(
                {
                    "crop_id": crop.crop_id,
                    "photo_id": crop.photo_id,
                    "kind": str(crop.kind),
                    **_columns(crop.box),
                    "detector_class": crop.detector_class,
                    "detector_confidence": crop.confidence,
                }
            )

    def add_duplicate(self, photo: Photo, *, duplicate_of: str) -> None:
        """A file with the same content as an earlier one, given by its file name; it is not scored again."""
        self._photos.append({**_columns(photo), "duplicate_of": duplicate_of})

    def add_failure(self, failure: Failure) -> None:
        """A file that could not be used. It has one failure and no photo."""
        self._failures.append(_columns(failure))

    def add_embeddings(self, crop_ids: Sequence[str], embeddings: np.ndarray) -> None:
        """Raw embeddings of crops, shape ``(n, d)``, in any order in the shard. With ``n = 0`` only ``d`` is set."""
        vectors = np.asarray(embeddings)
        if vectors.ndim != 2 or len(vectors) != len(crop_ids):
            raise ValueError(f"embeddings must have shape ({len(crop_ids)}, d), got {vectors.shape}")
        self._embeddings.append((list(crop_ids), vectors))

    def add_heat_maps(self, heat_maps: Mapping[str, HeatMap]) -> None:
        """Heat maps of whole frames, by crop id."""
        for crop_id, heat in heat_maps.items():
            height, width = heat.distances.shape
            self._heat_maps.append(
                {
                    "crop_id": crop_id,
                    "bank_id": heat.bank_id,
                    "limit": heat.limit,
                    "height": height,
                    "width": width,
                    "distances": heat.distances.astype(np.float16).ravel(),
                }
            )

    def tables(self) -> dict[str, pa.Table]:
        """The shard's tables, embeddings in the order of the crops; heat maps only if there are any."""
        crops = [row["crop_id"] for row in self._crops]
        ids = [crop_id for some, _ in self._embeddings for crop_id in some]
        blocks = [block for _, block in self._embeddings]
        joined = np.concatenate(blocks) if blocks else np.empty((0, 1), dtype=np.float32)  # (n, d)
        place = {crop_id: row for row, crop_id in enumerate(ids)}
        if len(ids) != len(crops) or set(place) != set(crops):
            raise ValueError(f"each of the {len(crops)} crops needs one embedding, got {len(ids)}")
        order = np.array([place[crop_id] for crop_id in crops], dtype=int)
        tables = {
            "photos": pa.Table.from_pylist(self._photos, schema=SCHEMAS["photos"]),
            "detections": pa.Table.from_pylist(self._detections, schema=SCHEMAS["detections"]),
            "crops": pa.Table.from_pylist(self._crops, schema=SCHEMAS["crops"]),
            "embeddings": embeddings_table(crops, joined[order]),
            "failures": pa.Table.from_pylist(self._failures, schema=SCHEMAS["failures"]),
        }
        if self._heat_maps:
            tables[HEAT_MAPS] = pa.Table.from_pylist(self._heat_maps, schema=SCHEMAS[HEAT_MAPS])
        return tables


def _columns(record: Photo | Box | Failure) -> dict[str, Any]:
    # dataclasses.asdict copies each value deeply, which was a fifth of all work on a photo outside the models.
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


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


def as_table(name: str, table: pa.Table | pd.DataFrame) -> pa.Table:
    """A table with the types and the order of columns of its schema.

    Raises:
        ValueError: If a column is missing, unknown, or of a type that does not fit.
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
        table = table.select(schema.names).cast(schema)
    except (pa.ArrowException, ValueError) as error:
        raise ValueError(f"{name} does not have the types of its schema: {error}") from error
    if name == "scores" and not all(np.isfinite(table.column(column)).all() for column in ("score", "p_value")):
        raise ValueError("each crop needs a finite score and p-value")  # a NaN would come first in every queue
    return table


def account_files(files: Sequence[str], tables: Mapping[str, pa.Table]) -> RunCounts:
    photos = tables["photos"].select(["photo_id", "file_name", "duplicate_of", "note"]).to_pandas()
    crops = tables["crops"].select(["photo_id", "kind"]).to_pandas()
    failed = tables["failures"].column("file_name").to_pylist()
    named = sorted([*photos["file_name"], *failed])
    if named != sorted(files):
        lost, extra = sorted(set(files) - set(named)), sorted(set(named) - set(files))
        raise ValueError(
            f"each file of a shard is a photo or a failure, once: missing {lost[:3]}, not of it "
            f"{extra[:3]}, {len(files)} files and {len(named)} rows"
        )
    scored = photos.loc[photos["duplicate_of"].isna(), "photo_id"]
    kinds = crops.groupby("photo_id")["kind"].agg(lambda kinds: "+".join(sorted(set(kinds))))
    with_crops = set(kinds.index[kinds == CropKind.DETECTION])
    whole = set(kinds.index[kinds == CropKind.FRAME])
    if scored.duplicated().any() or set(scored) != with_crops | whole:
        raise ValueError("each photo of a shard that is not a duplicate has crops of detections or one whole frame")
    embedded = tables["embeddings"].num_rows
    if embedded != len(crops):
        raise ValueError(f"each of the {len(crops)} crops needs one embedding, got {embedded}")
    return RunCounts(
        photos=len(files),
        duplicates=len(photos) - len(scored),
        with_crops=len(with_crops),
        whole_frames=len(whole),
        failures=len(failed),
        detections=tables["detections"].num_rows,
        crops=len(crops),
        damaged=int((photos.loc[scored.index, "note"].fillna("") != "").sum()),
    )


ListTables = Callable[[str], list[Path]]


class RunEmbeddings:
    """The crops of a run's finished shards with their embeddings; one shard is in memory at a time."""

    def __init__(self, tables: ListTables) -> None:
        self._tables = tables

    def __iter__(self) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Pairs of crops and float32 embeddings in the same order; see ``core.runs.parts.EmbeddedShards``."""
        for crops_path, photos_path, embeddings_path in zip(
            *(self._tables(name) for name in ("crops", "photos", "embeddings")), strict=True
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
