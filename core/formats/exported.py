"""The rows of an export, which every writer takes: one crop each, with its photo, score and verdict."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from core.records import CropKind, Decision

EXPORT_COLUMNS = (
    "file_name",
    "captured_at",
    "deployment",
    "event_id",
    "crop_id",
    "x",
    "y",
    "width",
    "height",
    "species",
    "detector_class",
    "detector_confidence",
    "score",
    "p_value",
    "flagged",
    "verdict",
    "verdict_species",
    "note",
    "reviewer",
    "decided_at",
    "run",
    "bundle",
    "given_to_group",
)
"""The columns of the CSV. Boxes are in pixels of the upright photo, ``captured_at`` is the camera's local time,
``decided_at`` has its offset from UTC, ``given_to_group`` is true if the verdict was given to a whole group of crops.
``species`` is what a person said, as ``say_species``; what a model takes the crop for is in ``MOST_LIKE_COLUMN``."""

PHOTO_COLUMNS = ("photo_id", "kind", "photo_width_px", "photo_height_px")
"""More columns, which the other formats need."""

GUESS_COLUMNS = ("guess", "guess_share", "further_guesses", "guess_from")
"""Later columns of the CSV: the likely name of a crop by a classifier's file or the encoder's own classes, its score
from 0 to 1, further ones, such as ``coyote 11%; grey fox 5%``, and who says so: the classifier, or ``encoder``. Empty
if the run has no guesses, or if the project hides them."""
FROM_ENCODER = "encoder"

MOST_LIKE_COLUMN = "most_like"
"""The last column of the CSV: the known species that the crop fits best, by the model. Nobody has said it."""

PICTURE_COLUMN = "picture"
"""Optional column: the path of the row's picture relative to the file, if pictures were exported."""

SURENESS_COLUMN = "species_confidence"
"""Optional column of rows from labels: how sure a classifier was of the species, 0 to 1."""

UNKNOWN_SPECIES = "unknown"
UNCLASSIFIED = "unclassified"
"""What a photo without any label is called."""

Row = Mapping[str, Any]


def say_species(row: Row, *, taken_for: str) -> str:
    """The species of a crop: what the reviewer named; of a normal or an undecided crop else what it was taken for.

    An anomaly is no normal crop of the species that it was taken for, and of a doubtful one nobody said that it is one.
    """
    return row["verdict_species"] or (taken_for if row["verdict"] in (None, "", Decision.NORMAL) else "") or ""


def set_utc(moment: datetime) -> datetime:
    """The moment with its offset; those of verdicts are kept in UTC without saying so."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def plain_value(value: Any) -> Any:
    """The value as a type of Python; ``None`` for missing values of tables (NaN, NaT, NA)."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return None
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def rows_by_photo(rows: Iterable[Row]) -> Iterator[list[dict[str, Any]]]:
    """The rows of each photo, with plain values, one photo at a time.

    Raises:
        ValueError: If the rows are not sorted by file name, since the rows of a photo must be together.
        KeyError: If a row lacks a column.
    """
    last = ""
    columns = EXPORT_COLUMNS + PHOTO_COLUMNS
    for file_name, some in groupby(rows, key=lambda row: row["file_name"]):
        if file_name < last:  # to remember every name would take memory for each photo
            raise ValueError(
                f"the rows of {file_name} come after those of {last}, so the rows of a photo may not be "
                "together: sort them by file_name"
            )
        last = file_name
        yield [
            {column: plain_value(row[column]) for column in columns}
            | {SURENESS_COLUMN: plain_value(row.get(SURENESS_COLUMN))}
            | {MOST_LIKE_COLUMN: plain_value(row.get(MOST_LIKE_COLUMN, row["species"])) or ""}
            | {PICTURE_COLUMN: plain_value(row.get(PICTURE_COLUMN)) or ""}
            for row in some
        ]


def tabulate_guesses(guesses: Sequence[tuple[str, float]], classifier: str = "") -> dict[str, Any]:
    """The cells of ``GUESS_COLUMNS`` for a crop's likely names with their shares, the most likely first.

    ``classifier`` says so; empty: the encoder.
    """
    if not guesses:
        return dict.fromkeys(GUESS_COLUMNS)
    (name, share), *others = guesses
    further = "; ".join(f"{other} {round(100 * part)}%" for other, part in others)
    return dict(zip(GUESS_COLUMNS, (name, round(share, 3), further, classifier or FROM_ENCODER), strict=True))


def name_species(row: Row) -> str:
    """The species of a crop, or ``unknown``: also of an anomaly that no person has named."""
    return row["verdict_species"] or row["species"] or UNKNOWN_SPECIES


def has_box(row: Row) -> bool:
    """Whether the crop is a detection. A whole frame has no box."""
    return row["kind"] == CropKind.DETECTION


def relative_box(row: Row) -> list[float]:
    """x, y, width and height as shares of the photo's size."""
    across, down = row["photo_width_px"], row["photo_height_px"]
    return [
        round(share, 8) for share in (row["x"] / across, row["y"] / down, row["width"] / across, row["height"] / down)
    ]
