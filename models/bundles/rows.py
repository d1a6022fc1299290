"""The crops a bundle was trained on, with their raw embeddings, so that retraining needs no photos."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from core.disk.parquet import read_parquet, write_parquet
from core.records import Crop, CropKind
from core.runs.shards import embeddings_table

SCHEMA = pa.schema(
    [
        ("photo_id", pa.string()),
        ("crop_id", pa.string()),
        ("kind", pa.string()),
        ("x", pa.float64()),
        ("y", pa.float64()),
        ("width", pa.float64()),
        ("height", pa.float64()),
        ("file_name", pa.string()),
        ("species", pa.string()),
        ("deployment", pa.string()),
        ("captured_at", pa.timestamp("us")),
        ("owner", pa.string()),
        ("origin", pa.string()),
    ]
)
COLUMNS = tuple(SCHEMA.names)
FROM_LABELS = "labels"


@dataclass(frozen=True)
class TrainingRows:
    """The normal crops that a bundle is trained on, and their raw embeddings in the same order.

    Attributes:
        table: Columns ``photo_id, crop_id, kind`` (detection or frame), ``x, y, width, height`` (pixels of the
            upright photo, without margin), ``file_name, species`` (empty for a whole frame), ``deployment,
            captured_at, owner`` (the group, which is never split when crops are held out: the event; unique over all
            joined rows) and ``origin`` (``labels``, or another source of the row).
        embeddings: Raw, float16, finite, shape ``(len(table), d)``.
    """

    table: pd.DataFrame
    embeddings: np.ndarray

    def __post_init__(self) -> None:
        if set(self.table.columns) != set(COLUMNS):
            raise ValueError(f"training rows must have the columns {COLUMNS}, got {tuple(self.table.columns)}")
        if self.embeddings.ndim != 2 or len(self.embeddings) != len(self.table):
            raise ValueError(f"embeddings must have shape ({len(self.table)}, d), got {self.embeddings.shape}")

    def __len__(self) -> int:
        return len(self.table)

    @property
    def is_frame(self) -> np.ndarray:
        """True for whole frames, shape ``(n,)``, bool."""
        return (self.table["kind"] == CropKind.FRAME).to_numpy(dtype=bool)

    def column(self, name: str) -> np.ndarray:
        """One column as an array of objects, shape ``(n,)``."""
        return self.table[name].to_numpy(dtype=object)

    def vectors(self) -> np.ndarray:
        """The embeddings as float32, shape ``(n, d)``."""
        return self.embeddings.astype(np.float32)

    def select(self, mask: np.ndarray) -> "TrainingRows":
        """The rows where ``mask``, shape ``(n,)``, bool, is true."""
        return TrainingRows(self.table[mask].reset_index(drop=True), self.embeddings[mask])

    def join(self, others: "TrainingRows") -> "TrainingRows":
        """These rows followed by the others. If a crop is in both, the row of the others is kept.

        Raises:
            ValueError: If the embeddings differ in length.
        """
        if self.embeddings.shape[1] != others.embeddings.shape[1]:
            raise ValueError(
                f"embeddings of length {self.embeddings.shape[1]} and {others.embeddings.shape[1]} cannot be joined"
            )
        kept = self.select(~self.table["crop_id"].isin(others.table["crop_id"]).to_numpy())
        tables = [part.table[list(COLUMNS)] for part in (kept, others) if len(part)]
        return TrainingRows(
            pd.concat(tables, ignore_index=True) if tables else self.table[:0],
            np.concatenate([kept.embeddings, others.embeddings]),
        )

    def to_bytes(self) -> bytes:
        """A Parquet file."""
        table = pa.Table.from_pandas(self.table[list(COLUMNS)], schema=SCHEMA, preserve_index=False)
        embeddings = embeddings_table(self.table["crop_id"].tolist(), self.embeddings)
        sink = pa.BufferOutputStream()
        write_parquet(table.append_column("embedding", embeddings.column("embedding")), sink)
        return sink.getvalue().to_pybytes()

    @classmethod
    def from_bytes(cls, content: bytes) -> "TrainingRows":
        """The rows from the bytes of ``to_bytes``.

        Raises:
            ValueError: If it is not a Parquet file, or a column is missing or of another type.
        """
        try:
            table = read_parquet(pa.BufferReader(content))
            lists = table.column("embedding").combine_chunks()
            if not pa.types.is_fixed_size_list(lists.type):
                raise ValueError(f"embeddings must be lists of equal length, got {lists.type}")
            described = table.select(COLUMNS).cast(SCHEMA).to_pandas()
            embeddings = lists.values.to_numpy(zero_copy_only=False).astype(np.float16)
        except (pa.ArrowException, KeyError) as error:
            raise ValueError(f"training rows cannot be read: {error}") from error
        return cls(described, embeddings.reshape(len(described), lists.type.list_size))


def describe_crop(
    crop: Crop,
    *,
    file_name: str,
    species: str,
    deployment: str,
    captured_at: object = None,
    group: str,
    origin: str = FROM_LABELS,
) -> dict[str, object]:
    """One row of ``TrainingRows.table``."""
    return {
        "photo_id": crop.photo_id,
        "crop_id": crop.crop_id,
        "kind": str(crop.kind),
        "x": crop.box.x,
        "y": crop.box.y,
        "width": crop.box.width,
        "height": crop.box.height,
        "file_name": file_name,
        "species": species,
        "deployment": deployment,
        "captured_at": captured_at,
        "owner": group,
        "origin": origin,
    }


def as_training_table(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Rows of ``describe_crop`` as a table with its columns and types."""
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["captured_at"] = pd.to_datetime(table["captured_at"]).astype("datetime64[us]")
    return table
