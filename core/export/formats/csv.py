"""Exports as a CSV table: one row for each crop."""

from collections.abc import Iterable
from pathlib import Path

from core.export.formats.format import Format, Source, Written
from core.formats.csv import write_csv
from core.formats.exported import EXPORT_COLUMNS, GUESS_COLUMNS, MOST_LIKE_COLUMN, PICTURE_COLUMN, Row


def write(rows: Iterable[Row], path: Path, source: Source) -> Written:
    """Write the table."""
    return Written(write_csv(rows, path, columns=choose_columns(source)))


def choose_columns(source: Source) -> tuple[str, ...]:
    """The columns; with pictures there is one more."""
    picture = (PICTURE_COLUMN,) if source.has_pictures else ()
    return (*EXPORT_COLUMNS, *picture, *GUESS_COLUMNS, MOST_LIKE_COLUMN)


FORMAT = Format(
    name="csv",
    label="CSV table",
    about="One row for each crop, for spreadsheets and R: file, camera, time, box, species, score, verdict, who "
    "decided and when, and a guess at what it shows. The species is what a person said; what the model takes the crop "
    "for is in most_like.",
    file_name="crops.csv",
    write=write,
    by_photo=False,
    picture_kinds=frozenset({"crops", "photos"}),
)
