"""CSV: reads labels of photos, and writes the table of crops for spreadsheets."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from core.disk.text import parse_table, read_content
from core.errors import FileFormatError
from core.formats.exported import EXPORT_COLUMNS, plain_value, set_utc
from core.formats.labelled import Label, LabelFile, LabelledPhoto, Problems, merge_photos, read_box, read_confidence
from core.formats.writing import open_new
from core.photos.exif import read_time

FORMAT_NAME = "CSV"

# Names of the columns in other tools. The first that a file has is used.
_NAME_COLUMNS = ("file_name", "filepath", "file_path", "filename", "file", "path", "image")
_SPECIES_COLUMNS = ("verdict_species", "species", "label", "category", "class")
_BOX_COLUMNS = ("x", "y", "width", "height")
_CONFIDENCE_COLUMNS = ("detector_confidence", "confidence")
_EXPECTED = "a CSV with a column file_name (or filepath) and a column species (or label)"

# Moments in UTC; other times are those of a camera's clock.
_INSTANTS = ("decided_at",)

# A spreadsheet executes a text that begins like this as a formula, so it gets an apostrophe in front. A text that has
# apostrophes there already gets one more, so that reading it back removes exactly one. Excel passes over a line feed in
# front, and takes the wide forms of East Asian keyboards for the same signs.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def escape_formula(text: str) -> str:
    """The text, with an apostrophe in front if a spreadsheet would take it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescape_formula(text: str) -> str:
    """Undoes ``escape_formula``."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def write_csv(
    rows: Iterable[Mapping[str, Any]], path: Path, *, columns: Iterable[str] = EXPORT_COLUMNS, for_excel: bool = False
) -> int:
    """Write rows as a stream. The file appears only when it is complete.

    Args:
        rows: Rows with at least these columns; ``None`` and NaN become empty cells.
        path: The file to write. Its folder must exist.
        columns: The columns in order.
        for_excel: Begin with a byte order mark. Without it Excel takes UTF-8 for the code page of Windows; with it,
            ``read.csv`` of R and ``csv`` of Python take the mark for a part of the first column's name.

    Returns:
        The number of rows.

    Raises:
        AnomalureError: If it cannot be written.
        KeyError: If a row lacks a column.
    """
    columns = tuple(columns)
    count = 0
    with open_new(path, newline="", encoding="utf-8-sig" if for_excel else "utf-8") as file:
        writer = csv.writer(
            file
        )  # lines end with \r\n as in RFC 4180, because with other endings a lone \r would not be quoted
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_write_cell(row[column], column) for column in columns])
            count += 1
    return count


def read_csv_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a table that ``write_csv`` wrote, as text, without the added apostrophes.

    Raises:
        FileFormatError: If the file is not a table.
    """
    for row in parse_table(read_content(path, expected="a CSV"), source=path.name, expected="a CSV"):
        yield {column: unescape_formula(text) for column, text in row.items()}


def read_csv_labels(path: Path) -> LabelFile:
    """The labels of a CSV with a row per photo or box. The columns of boxes are x, y, width, height in pixels.

    Raises:
        FileFormatError: If it has no column for file names or for species.
    """
    return parse_csv_labels(read_content(path, expected=_EXPECTED), source=path.name)


def parse_csv_labels(content: bytes, *, source: str) -> LabelFile:
    """As ``read_csv_labels``, from the file's content."""
    table = parse_table(content, source=source, expected=_EXPECTED)
    by_lower = {column.lower(): column for column in table.columns}
    name_column = next((by_lower[name] for name in _NAME_COLUMNS if name in by_lower), None)
    species_columns = [by_lower[name] for name in _SPECIES_COLUMNS if name in by_lower]
    box_columns = [by_lower[name] for name in _BOX_COLUMNS if name in by_lower]
    if name_column is None or not (species_columns or len(box_columns) == len(_BOX_COLUMNS)):
        raise FileFormatError(f"{source}: expected {_EXPECTED}; got the columns {', '.join(table.columns)[:300]}.")
    confidence_column = next((by_lower[name] for name in _CONFIDENCE_COLUMNS if name in by_lower), None)
    problems = Problems()
    photos: dict[str, tuple[dict[str, str], list[Label]]] = {}
    for number, row in enumerate(table, start=2):
        file_name = unescape_formula(row[name_column]).strip()
        if not file_name:
            problems.add("rows without a file name", f"row {number}")
            continue
        species = next((name for name in (unescape_formula(row[c]).strip() for c in species_columns) if name), "")
        box = None
        cells = [row[column].strip() for column in box_columns]
        if len(cells) == len(_BOX_COLUMNS) and any(cells):
            box = read_box(_to_numbers(cells), frame=None, problems=problems, where=f"row {number}", things="rows")
            if box is None:
                continue
        _, labels = photos.setdefault(file_name, (row, []))
        if species or box is not None:
            confidence = read_confidence(row[confidence_column]) if confidence_column and box is not None else None
            labels.append(Label(species, box, confidence, species))
        else:
            problems.add("rows without a species", f"row {number}")
    read = (_read_photo(name, row, labels, by_lower) for name, (row, labels) in photos.items())
    return LabelFile(merge_photos(read, problems), problems.lines(), FORMAT_NAME)


def _read_photo(
    file_name: str, row: Mapping[str, str], labels: list[Label], by_lower: Mapping[str, str]
) -> LabelledPhoto:
    def cell(*names: str) -> str:
        return next((unescape_formula(row[by_lower[name]]) for name in names if name in by_lower), "")

    return LabelledPhoto(
        file_name,
        tuple(labels),
        deployment=cell("deployment", "location"),
        captured_at=read_time(cell("captured_at", "datetime")),
        event_id=cell("event_id"),
        split=cell("split"),
    )


def _to_numbers(cells: list[str]) -> list[float] | None:
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        return None


def _write_cell(value: Any, column: str) -> Any:
    value = plain_value(value)
    if value is None:
        return ""
    if isinstance(value, str):
        return escape_formula(value)
    if isinstance(value, datetime):
        return (set_utc(value) if column in _INSTANTS else value).isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    return value
